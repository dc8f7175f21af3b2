"""One upload's file: lock it, append to it, hash it, sync it."""

import asyncio
import fcntl
import os
from collections.abc import AsyncIterator, Callable, Sequence
from contextlib import suppress
from functools import partial
from typing import Final, Self, TypeVar

from msgspec import Struct

from acrux.adapters.failures import reading, storing
from acrux.domain.content.digest import Digest, Hasher, new_hasher
from acrux.domain.content.upload import Upload, out_of_order
from acrux.errors import (
    UnknownUpload,
    UploadOutOfOrder,
)

WRITEBACK_BYTES: Final = 1 << 23  # what is sent on its way to the disk at once
READ_BYTES: Final = 1 << 18

# OCI image specification, descriptor.md, "Registered algorithms": what nearly everybody uses.
USUAL_ALGORITHM: Final = "sha256"

Result = TypeVar("Result")


def start_thread(work: Callable[[], Result]) -> asyncio.Future[Result]:
    """Start `work` in a thread; `settle` what this returns."""
    return asyncio.get_running_loop().run_in_executor(None, work)


async def settle(running: asyncio.Future[Result]) -> Result:
    """What a thread's work returned or raised.

    The work has ended when this returns or raises, even if the caller is cancelled meanwhile:
    a file may be closed afterwards, and no thread writes to whatever gets its descriptor next.
    """
    try:
        return await asyncio.shield(running)
    except asyncio.CancelledError:
        while not running.done():
            with suppress(asyncio.CancelledError):
                await asyncio.wait([running])
        raise


async def in_thread(work: Callable[[], Result]) -> Result:
    """Do `work` in a thread, to its end: see `settle`."""
    return await settle(start_thread(work))


class Stamp(Struct, frozen=True):
    """How an upload's file looks: its length in bytes, and when it was last written."""

    size: int
    written_at: int  # nanoseconds, as the file system keeps them


class UploadFile:
    """An upload that is open and locked, for nobody else to append to or commit.

    `size` is its offset in bytes. `hasher` has digested exactly these bytes, or is None where
    nobody knows. Must be closed, which unlocks it; its methods block.
    """

    def __init__(self, upload: Upload, path: str, descriptor: int) -> None:
        self.upload = upload
        self.path = path
        self.size = lock(upload, path, descriptor)
        self.hasher: Hasher | None = None
        self._descriptor = descriptor
        self._sent = self.size

    @classmethod
    @storing
    def open(cls, upload: Upload, path: str) -> Self:
        """Open and lock the file `path`. Raises UnknownUpload, and UploadOutOfOrder as `lock`."""
        try:
            descriptor = os.open(path, os.O_RDWR | os.O_APPEND | os.O_NOFOLLOW)
        except FileNotFoundError:
            raise UnknownUpload(upload=str(upload)) from None
        try:
            return cls(upload, path, descriptor)
        except BaseException:
            os.close(descriptor)
            raise

    def close(self) -> None:
        """Let go of the file and of its lock."""
        os.close(self._descriptor)

    def stamp(self) -> Stamp:
        """How the file looks now."""
        found = os.fstat(self._descriptor)
        return Stamp(found.st_size, found.st_mtime_ns)

    @storing
    def append(self, batch: Sequence[bytes]) -> None:
        """Add the chunks, all or none. Raises as `storing` does."""
        try:
            for chunk in batch:
                self._write(chunk)
        except OSError:
            self.truncate(self.size)
            raise
        if self.hasher is not None:
            for chunk in batch:
                self.hasher.update(chunk)
        self.size += sum(map(len, batch))
        self._send()

    def _write(self, chunk: bytes) -> None:
        rest = memoryview(chunk)
        while rest:
            rest = rest[os.write(self._descriptor, rest) :]

    def _send(self) -> None:
        # What is on its way to the disk while the rest still comes, `sync` need not wait for:
        # Linux takes this advice as "write it now", and drops what is clean.
        if self.size - self._sent >= WRITEBACK_BYTES:
            with suppress(OSError):  # an advice that is not taken costs time, and no push
                os.posix_fadvise(
                    self._descriptor, self._sent, self.size - self._sent, os.POSIX_FADV_DONTNEED
                )
            self._sent = self.size

    @reading
    def read(self, count: int, start: int) -> bytes:
        """So many bytes from `start` on."""
        return os.pread(self._descriptor, count, start)

    @storing
    def truncate(self, size: int) -> None:
        """Take back what lies after the first `size` bytes."""
        self.hasher = None
        os.ftruncate(self._descriptor, size)
        self.size = size
        self._sent = min(self._sent, size)

    @reading
    def digest(self, algorithm: str) -> Digest:
        """The digest of the bytes, read once more unless they were all seen coming."""
        if self.hasher is not None and algorithm == USUAL_ALGORITHM:
            return Digest(algorithm, self.hasher.hexdigest())
        hasher, offset = new_hasher(algorithm), 0
        while piece := os.pread(self._descriptor, READ_BYTES, offset):
            hasher.update(piece)
            offset += len(piece)
        return Digest(algorithm, hasher.hexdigest())

    @storing
    def sync(self) -> None:
        """Make the bytes durable, or empty the file. Raises as `storing` does."""
        try:
            os.fsync(self._descriptor)
        except OSError:
            # Linux tells of a failed write once: the next fsync succeeds over what was lost,
            # while the cache still shows it (https://lwn.net/Articles/752063/). So nothing
            # here can be trusted, and the only truthful offset is 0.
            self.truncate(0)
            raise


def lock(upload: Upload, path: str, descriptor: int) -> int:
    """Lock the open file against every other request and worker, and return its length.

    Raises UploadOutOfOrder where another holds it, and UnknownUpload where `path` does not name
    it any more: it was discarded, or has become a blob that must never change again.
    """
    try:
        fcntl.flock(descriptor, fcntl.LOCK_EX | fcntl.LOCK_NB)
    except BlockingIOError:
        offset = os.fstat(descriptor).st_size
        raise UploadOutOfOrder(
            f"another request is adding to this upload, which holds {offset} bytes by now: "
            "wait for its end, then go on from the offset that is reported",
            offset=offset,
        ) from None
    found = os.fstat(descriptor)
    with suppress(FileNotFoundError):
        if os.path.samestat(found, os.lstat(path)):
            return found.st_size
    raise UnknownUpload(upload=str(upload))


async def without_stored(
    file: UploadFile, chunks: AsyncIterator[bytes], count: int
) -> AsyncIterator[bytes]:
    """The chunks without their first `count` bytes, where these are the last ones of the file.

    Where they begin with others they are no repetition: their client keeps an older location, and
    sends what comes next. Raises UploadOutOfOrder where they become others later, or end before.
    """
    size, left = file.size, count
    async for chunk in chunks:
        again, new = chunk[:left], chunk[left:]
        if again and await in_thread(partial(file.read, len(again), size - left)) != again:
            if left < count:
                break
            left, again, new = 0, b"", chunk
        left -= len(again)
        if new:
            yield new
    if left:
        raise out_of_order(size - count, size)
