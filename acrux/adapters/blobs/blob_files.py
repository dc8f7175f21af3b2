"""A blob's open file, and whether its bytes match its digest."""

import os
import stat
from collections import OrderedDict
from collections.abc import AsyncIterator
from contextlib import suppress
from functools import partial
from typing import Final

from acrux.adapters.blobs.upload_files import in_thread
from acrux.adapters.failures import reading
from acrux.domain.content.digest import Digest, new_hasher
from acrux.errors import DamagedBlob, StorageUnavailable
from acrux.tally import Work

PIECE_BYTES: Final = 1 << 18  # longer ones are faster, but delay others and take more memory
MAX_VERIFIED: Final = 4096  # blobs that one process remembers, about half a kilobyte each

# A file's inode, its modification time in nanoseconds, and its size in bytes.
Looks = tuple[int, int, int]


class FileBlob:
    """A blob's open file. Its bytes stay readable even if the file is replaced or deleted."""

    def __init__(
        self,
        digest: Digest,
        descriptor: int,
        found: os.stat_result,
        verified: "Verified",
        reads: Work,
    ) -> None:
        self._digest = digest
        self._descriptor = descriptor
        self._size = found.st_size
        self._looks = (found.st_ino, found.st_mtime_ns, found.st_size)
        self._verified = verified
        self._reads = reads

    @property
    def size(self) -> int:
        """See ports.StoredBlob."""
        return self._size

    def read_at_once(self, start: int, stop: int) -> bytearray | None:
        """See ports.StoredBlob. Also None if the kernel cannot say whether it would block."""
        content = bytearray(stop - start)
        if self._fill_at_once(content, start) != len(content):
            return None
        if len(content) == self._size:
            self._verify(content)
        return content

    def _verify(self, content: bytes | bytearray) -> None:
        if self._verified.knows(self._digest, self._looks):
            return
        hasher = new_hasher(self._digest.algorithm)
        hasher.update(content)
        if hasher.hexdigest() != self._digest.encoded:
            mark_damaged(self._descriptor)
            raise DamagedBlob(digest=str(self._digest))
        self._verified.add(self._digest, self._looks)

    async def read(self, start: int, stop: int) -> AsyncIterator[bytearray]:
        """See ports.StoredBlob. Raises EOFError if the file was truncated meanwhile."""
        while start < stop:
            piece = bytearray(min(PIECE_BYTES, stop - start))
            with self._reads.measured(StorageUnavailable):
                count = self._fill_at_once(piece, start) or await in_thread(
                    partial(self._fill, piece, start)
                )
            if not count:
                raise EOFError(f"the blob {self._digest} ends at byte {start}, before {stop}")
            del piece[count:]
            yield piece
            start += count

    def _fill_at_once(self, piece: bytearray, start: int) -> int:
        with suppress(OSError, AttributeError):  # some Pythons are built without the flag
            return os.preadv(self._descriptor, [piece], start, os.RWF_NOWAIT)
        return 0

    @reading
    def _fill(self, piece: bytearray, start: int) -> int:
        return os.preadv(self._descriptor, [piece], start)

    def close(self) -> None:
        """See ports.StoredBlob."""
        os.close(self._descriptor)


class Verified:
    """The blobs whose bytes this process has verified; it forgets the oldest.

    A small blob is hashed once, and again if its file changes: hashing costs as much as sending.
    """

    def __init__(self, maximum: int = MAX_VERIFIED) -> None:
        self._maximum = maximum
        self._looks: OrderedDict[Digest, Looks] = OrderedDict()

    def knows(self, digest: Digest, looks: Looks) -> bool:
        """Whether a file with this inode, time and size held the bytes of the digest."""
        return self._looks.get(digest) == looks

    def add(self, digest: Digest, looks: Looks) -> None:
        """Remember that such a file holds the bytes of the digest."""
        self._looks[digest] = looks
        if len(self._looks) > self._maximum:
            self._looks.popitem(last=False)


def mark_damaged(descriptor: int) -> None:
    """Mark the open file as damaged, for every worker. The next push of the blob replaces it.

    The mark is the sticky bit, which has no other meaning for a file on Linux. It stays with these
    bytes even if another file gets their name meanwhile, and the bytes stay for inspection.
    """
    with suppress(OSError):  # a read-only file system: the next pull finds the damage again
        os.fchmod(descriptor, 0o600 | stat.S_ISVTX)


def is_damaged(found: os.stat_result) -> bool:
    """Whether the file is marked as damaged."""
    return bool(found.st_mode & stat.S_ISVTX)
