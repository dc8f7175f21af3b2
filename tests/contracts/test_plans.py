"""Every lookup and every page uses an index, on SQLite and PostgreSQL."""

from collections.abc import Iterator
from pathlib import Path
from typing import Any

import apsw
import pytest
from msgspec.structs import replace

from acrux.adapters.sql.content.metadata_store import SqlMetadata
from acrux.adapters.sql.database import Database, Statement
from acrux.adapters.sql.properties import SqlProperties
from acrux.domain.content.digest import Digest
from acrux.domain.content.page import Order, Page
from acrux.ports.accounts import Revocations
from acrux.ports.failed_logins import FailedLogins
from tests.contracts.content import GRACE
from tests.contracts.databases import Databases, in_folder, on_sqlite
from tests.contracts.every_call import (
    ADAPTERS,
    CALLS,
    EVERYTHING,
    LARGE,
    POSTGRESQL,
    ROWS,
    SQLITE,
    SUBJECT,
    filled,
    statements_of,
)
from tests.postgresql import PostgreSql

# Methods that query no database.
IN_MEMORY = {(Revocations, "least_epoch"), (FailedLogins, "find"), (FailedLogins, "hash")}

BIG_TABLES = {
    "repositories", "blob_links", "manifests", "tags", "audit_log", "blobs", "removals",
    "manifest_references", "reviews", "holds", "pulls", "deleted_manifests", "deleted_tags",
    "webhook_events", "webhook_lanes",
}  # fmt: skip

# A manifest has few tags: they are sorted by time, not sought among all tags by time. The same
# applies to the records of several repositories, and to the deleted repositories of one name.
SORTED = ("updated_at + 0", "'(several)'", "deleted_at IS NOT NULL, deleted_at DESC")

# What waits to be collected is counted for whoever asks: `gc status`.
COUNTED = "(SELECT COUNT(*) FROM removals)"

# A search looks at ten thousand names. Of twice as many, PostgreSQL rather reads and sorts all.
LOOKED_AT = "ORDER BY name LIMIT 1 OFFSET :before"


def texts(statements: list[Statement]) -> list[str]:
    """The statements, each on one line."""
    return [" ".join(statement.sql.split()) for statement in statements]


def test_every_method_of_the_ports_in_sql_is_called() -> None:
    """A new query could scan a whole table, and users would be the first to notice."""
    methods = {(port, name) for port in ADAPTERS for name in vars(port) if not name.startswith("_")}

    assert {(call.port, call.method) for call in CALLS if call} == methods - IN_MEMORY


def _is_sorted(text: str) -> bool:
    return any(words in text for words in SORTED)


class TestSqlite:
    """The plans of SQLite."""

    async def test_no_statement_reads_through_a_table_or_sorts(self, databases: Databases) -> None:
        """A page of a million tags would take as long as listing them all."""
        statements, database = await statements_of(databases), databases.open()
        bad = {}
        for text, statement in zip(texts(statements), statements, strict=True):
            explain = replace(statement, sql=f"EXPLAIN QUERY PLAN {statement.sql}")
            steps = [row[-1] for row in await database.read(explain)]
            scans = [
                step for step in steps if step.split()[:2][-1] in BIG_TABLES and "SCAN" in step
            ]
            sorts = [step for step in steps if "TEMP B-TREE" in step and not _is_sorted(text)]
            if (scans or sorts) and COUNTED not in text:
                bad[text] = steps

        assert bad == {}
        assert len(statements) > 40

    async def test_a_page_costs_the_same_whether_there_are_few_or_many(
        self, tmp_path_factory: pytest.TempPathFactory
    ) -> None:
        """A registry would become slower with every push (performance.md, P6)."""
        few = await _costs(tmp_path_factory.mktemp("few"), ROWS // 10)
        many = await _costs(tmp_path_factory.mktemp("many"), ROWS)

        assert few == many
        assert all(cost > 0 for cost in few.values())


async def _costs(folder: Path, rows: int) -> dict[str, int]:
    """The number of steps of SQLite's virtual machine for each statement of a page of ten."""
    databases = Databases(in_folder(folder))
    database = databases.open()
    connection = apsw.Connection(str(folder / "registry.sqlite"))
    connection.execute(filled(SQLITE, rows))
    with databases.watched() as statements:
        await _read_pages(database, row=rows // 2 + rows // 20 + 1)
    databases.close()
    costs = {statement.sql: _cost(connection, statement) for statement in statements}
    connection.close()
    return costs


async def _read_pages(database: Database, row: int) -> None:
    metadata, properties = SqlMetadata(database, GRACE), SqlProperties(database)
    tag, digest = f"t{row:05}", Digest.parse(f"sha256:{row:064x}")
    await metadata.list_tags(LARGE, Page(10, tag))
    await metadata.list_repositories(Page(10, "small/00040"), EVERYTHING)
    await metadata.list_referrers(LARGE, SUBJECT, None, Page(1))
    for order in Order:
        await properties.tags(LARGE, Page(10, tag), order, None)
        await properties.tags(LARGE, Page(10), order, None)
        await properties.tags(LARGE, Page(10), order, digest)
        await properties.manifests(LARGE, Page(10, str(digest)), order)
        await properties.manifests(LARGE, Page(10), order)


def _cost(connection: apsw.Connection, statement: Statement) -> int:
    steps: list[int] = []

    def note(event: dict[str, Any]) -> None:
        steps.append(event["stmt_status"]["SQLITE_STMTSTATUS_VM_STEP"])

    connection.trace_v2(apsw.SQLITE_TRACE_PROFILE, note)
    rows = connection.execute(statement.sql, statement.parameters).fetchall()
    assert rows or "FROM policies" in statement.sql, statement.sql  # there is no policy
    connection.trace_v2(0, None)
    return sum(steps)


@pytest.fixture
def databases() -> Iterator[Databases]:
    """Where the statements are found, which are the same on each kind."""
    with on_sqlite() as place:
        databases = Databases(place)
        yield databases
        databases.close()


@pytest.fixture(scope="module")
def large(server: PostgreSql) -> Iterator[str]:
    """The name of a database with our schema and many rows, after ANALYZE."""
    name = server.new_database()
    server.execute(filled(POSTGRESQL, ROWS) + "ANALYZE;", name)
    yield name
    server.drop(name)


@pytest.mark.xdist_group("postgresql")
class TestPostgreSql:
    """The same migrations and statements on PostgreSQL."""

    async def test_every_statement_is_understood(
        self, databases: Databases, server: PostgreSql, large: str
    ) -> None:
        """The shared SQL text would turn out to be SQLite's only."""
        statements = await statements_of(databases)

        server.prepare(statements, large)

    async def test_no_statement_reads_through_a_table_or_sorts(
        self, databases: Databases, server: PostgreSql, large: str
    ) -> None:
        """A page of a million tags would take as long as listing them all."""
        statements = await statements_of(databases)
        bad = {}
        for text, plan in zip(texts(statements), server.plans(statements, large), strict=True):
            nodes = list(_nodes(plan))
            tables = BIG_TABLES & {node.get("Relation Name", "") for node in nodes}
            scans = [
                node
                for node in nodes
                if node["Node Type"] == "Seq Scan" and node["Relation Name"] in BIG_TABLES
            ]
            sorts = [
                node
                for node in nodes
                if "Sort" in node["Node Type"] and tables and not _is_sorted(text)
            ]
            if (scans or sorts) and COUNTED not in text and LOOKED_AT not in text:
                bad[text] = [node["Node Type"] for node in nodes]

        assert bad == {}

    def test_texts_compare_byte_by_byte(self, server: PostgreSql, large: str) -> None:
        """Pages would begin at a place that belongs to another order than the listing's."""
        names = ["B", "a", "a-b", "a.b", "\u00e4"]
        values = ", ".join(f"('{name}')" for name in names)
        server.execute(f"INSERT INTO accounts (name) VALUES {values}", large)  # noqa: S608 -- our own

        listed = server.execute("SELECT name FROM accounts ORDER BY name", large)

        assert listed.split() == names
        assert server.execute("SELECT 'B' < 'a'", large) == "f\n", "this server is no proof"


def _nodes(plan: dict[str, Any]) -> Iterator[dict[str, Any]]:
    yield plan
    for inner in plan.get("Plans", ()):
        yield from _nodes(inner)
