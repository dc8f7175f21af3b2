"""What waits to be collected is counted fast, however much waits."""

from datetime import UTC, datetime, timedelta

from acrux.adapters.sql.collection.backlog import ENTRIES, Backlog, backlog
from acrux.adapters.sql.database import Statement, Steps
from tests.contracts.databases import Databases

NOON = datetime(2026, 11, 21, 12, 0, tzinfo=UTC)


def _removals(instants: list[datetime]) -> Steps[None]:
    for number, instant in enumerate(instants):
        yield Statement(
            "INSERT INTO removals (digest, copy, size, due_at) VALUES (:digest, 'a', 1, :at)",
            {"digest": f"sha256:{number:064x}", "at": int(instant.timestamp() * 1_000_000)},
        )


async def test_nothing_waits_in_an_empty_registry(databases: Databases) -> None:
    """An age of 56 years would raise an alarm."""
    database = databases.open()

    assert await backlog(database, NOON, 10) == Backlog(dict.fromkeys(ENTRIES, 0), None)


async def test_what_is_due_is_counted_up_to_a_limit_and_the_oldest_is_found(
    databases: Databases,
) -> None:
    """A million entries must not hold up a scrape, and the requests beside it."""
    database, hour = databases.open(), timedelta(hours=1)
    await database.write(_removals([NOON - number * hour for number in range(-3, 5)]))

    found = await backlog(database, NOON, 10)
    capped = await backlog(database, NOON, 2)

    assert found.due == dict.fromkeys(ENTRIES, 0) | {"copy": 5}
    assert capped.due["copy"] == 2
    assert found.oldest == capped.oldest == NOON - 4 * hour
