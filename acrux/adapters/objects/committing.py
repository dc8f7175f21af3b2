"""From the segments of an upload to a copy of a blob."""

import asyncio
from collections.abc import AsyncIterator, Sequence
from contextlib import suppress
from typing import Final

from acrux.adapters.blobs.upload_files import in_thread, settle
from acrux.adapters.objects import keys
from acrux.adapters.objects.bucket import Bucket
from acrux.adapters.objects.failures import Missing
from acrux.adapters.objects.reading import LOST, read_object
from acrux.adapters.objects.receiving import Stream
from acrux.domain.content.digest import Digest, new_hasher
from acrux.domain.content.storage.copy import Copy
from acrux.domain.content.upload import Upload, out_of_order
from acrux.errors import (
    DigestMismatch,
    RegistryError,
    StorageUnavailable,
    UnknownUpload,
    UploadOutOfOrder,
)
from acrux.ports.clock import Clock
from acrux.ports.content.segments import Progress, Segment, Segments

# S3 copies no more with one request (CopyObject); what is longer is read and written.
COPIED_AT_ONCE: Final = 5 << 30
WHOLE_BYTES: Final = 4 << 20  # read whole, and stored with one request
JOINED_AT_ONCE: Final = 4  # blobs of several segments: each takes three parts in memory


class Commits:
    """Makes copies of the bytes of uploads; the database decides which of them count."""

    def __init__(self, bucket: Bucket, segments: Segments, clock: Clock) -> None:
        self._bucket = bucket
        self._segments = segments
        self._clock = clock
        self._joining = asyncio.Semaphore(JOINED_AT_ONCE)

    async def first(self, upload: Upload, digest: Digest, progress: Progress) -> Copy:
        """Make the copy, note it, and remove the segments. See ports.BlobStore.commit."""
        segments = await self._segments.list(upload)
        copy = keys.new_copy(digest, progress.size)
        try:
            await self._make(copy, segments)
        except Missing:  # another request has just removed them
            return await self._after_another(upload, digest)
        except DigestMismatch:
            await self._discard(upload)
            raise
        if not await self._segments.close(upload, copy, self._clock()):
            return await self._not_first(upload, copy)
        await self._delete(segments)
        return copy

    async def again(self, upload: Upload, stored: Copy) -> Copy:
        """One more copy of the same bytes. Raises UnknownUpload if the first one is gone."""
        try:
            return await self.copy_again(stored)
        except Missing:
            raise UnknownUpload(upload=str(upload)) from None

    async def copy_again(self, copy: Copy) -> Copy:
        """One more copy of the same bytes. Raises Missing."""
        size = await self._bucket.size(keys.of_copy(copy))
        again = keys.new_copy(copy.digest, size)
        await self._copy(keys.of_copy(copy), again)
        return again

    async def quarantine(self, copy: Copy) -> bool:
        """Keep the copy's bytes where they are never served; False if it is missing or too long."""
        with suppress(Missing):
            if await self._bucket.size(keys.of_copy(copy)) > COPIED_AT_ONCE:
                return False
            await self._bucket.copy(keys.of_copy(copy), keys.of_copy(copy, keys.QUARANTINE))
            await self._bucket.delete([keys.of_copy(copy)])
            return True
        return False

    async def _make(self, copy: Copy, segments: Sequence[Segment]) -> None:
        if len(segments) == 1 and segments[0].digest.algorithm == copy.digest.algorithm:
            _check(segments[0].digest, copy.digest)
            await self._copy(keys.of_segment(segments[0].name), copy)
            return
        async with self._joining:
            if copy.size <= WHOLE_BYTES:
                await self._put_whole(copy, segments)
            else:
                await self._stream(copy, self._read(segments))

    async def _copy(self, source: str, copy: Copy) -> None:
        if copy.size > COPIED_AT_ONCE:
            await self._stream(copy, read_object(self._bucket, source, copy.size))
            return
        key = keys.of_copy(copy)
        await settle(asyncio.ensure_future(self._bucket.copy(source, key)))
        # A store may answer 200 before it has copied anything, and fail then.
        if await self._bucket.size(key) != copy.size:
            await self._bucket.delete([key])
            raise StorageUnavailable("the object store lost bytes of a copy: try again in a moment")

    async def _put_whole(self, copy: Copy, segments: Sequence[Segment]) -> None:
        content = b"".join([piece async for piece in self._read(segments)])
        _check(Digest.of(content, copy.digest.algorithm), copy.digest)
        await settle(asyncio.ensure_future(self._bucket.put(keys.of_copy(copy), content)))

    async def _stream(self, copy: Copy, pieces: AsyncIterator[bytes]) -> None:
        # If the digest is wrong, the object is deleted before anybody can learn its name.
        hasher = new_hasher(copy.digest.algorithm)
        stream = Stream(self._bucket, keys.of_copy(copy), copy.size)
        try:
            async for piece in pieces:
                await in_thread(lambda piece=piece: hasher.update(piece))  # type: ignore[misc]
                await stream.write(piece)
            _check(Digest(copy.digest.algorithm, hasher.hexdigest()), copy.digest)
            await stream.end()
        except BaseException:
            await stream.abort()
            raise

    async def _read(self, segments: Sequence[Segment]) -> AsyncIterator[bytes]:
        for segment in segments:
            key = keys.of_segment(segment.name)
            async for piece in read_object(self._bucket, key, segment.size):
                yield piece

    async def _not_first(self, upload: Upload, copy: Copy) -> Copy:
        """What becomes of a copy that another request was faster than."""
        progress = await self._segments.find(upload)
        if progress and progress.became and progress.became.digest == copy.digest:
            return copy  # of the same bytes, and only this request knows its name
        with suppress(RegistryError):  # it is found as an orphan
            await self._bucket.delete([keys.of_copy(copy)])
        raise _moved_on(upload, copy.size, progress)

    async def _after_another(self, upload: Upload, digest: Digest) -> Copy:
        progress = await self._segments.find(upload)
        if progress and progress.became and progress.became.digest == digest:
            return await self.again(upload, progress.became)
        if progress and not progress.became:
            raise StorageUnavailable(LOST)
        raise UnknownUpload(upload=str(upload))

    async def _discard(self, upload: Upload) -> None:
        if found := await self._segments.forget(upload):
            with suppress(StorageUnavailable):  # they are found as strays
                await self._bucket.delete([keys.of_segment(name) for name in found[1].segments])

    async def _delete(self, segments: Sequence[Segment]) -> None:
        with suppress(StorageUnavailable):  # as above
            await self._bucket.delete([keys.of_segment(segment.name) for segment in segments])


def _check(computed: Digest, claimed: Digest) -> None:
    if computed != claimed:
        raise DigestMismatch(
            f"the bytes sent have the digest {computed}, not the claimed {claimed}: "
            "the upload was discarded, send it again from the start",
            computed=str(computed),
            claimed=str(claimed),
        )


def _moved_on(
    upload: Upload, size: int, progress: Progress | None
) -> UnknownUpload | UploadOutOfOrder:
    if progress is None or progress.became:
        return UnknownUpload(upload=str(upload))
    return out_of_order(size, progress.size)
