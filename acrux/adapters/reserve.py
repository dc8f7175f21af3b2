"""Disk space that is kept for what must still work when the disk is full."""

import os
from collections.abc import Callable
from contextlib import suppress
from pathlib import Path
from typing import Final

from acrux.adapters.failures import READ_ONLY, is_read_only
from acrux.adapters.sql.database import Database, Result, Steps
from acrux.errors import StorageExhausted, StorageReadOnly

RESERVE_BYTES: Final = 4 * 1024 * 1024
LOW_BYTES: Final = 1024 * 1024  # if less is free, the reserve is given up

_FULL: Final = (
    "the disk of the data directory is full: you can pull and delete, but not push; free some "
    "space, then try again"
)

_NO_ROOM: Final = (
    "the disk of the data directory is too full for these {} bytes: free some space, then try again"
)


class Reserve:
    """A file of RESERVE_BYTES, really allocated, that is given up when the disk is full.

    While it is given up, every process refuses whatever grows: the free space is left to
    deletions, revocations, logins and new keys. It is allocated again as soon as there is room.
    """

    def __init__(self, path: Path) -> None:
        self._path = path
        self._name = str(path)  # used for every push: a Path takes three times as long
        self._folder = str(path.parent)

    def take(self) -> bool:
        """Allocate the reserve if it is missing and there is room; return whether it is there."""
        if os.path.exists(self._name):  # noqa: PTH110 -- see above
            return True
        if self.free() < RESERVE_BYTES + 2 * LOW_BYTES:
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
        """Give up the reserve if there is little other room."""
        if self.free() < LOW_BYTES:
            with suppress(OSError):
                self._path.unlink(missing_ok=True)

    def check(self, growth: int = 0) -> None:
        """Raise StorageExhausted if nothing may grow: the free space is kept for other things.

        Also if there is no room beside the reserve for `growth` bytes that are about to come; a few
        are just tried. If the file system is read-only, this may raise StorageReadOnly instead.
        """
        if not self.take():
            self._check_writable()
            raise StorageExhausted(_FULL)
        if growth > LOW_BYTES and self.free() < growth:
            raise StorageExhausted(_NO_ROOM.format(growth))

    async def watch(self) -> None:
        """Raise StorageReadOnly if the file system is read-only; call this every minute."""
        self._check_writable()

    def trouble(self) -> str:
        """Why pushes are refused, in words; empty if they are accepted."""
        if is_read_only(self._path.parent):
            return READ_ONLY
        return "" if self.free() >= LOW_BYTES and self.take() else _FULL

    def _check_writable(self) -> None:
        if is_read_only(self._path.parent):
            raise StorageReadOnly(READ_ONLY)

    def free(self) -> int:
        """How many bytes of the disk this user may still fill. Raises OSError."""
        found = os.statvfs(self._folder)
        # Only root may use the blocks that ext4 reserves (statvfs(3); mke2fs(8), -m).
        blocks = found.f_bavail if os.geteuid() else found.f_bfree
        return blocks * found.f_frsize


class ReservedDatabase:
    """A database that calls `make_room` before each write."""

    def __init__(self, database: Database, make_room: Callable[[], None]) -> None:
        self._database = database
        self._make_room = make_room
        self.read, self.find = database.read, database.find
        self.snapshot, self.verify = database.snapshot, database.verify

    async def write(self, steps: Steps[Result]) -> Result:
        """See sql.database.Database. What `make_room` raises passes through."""
        self._make_room()
        return await self._database.write(steps)
