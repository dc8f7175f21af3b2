"""The contract of the outbox: in order, bounded, kept for a while."""

from datetime import timedelta

import pytest

from acrux.adapters.sql.webhooks import recording
from acrux.adapters.sql.webhooks.outbox import KEPT
from acrux.adapters.sql.webhooks.recording import DROPPED_AT_ONCE
from acrux.domain.webhooks.event import Action, Event
from acrux.domain.webhooks.standing import Attempt, RecordedEvent, State
from acrux.ports.webhooks import Lane
from tests.contracts.content import AT, HELLO, OTHER, index, tags
from tests.contracts.databases import OpenDatabase
from tests.contracts.webhooks import ANSWER, Told, webhook

SECOND = timedelta(seconds=1)
LANE = Lane("everything", str(HELLO))


@pytest.fixture
async def told(database: OpenDatabase) -> Told:
    """A registry whose webhook is told of everything."""
    told = Told(database)
    await told.create(webhook("everything"))
    return told


async def push(told: Told, *names: str, repository: str = str(HELLO)) -> None:
    """Push these tags, one after another."""
    where = HELLO if repository == str(HELLO) else OTHER
    for name in names:
        await told.metadata.put_manifest(where, index(), tags(name), told.now)


async def test_events_of_a_repository_come_in_order(told: Told) -> None:
    """A push that overtakes a later one would deploy what is outdated."""
    await push(told, "v1", "v2")
    await push(told, "v3", repository=str(OTHER))

    due = await told.outbox.due(AT, 9)
    delivered = [(await told.end(LANE)).event.subject.tag for _ in range(2)]

    assert {lane.repository for lane in due} == {str(HELLO), str(OTHER)}
    assert delivered == ["v1", "v2"]
    assert await told.outbox.first(LANE) is None
    assert [lane.repository for lane in await told.outbox.due(AT, 9)] == [str(OTHER)]


async def test_a_lane_that_failed_waits_as_a_whole(told: Told) -> None:
    """What was pushed later must not overtake it, and other repositories must not wait."""
    await push(told, "v1", "v2")
    await push(told, "v3", repository=str(OTHER))
    later = AT + 5 * SECOND
    await told.end(LANE, "down", is_over=False, retry_at=later)
    await push(told, "v4")

    assert [lane.repository for lane in await told.outbox.due(later - SECOND, 9)] == [str(OTHER)]
    due = await told.outbox.due(later, 9)
    assert Lane("everything", str(HELLO), failures=1) in due
    assert (await told.first(LANE)).event.subject.tag == "v1"


async def test_each_webhook_shows_only_its_longest_due_lanes(told: Told) -> None:
    """A thousand lanes of one receiver must not hide those of another."""
    await told.create(webhook("another"))
    await push(told, "v1")
    told.now += SECOND
    await push(told, "v1", repository=str(OTHER))

    assert await told.outbox.due(told.now, 1) == [Lane("another", str(HELLO)), LANE]


async def test_a_disabled_webhook_keeps_what_waits(told: Told) -> None:
    """It goes on where it was when it is enabled again."""
    await push(told, "v1")
    off = webhook("everything")
    stored = await told.webhooks.find("everything")
    assert stored is not None
    disabled = type(off)(name=off.name, actions=off.actions, sealed="sealed", is_enabled=False)
    await told.webhooks.replace(disabled, stored.webhook, AT)
    due = await told.outbox.due(AT, 9)
    await told.webhooks.replace(off, disabled, AT)

    assert not due
    assert await told.outbox.due(AT, 9) == [LANE]


async def test_a_change_lets_what_failed_be_tried_at_once(told: Told) -> None:
    """Whoever corrects an address waits for up to four hours otherwise."""
    await push(told, "v1")
    await told.end(LANE, "down", is_over=False, retry_at=AT + timedelta(hours=4))
    one = webhook("everything")
    await told.webhooks.replace(one, one, AT)

    assert await told.outbox.due(AT, 9) == [LANE]


async def test_what_became_of_events_is_told(told: Told) -> None:
    """Whoever set up the webhook wants to see the answer."""
    await push(told, "v1", "v2", "v3")
    first = await told.end(LANE)
    second = await told.end(LANE, "the receiver answered 500", is_over=True)
    attempt = Attempt(at=AT, headers={}, answer=ANSWER)

    found = await told.outbox.events("everything", None, 9)
    assert [(one.state, one.attempts) for one in found] == [
        (State.WAITING, 0), (State.DEAD, 1), (State.DELIVERED, 1),
    ]  # fmt: skip
    assert found[2] == RecordedEvent(
        event=first.event, state=State.DELIVERED, attempts=1, last_attempt=attempt
    )
    assert [one.event for one in await told.outbox.events("everything", State.DEAD, 9)] == [
        second.event
    ]
    assert await told.outbox.events("everything", None, 1) == found[:1]


async def test_how_a_webhook_is_doing_follows_the_attempts(told: Told) -> None:
    """An operator sees that something is wrong, and since when."""
    await push(told, "v1", "v2")
    await told.end(LANE, "down", is_over=False)
    told.now += SECOND
    await told.end(LANE, "still down", is_over=True)
    failing = await told.standing("everything")
    await told.end(LANE)
    well = await told.standing("everything")

    assert (failing.waiting, failing.dead, failing.failing_since) == (1, 1, AT)
    assert (failing.problem, failing.succeeded_at) == ("still down", None)
    assert (well.waiting, well.failing_since, well.problem) == (0, None, "")
    assert well.succeeded_at == told.now


async def test_the_oldest_are_dropped_when_too_much_waits(
    told: Told, monkeypatch: pytest.MonkeyPatch
) -> None:
    """A receiver that is down for a week does not fill the disk."""
    await push(told, "v0")
    monkeypatch.setattr(recording, "MAX_WAITING_BYTES", 6000)
    await push(told, *(f"v{number}" for number in range(1, 20)))

    standing, found = await told.standing("everything"), await told.events("everything")
    assert 2 <= standing.waiting == len(found) < 10
    assert standing.dropped == 20 - standing.waiting
    assert found[-1].subject.tag == "v19"
    assert [event.subject.tag for event in found] == [
        f"v{number}" for number in range(20 - len(found), 20)
    ]


async def test_much_that_is_too_much_goes_step_by_step(
    told: Told, monkeypatch: pytest.MonkeyPatch
) -> None:
    """One push does not pay for all that was replayed."""
    await push(told, *(f"v{number}" for number in range(30)))
    monkeypatch.setattr(recording, "MAX_WAITING_BYTES", 0)
    await push(told, "last")

    assert (await told.standing("everything")).dropped == DROPPED_AT_ONCE


async def test_an_event_that_was_dropped_while_it_was_sent_is_not_counted(
    told: Told, monkeypatch: pytest.MonkeyPatch
) -> None:
    """What waits would be counted below zero."""
    await push(told, "v1")
    sent = await told.first(LANE)
    monkeypatch.setattr(recording, "MAX_WAITING_BYTES", 0)
    await push(told, "v2")
    await told.end_as(LANE, sent)

    assert (await told.standing("everything")).waiting == 0
    assert (await told.standing("everything")).dropped == 2


async def test_only_the_last_delivered_and_dead_events_are_kept(
    told: Told, monkeypatch: pytest.MonkeyPatch
) -> None:
    """What was delivered is history, and history is bounded."""
    monkeypatch.setitem(KEPT, State.DELIVERED, 2)
    monkeypatch.setitem(KEPT, State.DEAD, 1)
    await push(told, *(f"v{number}" for number in range(6)))
    for number in range(6):
        await told.end(LANE, "down" if number % 2 else "")

    assert [event.subject.tag for event in await told.events("everything")] == ["v2", "v4", "v5"]


async def test_old_history_is_pruned_and_what_waits_is_not(told: Told) -> None:
    """User agents and accounts are not kept for ever."""
    await push(told, "v1", "v2", "v3")
    await told.end(LANE)
    await told.end(LANE, "down")
    await told.outbox.prune(AT)
    before = len(await told.events("everything"))
    await told.outbox.prune(AT + SECOND)

    assert before == 3
    assert [event.subject.tag for event in await told.events("everything")] == ["v3"]


async def test_dead_events_are_replayed_in_their_places(told: Told) -> None:
    """They happened before what waits."""
    await push(told, "v1", "v2", "v3")
    dead = [await told.end(LANE, "down") for _ in range(2)]
    later = AT + timedelta(days=2)
    one = await told.outbox.replay("everything", dead[1].event.id, later)
    again = await told.outbox.replay("everything", dead[1].event.id, later)
    rest = await told.outbox.replay("everything", None, later)

    assert (one, again, rest) == (1, 0, 1)
    assert [(await told.end(LANE)).event.subject.tag for _ in range(3)] == ["v1", "v2", "v3"]
    assert (await told.standing("everything")).waiting == 0


async def test_a_replay_begins_again_and_at_once(told: Told) -> None:
    """An event that is a day old would be dead after the next failure."""
    await push(told, "v1")
    await told.end(LANE, "down", retry_at=AT + timedelta(hours=4))
    await push(told, "v2")
    await told.end(LANE, "down", is_over=False, retry_at=AT + timedelta(hours=4))
    later = AT + timedelta(seconds=9)
    await told.outbox.replay("everything", None, later)

    assert await told.outbox.due(later, 9) == [LANE]
    assert (await told.first(LANE)).since == later


async def test_a_ping_is_told_to_one_webhook_and_is_not_replayed(told: Told) -> None:
    """It says that the receiver can be reached now."""
    await told.create(webhook("another"))
    ping = Event("an-id", AT, Action.PING)
    await told.outbox.add("everything", ping)
    await told.outbox.add("nobody", ping)
    lane = Lane("everything", "")
    waiting = await told.end(lane, "down")

    assert waiting.event == ping
    assert await told.events("another") == []
    assert await told.outbox.replay("everything", None, AT) == 0
    assert await told.outbox.due(AT, 9) == ()


async def test_a_lane_is_put_off_or_forgotten(told: Told) -> None:
    """A busy repository lets others have their turn, and an empty lane costs nothing."""
    await push(told, "v1", "v2")
    await told.end(LANE)
    await told.outbox.put_off(LANE, AT + SECOND)
    put_off = await told.outbox.due(AT, 9)
    await told.end(LANE)
    await told.outbox.put_off(LANE, AT)

    assert not put_off
    assert await told.outbox.due(AT + SECOND, 9) == ()
