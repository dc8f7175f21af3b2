"""Which blobs the latest uploads became: a closing PUT can come again."""

import fcntl
import os
import struct
import time
from collections.abc import Callable, Iterator
from contextlib import contextmanager
from hashlib import sha256
from pathlib import Path
from typing import Final

from acrux.domain.content.digest import Digest
from acrux.domain.content.upload import Upload

KEPT_SECONDS: Final = 3600  # far longer than any client tries again
PAGES: Final = 2048
PAGE_BYTES: Final = 4096

# Which upload, which blob, and the second in which it was noted.
_RECORD: Final = struct.Struct("!24s32sQ")


class ClosedUploads:
    """Which blob each of the latest uploads became, in one file that all processes share.

    The file never grows beyond PAGES pages. Which page an upload is noted on, a digest of its name
    decides; the 64 latest of each are kept: together 131,072, of the last KEPT_SECONDS. Nothing is
    synced: after a power loss some are forgotten, and their clients push once more. `now` tells the
    time in seconds. The methods block.
    """

    def __init__(self, path: Path, now: Callable[[], float] = time.time) -> None:
        self._path = path
        self._now = now

    def note(self, upload: Upload, digest: Digest) -> None:
        """Note that the upload becomes this blob. Raises OSError where the disk is full."""
        number, name = _place(upload)
        record = _RECORD.pack(name, _digest(str(digest)), int(self._now()))
        with self._opened(os.O_RDWR | os.O_CREAT, fcntl.LOCK_EX) as file:
            others = _without(name, _read(file, number))
            os.pwrite(file, (record + others)[:PAGE_BYTES], number * PAGE_BYTES)

    def became(self, upload: Upload, digest: Digest) -> bool:
        """Whether that was noted of them, lately, and not forgotten."""
        number, name = _place(upload)
        try:
            with self._opened(os.O_RDONLY, fcntl.LOCK_SH) as file:
                page = _read(file, number)
        except FileNotFoundError:
            return False
        sought = (name, _digest(str(digest)))
        return any(
            sought == (noted, became) and abs(self._now() - second) < KEPT_SECONDS
            for noted, became, second in _RECORD.iter_unpack(page)
        )

    def forget(self, upload: Upload) -> None:
        """Let it not have been noted."""
        number, name = _place(upload)
        try:
            with self._opened(os.O_RDWR, fcntl.LOCK_EX) as file:
                page = _read(file, number)
                others = _without(name, page)
                if others != page:
                    os.pwrite(file, others.ljust(PAGE_BYTES, b"\0"), number * PAGE_BYTES)
        except FileNotFoundError:
            return

    @contextmanager
    def _opened(self, flags: int, lock: int) -> Iterator[int]:
        file = os.open(self._path, flags | os.O_NOFOLLOW, 0o600)
        try:
            fcntl.flock(file, lock)
            yield file
        finally:
            os.close(file)


def _place(upload: Upload) -> tuple[int, bytes]:
    digest = _digest(upload.key)
    return int.from_bytes(digest[:8]) % PAGES, digest[8:]


def _digest(text: str) -> bytes:
    return sha256(text.encode()).digest()


def _read(file: int, number: int) -> bytes:
    return os.pread(file, PAGE_BYTES, number * PAGE_BYTES).ljust(PAGE_BYTES, b"\0")


def _without(name: bytes, page: bytes) -> bytes:
    if name not in page:
        return page
    records = [page[start : start + _RECORD.size] for start in range(0, PAGE_BYTES, _RECORD.size)]
    return b"".join(record for record in records if not record.startswith(name))
