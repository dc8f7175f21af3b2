"""The embedded database: one writer, readers, migrations."""

import asyncio
import fcntl
import os
from collections.abc import Callable, Iterator, Sequence
from contextlib import ExitStack, closing, contextmanager, suppress
from pathlib import Path
from queue import SimpleQueue
from threading import Thread
from typing import Any, Final

import apsw
from msgspec import Struct

from acrux.adapters.failures import is_read_only
from acrux.adapters.sql.database import Observer, Result, Row, Statement, Steps, nobody
from acrux.adapters.sql.schema import migrations
from acrux.adapters.sqlite import schema
from acrux.adapters.sqlite.connection import Connection
from acrux.adapters.sqlite.read_cache import ReadCache
from acrux.adapters.sqlite.read_only import Reads, ReadsUntil, RefusedWrites, Writes
from acrux.adapters.sqlite.snapshots import carry_out, read_apart, verify
from acrux.errors import (
    InvalidSettings,
    RegistryError,
    StorageExhausted,
    StorageReadOnly,
    StorageUnavailable,
    TooManyRequests,
)
from acrux.tally import Work
from acrux.threads import Outcome, resolve

MAX_GROUP: Final = 64  # transactions that one commit makes durable

# What a transaction raises if the database failed it: all else was refused by its own steps.
FAILURES: Final = (
    apsw.Error, StorageExhausted, StorageReadOnly, StorageUnavailable, TooManyRequests,
)  # fmt: skip

_BEGIN: Final = Statement("BEGIN IMMEDIATE", {})
_COMMIT: Final = Statement("COMMIT", {})
_ROLLBACK: Final = Statement("ROLLBACK", {})
_SAVE: Final = Statement("SAVEPOINT steps", {})
_UNDO: Final = Statement("ROLLBACK TO steps", {})
_RELEASE: Final = Statement("RELEASE steps", {})


class SqliteDatabase:
    """One SQLite file, which several processes may have open; see sql.database.Database.

    Open it in the process that uses it, and use it on one event loop. Reads run on the loop itself,
    since they take microseconds, and their results are cached until somebody commits. Writes run in
    one thread, so that a sync never blocks the loop. `observe` is called with every statement
    before it runs, in the thread that runs it. `work` counts reads, of which cached ones are none,
    transactions and snapshots; their time includes that in which they wait for others.
    """

    def __init__(self, path: Path, observe: Observer = nobody) -> None:
        self._path = path
        self._observe = observe
        self._opened = ExitStack()
        self._reads: Reads | None = None
        self._writer: Writes | None = None
        self._is_closed = False  # between read-only and writable
        self._apart = asyncio.Lock()
        self.work = {"read": Work(), "transaction": Work(), "snapshot": Work()}

    def open(self) -> None:
        """Create the file if it is missing, bring its schema up to date, start the writer.

        On a read-only file system the file is only read, until the file system takes writes again.
        Raises InvalidSettings if the file is not a database of ours or was made by a newer acrux.
        """
        if is_read_only(self._path.parent):
            self._open_read_only()
            return
        with _refusals(self._path), _alone(self._path.parent), ExitStack() as opened:
            writing = opened.enter_context(closing(Connection(self._path, self._observe)))
            schema.migrate(writing, migrations(), self._path)
            # Not the writer's connection: its reads would see an open transaction, and data_version
            # does not change for its own commits
            # (https://sqlite.org/pragma.html#pragma_data_version).
            reading = opened.enter_context(closing(Connection(self._path, self._observe)))
            reading.execute(Statement("PRAGMA query_only = ON", {}))
            self._opened = opened.pop_all()
        self._reads = self._cached(reading)
        writer = self._writer = _Writer(writing)
        writer.start()

    def _open_read_only(self) -> None:
        with _refusals(self._path), ExitStack() as opened:
            connection = Connection(self._path, self._observe, is_read_only=True)
            reading = opened.enter_context(closing(connection))
            schema.check(reading, len(migrations()), self._path, is_fixed=True)
            self._opened = opened.pop_all()
        lasts = self._stays_read_only
        self._reads = ReadsUntil(self._cached(reading), lasts, self._reopened_reads)
        self._writer = RefusedWrites(reading.execute, lasts, self._reopened_writer)

    def _cached(self, reading: Connection) -> ReadCache:
        return ReadCache(self.work["read"].measuring(reading.execute, Exception), reading.version)

    def _reopened_reads(self) -> Reads:
        # First, since closing a file releases all locks of this process on it (fcntl(2)).
        self._opened.close()
        self._is_closed = True
        try:
            self.open()
        except InvalidSettings as failed:  # the next read or write tries again
            raise StorageUnavailable(str(failed)) from failed
        self._is_closed = False
        assert self._reads is not None  # noqa: S101 -- for the type checker
        return self._reads

    def _stays_read_only(self) -> bool:
        return not self._is_closed and is_read_only(self._path.parent)

    def _reopened_writer(self) -> Writes:
        self._reopened_reads()
        assert self._writer is not None  # noqa: S101 -- for the type checker
        return self._writer

    def close(self) -> None:
        """Finish the writes that wait, then close the file. Closing twice does no harm."""
        writer, self._reads, self._writer = self._writer, None, None
        if writer is not None:
            writer.stop()
        self._opened.close()

    async def read(self, statement: Statement) -> list[Row]:
        """See sql.database.Database."""
        if self._reads is None:
            raise RuntimeError("the database is not open")
        return self._reads.rows(statement)

    async def find(self, statement: Statement, read: Callable[[list[Row]], Result]) -> Result:
        """See sql.database.Database."""
        if self._reads is None:
            raise RuntimeError("the database is not open")
        return self._reads.find(statement, read)

    async def write(self, steps: Steps[Result]) -> Result:
        """See sql.database.Database."""
        if self._writer is None:
            raise RuntimeError("the database is not open")
        with self.work["transaction"].measured(*FAILURES):
            result: Result = await self._writer.submit(steps)
        return result

    async def snapshot(self, steps: Steps[Result]) -> Result:
        """See sql.database.Database."""
        if self._reads is None:
            raise RuntimeError("the database is not open")
        async with self._apart:
            with self.work["snapshot"].measured(*FAILURES):
                return await read_apart(self._path, steps, self._observe)

    async def verify(self, *, deep: bool) -> Sequence[str]:
        """See sql.database.Database."""
        try:
            return await self.snapshot(verify(deep=deep))
        except apsw.CorruptError as damaged:
            return [str(damaged)]


class _Transaction(Struct, frozen=True):
    """Steps that wait to be run, and the caller that waits for their outcome."""

    steps: Steps[Any]
    caller: asyncio.Future[Any]

    def answer(self, outcome: Outcome) -> None:
        """Give the caller the outcome; may be called in any thread."""
        with suppress(RuntimeError):  # the loop has been closed: nobody waits any more
            self.caller.get_loop().call_soon_threadsafe(resolve, self.caller, outcome)


class _Writer:
    """The thread that writes: it commits together what has come in while it was busy."""

    def __init__(self, connection: Connection) -> None:
        self._connection = connection
        self._waiting: SimpleQueue[_Transaction | None] = SimpleQueue()
        # A daemon: an exit does not wait for a write whose caller is gone.
        self._thread = Thread(target=self._run, name="acrux-writer", daemon=True)

    def start(self) -> None:
        self._thread.start()

    def stop(self) -> None:
        """Run what waits, then end."""
        self._waiting.put(None)
        self._thread.join()

    def submit(self, steps: Steps[Any]) -> asyncio.Future[Any]:
        caller: asyncio.Future[Any] = asyncio.get_running_loop().create_future()
        self._waiting.put(_Transaction(steps, caller))
        return caller

    def _run(self) -> None:
        stopping = False
        while not stopping:
            waiting = self._take()
            stopping = None in waiting
            group = [transaction for transaction in waiting if transaction is not None]
            if group:
                self._commit(group)

    def _take(self) -> list[_Transaction | None]:
        taken = [self._waiting.get()]
        while len(taken) < MAX_GROUP and not self._waiting.empty():
            taken.append(self._waiting.get())  # never blocks: nobody else takes
        return taken

    def _commit(self, group: list[_Transaction]) -> None:
        try:
            self._connection.execute(_BEGIN)
            outcomes = self._carry_out_each(group)
            self._connection.execute(_COMMIT)
        except Exception as failure:  # noqa: BLE001 -- whatever failed, the callers wait for it
            self._roll_back()
            outcomes = [Outcome(failure=failure)] * len(group)
        for transaction, outcome in zip(group, outcomes, strict=True):
            transaction.answer(outcome)

    def _carry_out_each(self, group: list[_Transaction]) -> list[Outcome]:
        if len(group) == 1:  # alone, so that a failure undoes nothing of others
            return [Outcome(result=self._carry_out(group[0].steps))]
        return [self._attempt(transaction.steps) for transaction in group]

    def _attempt(self, steps: Steps[Any]) -> Outcome:
        self._connection.execute(_SAVE)
        try:
            outcome = Outcome(result=self._carry_out(steps))
        except Exception as failure:
            if not self._connection.in_transaction:
                raise  # SQLite undid the whole group: https://sqlite.org/lang_transaction.html §3
            self._connection.execute(_UNDO)
            outcome = Outcome(failure=failure)
        self._connection.execute(_RELEASE)
        return outcome

    def _carry_out(self, steps: Steps[Any]) -> Any:
        return carry_out(steps, self._connection.execute)

    def _roll_back(self) -> None:
        # An error of ROLLBACK itself changes nothing: the transaction has ended either way.
        with suppress(apsw.Error, RegistryError):
            if self._connection.in_transaction:
                self._connection.execute(_ROLLBACK)


@contextmanager
def _alone(folder: Path) -> Iterator[None]:
    # If two processes switch a new file to WAL at once, one gets "database is locked" without any
    # busy timeout, and a long migration outlasts it. So only one process opens the file at a time.
    lock = os.open(folder, os.O_RDONLY | os.O_DIRECTORY)
    try:
        fcntl.flock(lock, fcntl.LOCK_EX)
        yield
    finally:
        os.close(lock)


@contextmanager
def _refusals(path: Path) -> Iterator[None]:
    try:
        yield
    except (OSError, apsw.Error) as failure:
        raise InvalidSettings(
            f"data_dir: {path} cannot be opened as a database ({failure}): choose another"
            " data directory, restore this file from a backup, or make it readable and writable"
            " by the user who runs acrux"
        ) from failure
