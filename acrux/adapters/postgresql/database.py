"""The database on a PostgreSQL server: reads, one writer, migrations."""

import asyncio
from collections.abc import Callable, Sequence
from typing import Final

import asyncpg

from acrux.adapters.postgresql import schema
from acrux.adapters.postgresql.address import Address
from acrux.adapters.postgresql.connections import Access, Connections
from acrux.adapters.postgresql.failures import READ_ONLY, refusals
from acrux.adapters.postgresql.looks import VERSION
from acrux.adapters.postgresql.read_cache import ReadCache
from acrux.adapters.postgresql.refusals import IS_WRITABLE, Refusals
from acrux.adapters.postgresql.snapshots import read_apart, verify
from acrux.adapters.postgresql.writer import Writer
from acrux.adapters.sql.database import Observer, Result, Row, Statement, Steps, nobody
from acrux.adapters.sql.schema import migrations
from acrux.errors import StorageExhausted, StorageReadOnly, StorageUnavailable, TooManyRequests
from acrux.tally import Work

# What takes a connection of its own: looks, the writer, and a snapshot.
RESERVED_CONNECTIONS: Final = 3

MIGRATION_SECONDS: Final = 3600.0  # for one script, and for those of another node

# What a transaction raises if the database failed it: all else was refused by its own steps.
FAILURES: Final = (
    asyncpg.PostgresError, StorageExhausted, StorageReadOnly, StorageUnavailable, TooManyRequests,
)  # fmt: skip


class PostgresDatabase:
    """A database that any number of processes and machines use; see sql.database.Database.

    Open it in the process that uses it, and use it on one event loop. Connections are made when
    they are needed, at most `connections`, so that a server that was away is used again as soon as
    it is back. `observe` and `work` are as SqliteDatabase's.
    """

    def __init__(
        self,
        address: Address,
        observe: Observer = nobody,
        *,
        connections: int = 6,
        prepares: bool = True,
    ) -> None:
        self._access = Access(address, observe, prepares)
        self._most = connections - RESERVED_CONNECTIONS
        self._apart = asyncio.Lock()
        self._is_open = False
        self._refusals = Refusals()
        self.work = {"read": Work(), "transaction": Work(), "snapshot": Work()}

    async def open(self) -> None:
        """Check the server, and bring the schema up to date.

        Raises InvalidSettings, in one line without the password, if the server cannot be reached or
        used, or if the schema was made by a newer acrux.
        """
        with refusals(self._access.address.shown):
            connection = await self._access.connect(MIGRATION_SECONDS)
            try:
                await schema.check_server(self._access, connection)
                await schema.migrate(self._access, connection, migrations())
            finally:
                connection.terminate()
        self._reading = Connections(self._access, self._most)
        self._looking = Connections(self._access, 1)
        self._reads = ReadCache(self._execute, self._version)
        self._writer = Writer(self._access)
        self._is_open = True

    async def close(self) -> None:
        """Finish the writes that wait, then close the connections. Closing twice does no harm."""
        if not self._is_open:
            return
        self._is_open = False
        await self._writer.stop()
        await self._reads.stop()
        await self._looking.close()
        await self._reading.close()

    async def read(self, statement: Statement) -> list[Row]:
        """See sql.database.Database."""
        self._check_open()
        return await self._reads.rows(statement)

    async def find(self, statement: Statement, read: Callable[[list[Row]], Result]) -> Result:
        """See sql.database.Database."""
        self._check_open()
        return await self._reads.find(statement, read)

    async def write(self, steps: Steps[Result]) -> Result:
        """See sql.database.Database.

        Raises StorageUnavailable if the connection is lost while the server commits: whether the
        transaction is durable is unknown then.
        """
        self._check_open()
        with self.work["transaction"].measured(*FAILURES), self._refusals.noted():
            result: Result = await self._writer.submit(steps)
        return result

    async def snapshot(self, steps: Steps[Result]) -> Result:
        """See sql.database.Database."""
        self._check_open()
        async with self._apart:
            with self.work["snapshot"].measured(*FAILURES):
                return await read_apart(self._access, steps)

    async def verify(self, *, deep: bool) -> Sequence[str]:  # noqa: ARG002 -- there is no deeper one
        """See sql.database.Database, and snapshots.verify for what is looked at."""
        return await self.snapshot(verify())

    async def watch(self) -> None:
        """Ask the server whether it takes writes. Raises StorageReadOnly, StorageUnavailable."""
        with self._refusals.noted():
            [(is_writable,)] = await self._look(IS_WRITABLE)
            if not is_writable:
                raise StorageReadOnly(READ_ONLY)

    def trouble(self) -> str:
        """Why the server refuses writes, in words; empty if it accepts them."""
        return self._refusals.last()

    def _check_open(self) -> None:
        if not self._is_open:
            raise RuntimeError("the database is not open")

    async def _execute(self, statement: Statement) -> list[Row]:
        with self.work["read"].measured(Exception):
            async with self._reading.one() as connection:
                return await self._access.execute(connection, statement)

    async def _version(self) -> str:
        [(version,)] = await self._look(VERSION)
        return str(version)

    async def _look(self, statement: Statement) -> list[Row]:
        async with self._looking.one() as connection:
            return await self._access.execute(connection, statement)
