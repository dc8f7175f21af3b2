"""Which blobs recent uploads became: a client may repeat its last PUT."""

import os
import struct
import time
from collections.abc import Callable
from hashlib import sha256
from pathlib import Path
from threading import Lock
from typing import Final
from weakref import finalize

from acrux.domain.content.digest import Digest
from acrux.domain.content.upload import Upload

KEPT_SECONDS: Final = 3600  # far longer than any client retries
PAGES: Final = 2048
PAGE_BYTES: Final = 4096
NANOSECONDS: Final = 1_000_000_000  # in a second

# The upload, the blob, and when this was noted, in nanoseconds; an empty slot is all zeros.
_RECORD: Final = struct.Struct("!24s32sQ")
_INSTANTS: Final = struct.Struct("!" + "56xQ" * (PAGE_BYTES // _RECORD.size))


class ClosedUploads:
    """Which blob each recent upload became, in one file that all processes share.

    The file never grows beyond PAGES pages. A hash of the upload's name selects its page. A page
    holds its 64 latest records, so that the file holds 131,072; each is valid for KEPT_SECONDS.
    Nothing is synced: after a power loss some records are lost, and their clients push again.
    `now` returns the time in seconds. The methods block.
    """

    # No lock: a record is written as a whole. Two that are noted on one page within microseconds
    # may choose the same slot; one of them is then lost, as after a power loss. Every push writes
    # a record, and each system call in a thread releases the interpreter, so there are only two.

    def __init__(self, path: Path, now: Callable[[], float] = time.time) -> None:
        self._path = path
        self._now = now
        self._opening = Lock()
        self._file: int | None = None

    def note(self, upload: Upload, digest: Digest) -> None:
        """Note that the upload becomes this blob. Raises OSError if the disk is full."""
        file = self._opened()
        number, name = _place(upload)
        page, now = _read(file, number), self._instant()
        record = _RECORD.pack(name, _digest(str(digest)), now)
        _write(file, number, _find(name, page, _oldest(page, now)), record)

    def became(self, upload: Upload, digest: Digest) -> bool:
        """Whether this was noted of the upload within KEPT_SECONDS, and not forgotten."""
        number, name = _place(upload)
        try:
            page = self._page(number)
        except FileNotFoundError:
            return False
        sought, now = (name, _digest(str(digest))), self._instant()
        return any(
            sought == (noted, became) and abs(now - instant) < KEPT_SECONDS * NANOSECONDS
            for noted, became, instant in _RECORD.iter_unpack(page)
        )

    def forget(self, upload: Upload) -> None:
        """Remove the upload's record, if there is one."""
        number, name = _place(upload)
        try:
            page = self._page(number)
        except FileNotFoundError:
            return
        if name in page:
            _write(self._opened(), number, _find(name, page), bytes(_RECORD.size))

    def _instant(self) -> int:
        return int(self._now() * NANOSECONDS)

    def _opened(self) -> int:
        """The file, for writing; it stays open."""
        with self._opening:
            if self._file is None:
                self._file = self._open(os.O_RDWR | os.O_CREAT)
                finalize(self, os.close, self._file)
            return self._file

    def _page(self, number: int) -> bytes:
        # Opened each time: reading must not create the file, nor need write access to it.
        file = self._open(os.O_RDONLY)
        try:
            return _read(file, number)
        finally:
            os.close(file)

    def _open(self, flags: int) -> int:
        return os.open(self._path, flags | os.O_NOFOLLOW, 0o600)


def _place(upload: Upload) -> tuple[int, bytes]:
    digest = _digest(upload.key)
    return int.from_bytes(digest[:8]) % PAGES, digest[8:]


def _digest(text: str) -> bytes:
    return sha256(text.encode()).digest()


def _read(file: int, number: int) -> bytes:
    return os.pread(file, PAGE_BYTES, number * PAGE_BYTES).ljust(PAGE_BYTES, b"\0")


def _write(file: int, number: int, offset: int, record: bytes) -> None:
    os.pwrite(file, record, number * PAGE_BYTES + offset)


def _find(name: bytes, page: bytes, otherwise: int = 0) -> int:
    found = page.find(name)
    return otherwise if found < 0 else found


def _oldest(page: bytes, now: int) -> int:
    """The offset of the record furthest from now: an empty slot, if there is one."""
    instants = _INSTANTS.unpack(page)
    furthest = min(instants)
    if max(instants) > now:  # written by a clock that was ahead: not the latest for that
        furthest = max(instants, key=lambda instant: abs(now - instant))
    return instants.index(furthest) * _RECORD.size
