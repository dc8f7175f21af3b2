"""How much is due to be collected, counted up to a limit."""

from collections.abc import Mapping
from datetime import datetime
from typing import Final

from msgspec import Struct

from acrux.adapters.sql.database import Database, Statement
from acrux.domain.instants import from_microseconds, to_microseconds

# Each kind of entry: its table, and the column that says when it is due. All have an index.
ENTRIES: Final = {
    "review": ("reviews", "due_at"),
    "hold": ("holds", "until"),
    "repository": ("repositories", "clear_at"),
    "deleted_manifest": ("deleted_manifests", "expires_at"),
    "deleted_tag": ("deleted_tags", "expires_at"),
    "copy": ("removals", "due_at"),
}


# The entries of each table that are due, for a SELECT.
ARE_DUE: Final = {
    table: f"FROM {table} WHERE {column} IS NOT NULL AND {column} <= :now"
    for table, column in ENTRIES.values()
}

_COUNTS: Final = ", ".join(
    f"(SELECT COUNT(*) FROM (SELECT 1 {due} LIMIT :most) AS due_{table})"  # noqa: S608 -- our own names
    for table, due in ARE_DUE.items()
)
_OLDEST: Final = " UNION ALL ".join(
    f"SELECT MIN({column}) AS due_at {ARE_DUE[table]}" for table, column in ENTRIES.values()
)
_COUNT: Final = f"SELECT {_COUNTS}, (SELECT MIN(due_at) FROM ({_OLDEST}) AS oldest)"  # noqa: S608 -- our own names


class Backlog(Struct, frozen=True):
    """How many entries of each kind are due, and since when the oldest of all is."""

    due: Mapping[str, int]
    oldest: datetime | None


async def backlog(database: Database, now: datetime, most: int) -> Backlog:
    """What is due. It takes as little if millions wait: no more than `most` of a kind are read."""
    [row] = await database.read(Statement(_COUNT, {"now": to_microseconds(now), "most": most}))
    *counts, oldest = row
    due = dict(zip(ENTRIES, map(int, counts), strict=True))
    return Backlog(due, None if oldest is None else from_microseconds(oldest))
