"""At the start, truncate uploads to what a power loss left of them."""

import errno
import fcntl
import os
from contextlib import suppress
from pathlib import Path
from typing import Final

# Within its last block, a file gets its length before its bytes. No block is longer than this.
BLOCK_BYTES: Final = 1 << 16


def recover(uploads: Path) -> None:
    """Truncate each upload in the folder to the bytes that are really there.

    Call it at the start, before any offset is reported. It leaves alone the uploads that another
    process appends to. After a kill the kernel has every byte, and nothing is cut. After a power
    loss, ext4 keeps a length whose bytes had not reached the disk: they read as zeros, in extents
    that count as a hole or at the end of the last written block. If zeros that were really sent
    are cut, the client sends them again.
    """
    for entry in os.scandir(uploads):
        if entry.is_file(follow_symlinks=False):
            with suppress(OSError):  # an upload that cannot be read is refused when it continues
                _recover(entry.path)


def _recover(path: str) -> None:
    descriptor = os.open(path, os.O_RDWR | os.O_NOFOLLOW)
    try:
        fcntl.flock(descriptor, fcntl.LOCK_EX | fcntl.LOCK_NB)
        size = os.fstat(descriptor).st_size
        proven = _proven(descriptor, size)
        if proven < size:
            os.ftruncate(descriptor, proven)
    finally:
        os.close(descriptor)


def _proven(descriptor: int, size: int) -> int:
    end = _first_hole(descriptor, size)
    if end == size and _is_in_memory(descriptor, size):
        return size
    start = max(0, end - BLOCK_BYTES)
    return start + len(os.pread(descriptor, end - start, start).rstrip(b"\0"))


def _first_hole(descriptor: int, size: int) -> int:
    with suppress(OSError):  # it is empty, or its file system does not report holes
        return min(size, os.lseek(descriptor, 0, os.SEEK_HOLE))
    return size


def _is_in_memory(descriptor: int, size: int) -> bool:
    # Bytes not yet written are in memory as long as the kernel runs and the disk stays mounted.
    if not size:
        return True
    try:
        return os.preadv(descriptor, [bytearray(1)], size - 1, os.RWF_NOWAIT) == 1
    except AttributeError:  # some Pythons are built without the flag
        return True
    except OSError as failed:  # tmpfs has no disk, and does not support the flag
        return failed.errno != errno.EAGAIN
