"""Long reads of one state of the database, in a thread of their own."""

import asyncio
from collections.abc import Callable
from contextlib import closing
from pathlib import Path
from threading import Event
from typing import Any, Final

from acrux.adapters.failures import is_read_only
from acrux.adapters.sql.database import Observer, Result, Row, Statement, Steps
from acrux.adapters.sqlite.connection import Connection

MAX_SENTENCES: Final = 20  # about a damaged file

# A read transaction sees one state of the file, whatever is committed meanwhile
# (https://sqlite.org/isolation.html). It only keeps the WAL from being reset.
_BEGIN: Final = Statement("BEGIN", {})
_ROLLBACK: Final = Statement("ROLLBACK", {})
_READ_ONLY: Final = Statement("PRAGMA query_only = ON", {})


def carry_out(steps: Steps[Result], execute: Callable[[Statement], list[Row]]) -> Result:
    """Execute the statements of a transaction and return its result."""
    try:
        statement = next(steps)
        while True:
            statement = steps.send(execute(statement))
    except StopIteration as end:
        result: Result = end.value
        return result


async def read_apart(path: Path, steps: Steps[Result], observe: Observer) -> Result:
    """Run a transaction that only reads; a caller that is cancelled ends it."""
    cancelled = Event()
    try:
        return await asyncio.to_thread(_read, path, steps, observe, cancelled)
    except asyncio.CancelledError:
        cancelled.set()
        raise


def _read(path: Path, steps: Steps[Any], observe: Observer, cancelled: Event) -> Any:
    connection = Connection(path, observe, is_read_only=is_read_only(path.parent))
    connection.end_when(cancelled.is_set)

    def execute(statement: Statement) -> list[Row]:
        if cancelled.is_set():
            raise asyncio.CancelledError
        return connection.execute(statement)

    with closing(connection):
        connection.execute(_READ_ONLY)
        connection.execute(_BEGIN)
        try:
            return carry_out(steps, execute)
        finally:
            connection.execute(_ROLLBACK)


def verify(*, deep: bool) -> Steps[tuple[str, ...]]:
    """What SQLite finds wrong with the file: see https://sqlite.org/pragma.html."""
    pragma = "integrity_check" if deep else "quick_check"
    rows = yield Statement(f"PRAGMA {pragma}({MAX_SENTENCES})", {})
    return tuple(str(text) for (text,) in rows if text != "ok")
