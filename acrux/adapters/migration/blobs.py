"""Copy blobs from one store to another, and check the digest of each."""

import asyncio
import uuid
from collections.abc import AsyncIterator, Iterator, Sequence
from contextlib import contextmanager
from typing import Final

from acrux.adapters.backup.damage import Damage
from acrux.adapters.migration.rows import pages
from acrux.adapters.migration.tables import Table
from acrux.adapters.sql.database import Database, Row, Statement, Steps
from acrux.adapters.sql.many_rows import slices
from acrux.domain.content.digest import Digest, new_hasher
from acrux.domain.content.names import RepositoryName
from acrux.domain.content.storage.copy import Copy
from acrux.domain.content.upload import Session, Upload, UploadId
from acrux.errors import DamagedBlob, DigestMismatch, UnknownBlob
from acrux.ports.content.blobs import BlobStore, StoredBlob

# Most of the time goes into waiting: for a disk to sync, for a store to answer.
AT_ONCE: Final = 8

_COPIES: Final = Table("blobs", ("digest",), ("copy", "size", "stored_at"))
_SESSION: Final = Session(RepositoryName("migration"), "migrate")


class BlobCopying:
    """Copies each blob that the source's database names, unless the target's names it already.

    Its row is written once the copy is durable. So an interruption costs a few blobs, whose copies
    nothing names. If both stores are the same one, each copy is only read, and keeps its name.
    """

    def __init__(
        self, source: BlobStore, target: BlobStore, rows: tuple[Database, Database]
    ) -> None:
        self.copied_bytes = 0
        self.damage = Damage()
        self._damaged: list[tuple[Copy, int]] = []
        self._source = source
        self._target = target
        self._named, self._copied = rows

    async def copy(self) -> AsyncIterator[int]:
        """Copy them; yield how many were looked at. Damaged ones are noted, and get no row."""
        done = 0
        async for page in pages(self._named, _COPIES):
            there = await self._already(page)
            for some in slices(page, AT_ONCE):
                await self._copy_all([row for row in some if row[0] not in there])
                done += len(some)
                yield done

    async def leave_damaged(self) -> None:
        """Name the copies of damaged blobs, too, of which the target has no bytes."""
        for copy, stored_at in self._damaged:
            await self._copied.write(_name(copy, stored_at))

    async def _already(self, page: Sequence[Row]) -> set[str]:
        sql = "SELECT digest FROM blobs WHERE digest >= :first AND digest <= :last"
        span = {"first": page[0][0], "last": page[-1][0]}
        return {digest for (digest,) in await self._copied.read(Statement(sql, span))}

    async def _copy_all(self, rows: Sequence[Row]) -> None:
        # All of them end before a failure is raised: none goes on behind the caller's back.
        copying = [self._copy(*row) for row in rows]
        for outcome in await asyncio.gather(*copying, return_exceptions=True):
            if outcome is not None:
                raise outcome

    async def _copy(self, digest: str, name: str, size: int, stored_at: int) -> None:
        copy = Copy(Digest.parse(digest), name, size)
        try:
            made = await self._made(copy)
        except DamagedBlob as damaged:
            self.damage.note(damaged)
            self._damaged.append((copy, stored_at))
            return
        await self._copied.write(_name(made, stored_at))
        self.copied_bytes += copy.size

    async def _made(self, copy: Copy) -> Copy:
        with _damage_of(copy):
            stored = await self._source.open(copy)
            try:
                if self._source is self._target:
                    return await _verified(copy, stored)
                return await self._stored(copy, stored)
            finally:
                stored.close()

    async def _stored(self, copy: Copy, stored: StoredBlob) -> Copy:
        upload = Upload(UploadId(str(uuid.uuid4())), _SESSION)
        await self._target.begin(upload, copy.size)
        await self._target.append(upload, _whole(stored), announced=copy.size)
        return await self._target.commit(upload, copy.digest)


async def _verified(copy: Copy, stored: StoredBlob) -> Copy:
    hasher = new_hasher(copy.digest.algorithm)
    async for piece in _whole(stored):
        hasher.update(piece)
    if hasher.hexdigest() != copy.digest.encoded:
        raise DigestMismatch
    return copy


@contextmanager
def _damage_of(copy: Copy) -> Iterator[None]:
    digest = str(copy.digest)
    try:
        yield
    except DamagedBlob as damaged:
        raise DamagedBlob("is marked as damaged", digest=digest) from damaged
    except UnknownBlob as missing:
        raise DamagedBlob("is missing", digest=digest) from missing
    except (DigestMismatch, EOFError) as other:
        raise DamagedBlob("does not match its digest", digest=digest) from other


async def _whole(stored: StoredBlob) -> AsyncIterator[bytes]:
    async for piece in stored.read(0, stored.size):
        yield bytes(piece)


def _name(copy: Copy, stored_at: int) -> Steps[None]:
    yield Statement(
        """
        INSERT INTO blobs (digest, copy, size, stored_at)
        VALUES (:digest, :copy, :size, :stored_at)
        """,
        {
            "digest": str(copy.digest),
            "copy": copy.name,
            "size": copy.size,
            "stored_at": stored_at,
        },
    )
