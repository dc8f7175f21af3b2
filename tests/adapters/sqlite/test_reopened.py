"""Reopening a database after its file system became writable again."""

import errno
from pathlib import Path

import pytest

from acrux.adapters.sql.database import Statement
from acrux.adapters.sqlite import database as sqlite
from acrux.adapters.sqlite.connection import Connection
from acrux.adapters.sqlite.database import SqliteDatabase
from acrux.errors import StorageUnavailable

LOOK = Statement("SELECT COUNT(*) FROM accounts", {})


class Disk:
    """A file system that is read-only or not, and a process that may have no free descriptor."""

    def __init__(self, monkeypatch: pytest.MonkeyPatch) -> None:
        self.is_read_only = False
        self.is_exhausted = False
        monkeypatch.setattr(sqlite, "is_read_only", lambda _: self.is_read_only)
        monkeypatch.setattr(sqlite, "Connection", self._connect)

    def _connect(self, path: Path, *arguments: object, **named: object) -> Connection:
        if self.is_exhausted:
            raise OSError(errno.EMFILE, "Too many open files")
        return Connection(path, *arguments, **named)  # type: ignore[arg-type]  # as it is given


async def test_a_database_that_cannot_be_opened_again_yet_is_tried_again(
    tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    """The database stayed closed for good if the file system became read-only again."""
    disk = Disk(monkeypatch)
    database = SqliteDatabase(tmp_path / "registry.sqlite")
    database.open()
    database.close()
    disk.is_read_only = True
    database.open()
    disk.is_read_only, disk.is_exhausted = False, True
    for _ in range(2):
        with pytest.raises(StorageUnavailable, match="Too many open files"):
            await database.read(LOOK)

    disk.is_read_only, disk.is_exhausted = True, False
    assert await database.read(LOOK) == [(0,)]
    disk.is_read_only = False
    assert await database.read(LOOK) == [(0,)]
    database.close()
