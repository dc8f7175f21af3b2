"""Transactions that write: one at a time among all nodes, some together."""

import asyncio
from collections import deque
from collections.abc import Awaitable, Callable
from contextlib import suppress
from typing import Any, Final

import asyncpg
from msgspec import Struct

from acrux.adapters.postgresql.connections import Access, Connection, Connections
from acrux.adapters.sql.database import Result, Row, Statement, Steps
from acrux.errors import RegistryError, StorageUnavailable
from acrux.threads import Outcome, resolve

MAX_GROUP: Final = 64  # transactions that one commit makes durable

LOCK: Final = 0x6163727578  # "acrux", of each database its own

# The lock is taken before the first statement that reads: each statement sees what was committed
# before it, and so what the former holder of the lock did. A holder that hangs loses it. What is
# acknowledged must be on the disk, whatever is set for other clients. There is no READ WRITE here:
# who set default_transaction_read_only had a reason.
_BEGIN: Final = Statement(
    f"""BEGIN ISOLATION LEVEL READ COMMITTED;
    SET LOCAL lock_timeout = '10s';
    SET LOCAL idle_in_transaction_session_timeout = '5s';
    SELECT set_config('synchronous_commit', 'on', true)
    WHERE current_setting('synchronous_commit') = 'off';
    SELECT pg_advisory_xact_lock({LOCK})""",
    {},
)
_COMMIT: Final = Statement("COMMIT", {})
_ROLLBACK: Final = Statement("ROLLBACK", {})
_SAVE: Final = Statement("SAVEPOINT steps", {})
_NEXT: Final = Statement("RELEASE steps; SAVEPOINT steps", {})
_UNDO: Final = Statement("ROLLBACK TO steps", {})

_UNKNOWN_OUTCOME: Final = (
    "the connection to the database was lost while it committed, so it may be done or not: look,"
    " or try again in a moment"
)


async def carry_out(
    steps: Steps[Result], execute: Callable[[Statement], Awaitable[list[Row]]]
) -> Result:
    """Execute the statements of a transaction and return its result."""
    try:
        statement = next(steps)
        while True:
            statement = steps.send(await execute(statement))
    except StopIteration as end:
        result: Result = end.value
        return result


class _Transaction(Struct, frozen=True):
    """Steps that wait to be run, and the caller that waits for their outcome."""

    steps: Steps[Any]
    caller: asyncio.Future[Any]


class Writer:
    """Commits together what has come in while it was busy."""

    def __init__(self, access: Access) -> None:
        self._access = access
        self._connections = Connections(access, 1)
        self._waiting: deque[_Transaction] = deque()
        self._writing: asyncio.Task[None] | None = None

    def submit(self, steps: Steps[Any]) -> asyncio.Future[Any]:
        """The future result of the steps; whoever waits for it may be cancelled."""
        caller: asyncio.Future[Any] = asyncio.get_running_loop().create_future()
        self._waiting.append(_Transaction(steps, caller))
        if self._writing is None:
            self._writing = asyncio.create_task(self._run())
        return caller

    async def stop(self) -> None:
        """Run what waits, then close the connection."""
        if self._writing is not None:
            await self._writing
        await self._connections.close()

    async def _run(self) -> None:
        while self._waiting:
            many = min(len(self._waiting), MAX_GROUP)
            await self._write([self._waiting.popleft() for _ in range(many)])
        self._writing = None

    async def _write(self, group: list[_Transaction]) -> None:
        try:
            async with self._connections.one() as connection:
                outcomes = await self._commit(connection, group)
        except Exception as failure:  # noqa: BLE001 -- whatever failed, the callers wait for it
            outcomes = [Outcome(failure=failure)] * len(group)
        for transaction, outcome in zip(group, outcomes, strict=True):
            resolve(transaction.caller, outcome)

    async def _commit(self, connection: Connection, group: list[_Transaction]) -> list[Outcome]:
        try:
            await self._access.command(connection, _BEGIN)
            outcomes = await self._carry_out_each(connection, group)
            await self._end(connection)
        except Exception as failure:  # noqa: BLE001 -- as above; the connection may be whole
            await self._roll_back(connection)
            return [Outcome(failure=failure)] * len(group)
        return outcomes

    async def _carry_out_each(
        self, connection: Connection, group: list[_Transaction]
    ) -> list[Outcome]:
        if len(group) == 1:  # alone, so that a failure undoes nothing of others
            return [Outcome(await self._carry_out(connection, group[0].steps))]
        outcomes: list[Outcome] = []
        for transaction in group:
            await self._access.command(connection, _NEXT if outcomes else _SAVE)
            outcomes.append(await self._attempt(connection, transaction.steps))
        return outcomes

    async def _attempt(self, connection: Connection, steps: Steps[Any]) -> Outcome:
        try:
            return Outcome(await self._carry_out(connection, steps))
        except Exception as failure:
            if connection.is_closed():
                raise
            await self._access.command(connection, _UNDO)
            return Outcome(failure=failure)

    async def _carry_out(self, connection: Connection, steps: Steps[Any]) -> Any:
        return await carry_out(steps, lambda one: self._access.execute(connection, one))

    async def _end(self, connection: Connection) -> None:
        try:
            done = await self._access.command(connection, _COMMIT)
        except StorageUnavailable as failure:
            raise StorageUnavailable(_UNKNOWN_OUTCOME) from failure
        if done != _COMMIT.sql:  # a transaction in which something failed is undone, and no error
            raise RuntimeError(f"the server answered {done} to COMMIT")

    async def _roll_back(self, connection: Connection) -> None:
        try:
            await self._access.command(connection, _ROLLBACK)
        except (RegistryError, asyncpg.PostgresError):  # the server undoes it with the connection
            with suppress(OSError):
                connection.terminate()
