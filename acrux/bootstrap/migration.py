"""Migrate the registry of some settings to where other settings say."""

from contextlib import AsyncExitStack

from acrux.adapters.migration import mark
from acrux.adapters.migration.migrate import Migrated, Place, Tell, migrate
from acrux.adapters.sqlite.alone import is_used
from acrux.bootstrap.adapters import Adapters, build_adapters
from acrux.clocks import by_hand, now
from acrux.errors import InvalidInput, InvalidSettings
from acrux.settings import Settings


async def migrate_registry(
    source: Settings, target: Settings, tell: Tell, *, allow_damaged: bool
) -> Migrated:
    """Copy the registry to the target, which is complete when this returns.

    Raises as `migrate` does, InvalidInput if the source is in use, and InvalidSettings.
    """
    if _database_of(source) == _database_of(target):
        raise InvalidInput("the target is the source: name another data directory or database")
    _refuse_used(source)
    clocks = by_hand(now)
    old, new = build_adapters(source, clocks), build_adapters(target, clocks)
    async with AsyncExitStack() as opened:
        for adapters in (old, new):
            opened.push_async_callback(adapters.close)
            await adapters.open()
            await adapters.keys.secrets.begin()
        store = old.store if _store_of(source) == _store_of(target) else new.store
        place = Place(new.database, store, new.keys.secrets.kept)
        migrated = await migrate(_place(old), place, tell, allow_damaged=allow_damaged)
        await old.close()
        _refuse_used(source)
        await mark.end(new.database)
    return migrated


def _place(adapters: Adapters) -> Place:
    return Place(adapters.database, adapters.store, adapters.keys.secrets.kept)


def _database_of(settings: Settings) -> object:
    return settings.data_dir.resolve()


def _store_of(settings: Settings) -> object:
    return settings.data_dir.resolve()


def _refuse_used(settings: Settings) -> None:
    path = settings.data_dir / "registry.sqlite"
    if not path.exists():
        raise InvalidSettings(f"data_dir: there is no registry in {settings.data_dir}")
    if is_used(path):
        raise InvalidInput(
            f"a process has the registry in {settings.data_dir} open: stop acrux serve, and run "
            "the command again; what was copied stays"
        )
