"""A copy that is being read: in one go if it is small, else as it comes."""

from collections.abc import AsyncIterator
from contextlib import suppress
from itertools import chain, repeat
from typing import Final

from acrux.adapters.blobs.blob_files import PIECE_BYTES
from acrux.adapters.objects import keys
from acrux.adapters.objects.bucket import Bucket, Opened
from acrux.adapters.objects.failures import Missing
from acrux.domain.content.digest import new_hasher
from acrux.domain.content.storage.copy import Copy
from acrux.errors import DamagedBlob, StorageUnavailable
from acrux.tally import Work

SMALL_BYTES: Final = 128 << 10  # read whole, and their digests checked

# How much is asked for at once, in bytes: a range of a few bytes does not make the store send a
# layer of gigabytes, and a whole layer takes three requests. None is all that follows.
WINDOWS: Final = (1 << 20, 8 << 20, None)

NOTHING: Final = memoryview(b"")


class ObjectBlob:
    """A copy in the store, opened for one request. See ports.StoredBlob.

    If the store cuts it off, it is read on from there. If the copy is removed meanwhile, another
    copy of the same blob is read on.
    """

    def __init__(self, bucket: Bucket, copy: Copy, opened: Opened, reads: Work) -> None:
        self._bucket = bucket
        self._copy = copy
        self._opened: Opened | None = opened
        self._size = opened.size
        self._reads = reads
        self._windows = chain(WINDOWS[1:], repeat(None))
        self._at = 0  # the next byte that `_opened` gives, or that is left of what it gave
        self._left = NOTHING

    @property
    def size(self) -> int:
        """See ports.StoredBlob."""
        return self._size

    def read_at_once(self, start: int, stop: int) -> bytes | None:  # noqa: ARG002 -- as the port
        """See ports.StoredBlob. It would always have to wait."""
        return None

    async def whole(self) -> bytes:
        """All of its bytes. Raises DamagedBlob if they are not the blob."""
        content = b"".join([piece async for piece in self.read(0, self._size)])
        hasher = new_hasher(self._copy.digest.algorithm)
        hasher.update(content)
        if hasher.hexdigest() != self._copy.digest.encoded:
            raise DamagedBlob(digest=str(self._copy.digest))
        return content

    async def read(self, start: int, stop: int) -> AsyncIterator[bytes]:
        """See ports.StoredBlob. Raises EOFError if the object is shorter than it was."""
        while start < stop:
            with self._reads.measured(StorageUnavailable):
                piece = await self._next(start, stop)
            if not piece:
                message = f"the blob {self._copy.digest} ends at byte {start}, before {stop}"
                raise EOFError(message)
            yield piece
            start += len(piece)

    async def _next(self, start: int, stop: int) -> bytes:
        # The library's pieces end anywhere: these are as long as they may be, as each takes time.
        if start != self._at:
            self._opened, self._at, self._left = None, start, NOTHING
            self._windows = chain(WINDOWS, repeat(None))
        parts: list[memoryview] = []
        end = min(start + PIECE_BYTES, stop)
        while self._at < end and await self._fill():
            parts.append(self._left[: end - self._at])
            self._left = self._left[end - self._at :]
            self._at += len(parts[-1])
        return b"".join(parts)

    async def _fill(self) -> bool:
        # Whether there are bytes left of the library's, which may have to be waited for.
        if not self._left and self._opened is not None:
            with suppress(StorageUnavailable):  # cut off: asked again for the rest
                self._left = await self._opened.next()
        if not self._left:  # the end of a window, or of the object
            with suppress(EOFError):
                self._opened = await self._open(self._at)
                self._left = await self._opened.next()
        return bool(self._left)

    async def _open(self, start: int) -> Opened:
        window = next(self._windows)
        stop = None if window is None else min(start + window, self._size)
        for _ in range(2):
            with suppress(Missing):
                return await self._bucket.get(keys.of_copy(self._copy), start, stop)
            await self._turn_to_another()
        raise DamagedBlob(digest=str(self._copy.digest))

    async def _turn_to_another(self) -> None:
        async for found in self._bucket.list(f"{keys.of_copy(self._copy).rpartition('/')[0]}/"):
            copy = keys.read_copy(found.key, found.size)
            if copy and copy.digest == self._copy.digest and copy.size == self._size:
                self._copy = copy
                return

    def close(self) -> None:
        """See ports.StoredBlob."""
        self._opened = None


class SmallBlob:
    """A small blob in memory, whose digest was checked. See ports.StoredBlob."""

    def __init__(self, content: bytes) -> None:
        self._content = content

    @property
    def size(self) -> int:
        """See ports.StoredBlob."""
        return len(self._content)

    def read_at_once(self, start: int, stop: int) -> bytes:
        """See ports.StoredBlob."""
        return self._content[start:stop]

    async def read(self, start: int, stop: int) -> AsyncIterator[bytes]:
        """See ports.StoredBlob."""
        yield self._content[start:stop]

    def close(self) -> None:
        """See ports.StoredBlob."""
