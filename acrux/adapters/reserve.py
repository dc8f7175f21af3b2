"""Room on the disk that is kept for what must go on when it is full."""

import os
from collections.abc import Callable
from contextlib import suppress
from pathlib import Path
from typing import Final

from acrux.adapters.failures import READ_ONLY, is_read_only
from acrux.adapters.sql.database import Database, Result, Steps
from acrux.errors import StorageExhausted, StorageReadOnly

RESERVE_BYTES: Final = 4 * 1024 * 1024
LOW_BYTES: Final = 1024 * 1024  # with less left, the reserve is let go for what needs it

_FULL: Final = (
    "the disk of the data directory is full: nothing can be pushed, and what is there can be "
    "pulled and deleted; make room on it, then try again"
)


class Reserve:
    """A file of RESERVE_BYTES, really allocated, that is given up where the disk is full.

    While it is given up, whatever grows is refused, by every process: what becomes free is left
    to deletions, revocations, logins and new keys. It is made again as soon as there is room.
    """

    def __init__(self, path: Path) -> None:
        self._path = path
        self._name = str(path)  # asked for with every push: a Path takes three times as long
        self._folder = str(path.parent)

    def take(self) -> bool:
        """Have the reserve, made anew where there is room for it; say whether it is there."""
        if os.path.exists(self._name):  # noqa: PTH110 -- see above
            return True
        if self._free() < RESERVE_BYTES + 2 * LOW_BYTES:
            return False
        try:
            descriptor = os.open(self._path, os.O_WRONLY | os.O_CREAT | os.O_EXCL, 0o600)
        except FileExistsError:
            return True
        except OSError:
            return False
        try:
            os.posix_fallocate(descriptor, 0, RESERVE_BYTES)
        except OSError:
            self._path.unlink(missing_ok=True)
            return False
        finally:
            os.close(descriptor)
        return True

    def yield_room(self) -> None:
        """Give the reserve up where there is little room without it."""
        if self._free() < LOW_BYTES:
            with suppress(OSError):
                self._path.unlink(missing_ok=True)

    def check(self) -> None:
        """Raise StorageExhausted where nothing may grow: what is free is kept for other things.

        Where nothing can be written at all, that may raise StorageReadOnly.
        """
        if not self.take():
            self._check_writable()
            raise StorageExhausted(_FULL)

    async def watch(self) -> None:
        """Raise StorageReadOnly where the file system is; to be called every minute."""
        self._check_writable()

    def trouble(self) -> str:
        """What keeps pushes from being taken, in words; empty where nothing does."""
        if is_read_only(self._path.parent):
            return READ_ONLY
        return "" if self._free() >= LOW_BYTES and self.take() else _FULL

    def _check_writable(self) -> None:
        if is_read_only(self._path.parent):
            raise StorageReadOnly(READ_ONLY)

    def _free(self) -> int:
        found = os.statvfs(self._folder)
        # Only root may use the blocks that ext4 reserves (statvfs(3); mke2fs(8), -m).
        blocks = found.f_bavail if os.geteuid() else found.f_bfree
        return blocks * found.f_frsize


class ReservedDatabase:
    """A database that gives up the reserve before a write for which there is little room."""

    def __init__(self, database: Database, make_room: Callable[[], None]) -> None:
        self._database = database
        self._make_room = make_room
        self.read, self.find = database.read, database.find

    async def write(self, steps: Steps[Result]) -> Result:
        """See sql.database.Database. What `make_room` raises passes through."""
        self._make_room()
        return await self._database.write(steps)
