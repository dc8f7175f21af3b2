"""Migrate a registry: secrets, blobs, rows, and a comparison of all of it."""

from collections.abc import Callable
from hashlib import sha256
from typing import Final, TypeAlias

from msgspec import Struct

from acrux.adapters.migration import mark
from acrux.adapters.migration.blobs import BlobCopying
from acrux.adapters.migration.rows import compare_rows, copy_rows, count_rows
from acrux.adapters.migration.tables import BLOBS, TABLES
from acrux.adapters.sql.database import Database, Statement
from acrux.errors import DamagedBlob, InvalidInput, InvalidMigration
from acrux.ports.content.blobs import BlobStore
from acrux.ports.secrets import Secrets

# Told what is being done, how many of how many are done, and the bytes of the blobs copied. What it
# raises ends the work.
Tell: TypeAlias = Callable[[str, int, int, int], None]

_UNCOUNTED: Final = Statement("SELECT 1 FROM usage WHERE blobs_to < '~' LIMIT 1", {})


class Place(Struct, frozen=True):
    """Where a registry is. The database is open; the secrets need not be."""

    database: Database
    store: BlobStore
    secrets: Secrets


class Migrated(Struct, frozen=True):
    """What the target holds: blobs and rows, of which the damaged blobs have no bytes."""

    blobs: int
    copied_bytes: int
    rows: int
    damaged: tuple[str, ...]


async def migrate(
    source: Place, target: Place, tell: Tell, *, allow_damaged: bool = False
) -> Migrated:
    """Copy the registry, verify the digest of every blob, and compare every row.

    Nobody may use either meanwhile. If both have the same store, its blobs stay where they are. No
    registry starts on the target until `mark.end`; after an interruption, the next call goes on.
    Raises InvalidInput if the target holds something else or the source cannot be migrated,
    DamagedBlob if blobs are damaged and not allowed to be, and InvalidMigration if the target is
    not as the source at the end.
    """
    await mark.begin(target.database, await _identity(source))
    await _copy_secrets(source.secrets, target.secrets)
    copying = BlobCopying(source.store, target.store, (source.database, target.database))
    count = await count_rows(source.database, BLOBS)
    async for done in copying.copy():
        tell("copying blobs", done, count, copying.copied_bytes)
    if copying.damage.count:
        if not allow_damaged:
            raise DamagedBlob(
                f"the registry holds damaged blobs: {copying.damage}; push them again, or migrate "
                "without their bytes with --allow-damaged"
            )
        await copying.leave_damaged()
    rows = 0
    for table in TABLES:
        of_table = await count_rows(source.database, table)
        async for done in copy_rows(source.database, target.database, table):
            tell(f"copying {table.name}", done, of_table, 0)
        rows += of_table
    await _compare(source, target, tell)
    return Migrated(count, copying.copied_bytes, rows, tuple(copying.damage.digests))


async def _identity(source: Place) -> str:
    pepper = await source.secrets.read("pepper")
    if pepper is None:
        raise InvalidInput("there is no registry to migrate: it was never started")
    if await source.database.read(_UNCOUNTED):
        raise InvalidInput(
            "the registry was upgraded, and still counts what it holds: let it run for some "
            "minutes, stop it, and migrate then"
        )
    return sha256(b"acrux: the source of a migration\0" + pepper).hexdigest()


async def _copy_secrets(source: Secrets, target: Secrets) -> None:
    for name, _ in sorted(await source.list()):
        content = await source.read(name)
        if content is None or await target.create(name, content):
            continue
        if await target.read(name) != content:
            raise InvalidMigration(
                f"{target.place(name)} is not the one of the source: empty the target, and migrate "
                "again"
            )


async def _compare(source: Place, target: Place, tell: Tell) -> None:
    for table in (BLOBS, *TABLES):
        count = await count_rows(source.database, table)
        async for done in compare_rows(source.database, target.database, table):
            tell(f"comparing {table.name}", done, count, 0)
