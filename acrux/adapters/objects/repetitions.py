"""A chunk that is sent again, without the bytes that are stored already."""

from collections.abc import AsyncIterator, Sequence

from acrux.adapters.objects import keys
from acrux.adapters.objects.bucket import Bucket
from acrux.adapters.objects.failures import Missing
from acrux.adapters.objects.reading import LOST, read_object
from acrux.domain.content.upload import out_of_order
from acrux.errors import StorageUnavailable
from acrux.ports.content.segments import Segment


async def tail(bucket: Bucket, segments: Sequence[Segment], count: int) -> AsyncIterator[bytes]:
    """The last `count` bytes of the segments, in pieces. Raises StorageUnavailable."""
    skipped = sum(segment.size for segment in segments) - count
    for segment in segments:
        if skipped < segment.size:
            key = keys.of_segment(segment.name)
            try:
                async for piece in read_object(bucket, key, segment.size, max(skipped, 0)):
                    yield piece
            except Missing:  # the upload has just ended
                raise StorageUnavailable(LOST) from None
        skipped -= segment.size


async def without_stored(
    stored: AsyncIterator[bytes], size: int, chunks: AsyncIterator[bytes], count: int
) -> AsyncIterator[bytes]:
    """The chunks without their first `count` bytes, if these repeat the upload's last bytes.

    `stored` are these bytes, and `size` is the upload's offset. If the first chunk already differs,
    nothing is repeated: the client uses an older location, and sends what comes next. Then all
    chunks are returned. Raises UploadOutOfOrder if the chunks differ later, or end before `count`
    bytes.
    """
    left, held = count, b""
    async for chunk in chunks:
        again, new = chunk[:left], chunk[left:]
        while len(held) < len(again):
            held += await anext(stored)
        if held[: len(again)] != again:
            if left < count:
                break
            left, again, new = 0, b"", chunk
        held = held[len(again) :]
        left -= len(again)
        if new:
            yield new
    if left:
        raise out_of_order(size - count, size)
