"""Read an object to its end, and notice if its end is missing."""

from collections.abc import AsyncIterator
from typing import Final

from acrux.adapters.objects.bucket import Bucket
from acrux.errors import StorageUnavailable

LOST: Final = "the object store lost bytes of an upload: send it again from the start"


async def read_object(bucket: Bucket, key: str, size: int, start: int = 0) -> AsyncIterator[bytes]:
    """The bytes of an object of so many bytes, from `start` on.

    Raises Missing, and StorageUnavailable if there are fewer.
    """
    opened, left = await bucket.get(key, start), size - start
    while piece := await opened.next():
        left -= len(piece)
        yield bytes(piece)
    if left:
        raise StorageUnavailable(LOST)
