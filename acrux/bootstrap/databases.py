"""Choose the database, open it and close it."""

from collections.abc import AsyncIterator, Awaitable, Callable
from contextlib import asynccontextmanager
from importlib.util import find_spec
from typing import TYPE_CHECKING, Final, TypeAlias, Union

from acrux.adapters.sql.database import Observer, nobody
from acrux.adapters.sqlite.database import SqliteDatabase
from acrux.errors import InvalidSettings
from acrux.settings import Settings

if TYPE_CHECKING:
    from acrux.adapters.postgresql.address import Address
    from acrux.adapters.postgresql.database import PostgresDatabase

AnyDatabase: TypeAlias = Union[SqliteDatabase, "PostgresDatabase"]

_NOT_INSTALLED: Final = (
    "database: asyncpg is not installed: in the checkout that this was installed from, "
    "pip install '.[postgresql]'"
)


def build_database(settings: Settings, observe: Observer = nobody) -> AnyDatabase:
    """The database of the settings, not yet open. Raises InvalidSettings."""
    if not settings.is_on_postgresql:
        return SqliteDatabase(settings.data_dir / "registry.sqlite", observe)
    address = address_of(settings)
    from acrux.adapters.postgresql.database import PostgresDatabase  # noqa: PLC0415 -- an extra

    return PostgresDatabase(
        address,
        observe,
        connections=settings.database_connections,
        prepares=settings.prepare_statements,
    )


def address_of(settings: Settings) -> "Address":
    """Where the PostgreSQL of the settings is. Raises InvalidSettings."""
    if find_spec("asyncpg") is None:
        raise InvalidSettings(_NOT_INSTALLED)
    from acrux.adapters.postgresql.address import Address  # noqa: PLC0415 -- as above

    if settings.database_file is not None:
        return Address.read(settings.database_file)
    return Address.parse(settings.database)


async def open_database(database: AnyDatabase) -> None:
    """Open it: a file at once, a server by calls. Raises InvalidSettings."""
    if isinstance(database, SqliteDatabase):
        database.open()
    else:
        await database.open()


async def close_database(database: AnyDatabase) -> None:
    """Finish what waits, and close it."""
    if isinstance(database, SqliteDatabase):
        database.close()
    else:
        await database.close()


def trouble_of(database: AnyDatabase) -> str:
    """Why the server refuses writes, in words: see Reserve for what the disk lacks."""
    return "" if isinstance(database, SqliteDatabase) else database.trouble()


def watch_of(database: AnyDatabase) -> Callable[[], Awaitable[None]] | None:
    """What asks the server whether it takes writes; None if the database is a file."""
    return None if isinstance(database, SqliteDatabase) else database.watch


async def is_used_elsewhere(settings: Settings) -> bool:
    """Whether an acrux is connected to the PostgreSQL of the settings. Raises InvalidSettings."""
    address = address_of(settings)
    from acrux.adapters.postgresql.alone import is_used  # noqa: PLC0415 -- an extra
    from acrux.adapters.postgresql.connections import Access  # noqa: PLC0415 -- an extra
    from acrux.adapters.postgresql.failures import refusals  # noqa: PLC0415 -- an extra

    with refusals(address.shown):
        return await is_used(Access(address, nobody, settings.prepare_statements))


@asynccontextmanager
async def opened(settings: Settings) -> AsyncIterator[AnyDatabase]:
    """The database of the settings, open within the block. Raises InvalidSettings."""
    database = build_database(settings)
    await open_database(database)
    try:
        yield database
    finally:
        await close_database(database)
