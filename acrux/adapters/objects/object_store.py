"""Copies and uploads as objects: the database decides, objects follow."""

import asyncio
import time
from collections.abc import AsyncIterator, Mapping, Sequence
from contextlib import asynccontextmanager, suppress
from datetime import datetime, timedelta
from functools import partial
from typing import Final

from acrux.adapters.objects import keys
from acrux.adapters.objects.bucket import Bucket, at_once, probe
from acrux.adapters.objects.committing import Commits
from acrux.adapters.objects.failures import Missing
from acrux.adapters.objects.listing import list_copies, list_strays
from acrux.adapters.objects.object_blob import SMALL_BYTES, WINDOWS, ObjectBlob, SmallBlob
from acrux.adapters.objects.receiving import Receiver, Sharing, receive
from acrux.adapters.objects.repetitions import tail, without_stored
from acrux.cache import Cache
from acrux.domain.content.digest import Digest
from acrux.domain.content.storage.copy import Copy
from acrux.domain.content.upload import APPENDED, Place, Upload, out_of_order
from acrux.errors import (
    ContentTooLarge,
    DamagedBlob,
    RegistryError,
    StorageExhausted,
    StorageReadOnly,
    StorageUnavailable,
    UnknownBlob,
    UnknownUpload,
)
from acrux.ports.clock import Clock
from acrux.ports.content.blobs import Abandoned, Listing
from acrux.ports.content.segments import Progress, Segment, Segments
from acrux.tally import Work

OPERATIONS: Final = ("begin", "append", "commit", "open", "read", "remove")
FAILURES: Final = (StorageExhausted, StorageReadOnly, StorageUnavailable)

MAX_SEGMENTS: Final = 20_000  # of one upload: 80 GB in chunks of 4 MiB
TOUCHED_EVERY: Final = 60.0  # seconds, while a request uses an upload
IN_USE: Final = timedelta(minutes=5)  # without a touch for so long, no request uses it
KEPT: Final = timedelta(hours=1)  # how long an upload can be committed again
CLOSED_AT_ONCE: Final = 500
# A segment that no upload has, as the process died: by then no request can be about to record it.
STRAY_AFTER: Final = timedelta(days=8)  # longer than a body may take
STRAYS_EVERY: Final = 6 * 3600.0  # seconds
SIGNED_FOR: Final = timedelta(minutes=20)  # until the download begins; it may take longer
PROBE_SECONDS: Final = 30.0


class ObjectBlobStore:
    """Blobs and uploads in a bucket, which any number of nodes may share; see ports.BlobStore.

    Each request that appends writes segments, which are objects of their own, and then adds them
    to the upload in the database, if the upload still has the offset that the request began at. So
    several requests may send at the same time, and the first to end wins. A copy is an object that
    is written once, under a name of its own. `cached_bytes` is the memory for small blobs. `work`
    counts what is done, by OPERATIONS.
    """

    def __init__(
        self, bucket: Bucket, segments: Segments, clock: Clock, cached_bytes: int = 0
    ) -> None:
        self._bucket = bucket
        self._segments = segments
        self._clock = clock
        self._small = Cache[Copy, bytes](cached_bytes)
        self._sharing = Sharing()
        self._commits = Commits(bucket, segments, clock)
        self._strays_due = 0.0
        self.work = {operation: Work() for operation in OPERATIONS}

    async def probe(self) -> None:
        """Store, read and delete a small object. Raises InvalidSettings in one sentence."""
        await probe(self._bucket, keys.new_probe(), PROBE_SECONDS)

    async def watch(self) -> None:
        """Look whether the store answers: see `trouble`. Raises StorageUnavailable."""
        await self._bucket.watch()

    def trouble(self) -> str:
        """Why nothing can be stored or read, in words; empty if the last call succeeded."""
        return self._bucket.trouble

    async def close(self) -> None:
        """Wait until no call is under way."""
        await self._bucket.drain()

    async def begin(self, upload: Upload, announced: int = 0) -> None:  # noqa: ARG002 -- the port
        """See ports.BlobStore. A bucket has no size."""
        with self.work["begin"].measured(*FAILURES):
            await self._segments.begin(upload, self._clock())

    async def offset(self, upload: Upload) -> int:
        """See ports.BlobStore."""
        return (await self._found(upload)).size

    async def append(
        self,
        upload: Upload,
        chunks: AsyncIterator[bytes],
        place: Place = APPENDED,
        announced: int = 0,  # noqa: ARG002 -- as the port
    ) -> int:
        """See ports.BlobStore."""
        progress = await self._found(upload)
        if progress.segments >= MAX_SEGMENTS:
            raise ContentTooLarge(
                f"the upload came in {MAX_SEGMENTS} pieces: send it again in larger ones"
            )
        if stored := place.stored(progress.size):
            last = tail(self._bucket, await self._segments.list(upload), stored)
            chunks = without_stored(last, progress.size, chunks, stored)
        with self.work["append"].measured(*FAILURES):
            async with self._used(upload), Receiver(self._bucket, self._sharing) as receiver:
                try:
                    cut = await receive(receiver, chunks, place.range)
                except BaseException:
                    await self._delete_segments([one.name for one in receiver.segments])
                    raise
                added = await self._add(upload, progress.size, receiver.segments)
        if cut is not None:
            raise cut
        return progress.size + added

    async def _add(self, upload: Upload, offset: int, segments: Sequence[Segment]) -> int:
        # If this fails, they stay: perhaps the database has them. If it has not, they are strays.
        if segments and not await self._segments.extend(upload, offset, segments, self._clock()):
            await self._delete_segments([segment.name for segment in segments])
            raise out_of_order(offset, (await self._found(upload)).size)
        return sum(segment.size for segment in segments)

    async def commit(self, upload: Upload, digest: Digest) -> Copy:
        """See ports.BlobStore."""
        progress = await self._segments.find(upload)
        if progress is None or (progress.became and not self._became(progress, digest)):
            raise UnknownUpload(upload=str(upload))
        with self.work["commit"].measured(*FAILURES):
            if progress.became:
                return await self._commits.again(upload, progress.became)
            async with self._used(upload):
                return await self._commits.first(upload, digest, progress)

    async def committed(self, upload: Upload, digest: Digest) -> bool:
        """See ports.BlobStore."""
        progress = await self._segments.find(upload)
        return progress is not None and self._became(progress, digest)

    def _became(self, progress: Progress, digest: Digest) -> bool:
        if progress.became is None or progress.closed_at is None:
            return False
        return progress.became.digest == digest and self._clock() - progress.closed_at < KEPT

    async def discard(self, upload: Upload) -> None:
        """See ports.BlobStore."""
        found = await self._segments.forget(upload)
        if found is None or found[0].became:
            raise UnknownUpload(upload=str(upload))
        await self._delete_segments(found[1].segments)

    async def open(self, copy: Copy) -> ObjectBlob | SmallBlob:
        """See ports.BlobStore."""
        if (content := self._small.find(copy)) is not None:
            return SmallBlob(content)
        with self.work["open"].measured(*FAILURES):
            blob = await self._opened(copy)
        if blob.size > SMALL_BYTES or blob.size != copy.size:
            return blob
        try:
            content = await blob.whole()
        except (DamagedBlob, EOFError) as damaged:
            with suppress(RegistryError):  # the next pull finds the damage again
                await self._commits.quarantine(copy)
            raise DamagedBlob(digest=str(copy.digest)) from damaged
        self._small.keep(copy, content, len(content))
        return SmallBlob(content)

    async def _opened(self, copy: Copy) -> ObjectBlob:
        try:
            opened = await self._bucket.get(keys.of_copy(copy), 0, WINDOWS[0])
        except Missing:
            raise UnknownBlob(digest=str(copy.digest)) from None
        return ObjectBlob(self._bucket, copy, opened, self.work["read"])

    async def location(self, copy: Copy) -> str:
        """See ports.BlobStore: for SIGNED_FOR."""
        return await self._bucket.sign(keys.of_copy(copy), SIGNED_FOR)

    async def size(self, copy: Copy) -> int:
        """See ports.BlobStore."""
        if self._small.find(copy) is not None:
            return copy.size
        try:
            return await self._bucket.size(keys.of_copy(copy))
        except Missing:
            raise UnknownBlob(digest=str(copy.digest)) from None

    async def sizes(self, copies: Sequence[Copy]) -> Mapping[Copy, int]:
        """See ports.BlobStore."""
        found = await at_once([partial(self._size_or_none, copy) for copy in copies])
        sizes = zip(copies, found, strict=True)
        return {copy: size for copy, size in sizes if size is not None}

    async def _size_or_none(self, copy: Copy) -> int | None:
        with suppress(UnknownBlob):
            return await self.size(copy)
        return None

    async def remove(self, copies: Sequence[Copy]) -> None:
        """See ports.BlobStore."""
        with self.work["remove"].measured(*FAILURES):
            await self._bucket.delete([keys.of_copy(copy) for copy in copies])
            await self._bucket.delete([keys.of_copy(copy, keys.QUARANTINE) for copy in copies])

    async def copies(self, after: str, count: int) -> Listing:
        """See ports.BlobStore."""
        return await list_copies(self._bucket, after, count)

    async def abandoned(self, before: datetime) -> Abandoned:
        """See ports.BlobStore."""
        return await self._segments.abandoned(self._unused(before))

    async def discard_abandoned(self, before: datetime, count: int) -> Abandoned:
        """See ports.BlobStore. This also forgets closed uploads, and looks for strays."""
        now = self._clock()
        await self._segments.forget_closed(now - KEPT, CLOSED_AT_ONCE)
        ended = await self._segments.give_up(self._unused(before), count)
        await self._delete_segments(ended.segments)
        if not ended.amount.uploads and time.monotonic() >= self._strays_due:
            self._strays_due = time.monotonic() + STRAYS_EVERY
            await self._bucket.delete(
                [
                    keys.of_segment(name)
                    for name in await self._segments.unknown(
                        await list_strays(self._bucket, now - STRAY_AFTER)
                    )
                ]
            )
        return ended.amount

    async def open_uploads(self, most: int) -> int:
        """How many uploads there are, counted up to `most`."""
        return await self._segments.count(most)

    def _unused(self, before: datetime) -> datetime:
        return min(before, self._clock() - IN_USE)

    async def _found(self, upload: Upload) -> Progress:
        progress = await self._segments.find(upload)
        if progress is None or progress.became:
            raise UnknownUpload(upload=str(upload))
        return progress

    @asynccontextmanager
    async def _used(self, upload: Upload) -> AsyncIterator[None]:
        # Nobody may take the upload for abandoned while a request is under way, however slow.
        touching = asyncio.create_task(self._touch(upload))
        try:
            yield
        finally:
            touching.cancel()

    async def _touch(self, upload: Upload) -> None:
        while True:
            await asyncio.sleep(TOUCHED_EVERY)
            with suppress(RegistryError):  # the next one may succeed
                await self._segments.touch(upload, self._clock())

    async def _delete_segments(self, names: Sequence[str]) -> None:
        with suppress(StorageUnavailable):  # nothing names them: they are found as strays
            await self._bucket.delete([keys.of_segment(name) for name in names])
