"""Whether another process has the embedded database open."""

from contextlib import closing
from pathlib import Path

import apsw

from acrux.adapters.failures import is_read_only


def is_used(path: Path) -> bool:
    """Whether another connection, of any process, has the file open and could write to it.

    This process must not have it open. Nobody can write to a file on a read-only file system.
    """
    if is_read_only(path.parent):
        return False
    # In write-ahead mode every connection holds a shared lock on the file while it is open, and in
    # this mode SQLite wants it for itself (https://sqlite.org/wal.html#noshm).
    with closing(apsw.Connection(str(path), flags=apsw.SQLITE_OPEN_READWRITE)) as probe:
        try:
            probe.execute("PRAGMA locking_mode = EXCLUSIVE").fetchall()
            probe.execute("BEGIN EXCLUSIVE").fetchall()
        except apsw.BusyError:
            return True
        probe.execute("ROLLBACK").fetchall()
        return False
