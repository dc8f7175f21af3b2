"""One state of the database, in a file of its own."""

import os
from collections.abc import Iterator
from contextlib import closing
from pathlib import Path
from typing import Any, Final

import apsw

from acrux.adapters.backup.manifest import Tell
from acrux.adapters.failures import is_read_only
from acrux.adapters.sqlite.read_only import open_read_only
from acrux.domain.content.digest import Digest
from acrux.domain.content.storage.copy import Copy
from acrux.errors import InvalidBackup, RegistryError, StorageExhausted, StorageUnavailable

PAGES_AT_ONCE: Final = 4096  # 16 MiB
BUSY_MILLISECONDS: Final = 10_000

# A blob of a former version has no row of its own until the collector has counted it.
_COPIES: Final = """
    SELECT digest, copy, size FROM blobs WHERE digest >= :first AND digest < :end
    UNION ALL
    SELECT digest, '', MAX(size) FROM blob_links
    WHERE digest >= :first AND digest < :end
      AND NOT EXISTS (SELECT 1 FROM blobs WHERE blobs.digest = blob_links.digest)
    GROUP BY digest
"""
_FIRST: Final = ""
_END: Final = "~"


class Snapshot:
    """A copied database, which nobody writes to. Must be closed.

    Every method raises InvalidBackup if the file is damaged, or no database of ours.
    """

    def __init__(self, path: Path) -> None:
        uri = f"{path.absolute().as_uri()}?mode=ro&immutable=1"
        flags = apsw.SQLITE_OPEN_READONLY | apsw.SQLITE_OPEN_URI
        try:
            self._sqlite = apsw.Connection(uri, flags)
        except apsw.Error as failed:
            raise _damaged(failed) from failed

    def close(self) -> None:
        """Close the file."""
        self._sqlite.close()

    def schema(self) -> int:
        """The version of its schema."""
        return int(self._one("PRAGMA user_version")[0])

    def check(self, *, thoroughly: bool) -> None:
        """Read all of it, and raise InvalidBackup if its structure is damaged."""
        [found] = self._one(f"PRAGMA {'integrity' if thoroughly else 'quick'}_check(1)")
        if found != "ok":
            raise _damaged(found)

    def totals(self) -> tuple[int, int]:
        """How many blobs it names, and their bytes."""
        sql = f"SELECT COUNT(*), COALESCE(SUM(size), 0) FROM ({_COPIES})"  # noqa: S608 -- our own text
        count, size = self._one(sql, {"first": _FIRST, "end": _END})
        return int(count), int(size)

    def copies(self, first: str = _FIRST, end: str = _END) -> Iterator[Copy]:
        """The copies in use of all blobs whose digest is in this range, ordered by digest."""
        try:
            rows = self._sqlite.execute(f"{_COPIES} ORDER BY digest", {"first": first, "end": end})
            for digest, name, size in rows:
                yield Copy(Digest.parse(digest), name, size)
        except (apsw.Error, RegistryError) as failed:
            raise _damaged(failed) from failed

    def _one(self, sql: str, values: dict[str, str] | None = None) -> tuple[Any, ...]:
        try:
            row = self._sqlite.execute(sql, values or {}).fetchone()
        except apsw.Error as failed:
            raise _damaged(failed) from failed
        return row or (None,)


def copy_database(source: Path, target: Path, tell: Tell) -> None:
    """Copy one state of a database that others are writing to into a new file, durably.

    Nobody waits for it. Raises StorageExhausted if there is no room for it, and StorageUnavailable
    if either cannot be read or written.
    """
    os.close(os.open(target, os.O_WRONLY | os.O_CREAT | os.O_EXCL, 0o600))
    try:
        with closing(_opened(source)) as live, closing(apsw.Connection(str(target))) as copy:
            copy.execute("PRAGMA journal_mode = OFF; PRAGMA synchronous = OFF")
            _copy_pages(live, copy, tell)
            # The pages say that the file has a write-ahead log. It is to be one file.
            copy.execute("PRAGMA journal_mode = DELETE")
    except apsw.FullError as failed:
        raise StorageExhausted(
            f"the disk of {target.parent} has no room for a copy of the database: free some space, "
            "or choose another folder"
        ) from failed
    except apsw.Error as failed:
        raise StorageUnavailable(f"the database {source} cannot be copied ({failed})") from failed
    _sync(target)


def _copy_pages(live: apsw.Connection, copy: apsw.Connection, tell: Tell) -> None:
    # In one transaction of the reader. Otherwise SQLite starts again whenever another process has
    # written, and never ends beside a busy registry (https://sqlite.org/backup.html).
    live.execute("BEGIN")
    live.execute("SELECT COUNT(*) FROM sqlite_schema").fetchall()
    with copy.backup("main", live, "main") as backup:
        while not backup.done:
            backup.step(PAGES_AT_ONCE)
            done = backup.page_count - backup.remaining
            tell("copying the database", done, backup.page_count, 0)
    live.execute("ROLLBACK")


def _opened(path: Path) -> apsw.Connection:
    if is_read_only(path.parent):
        return open_read_only(path)
    opened = apsw.Connection(str(path), flags=apsw.SQLITE_OPEN_READONLY)
    opened.set_busy_timeout(BUSY_MILLISECONDS)
    return opened


def _sync(path: Path) -> None:
    descriptor = os.open(path, os.O_RDONLY)
    try:
        os.fsync(descriptor)
    finally:
        os.close(descriptor)


def _damaged(failed: object) -> InvalidBackup:
    return InvalidBackup(f"the database of the backup is damaged: {failed}")
