"""What is PostgreSQL's own: servers, schemas, locks, lost connections."""

import asyncio
from collections.abc import AsyncIterator
from contextlib import asynccontextmanager
from pathlib import Path

import apsw
import pytest

from acrux.adapters.postgresql.address import Address
from acrux.adapters.postgresql.connections import Access
from acrux.adapters.postgresql.database import PostgresDatabase
from acrux.adapters.postgresql.looks import VERSION
from acrux.adapters.postgresql.writer import LOCK, MAX_GROUP
from acrux.adapters.sql.database import Observer, Statement, Steps, nobody
from acrux.adapters.sql.schema import migrations
from acrux.adapters.sqlite.database import SqliteDatabase
from acrux.errors import (
    InvalidSettings,
    StorageReadOnly,
    StorageUnavailable,
    TooManyRequests,
)
from tests.postgresql import PostgreSql

KILL = """
    SELECT pg_terminate_backend(pid) FROM pg_stat_activity
    WHERE datname = current_database() AND state = 'idle in transaction'
"""

NAMES = Statement("SELECT name FROM accounts ORDER BY name", {})


def inserted(*names: str) -> Steps[None]:
    """Insert accounts."""
    for name in names:
        yield Statement("INSERT INTO accounts (name) VALUES (:name)", {"name": name})


@pytest.fixture
def name(server: PostgreSql) -> str:
    """A new database, which goes with its server."""
    return server.new_database()


@pytest.fixture
def url(server: PostgreSql, name: str) -> str:
    """Its URL."""
    return server.url(name)


@asynccontextmanager
async def opened(url: str, observe: Observer = nobody) -> AsyncIterator[PostgresDatabase]:
    """The database, open."""
    database = PostgresDatabase(Address.parse(url), observe)
    await database.open()
    try:
        yield database
    finally:
        await database.close()


async def refusal(url: str) -> str:
    """Why the database cannot be opened."""
    with pytest.raises(InvalidSettings) as refused:
        await PostgresDatabase(Address.parse(url)).open()
    return refused.value.message


class TestServers:
    """A server that cannot be used is refused at the start, in one line."""

    async def test_a_missing_database(self, server: PostgreSql) -> None:
        """The first request would fail instead of the start."""
        assert 'database "missing" does not exist' in await refusal(server.url("missing"))

    async def test_an_unknown_role(self, server: PostgreSql) -> None:
        """The first request would fail instead of the start."""
        assert "correct the user" in await refusal(server.url("postgres", user="stranger"))

    async def test_a_server_that_is_not_there(self, tmp_path: Path) -> None:
        """The first request would fail instead of the start."""
        assert "start the server" in await refusal(f"postgresql://acrux@/acrux?host={tmp_path}")

    async def test_a_role_without_rights(self, server: PostgreSql, name: str) -> None:
        """A new database whose tables nobody can make would look like an empty registry."""
        server.execute(f"CREATE ROLE {name}_guest LOGIN")
        server.execute("DROP TABLE schema_version", name)

        assert "own the database" in await refusal(server.url(name, user=f"{name}_guest"))

    async def test_a_database_that_is_read_only(self, server: PostgreSql, name: str) -> None:
        """The first push would fail instead of the start."""
        server.execute(f"ALTER DATABASE {name} SET default_transaction_read_only = on")

        assert "is read-only" in await refusal(server.url(name))

    async def test_a_database_of_another_encoding(self, server: PostgreSql) -> None:
        """Some names could not be stored."""
        server.execute("CREATE DATABASE latin TEMPLATE template0 ENCODING 'LATIN1' LOCALE 'C'"
                       " LOCALE_PROVIDER libc")  # fmt: skip

        assert "ENCODING 'UTF8'" in await refusal(server.url("latin"))

    async def test_a_role_that_was_set_to_read_only_is_not_overruled(
        self, server: PostgreSql, name: str
    ) -> None:
        """A provider sets that when the disk is nearly full, and has its reasons."""
        async with opened(server.url(name)) as database:
            server.execute(f"ALTER DATABASE {name} SET default_transaction_read_only = on")
            with pytest.raises(Exception, match="takes no writes"):
                await database.write(inserted("a"))

    async def test_a_server_that_takes_no_writes_is_noticed_without_a_write(
        self, server: PostgreSql, name: str
    ) -> None:
        """The first push that is lost should not be the one that tells."""
        async with opened(server.url(name)) as database:
            await database.watch()
            before = database.trouble()
        async with opened(server.url(name)) as database:
            server.execute(f"ALTER DATABASE {name} SET default_transaction_read_only = on")
            with pytest.raises(StorageReadOnly):
                await database.watch()

            assert before == ""
            assert database.trouble().startswith("the database takes no writes")


class TestSchema:
    """The same scripts make the same tables."""

    async def test_both_databases_have_the_same_tables_and_columns(
        self, server: PostgreSql, name: str, tmp_path: Path
    ) -> None:
        """A registry that moves from one to the other would lose what has no place there."""
        embedded = SqliteDatabase(tmp_path / "a.sqlite")
        embedded.open()
        embedded.close()
        tables = "SELECT m.name, p.name FROM sqlite_schema AS m, pragma_table_info(m.name) AS p"
        with apsw.Connection(str(tmp_path / "a.sqlite")) as sqlite:
            expected = set(sqlite.execute(f"{tables} WHERE m.type = 'table'"))
        listed = server.execute(
            "SELECT table_name, column_name FROM information_schema.columns"
            " WHERE table_schema = 'public'",
            name,
        )

        assert {tuple(line.split("|")) for line in listed.splitlines()} == {
            *expected,
            ("schema_version", "version"),
        }

    async def test_nodes_that_start_at_once_all_start(self, server: PostgreSql) -> None:
        """All but one node of a new cluster would die."""
        server.execute("CREATE DATABASE fresh")
        databases = [PostgresDatabase(Address.parse(server.url("fresh"))) for _ in range(4)]

        await asyncio.gather(*(database.open() for database in databases))

        assert await databases[0].read(NAMES) == []
        for database in databases:
            await database.close()

    async def test_a_newer_schema_is_refused(self, server: PostgreSql, name: str) -> None:
        """An older acrux would damage data that it does not understand."""
        server.execute("UPDATE schema_version SET version = 99; DELETE FROM facts", name)

        said = await refusal(server.url(name))

        assert (
            f"has version 99 of the schema, and this acrux knows versions up to {len(migrations())}"
            in said
        )

    async def test_a_newer_schema_that_only_adds_is_used(
        self, server: PostgreSql, name: str
    ) -> None:
        """Old and new nodes run side by side while a cluster is upgraded."""
        server.execute("UPDATE schema_version SET version = 99", name)  # its oldest is known

        async with opened(server.url(name)) as database:
            assert await database.read(NAMES) == []

    async def test_a_migration_that_fails_leaves_nothing(
        self, server: PostgreSql, monkeypatch: pytest.MonkeyPatch
    ) -> None:
        """A failed upgrade could be neither repeated nor rolled back."""
        server.execute("CREATE DATABASE half")
        scripts = (*migrations()[:10], "CREATE TABLE t (x TEXT); INSERT INTO missing VALUES (1)")
        monkeypatch.setattr("acrux.adapters.postgresql.database.migrations", lambda: scripts)

        assert "missing" in await refusal(server.url("half"))
        assert server.execute("SELECT count(*) FROM pg_tables WHERE schemaname = 'public'",
                              "half") == "0\n"  # fmt: skip


class TestTransactions:
    """One at a time in the whole cluster, and durable or undone."""

    async def test_a_sum_is_a_whole_number(self, url: str) -> None:
        """A size would be a decimal number, which no JSON of the registry has."""
        async with opened(url) as database:
            sum_ = "SELECT SUM(x) FROM (VALUES (CAST(:x AS BIGINT))) AS t (x)"

            [(total,)] = await database.read(Statement(sum_, {"x": 2}))

            assert (total, type(total)) == (2, int)

    async def test_nodes_that_write_at_once_lose_nothing(self, url: str) -> None:
        """A push would be acknowledged, then overwritten by another node."""

        def added() -> Steps[None]:
            rows = yield Statement("SELECT value FROM facts WHERE name = 'count'", {})
            count = int(rows[0][0]) + 1 if rows else 1
            yield Statement(
                "INSERT INTO facts (name, value) VALUES ('count', :count)"
                " ON CONFLICT (name) DO UPDATE SET value = excluded.value",
                {"count": str(count)},
            )

        async with opened(url) as one, opened(url) as other:
            await asyncio.gather(*(database.write(added()) for database in (one, other) * 50))

            count = Statement("SELECT value FROM facts WHERE name = 'count'", {})
            assert await one.read(count) == [("100",)]

    async def test_what_came_in_meanwhile_shares_a_commit(self, url: str) -> None:
        """Many concurrent pushes would each wait for a separate sync."""
        statements: list[str] = []
        async with opened(url, lambda one: statements.append(one.sql)) as database:
            statements.clear()
            names = [f"{number:03}" for number in range(MAX_GROUP + 1)]
            await asyncio.gather(*(database.write(inserted(name)) for name in names))

            assert statements.count("COMMIT") == 2
            assert await database.read(NAMES) == [(name,) for name in names]

    async def test_what_is_acknowledged_is_on_the_disk(self, server: PostgreSql, name: str) -> None:
        """A role whose commits are not synced would lose pushes in a power loss."""
        server.execute(f"ALTER DATABASE {name} SET synchronous_commit = off")
        modes: list[object] = []

        def steps() -> Steps[None]:
            modes.extend((yield Statement("SELECT current_setting('synchronous_commit')", {})))

        async with opened(server.url(name)) as database:
            await database.write(steps())

        assert modes == [("on",)]

    async def test_a_commit_of_which_no_answer_came_is_no_success(
        self, server: PostgreSql, name: str
    ) -> None:
        """A client would believe in a push that was lost, or in a refusal of one that was not."""
        is_killed = False

        def kill(statement: Statement) -> None:
            nonlocal is_killed
            if statement.sql == "COMMIT" and is_armed:
                is_killed = True
                server.execute(KILL, name)

        is_armed = False
        async with opened(server.url(name), kill) as database:
            is_armed = True
            writes = (database.write(inserted("a")), database.write(inserted("b")))
            outcomes = await asyncio.gather(*writes, return_exceptions=True)
            is_armed = False

            assert is_killed
            assert [type(outcome) for outcome in outcomes] == [StorageUnavailable] * 2
            assert "may be done or not" in str(outcomes[0])
            await database.write(inserted("a"))
            assert await database.read(NAMES) == [("a",)]

    async def test_a_node_that_hangs_does_not_stop_the_others(
        self, server: PostgreSql, name: str, monkeypatch: pytest.MonkeyPatch
    ) -> None:
        """One machine that was suspended in a transaction would stop the whole cluster."""
        begin = "acrux.adapters.postgresql.writer._BEGIN"
        short = f"BEGIN; SET LOCAL lock_timeout = '1ms'; SELECT pg_advisory_xact_lock({LOCK})"
        async with opened(server.url(name)) as hangs, opened(server.url(name)) as other:
            access = hangs._access  # noqa: SLF001 -- as its writer does
            connection = await access.connect()
            await connection.execute(f"BEGIN; SELECT pg_advisory_xact_lock({LOCK})")
            with monkeypatch.context() as patched:
                patched.setattr(begin, Statement(short, {}))
                with pytest.raises(TooManyRequests):
                    await other.write(inserted("a"))
            await connection.execute("SET LOCAL idle_in_transaction_session_timeout = '1ms'")

            await other.write(inserted("b"))

            assert await other.read(NAMES) == [("b",)]
            connection.terminate()


class TestRestarts:
    """A server that goes away and comes back is used again."""

    async def test_reads_and_writes_fail_while_it_is_away_and_go_on_afterwards(
        self, server: PostgreSql, url: str
    ) -> None:
        """Each node would have to be restarted after each restart of the server."""
        async with opened(url) as database:
            await database.write(inserted("a"))
            for _ in range(3):
                assert await database.read(NAMES) == [("a",)]
            server.stop()
            try:
                for _ in range(2):
                    with pytest.raises(StorageUnavailable):
                        await database.read(NAMES)
                    with pytest.raises(StorageUnavailable):
                        await database.write(inserted("b"))
            finally:
                server.start()

            await database.write(inserted("c"))

            assert await database.read(NAMES) == [("a",), ("c",)]

    async def test_a_version_is_never_that_of_an_earlier_start(
        self, server: PostgreSql, url: str
    ) -> None:
        """After a crash, the numbers of transactions that were lost are given once more."""
        access = Access(Address.parse(url), nobody)
        found = []
        for _ in range(2):
            connection = await access.connect()
            found += await access.execute(connection, VERSION)
            await connection.close()
            server.stop("fast")
            server.start()

        assert found[0] != found[1]


async def test_what_it_finds_wrong_is_said(server: PostgreSql, name: str) -> None:
    """An index that the server does not use any more would only be noticed by its slowness."""
    async with opened(server.url(name)) as database:
        assert await database.verify(deep=True) == ()
        server.execute(
            "UPDATE pg_index SET indisvalid = false"
            " WHERE indexrelid = 'accounts_by_kind'::regclass",
            name,
        )

        [sentence] = await database.verify(deep=False)
        assert "accounts_by_kind is invalid" in sentence
