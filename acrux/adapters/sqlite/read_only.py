"""A database on a read-only file system, until it takes writes again."""

from collections.abc import Awaitable, Callable
from pathlib import Path
from typing import Any, Final, Protocol

import apsw

from acrux.adapters.failures import READ_ONLY
from acrux.adapters.sql.database import Result, Row, Statement, Steps
from acrux.errors import StorageReadOnly

_FLAGS: Final = apsw.SQLITE_OPEN_READONLY | apsw.SQLITE_OPEN_URI
_LOOK: Final = "SELECT COUNT(*) FROM sqlite_schema"


class Reads(Protocol):
    """See read_cache.ReadCache."""

    def rows(self, statement: Statement) -> list[Row]: ...
    def find(self, statement: Statement, read: Callable[[list[Row]], Result]) -> Result: ...


class Writes(Protocol):
    """Where transactions go."""

    def submit(self, steps: Steps[Any]) -> Awaitable[Any]: ...
    def stop(self) -> None: ...


def open_read_only(path: Path) -> apsw.Connection:
    """Open a SQLite file that cannot be written, nor can the files beside it.

    First as a reader that sees what others commit. This needs a `-shm`, from a process that has
    the file open or was killed. Then as a reader of a `-wal` without a `-shm`, as a power loss
    leaves it. After a clean stop there is neither, and nobody can write. Raises apsw.Error.
    """
    uri = path.absolute().as_uri()
    try:
        return _looked_at(apsw.Connection(f"{uri}?mode=ro&readonly_shm=1", _FLAGS))
    except (apsw.CantOpenError, apsw.ReadOnlyError):  # of the file system, of the folder's modes
        if path.with_name(f"{path.name}-wal").exists():
            # Without locks, which need a writable descriptor, the WAL's index is in memory.
            alone = apsw.Connection(f"{uri}?mode=ro", _FLAGS, vfs="unix-none")
            # Must come before the first read (https://sqlite.org/wal.html#noshm).
            alone.execute("PRAGMA locking_mode = EXCLUSIVE")
            return _looked_at(alone)
        return _looked_at(apsw.Connection(f"{uri}?mode=ro&immutable=1", _FLAGS))


def _looked_at(connection: apsw.Connection) -> apsw.Connection:
    try:
        connection.execute(_LOOK)
    except BaseException:
        connection.close()
        raise
    return connection


class ReadsUntil:
    """Reads of a file that cannot be written; once it can be, it is `reopened`.

    This is checked before each read: once the file is writable, others may write to it.
    """

    def __init__(
        self, reads: Reads, is_read_only: Callable[[], bool], reopened: Callable[[], Reads]
    ) -> None:
        self._reads = reads
        self._is_read_only = is_read_only
        self._reopened = reopened

    def rows(self, statement: Statement) -> list[Row]:
        """See Reads."""
        return self._now().rows(statement)

    def find(self, statement: Statement, read: Callable[[list[Row]], Result]) -> Result:
        """See Reads."""
        return self._now().find(statement, read)

    def _now(self) -> Reads:
        return self._reads if self._is_read_only() else self._reopened()


class RefusedWrites:
    """Transactions on such a file: one that turns out to change nothing is run."""

    def __init__(
        self,
        execute: Callable[[Statement], list[Row]],
        is_read_only: Callable[[], bool],
        reopened: Callable[[], Writes],
    ) -> None:
        self._execute = execute
        self._is_read_only = is_read_only
        self._reopened = reopened

    async def submit(self, steps: Steps[Any]) -> Any:
        """See Writes. Raises StorageReadOnly at the first statement that writes."""
        if not self._is_read_only():
            return await self._reopened().submit(steps)
        try:
            statement = next(steps)
            while True:
                statement = steps.send(self._execute(statement))
        except StopIteration as end:
            return end.value
        except apsw.ReadOnlyError as refused:
            raise StorageReadOnly(READ_ONLY) from refused

    def stop(self) -> None:
        """Nothing waits."""
