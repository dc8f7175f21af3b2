"""Files that are written whole, and failures in words."""

import ctypes
import errno
import fcntl
import os
from collections.abc import Iterable, Iterator
from contextlib import contextmanager
from pathlib import Path
from typing import Final

from acrux.adapters.failures import FULL
from acrux.errors import (
    InvalidInput,
    StorageExhausted,
    StorageReadOnly,
    StorageUnavailable,
    TooManyRequests,
)

# Failures of a name that was given, and not of the disk.
_MISTAKEN: Final = frozenset({errno.ENOENT, errno.EEXIST, errno.ENOTDIR, errno.EISDIR, errno.ELOOP})
_NOT_ALLOWED: Final = frozenset({errno.EACCES, errno.EPERM})

# What some network file systems answer instead of locking.
_NO_LOCKS: Final = frozenset({errno.ENOLCK, errno.ENOSYS, errno.ENOTSUP, errno.EINVAL})


def lock(descriptor: int, taken: str) -> None:
    """Lock the open file until it is closed. Raises TooManyRequests that says `taken`, and OSError.

    A file system that knows no locks locks nothing.
    """
    try:
        fcntl.flock(descriptor, fcntl.LOCK_EX | fcntl.LOCK_NB)
    except BlockingIOError:
        raise TooManyRequests(taken, retry_after=60) from None
    except OSError as failed:
        if failed.errno not in _NO_LOCKS:
            raise


def write(descriptor: int, content: bytes) -> None:
    """Write all of it. Raises OSError."""
    rest = memoryview(content)
    while rest:
        rest = rest[os.write(descriptor, rest) :]


def write_file(path: Path, pieces: Iterable[bytes]) -> None:
    """Make a new file of these pieces, durably; one that is there is replaced. Raises OSError."""
    descriptor = os.open(path, os.O_WRONLY | os.O_CREAT | os.O_TRUNC | os.O_NOFOLLOW, 0o600)
    try:
        for piece in pieces:
            write(descriptor, piece)
        os.fsync(descriptor)
    finally:
        os.close(descriptor)


class FileSystem:
    """The file system that holds a folder. Must be closed."""

    def __init__(self, folder: Path) -> None:
        # A failed write is reported to the descriptors that are open at that time.
        self._descriptor = os.open(folder, os.O_RDONLY | os.O_DIRECTORY)
        self._syncfs = getattr(ctypes.CDLL(None, use_errno=True), "syncfs", None)

    def close(self) -> None:
        """Close the folder."""
        os.close(self._descriptor)

    def sync(self, paths: Iterable[str]) -> None:
        """Make these files and folders in it durable. Raises OSError.

        With syncfs(2) this takes one write of the journal for thousands of small files; Linux
        reports its failures since 5.8. Where the C library has no such call, each is synced.
        """
        if self._syncfs is None:
            for path in paths:
                _sync(path)
        elif self._syncfs(self._descriptor):
            raise OSError(ctypes.get_errno(), os.strerror(ctypes.get_errno()))


def _sync(path: str) -> None:
    descriptor = os.open(path, os.O_RDONLY)
    try:
        os.fsync(descriptor)
    finally:
        os.close(descriptor)


@contextmanager
def failures_of(place: str) -> Iterator[None]:
    """Raise our own error for each OSError of the block; `place` is where it was working."""
    try:
        yield
    except OSError as failed:
        named = failed.filename or place
        reason = failed.strerror or str(failed)
        if failed.errno in FULL:
            raise StorageExhausted(
                f"the disk of {place} is full: free some space there, and run the command again, "
                "which goes on where this one ended"
            ) from failed
        if failed.errno == errno.EROFS:
            raise StorageReadOnly(f"{named} is on a read-only file system") from failed
        if failed.errno in _MISTAKEN | _NOT_ALLOWED:
            raise InvalidInput(f"{named}: {reason}") from failed
        raise StorageUnavailable(f"{named}: {reason}") from failed
