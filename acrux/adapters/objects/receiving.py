"""An upload's bytes on their way from its client to objects."""

import asyncio
from collections.abc import AsyncIterator
from contextlib import suppress
from functools import partial
from typing import Final, Self

from acrux.adapters.blobs.upload_files import USUAL_ALGORITHM, in_thread, settle
from acrux.adapters.objects import keys
from acrux.adapters.objects.bucket import PART_BYTES, PARTS, Bucket
from acrux.domain.content.digest import Digest, new_hasher
from acrux.domain.content.upload import ContentRange
from acrux.errors import SizeMismatch
from acrux.ports.content.segments import Segment

# Bytes that are gathered before an object is begun, divided among concurrent uploads.
GATHERED_BYTES: Final = 64 << 20
SMALLEST: Final = 1 << 16
# Of an object that is sent in parts, three parts are in memory; so only some are at a time.
STREAMS: Final = 8
BATCH_BYTES: Final = 1 << 20  # hashed and handed over at once
LONGEST: Final = PART_BYTES * PARTS  # bytes of one segment


class Sharing:
    """What the uploads of one process share: memory, and objects that are sent in parts."""

    def __init__(self) -> None:
        self.uploads = 0
        self.streams = 0

    @property
    def gathered(self) -> int:
        """How many bytes of one upload to gather before they are written."""
        return max(SMALLEST, min(GATHERED_BYTES // max(self.uploads, 1), PART_BYTES))


class Stream:
    """One object that is written while its bytes arrive.

    The client library must never be cancelled: what it had sent would be left in the bucket. So it
    takes the bytes from a queue, in a task of its own.
    """

    def __init__(self, bucket: Bucket, key: str, size: int = 0) -> None:
        self._bucket = bucket
        self._key = key
        self._queue: asyncio.Queue[bytes | bytearray | None] = asyncio.Queue(1)
        self._task = asyncio.ensure_future(bucket.put_parts(key, self._chunks(), size))
        self.size = 0

    async def write(self, chunk: bytes | bytearray) -> None:
        """Hand over bytes, as soon as there is room. Raises what writing raises."""
        self.size += len(chunk)
        await self._hand_over(chunk)

    async def end(self) -> None:
        """Wait until the object is stored. Raises what writing raises."""
        await self._hand_over(None)
        await settle(self._task)

    async def abort(self) -> None:
        """Leave nothing of the object, whatever was written; call it if `end` was not reached.

        It is completed, and deleted. If its parts were given up instead, one that is under way then
        might be stored afterwards, and stay (Amazon S3 API reference, AbortMultipartUpload).
        """
        with suppress(Exception):
            await self.end()
            await self._bucket.delete([self._key])

    async def _hand_over(self, what: bytes | bytearray | None) -> None:
        putting = asyncio.ensure_future(self._queue.put(what))
        try:
            await asyncio.wait({putting, self._task}, return_when=asyncio.FIRST_COMPLETED)
        finally:
            putting.cancel()
        if self._task.done():
            self._task.result()

    async def _chunks(self) -> AsyncIterator[bytes | bytearray]:
        while (chunk := await self._queue.get()) is not None:
            yield chunk


class Receiver:
    """Writes the bytes of one request into segments.

    What fits in memory becomes one object at once; what is longer is sent in parts as it arrives.
    If many uploads come at once, some become several segments. Leave it as a context: then nothing
    is left behind that is not among `segments`.
    """

    def __init__(self, bucket: Bucket, sharing: Sharing) -> None:
        self.segments: list[Segment] = []
        self._bucket = bucket
        self._sharing = sharing
        self._stream: Stream | None = None
        self._name = ""
        self._hasher = new_hasher(USUAL_ALGORITHM)
        self._gathered = bytearray()  # not a list: a client may send a byte at a time

    async def __aenter__(self) -> Self:
        self._sharing.uploads += 1
        return self

    async def __aexit__(self, *_: object) -> None:
        self._sharing.uploads -= 1
        if self._stream is not None:
            self._sharing.streams -= 1
            await self._stream.abort()

    async def add(self, chunk: bytes) -> None:
        """Take bytes, and write them sooner or later. Raises as Bucket does."""
        self._gathered += chunk
        if self._stream is None and len(self._gathered) >= self._sharing.gathered:
            if self._sharing.streams >= STREAMS:
                await self._put()
                return
            self._sharing.streams += 1
            self._begin()
        if self._stream is not None and len(self._gathered) >= BATCH_BYTES:
            await self._hand_over()
            if self._stream.size >= LONGEST:
                await self._end()

    async def finish(self) -> None:
        """Write the rest. Raises as Bucket does."""
        if self._stream is not None:
            await self._hand_over()
            await self._end()
        elif self._gathered:
            await self._put()

    def _begin(self) -> None:
        self._name = keys.new_segment()
        self._stream = Stream(self._bucket, keys.of_segment(self._name))

    async def _hand_over(self) -> None:
        assert self._stream is not None  # noqa: S101 -- for the type checker
        batch = await self._batch()
        if batch:
            await self._stream.write(batch)

    async def _end(self) -> None:
        assert self._stream is not None  # noqa: S101 -- for the type checker
        await self._stream.end()
        size, self._stream = self._stream.size, None
        self._sharing.streams -= 1
        self._note(size)

    async def _put(self) -> None:
        self._name = keys.new_segment()
        content = await self._batch()
        await settle(asyncio.ensure_future(self._bucket.put(keys.of_segment(self._name), content)))
        self._note(len(content))

    async def _batch(self) -> bytearray:
        batch, self._gathered = self._gathered, bytearray()
        await in_thread(partial(self._hasher.update, batch))
        return batch

    def _note(self, size: int) -> None:
        digest = Digest(USUAL_ALGORITHM, self._hasher.hexdigest())
        self.segments.append(Segment(self._name, size, digest))
        self._hasher = new_hasher(USUAL_ALGORITHM)


async def receive(
    receiver: Receiver, chunks: AsyncIterator[bytes], content_range: ContentRange | None
) -> Exception | None:
    """Write the chunks as they arrive. Return what the iterator raised; what came before is kept.

    Raises SizeMismatch if the chunks are shorter or longer than `content_range` says, and as Bucket
    does: then nothing may be kept.
    """
    received = 0
    while True:
        try:
            chunk = await anext(chunks)
        except StopAsyncIteration:
            break
        except Exception as cut:  # noqa: BLE001 -- the caller raises it
            await receiver.finish()
            return cut
        received += len(chunk)
        if content_range and received > content_range.size:
            break  # a chunk longer than announced is not read to its end
        await receiver.add(chunk)
        del chunk  # frees its memory while the next one is awaited
    if content_range and received != content_range.size:
        raise SizeMismatch(
            f"the Content-Range announces {content_range.size} bytes, but the chunk holds "
            f"{'more' if received > content_range.size else received}: send the chunk again",
        )
    await receiver.finish()
    return None
