"""Migrate the registry of some settings to where other settings say."""

from contextlib import AsyncExitStack

from acrux.adapters.migration import mark
from acrux.adapters.migration.migrate import Migrated, Place, Tell, migrate
from acrux.adapters.sql.facts import SqlFacts
from acrux.adapters.sqlite.alone import is_used
from acrux.bootstrap import storage
from acrux.bootstrap.adapters import Adapters, build_adapters
from acrux.bootstrap.databases import address_of, is_used_elsewhere, opened
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
    await _refuse_used(source)
    source = await _with_its_storage(source)
    clocks = by_hand(now)
    old, new = build_adapters(source, clocks), build_adapters(target, clocks)
    async with AsyncExitStack() as closing:
        for adapters in (old, new):
            closing.push_async_callback(adapters.close)
            await adapters.storage.probe()
            await adapters.open()
            await adapters.keys.secrets.begin()
        store = old.store if _store_of(source) == _store_of(target) else new.store
        place = Place(new.database, store, new.keys.secrets.kept)
        migrated = await migrate(_place(old), place, tell, allow_damaged=allow_damaged)
        await old.close()
        await _refuse_used(source)
        await new.facts.keep(storage.FACT, target.storage)
        await mark.end(new.database)
    return migrated


async def _with_its_storage(settings: Settings) -> Settings:
    async with opened(settings) as database:
        return settings.replace(storage=await SqlFacts(database).find(storage.FACT) or "")


def _place(adapters: Adapters) -> Place:
    return Place(adapters.database, adapters.store, adapters.keys.secrets.kept)


def _database_of(settings: Settings) -> object:
    if settings.is_on_postgresql:
        return address_of(settings).url
    return settings.data_dir.resolve()


def _store_of(settings: Settings) -> object:
    return settings.storage or settings.data_dir.resolve()


async def _refuse_used(settings: Settings) -> None:
    if await _is_used(settings):
        raise InvalidInput(
            "a process has the registry that is to be migrated open: stop acrux serve on every "
            "node, and run the command again; what was copied stays"
        )


async def _is_used(settings: Settings) -> bool:
    if settings.is_on_postgresql:
        return await is_used_elsewhere(settings)
    path = settings.data_dir / "registry.sqlite"
    if not path.exists():
        raise InvalidSettings(f"data_dir: there is no registry in {settings.data_dir}")
    return is_used(path)
