"""Connections: made when needed, kept, and dropped when they fail."""

import asyncio
from collections.abc import AsyncIterator
from contextlib import asynccontextmanager
from typing import Final, TypeAlias

import asyncpg
from msgspec import Struct

from acrux.adapters.postgresql.address import Address
from acrux.adapters.postgresql.failures import translated
from acrux.adapters.postgresql.texts import numbered
from acrux.adapters.sql.database import Observer, Row, Statement
from acrux.errors import StorageUnavailable

CONNECT_SECONDS: Final = 10.0
COMMAND_SECONDS: Final = 30.0  # longer than any request waits for a statement
PREPARED_STATEMENTS: Final = 256  # that a connection keeps
# Characters. A longer one has hundreds of values, the number of which callers choose.
LONGEST_PREPARED: Final = 4096

_STANDBY: Final = "the database is a standby, which may lag behind: wait until it is promoted"

Connection: TypeAlias = "asyncpg.Connection[asyncpg.Record]"


class Access(Struct, frozen=True):
    """How to connect; `observe` is called with every statement before it is sent.

    A pooler that shares a connection between transactions may forget what one of them `prepares`.
    """

    address: Address
    observe: Observer
    prepares: bool = True

    async def connect(self, command_seconds: float = COMMAND_SECONDS) -> Connection:
        """A new connection to a server that takes writes. Raises as asyncpg does."""
        connection: Connection = await asyncpg.connect(
            self.address.url,
            timeout=CONNECT_SECONDS,
            command_timeout=command_seconds,
            statement_cache_size=PREPARED_STATEMENTS if self.prepares else 0,
            max_cached_statement_lifetime=0,
            max_cacheable_statement_size=LONGEST_PREPARED,
            server_settings={"application_name": "acrux"},
        )
        try:
            await _prepare(connection)
        except BaseException:
            connection.terminate()
            raise
        return connection

    async def execute(self, connection: Connection, statement: Statement) -> list[Row]:
        """All rows of the statement. Raises our errors where there is one."""
        self.observe(statement)
        text, values = numbered(statement)
        with translated():
            return [tuple(record) for record in await connection.fetch(text, *values)]

    async def command(self, connection: Connection, script: Statement) -> str:
        """Execute statements without values in one round trip, and return the tag of the last.

        https://www.postgresql.org/docs/current/protocol-message-formats.html, CommandComplete
        """
        self.observe(script)
        with translated():
            return str(await connection.execute(script.sql))


async def _prepare(connection: Connection) -> None:
    # A sum of BIGINT is a NUMERIC, and each is a whole number here.
    await connection.set_type_codec(
        "numeric", schema="pg_catalog", encoder=str, decoder=int, format="text"
    )
    if await connection.fetchval("SELECT pg_is_in_recovery()"):
        raise StorageUnavailable(_STANDBY)


class Connections:
    """Up to `most` connections. The one that was used last is used next.

    asyncpg's own pool asks the server to forget all settings after each use, and wraps each
    connection in a proxy: a third of the time of a short statement.
    """

    def __init__(self, access: Access, most: int) -> None:
        self._access = access
        self._places = asyncio.Semaphore(most)
        self._free: list[Connection] = []

    @asynccontextmanager
    async def one(self) -> AsyncIterator[Connection]:
        """A connection for the block. If the block fails, it is not used again."""
        async with self._places:
            connection = await self._taken()
            try:
                yield connection
            except BaseException:
                connection.terminate()
                raise
            if not connection.is_closed():
                self._free.append(connection)

    async def _taken(self) -> Connection:
        while self._free:
            connection = self._free.pop()
            if not connection.is_closed():  # the server restarted meanwhile
                return connection
        with translated():
            return await self._access.connect()

    async def close(self) -> None:
        """Close those that nobody uses."""
        while self._free:
            connection = self._free.pop()
            try:
                await connection.close(timeout=CONNECT_SECONDS)
            except (OSError, TimeoutError, asyncpg.InterfaceError, asyncpg.PostgresError):
                connection.terminate()
