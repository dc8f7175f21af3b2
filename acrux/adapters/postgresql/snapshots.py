"""Long reads of one state of the database, in a thread of their own."""

import asyncio
from threading import Event
from typing import Any, Final

from acrux.adapters.postgresql.connections import Access
from acrux.adapters.postgresql.failures import translated
from acrux.adapters.postgresql.writer import carry_out
from acrux.adapters.sql.database import Result, Row, Statement, Steps
from acrux.errors import StorageReadOnly

STATEMENT_SECONDS: Final = 600.0

_BEGIN: Final = Statement("BEGIN ISOLATION LEVEL REPEATABLE READ READ ONLY", {})
_ROLLBACK: Final = Statement("ROLLBACK", {})

_INVALID: Final = Statement(
    """
    SELECT pg_class.relname FROM pg_index JOIN pg_class ON pg_class.oid = pg_index.indexrelid
    WHERE NOT pg_index.indisvalid AND pg_class.relnamespace = current_schema()::regnamespace
    ORDER BY pg_class.relname LIMIT 20
    """,
    {},
)
_FAILED: Final = Statement(
    """
    SELECT checksum_failures FROM pg_stat_database
    WHERE datname = current_database() AND checksum_failures > 0
    """,
    {},
)


async def read_apart(access: Access, steps: Steps[Result]) -> Result:
    """Run a transaction that only reads; a caller that is cancelled ends it."""
    cancelled = Event()
    try:
        return await asyncio.to_thread(asyncio.run, _read(access, steps, cancelled))
    except asyncio.CancelledError:
        cancelled.set()
        raise


async def _read(access: Access, steps: Steps[Any], cancelled: Event) -> Any:
    with translated():
        connection = await access.connect(STATEMENT_SECONDS)

    async def execute(statement: Statement) -> list[Row]:
        if cancelled.is_set():
            raise asyncio.CancelledError
        try:
            return await access.execute(connection, statement)
        except StorageReadOnly as refused:  # by the transaction, and not by the server
            raise RuntimeError("a snapshot is readonly") from refused

    try:
        await access.command(connection, _BEGIN)
        result = await carry_out(steps, execute)
        await access.command(connection, _ROLLBACK)
        return result
    finally:
        connection.terminate()


def verify() -> Steps[tuple[str, ...]]:
    """What the server knows to be wrong: indexes that it does not use, pages that it cannot read.

    It compares pages with their checksums whenever it reads them, if it was made with checksums.
    """
    indexes = yield _INVALID
    failed = yield _FAILED
    return (
        *(f"the index {name} is invalid: run REINDEX" for (name,) in indexes),
        *(
            f"{count} pages did not match their checksums when they were read"
            for (count,) in failed
        ),
    )
