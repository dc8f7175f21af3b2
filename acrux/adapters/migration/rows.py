"""Copy rows from one database to another, page by page, and compare them."""

from collections.abc import AsyncIterator, Sequence

from acrux.adapters.migration.tables import Table
from acrux.adapters.sql.database import Database, Row, Statement, Steps
from acrux.adapters.sql.many_rows import placeholder_rows
from acrux.errors import InvalidMigration


async def copy_rows(source: Database, target: Database, table: Table) -> AsyncIterator[int]:
    """Copy what the target does not hold yet; yield how many rows of the table were copied.

    The rows come in the order of their keys. So an interrupted copy goes on after its last row.
    """
    copied = 0
    last = await target.read(_last(table))
    async for page in pages(source, table, last[0] if last else None):
        await target.write(_insert(table, page))
        copied += len(page)
        yield copied


async def pages(
    database: Database, table: Table, after: Row | None = None
) -> AsyncIterator[Sequence[Row]]:
    """The rows of a table in the order of their keys, `table.at_once` at a time."""
    while page := await database.read(_page(table, after)):
        yield page
        after = page[-1][: len(table.key)]


async def count_rows(database: Database, table: Table) -> int:
    """How many rows of the table belong to the registry."""
    sql = f"SELECT COUNT(*) FROM {table.name} WHERE {table.rows}"  # noqa: S608 -- our own text
    [(count,)] = await database.read(Statement(sql, {}))
    return int(count)


async def compare_rows(source: Database, target: Database, table: Table) -> AsyncIterator[int]:
    """Read both tables; yield how many rows were equal.

    Raises InvalidMigration if others are not.
    """
    compared = 0
    theirs = pages(target, table)
    async for page in pages(source, table):
        if await anext(theirs, None) != page:
            raise _different(table)
        compared += len(page)
        yield compared
    if await anext(theirs, None) is not None:
        raise _different(table)


def _different(table: Table) -> InvalidMigration:
    return InvalidMigration(
        f"the table {table.name} of the target is not as in the source: one of them was used "
        "meanwhile; empty the target, and migrate again while nobody uses either"
    )


def _page(table: Table, after: Row | None) -> Statement:
    key = ", ".join(table.key)
    where, values = table.rows, tuple(after or ())
    if after is not None:
        marks = ", ".join("?" * len(table.key))
        where = f"{where} AND ({key}) > ({marks})"
    return Statement(
        f"SELECT {', '.join(table.columns)} FROM {table.name} WHERE {where} "  # noqa: S608 -- our own text
        f"ORDER BY {key} LIMIT {table.at_once}",
        {},
        values,
    )


def _last(table: Table) -> Statement:
    key = ", ".join(table.key)
    downwards = ", ".join(f"{column} DESC" for column in table.key)
    sql = f"SELECT {key} FROM {table.name} WHERE {table.rows} ORDER BY {downwards} LIMIT 1"  # noqa: S608 -- our own text
    return Statement(sql, {})


def _insert(table: Table, page: Sequence[Row]) -> Steps[None]:
    columns = ", ".join(table.columns)
    rows = placeholder_rows(len(page), len(table.columns))
    values = tuple(value for row in page for value in row)
    yield Statement(f"INSERT INTO {table.name} ({columns}) VALUES {rows}", {}, values)  # noqa: S608 -- our own text
