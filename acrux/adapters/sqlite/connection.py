"""A connection to the embedded database, and its failures as our errors."""

from collections.abc import Callable
from datetime import timedelta
from pathlib import Path
from typing import Final

import apsw

from acrux.adapters.failures import FULL, READ_ONLY, UNWRITABLE
from acrux.adapters.sql.database import Observer, Row, Statement, nobody
from acrux.adapters.sqlite.read_only import open_read_only
from acrux.errors import StorageExhausted, StorageReadOnly, StorageUnavailable, TooManyRequests

BUSY_TIMEOUT: Final = timedelta(seconds=10)

# apsw forgets a prepared statement that was not among the last so many executions. With its usual
# 100, the links of one image's blobs made it forget all that a manifest needs.
KEPT_STATEMENTS: Final = 512
# Callers choose how many values some statements have; one with more is prepared each time.
KEPT_VALUES: Final = 64

# How much of a statement is done before it is asked whether to go on, in steps of SQLite's machine.
PROGRESS_STEPS: Final = 10_000


class Connection:
    """A connection to a SQLite file in write-ahead mode, whose every commit is synced.

    A file that `is_read_only` is never written to. Must be closed. It uses no memory map: with one,
    a damaged disk sends a signal that kills the process.
    """

    def __init__(
        self, path: Path, observe: Observer = nobody, *, is_read_only: bool = False
    ) -> None:
        if not is_read_only:
            path.touch(mode=0o600)  # it holds the hashes of passwords
        self._sqlite = open_read_only(path) if is_read_only else _open(path)
        self._versions = self._sqlite.cursor()
        self._observe = observe
        self._sqlite.set_busy_timeout(BUSY_TIMEOUT // timedelta(milliseconds=1))
        if not is_read_only:
            # With NORMAL, which is common with WAL, a commit is not synced: a power loss could
            # undo what a 201 has acknowledged
            # (https://sqlite.org/pragma.html#pragma_synchronous).
            for pragma in ("journal_mode = WAL", "synchronous = FULL", "foreign_keys = ON"):
                self.execute(Statement(f"PRAGMA {pragma}", {}))

    @property
    def in_transaction(self) -> bool:
        """Whether a transaction is open."""
        return self._sqlite.in_transaction

    def end_when(self, is_over: Callable[[], bool]) -> None:
        """Interrupt a statement once this is true, however long it takes; it is asked often."""
        self._sqlite.set_progress_handler(is_over, PROGRESS_STEPS)

    def execute(self, statement: Statement) -> list[Row]:
        """All rows of the statement.

        Raises StorageExhausted, StorageReadOnly or StorageUnavailable if the disk is full, takes no
        writes or fails, and TooManyRequests if another process has been writing for longer than
        BUSY_TIMEOUT.
        """
        self._observe(statement)
        try:
            values = statement.values or statement.parameters
            is_kept = len(values) <= KEPT_VALUES
            return self._sqlite.execute(statement.sql, values, can_cache=is_kept).fetchall()
        except apsw.Error as failure:
            raise_ours(failure, self._sqlite.system_errno)
            raise

    def version(self) -> int:
        """A number that changes whenever another connection, of any process, has committed.

        Raises as `execute` does. Source: https://sqlite.org/pragma.html#pragma_data_version
        """
        try:
            return int(self._versions.execute("PRAGMA data_version").get)
        except apsw.Error as failure:
            raise_ours(failure, self._sqlite.system_errno)
            raise

    def close(self) -> None:
        """Close the file."""
        self._sqlite.close()


def _open(path: Path) -> apsw.Connection:
    return apsw.Connection(str(path), statementcachesize=KEPT_STATEMENTS)


def raise_ours(failure: apsw.Error, number: int) -> None:
    """Raise the registry's own error for it, if there is one; `number` is the system's errno."""
    number = number if isinstance(failure, apsw.IOError) else 0  # otherwise a stale one
    if isinstance(failure, apsw.FullError) or number in FULL:
        raise StorageExhausted(
            "the disk that holds the database is full: free some space, then try again"
        ) from failure
    if number in UNWRITABLE:
        raise StorageReadOnly(READ_ONLY) from failure
    if isinstance(failure, apsw.BusyError):
        raise TooManyRequests(
            "the database is busy: try again in a moment", retry_after=1
        ) from failure
    if isinstance(failure, apsw.IOError | apsw.CantOpenError):
        raise StorageUnavailable(
            f"the database cannot be read or written now ({failure}): try again in a moment"
        ) from failure
