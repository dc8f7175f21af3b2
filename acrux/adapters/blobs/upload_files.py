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

WRITEBACK_BYTES: Final = 1 << 23  # sent on to the disk at a time
READ_BYTES: Final = 1 << 18

# OCI image specification, descriptor.md, "Registered algorithms": the one in common use.
USUAL_ALGORITHM: Final = "sha256"

Result = TypeVar("Result")


def start_thread(work: Callable[[], Result]) -> asyncio.Future[Result]:
    """Start `work` in a thread; pass what this returns to `settle`."""
    return asyncio.get_running_loop().run_in_executor(None, work)


async def settle(running: asyncio.Future[Result]) -> Result:
    """Return or raise what a thread's work returned or raised.

    The work has ended when this returns or raises, even if the caller is cancelled meanwhile. So
    a file may be closed afterwards: no thread writes to the next file that gets its descriptor.
    """
    try:
        return await asyncio.shield(running)
    except asyncio.CancelledError:
        while not running.done():
            with suppress(asyncio.CancelledError):
                await asyncio.wait([running])
        raise


async def in_thread(work: Callable[[], Result]) -> Result:
    """Run `work` in a thread, to its end: see `settle`."""
    return await settle(start_thread(work))


class Stamp(Struct, frozen=True):
    """The state of an upload's file: its length in bytes, and when it was last written."""

    size: int
    written_at: int  # in nanoseconds, from the file system


class UploadFile:
    """An open and locked upload: nobody else can append to it or commit it.

    `size` is its offset in bytes. `hasher` has seen exactly these bytes; it is None if no hasher
    has. Must be closed, which unlocks it. The methods block.
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
        """Close the file, which unlocks it."""
        os.close(self._descriptor)

    def stamp(self) -> Stamp:
        """The present state of the file."""
        found = os.fstat(self._descriptor)
        return Stamp(found.st_size, found.st_mtime_ns)

    @storing
    def append(self, batch: Sequence[bytes]) -> None:
        """Append all of the chunks or none. Raises as `storing` does."""
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
        # `sync` need not wait for what goes to the disk while the rest still arrives: Linux takes
        # this advice as "write it now", and drops clean pages.
        if self.size - self._sent >= WRITEBACK_BYTES:
            with suppress(OSError):  # without it `sync` takes longer, and no push fails
                os.posix_fadvise(
                    self._descriptor, self._sent, self.size - self._sent, os.POSIX_FADV_DONTNEED
                )
            self._sent = self.size

    @reading
    def read(self, count: int, start: int) -> bytes:
        """Up to `count` bytes from the offset `start` on."""
        return os.pread(self._descriptor, count, start)

    @storing
    def truncate(self, size: int) -> None:
        """Remove everything after the first `size` bytes."""
        self.hasher = None
        os.ftruncate(self._descriptor, size)
        self.size = size
        self._sent = min(self._sent, size)

    @reading
    def digest(self, algorithm: str) -> Digest:
        """The digest of the bytes; reads them again unless `hasher` has seen them."""
        if self.hasher is not None and algorithm == USUAL_ALGORITHM:
            return Digest(algorithm, self.hasher.hexdigest())
        hasher, offset = new_hasher(algorithm), 0
        while piece := os.pread(self._descriptor, READ_BYTES, offset):
            hasher.update(piece)
            offset += len(piece)
        return Digest(algorithm, hasher.hexdigest())

    @storing
    def date(self) -> None:
        """Make now its time of writing. Raises as `storing` does."""
        os.utime(self._descriptor)

    @storing
    def sync(self) -> None:
        """Make the bytes durable; if that fails, empty the file. Raises as `storing` does."""
        try:
            os.fsync(self._descriptor)
        except OSError:
            # Linux reports a failed write once: the next fsync succeeds although bytes were lost,
            # while the cache still shows them (https://lwn.net/Articles/752063/). So nothing
            # here can be trusted, and the only truthful offset is 0.
            self.truncate(0)
            raise


def lock(upload: Upload, path: str, descriptor: int) -> int:
    """Lock the open file against all other requests and workers, and return its length in bytes.

    Raises UploadOutOfOrder if another request holds the lock. Raises UnknownUpload if `path` no
    longer names the file: it was discarded, or it became a blob, which must never change again.
    """
    try:
        fcntl.flock(descriptor, fcntl.LOCK_EX | fcntl.LOCK_NB)
    except BlockingIOError:
        offset = os.fstat(descriptor).st_size
        raise UploadOutOfOrder(
            f"another request is appending to this upload, which holds {offset} bytes so far: "
            "wait until it ends, then continue from the offset that is reported",
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
    """The chunks without their first `count` bytes, if these repeat the file's last bytes.

    If the first chunk already differs, nothing is repeated: the client uses an older location, and
    sends what comes next. Then all chunks are returned. Raises UploadOutOfOrder if the chunks
    differ later, or end before `count` bytes.
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
