"""Read a registry's database, of either kind, and change nothing."""

import asyncio
from collections.abc import Awaitable, Sequence
from pathlib import Path

import apsw

from acrux.adapters.sql.database import Result, Statement, Steps, nobody
from acrux.adapters.sql.facts import finding
from acrux.adapters.sql.schema import OLDEST, migrations
from acrux.adapters.sqlite import snapshots
from acrux.bootstrap.databases import address_of
from acrux.domain.server.findings import failed
from acrux.errors import RegistryError
from acrux.settings import Settings


def is_there(settings: Settings) -> bool:
    """Whether the data directory is that of a registry."""
    has_database = settings.is_on_postgresql or _file(settings).exists()
    return has_database and settings.data_dir.is_dir()


def read(settings: Settings, steps: Steps[Result], seconds: float | None = None) -> Result:
    """The result of a transaction that only reads: no start brings the schema up to date.

    Raises TimeoutError if it takes longer than so many seconds.
    """
    if settings.is_on_postgresql:
        return _read_server(settings, steps, seconds)
    try:
        return _within(seconds, snapshots.read_apart(_file(settings), steps, nobody))
    except TimeoutError:
        raise
    except (apsw.Error, OSError, RegistryError) as error:
        raise failed(
            f"{_file(settings).absolute()} cannot be read: {reason(error)}",
            "restore it from a backup, or make it readable for this user",
        ) from None


def versions(settings: Settings) -> tuple[int, int]:
    """The version of the schema, and the oldest one that a program must know to use it."""
    if settings.is_on_postgresql:
        from acrux.adapters.postgresql import schema  # noqa: PLC0415 -- an extra

        return read(settings, schema.versions())
    return read(settings, _versions())


def damage(settings: Settings, seconds: float | None = None) -> Sequence[str]:
    """What the database finds wrong with its own files. Raises TimeoutError as `read` does."""
    if settings.is_on_postgresql:
        from acrux.adapters.postgresql.snapshots import verify  # noqa: PLC0415 -- an extra

        return read(settings, verify(), seconds)
    return read(settings, snapshots.verify(deep=False), seconds)


def reason(error: Exception) -> str:
    """What an error says, without the numbers and names that Python adds."""
    return getattr(error, "strerror", "") or str(error)


def _file(settings: Settings) -> Path:
    return settings.data_dir / "registry.sqlite"


def _within(seconds: float | None, reading: Awaitable[Result]) -> Result:
    # The loop of this thread alone: a server's own loop goes on meanwhile.
    return asyncio.run(asyncio.wait_for(reading, seconds))


def _read_server(settings: Settings, steps: Steps[Result], seconds: float | None) -> Result:
    try:
        address = address_of(settings)
    except RegistryError as refused:
        raise failed(str(refused), "correct the URL of the database") from None
    from acrux.adapters.postgresql.connections import Access  # noqa: PLC0415 -- an extra
    from acrux.adapters.postgresql.failures import refusals  # noqa: PLC0415 -- an extra
    from acrux.adapters.postgresql.snapshots import read_apart  # noqa: PLC0415 -- an extra

    try:
        with refusals(address.shown):
            access = Access(address, nobody, settings.prepare_statements)
            return _within(seconds, read_apart(access, steps))
    except RegistryError as refused:
        raise failed(str(refused), "start the server, or correct the URL") from None


def _versions() -> Steps[tuple[int, int]]:
    [(version,)] = yield Statement("PRAGMA user_version", {})
    if int(version) <= len(migrations()):
        return int(version), int(version)
    rows = yield finding(OLDEST)
    return int(version), int(rows[0][0]) if rows else int(version)
