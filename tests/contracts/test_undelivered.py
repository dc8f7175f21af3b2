"""What webhooks did not deliver is counted fast, however much it is."""

from datetime import timedelta

import pytest
from msgspec.structs import replace

from acrux.adapters.sql.database import Statement
from acrux.adapters.sql.webhooks import recording
from acrux.adapters.sql.webhooks.undelivered import COUNT, Undelivered, undelivered
from acrux.ports.webhooks import Lane
from tests.contracts.content import AT, HELLO, index, tags
from tests.contracts.databases import Databases, OpenDatabase, only_sqlite
from tests.contracts.webhooks import Told, webhook

ONE, OTHER = webhook("one"), webhook("other")


async def test_a_registry_without_webhooks_has_nothing_undelivered(databases: Databases) -> None:
    """A sum of no rows is no number, and a page without this metric raises no alarm."""
    nothing = {"waiting": 0, "dead": 0, "dropped": 0}

    assert await undelivered(databases.open(), 10) == Undelivered(nothing, None)


async def test_what_waits_is_dead_or_was_dropped_is_counted_for_all_webhooks_together(
    databases: Databases, monkeypatch: pytest.MonkeyPatch
) -> None:
    """A thousand dead events of each webhook must not hold up a scrape."""
    database = databases.open()
    told = Told(database)
    await told.create(ONE, OTHER)
    for name in ("v1", "v2", "v3", "v4"):
        await told.metadata.put_manifest(HELLO, index(name), tags(name), AT)
    await told.end(Lane("one", str(HELLO)))
    await told.end(Lane("one", str(HELLO)), "down", is_over=True)
    await told.end(Lane("other", str(HELLO)), "down", is_over=True)
    monkeypatch.setattr(recording, "MAX_WAITING_BYTES", 1)
    await told.metadata.put_manifest(HELLO, index("v5"), tags("v5"), AT)

    found, capped = await undelivered(database, 10), await undelivered(database, 1)

    standings = [await told.standing(name) for name in ("one", "other")]
    dropped = sum(standing.dropped for standing in standings)
    assert dropped > 0
    waiting = sum(standing.waiting for standing in standings)
    assert found.events == {"waiting": waiting, "dead": 2, "dropped": dropped}
    assert capped.events["dead"] == 1


@only_sqlite
async def test_what_waits_is_not_read_to_count_what_is_dead(database: OpenDatabase) -> None:
    """Millions of events may wait while no receiver answers, which is when it is watched."""
    explain = Statement(f"EXPLAIN QUERY PLAN {COUNT}", {"most": 10})

    steps = [str(row[-1]) for row in await database.read(explain)]

    of_events = [step for step in steps if "webhook_events" in step]
    assert of_events
    assert all(step.endswith("(webhook=? AND state=?)") for step in of_events)


async def test_a_webhook_fails_while_it_is_on_and_events_wait_for_it(databases: Databases) -> None:
    """An alert for what somebody turned off, or for what is long over, would be turned off too."""
    database = databases.open()
    told = Told(database)
    await told.create(ONE, OTHER)
    await told.metadata.put_manifest(HELLO, index("v1"), tags("v1"), AT)
    for name in ("one", "other"):
        await told.end(Lane(name, str(HELLO)), "down", is_over=False)
        told.now += timedelta(hours=1)

    both = await undelivered(database, 10)
    await told.webhooks.replace(replace(ONE, is_enabled=False), ONE, AT)
    enabled = await undelivered(database, 10)
    await told.end(Lane("other", str(HELLO)), "down", is_over=True)
    over = await undelivered(database, 10)

    assert both.failing_since == AT
    assert enabled.failing_since == AT + timedelta(hours=1)
    assert over.failing_since is None
