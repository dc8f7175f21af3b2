"""The embedded database: one writer, readers, migrations."""

import asyncio
import fcntl
import os
from collections.abc import Callable, Iterator, Sequence
from contextlib import ExitStack, closing, contextmanager, suppress
from importlib import resources
from pathlib import Path
from queue import SimpleQueue
from threading import Thread
from typing import Any, Final

import apsw
from msgspec import Struct

from acrux.adapters.failures import is_read_only
from acrux.adapters.sql.database import Result, Row, Statement, Steps
from acrux.adapters.sqlite.connection import Connection, Observer, nobody
from acrux.adapters.sqlite.read_cache import ReadCache
from acrux.adapters.sqlite.read_only import Reads, ReadsUntil, RefusedWrites, Writes
from acrux.errors import InvalidSettings, RegistryError, StorageUnavailable

MAX_GROUP: Final = 64  # transactions that one commit makes durable

_BEGIN: Final = Statement("BEGIN IMMEDIATE", {})
_COMMIT: Final = Statement("COMMIT", {})
_ROLLBACK: Final = Statement("ROLLBACK", {})
_SAVE: Final = Statement("SAVEPOINT steps", {})
_UNDO: Final = Statement("ROLLBACK TO steps", {})
_RELEASE: Final = Statement("RELEASE steps", {})


class SqliteDatabase:
    """One SQLite file, that several processes may have open; see sql.database.Database.

    Open it in the process, and use it on the event loop, that it serves. Reads run in the loop
    itself, for they take microseconds, and what was read is cached until somebody commits.
    Writes go to one thread, so that a sync never holds up the loop. `observe` is told of every
    statement before it runs, in whichever thread that is.
    """

    def __init__(self, path: Path, observe: Observer = nobody) -> None:
        self._path = path
        self._observe = observe
        self._opened = ExitStack()
        self._reads: Reads | None = None
        self._writer: Writes | None = None
        self._is_closed = False  # between read-only and writable

    def open(self) -> None:
        """Make the file where it is missing, bring its schema up to date, start the writer.

        On a file system that is read-only it is only read, until that takes writes again. Raises
        InvalidSettings where the file is no database of ours or was made by a newer acrux.
        """
        if is_read_only(self._path.parent):
            self._open_read_only()
            return
        with _refusals(self._path), _alone(self._path.parent), ExitStack() as opened:
            writing = opened.enter_context(closing(Connection(self._path, self._observe)))
            migrate(writing, migrations(), self._path)
            # Not the writer's connection: its reads would see an open transaction, and data_version
            # does not change for its own commits
            # (https://sqlite.org/pragma.html#pragma_data_version).
            reading = opened.enter_context(closing(Connection(self._path, self._observe)))
            reading.execute(Statement("PRAGMA query_only = ON", {}))
            self._opened = opened.pop_all()
        self._reads = ReadCache(reading.execute, reading.version)
        writer = self._writer = _Writer(writing)
        writer.start()

    def _open_read_only(self) -> None:
        with _refusals(self._path), ExitStack() as opened:
            connection = Connection(self._path, self._observe, is_read_only=True)
            reading = opened.enter_context(closing(connection))
            _check_version(_version(reading), len(migrations()), self._path, is_fixed=True)
            self._opened = opened.pop_all()
        lasts = self._stays_read_only
        reads = ReadCache(reading.execute, reading.version)
        self._reads = ReadsUntil(reads, lasts, self._reopened_reads)
        self._writer = RefusedWrites(reading.execute, lasts, self._reopened_writer)

    def _reopened_reads(self) -> Reads:
        # First, as closing a file lets go of every lock that this process has on it (fcntl(2)).
        self._opened.close()
        self._is_closed = True
        try:
            self.open()
        except InvalidSettings as failed:  # it is tried again with whatever is asked next
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
        """Finish the writes that wait, then let go of the file. Closing twice does no harm."""
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
        result: Result = await self._writer.submit(steps)
        return result


class _Outcome(Struct, frozen=True):
    """How a transaction ended: with a result or a failure."""

    result: Any = None
    failure: Exception | None = None


class _Transaction(Struct, frozen=True):
    """Steps that wait to be carried out, and the caller who waits for their outcome."""

    steps: Steps[Any]
    caller: asyncio.Future[Any]

    def answer(self, outcome: _Outcome) -> None:
        """Tell the caller, from any thread."""
        with suppress(RuntimeError):  # the loop has been closed: nobody waits any more
            self.caller.get_loop().call_soon_threadsafe(_settle, self.caller, outcome)


def _settle(caller: asyncio.Future[Any], outcome: _Outcome) -> None:
    if caller.done():  # cancelled meanwhile
        return
    if outcome.failure is None:
        caller.set_result(outcome.result)
    else:
        caller.set_exception(outcome.failure)


class _Writer:
    """The thread that writes: it commits together whatever waits while it is busy."""

    def __init__(self, connection: Connection) -> None:
        self._connection = connection
        self._waiting: SimpleQueue[_Transaction | None] = SimpleQueue()
        # A daemon: at exit nobody waits for a write whose caller is gone.
        self._thread = Thread(target=self._run, name="acrux-writer", daemon=True)

    def start(self) -> None:
        self._thread.start()

    def stop(self) -> None:
        """Carry out what waits, then end."""
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
            taken.append(self._waiting.get())  # never waits: nobody else takes
        return taken

    def _commit(self, group: list[_Transaction]) -> None:
        try:
            self._connection.execute(_BEGIN)
            outcomes = self._carry_out_each(group)
            self._connection.execute(_COMMIT)
        except Exception as failure:  # noqa: BLE001 -- whatever it is, those who wait must hear it
            self._roll_back()
            outcomes = [_Outcome(failure=failure)] * len(group)
        for transaction, outcome in zip(group, outcomes, strict=True):
            transaction.answer(outcome)

    def _carry_out_each(self, group: list[_Transaction]) -> list[_Outcome]:
        if len(group) == 1:  # what fails takes nobody else with it
            return [_Outcome(result=self._carry_out(group[0].steps))]
        return [self._attempt(transaction.steps) for transaction in group]

    def _attempt(self, steps: Steps[Any]) -> _Outcome:
        self._connection.execute(_SAVE)
        try:
            outcome = _Outcome(result=self._carry_out(steps))
        except Exception as failure:
            if not self._connection.in_transaction:
                raise  # SQLite gave up the whole group: https://sqlite.org/lang_transaction.html §3
            self._connection.execute(_UNDO)
            outcome = _Outcome(failure=failure)
        self._connection.execute(_RELEASE)
        return outcome

    def _carry_out(self, steps: Steps[Any]) -> Any:
        try:
            statement = next(steps)
            while True:
                statement = steps.send(self._connection.execute(statement))
        except StopIteration as end:
            return end.value

    def _roll_back(self) -> None:
        # An error of ROLLBACK itself changes nothing: the transaction has ended either way.
        with suppress(apsw.Error, RegistryError):
            if self._connection.in_transaction:
                self._connection.execute(_ROLLBACK)


def migrations() -> tuple[str, ...]:
    """The scripts that make the schema, in order: the first brings it to version 1."""
    folder = resources.files("acrux.adapters.sql.migrations")
    scripts = [entry for entry in folder.iterdir() if entry.name.endswith(".sql")]
    scripts.sort(key=lambda script: script.name)
    return tuple(script.read_text(encoding="utf-8") for script in scripts)


def migrate(connection: Connection, scripts: Sequence[str], path: Path) -> None:
    """Bring the schema to the version that the scripts make, all or nothing.

    Nothing is written where it has that version already: a full disk keeps nobody from starting.
    Processes that start at once wait for each other. Raises InvalidSettings where the database is
    of a newer version.
    """
    connection.execute(_BEGIN)
    try:
        version = _version(connection)
        _check_version(version, len(scripts), path)
        for made, script in enumerate(scripts[version:], version + 1):
            connection.execute(Statement(script, {}))
            connection.execute(Statement(f"PRAGMA user_version = {made}", {}))
        connection.execute(_COMMIT)
    finally:
        if connection.in_transaction:
            connection.execute(_ROLLBACK)


def _version(connection: Connection) -> int:
    [(version,)] = connection.execute(Statement("PRAGMA user_version", {}))
    return int(version)


def _check_version(version: int, known: int, path: Path, *, is_fixed: bool = False) -> None:
    if is_fixed and version < known:
        raise InvalidSettings(
            f"data_dir: the database {path} is of an older acrux, and its file system is read-only:"
            " run the acrux that made it, or start this one once where it can be written"
        )
    if version > known:
        raise InvalidSettings(
            f"data_dir: the database {path} has version {version} of the schema and this acrux"
            f" knows versions up to {known}: run the acrux that made it, or a newer one"
        )


@contextmanager
def _alone(folder: Path) -> Iterator[None]:
    # Two processes that switch a new file to WAL at once get "database is locked" without the
    # busy timeout, and a long migration outlasts it: so only one process opens at a time.
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
            " for whoever runs acrux"
        ) from failure
