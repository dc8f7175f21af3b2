"""Events are delivered in order, at least once, and nobody waits for others."""

import asyncio
import base64
import hashlib
import hmac
import json
from datetime import datetime, timedelta

import pytest
from msgspec.structs import replace

from acrux.adapters.keys.vault import KeyedVault
from acrux.adapters.sql.leases import SqlLeases
from acrux.adapters.sql.webhooks import recording
from acrux.domain.webhooks.signing import key_of
from acrux.domain.webhooks.standing import Answer, State
from acrux.domain.webhooks.webhook import Format
from acrux.errors import StorageExhausted
from acrux.ports.webhooks import Lane
from acrux.services.webhooks import deliveries
from acrux.services.webhooks.deliveries import (
    AT_ONCE_EACH,
    LEASED_FOR,
    MAX_PROBLEM_CHARACTERS,
    TURN,
    Trouble,
)
from acrux.services.webhooks.webhooks import Receiver
from tests.services.webhooks.conftest import TAKEN, World

OTHER = Receiver("https://other.example/hook")


async def test_a_push_is_delivered_signed_and_in_the_chosen_form(world: World) -> None:
    """A receiver verifies it with the secret that was shown."""
    await world.create(receiver=Receiver("https://example.com/hook?x=1", (("X-Key", "mine"),)))
    await world.push("v1")
    secret = (await world.webhooks.callback("deploy")).secrets[0]
    await world.deliver()

    [(uri, headers, body)] = world.receivers.sent
    signed = f"{headers['webhook-id']}.{headers['webhook-timestamp']}.".encode() + body
    expected = hmac.new(key_of(secret.text), signed, hashlib.sha256).digest()
    assert str(uri) == "https://example.com/hook?x=1"
    assert json.loads(body)["id"] == headers["webhook-id"]
    assert headers["webhook-signature"] == f"v1,{base64.b64encode(expected).decode()}"
    assert headers["webhook-timestamp"] == str(int(world.clock().timestamp()))
    assert (headers["Content-Type"], headers["X-Key"]) == ("application/json", "mine")
    assert headers["User-Agent"] == "acrux/1"


async def test_a_header_of_the_webhook_replaces_ours(world: World) -> None:
    """ACR lets the content type be overridden."""
    receiver = Receiver("https://example.com", (("content-type", "text/json"),))
    await world.create(receiver=receiver, format=Format.CLOUD_EVENTS)
    await world.push("v1")
    await world.deliver()

    [(_, headers, body)] = world.receivers.sent
    assert {name.lower(): value for name, value in headers.items()}["content-type"] == "text/json"
    assert "Content-Type" not in headers
    assert json.loads(body)["specversion"] == "1.0"


async def test_a_ping_reaches_the_receiver_and_is_not_tried_again(world: World) -> None:
    """It tells whether the receiver can be reached now."""
    await world.create()
    world.receivers.answers["example.com"] = "down"
    ping = await world.webhooks.ping("deploy")
    await world.deliver()

    [event] = await world.webhooks.events("deploy")
    assert (event.event.id, event.state, event.attempts) == (ping, State.DEAD, 1)


async def test_order_is_kept_when_an_attempt_fails(world: World) -> None:
    """What was pushed last is deployed last."""
    await world.create()
    await world.push("v1", "v2")
    world.receivers.answers["example.com"] = Answer(500, "Oops", {}, "", "1.1")
    await world.deliver()
    await world.deliver()  # not due yet
    await world.push("v3")
    world.receivers.answers.clear()
    world.clock.forward(seconds=5)
    await world.deliver()

    assert world.receivers.tags() == ["v1", "v1", "v2", "v3"]
    assert {one.state for one in await world.webhooks.events("deploy")} == {State.DELIVERED}
    assert world.deliveries.outcomes == {"delivered": 3, "failed": 1, "dead": 0}


async def test_other_repositories_do_not_wait_for_one_that_fails(world: World) -> None:
    """A receiver may choke on one event only."""
    await world.create()
    await world.push("bad")
    world.receivers.answers["example.com"] = "down"
    await world.deliver()
    world.receivers.answers.clear()
    await world.push("good", to="team/other")
    await world.deliver()

    assert world.receivers.tags() == ["bad", "good"]


@pytest.mark.parametrize(
    ("answer", "problem"),
    [
        (Answer(500, "Oops", {}, "", "1.1"), "the receiver answered 500 Oops"),
        (Answer(404, "", {}, "", "1.1"), "the receiver answered 404"),
        (
            Answer(400, "No", {}, "unknown\nfield \N{SNOWMAN}", "1.1"),
            "the receiver answered 400 No: unknown?field ?",
        ),
        (
            Answer(302, "Found", {"location": "http://127.0.0.1/"}, "moved", "1.1"),
            "the receiver answered 302 Found: redirects are not followed",
        ),
        ("no answer within 10 seconds", "no answer within 10 seconds"),
    ],
)
async def test_what_is_not_taken_is_told_and_tried_again(
    world: World, answer: Answer | str, problem: str
) -> None:
    """Only 2xx means that the receiver has it."""
    await world.create()
    await world.push("v1")
    world.receivers.answers["example.com"] = answer
    await world.deliver()

    [event] = await world.webhooks.events("deploy")
    standing = (await world.webhooks.show("deploy")).standing
    assert (event.state, event.attempts) == (State.WAITING, 1)
    assert event.last_attempt is not None
    assert event.last_attempt.problem == standing.problem == problem
    assert standing.failing_since == world.clock()
    assert await world.deliveries.run() == Trouble("deploy", problem, 1, 0, 1)
    assert await world.deliveries.run() is None


async def test_a_long_answer_of_an_event_that_waits_is_not_kept(world: World) -> None:
    """Ten thousand events may wait, and a failing receiver must not fill the disk."""
    await world.create()
    await world.push("v1")
    answer = Answer(500, "Oops", {"x": "y" * 128}, "z" * 1024, "1.1")
    world.receivers.answers["example.com"] = answer
    await world.deliver()
    [waiting] = await world.webhooks.events("deploy")
    world.clock.forward(days=1)
    await world.deliver()
    [dead] = await world.webhooks.events("deploy")

    assert waiting.last_attempt is not None
    assert (waiting.last_attempt.headers, waiting.last_attempt.answer) == ({}, None)
    assert len(waiting.last_attempt.problem) == MAX_PROBLEM_CHARACTERS
    assert dead.last_attempt is not None
    assert dead.last_attempt.answer == answer


async def test_attempts_end_after_about_a_day(world: World) -> None:
    """What nobody takes does not wait for ever, and stays for a replay."""
    await world.create()
    await world.push("v1")
    world.receivers.answers["example.com"] = "down"
    for _ in range(40 * 60):
        await world.deliver()
        world.clock.forward(minutes=1)

    [event] = await world.webhooks.events("deploy")
    assert event.state is State.DEAD
    assert 14 <= event.attempts <= 16
    assert len(world.receivers.sent) == event.attempts
    assert world.deliveries.outcomes == {"delivered": 0, "failed": event.attempts - 1, "dead": 1}
    assert await world.outbox.due(world.clock(), 9) == ()


async def test_a_slow_receiver_does_not_delay_others(world: World) -> None:
    """One that hangs takes a few places, and others have theirs."""
    await world.create("slow-one")
    await world.create("quick-one", OTHER)
    world.receivers.held["example.com"] = asyncio.Event()
    for number in range(AT_ONCE_EACH + 2):
        await world.push("v1", to=f"team/app-{number}")
    while len(world.receivers.tags("other.example")) < AT_ONCE_EACH + 2:
        await world.deliveries.run()
        await asyncio.sleep(0)

    assert len(world.receivers.tags()) == AT_ONCE_EACH
    world.receivers.held["example.com"].set()
    await world.deliveries.settle()
    await world.deliver()
    assert len(world.receivers.tags()) == AT_ONCE_EACH + 2


async def test_only_so_many_are_under_way(world: World, monkeypatch: pytest.MonkeyPatch) -> None:
    """Each takes a connection."""
    monkeypatch.setattr(deliveries, "AT_ONCE", 2)
    await world.create()
    world.receivers.held["example.com"] = asyncio.Event()
    for number in range(4):
        await world.push("v1", to=f"team/app-{number}")
    for _ in range(3):
        await world.deliveries.run()
        await world.receivers.reached(2)

    assert len(world.receivers.sent) == 2
    world.receivers.held["example.com"].set()
    await world.deliveries.settle()


async def test_a_busy_repository_lets_others_have_their_turn(world: World) -> None:
    """A thousand pushes to one must not delay a single one to another."""
    await world.create()
    await world.push(*(f"v{number}" for number in range(TURN + 1)))
    await world.deliver()
    before = len(world.receivers.sent)
    await world.deliver()

    assert (before, len(world.receivers.sent)) == (TURN, TURN + 1)


async def test_one_process_delivers_at_a_time(world: World) -> None:
    """Two would send events of a repository in any order."""
    second = world.process("second")
    await world.create()
    world.receivers.held["example.com"] = asyncio.Event()
    await world.push("v1")
    await world.deliveries.run()
    await world.receivers.reached(1)
    await second.run()

    assert len(world.receivers.sent) == 1
    world.receivers.held["example.com"].set()
    await world.deliveries.settle()


async def test_another_process_goes_on_where_one_was_killed(world: World) -> None:
    """What was under way is sent again: at least once."""
    await world.create()
    await world.push("v1")
    world.receivers.held["example.com"] = asyncio.Event()
    await world.deliveries.run()
    await world.receivers.reached(1)
    world.receivers.held.clear()
    second = world.process("second")
    await world.deliver(second)
    before = len(world.receivers.sent)
    world.clock.now += LEASED_FOR
    await world.deliver(second)

    assert (before, world.receivers.tags()) == (1, ["v1", "v1"])
    await world.deliveries.close()


async def test_a_process_that_stops_lets_another_go_on_at_once(world: World) -> None:
    """An upgrade must not delay events."""
    await world.create()
    await world.push("v1")
    world.receivers.held["example.com"] = asyncio.Event()
    await world.deliveries.run()
    await world.receivers.reached(1)
    await world.deliveries.close()
    await world.deliveries.close()
    world.receivers.held.clear()
    await world.deliver(world.process("second"))

    assert world.receivers.tags() == ["v1", "v1"]


async def test_a_process_that_was_paused_for_long_sends_nothing_more(world: World) -> None:
    """Another one has taken over meanwhile."""
    await world.create()
    await world.push("v1", "v2")
    held = world.receivers.held["example.com"] = asyncio.Event()
    await world.deliveries.run()
    await world.receivers.reached(1)
    world.clock.now += LEASED_FOR
    await world.leases.acquire(
        deliveries.LEASE, "second", world.clock() + LEASED_FOR, world.clock()
    )
    held.set()
    await world.deliveries.settle()

    assert world.receivers.tags() == ["v1"]


async def test_a_webhook_that_is_disabled_or_deleted_meanwhile_is_sent_nothing_more(
    world: World,
) -> None:
    """Whoever disables it wants it to stop now."""
    await world.create()
    await world.create("gone-soon", OTHER)
    await world.push("v1", "v2")
    events = {host: asyncio.Event() for host in ("example.com", "other.example")}
    world.receivers.held.update(events)
    await world.deliveries.run()
    await world.receivers.reached(2)
    await world.webhooks.change("deploy", lambda old: replace(old, is_enabled=False))
    await world.webhooks.delete("gone-soon")
    for event in events.values():
        event.set()
    await world.deliveries.settle()

    assert world.receivers.tags() == ["v1"]
    assert world.receivers.tags("other.example") == ["v1"]


async def test_nothing_is_sent_whose_outcome_could_not_be_recorded(world: World) -> None:
    """On a full disk, a receiver would be sent the same event twice a second."""
    await world.create()
    await world.push("v1")
    world.leases = FullDisk(world.database)
    full = world.process("first")

    with pytest.raises(StorageExhausted):
        await full.run()
    assert world.receivers.sent == []


async def test_a_delivery_that_breaks_is_told_and_does_not_stop_the_others(world: World) -> None:
    """The log must show what nobody foresaw."""
    await world.create()
    await world.push("v1")
    world.receivers.breaks = True
    await world.deliver()

    with pytest.raises(ZeroDivisionError):
        await world.deliveries.run()
    await world.deliveries.settle()


async def test_a_lost_key_is_told(world: World) -> None:
    """Nothing can be sent, and the reason must be found in one place."""
    await world.create()
    await world.push("v1")
    await world.deliver(world.process("first", KeyedVault(lambda: b"x" * 32)))

    assert "secrets/webhooks was lost" in (await world.webhooks.show("deploy")).standing.problem
    assert world.receivers.sent == []


async def test_credentials_that_a_receiver_sends_back_are_not_kept(world: World) -> None:
    """Some receivers echo what they got, and list-events shows it."""
    receiver = Receiver(
        "https://example.com", (("Authorization", "Bearer s3cret-token"), ("X-Short", "a"))
    )
    await world.create(receiver=receiver)
    await world.push("v1")
    echo = Answer(200, "OK s3cret-token", {"x": "Bearer s3cret-token"}, "a s3cret-token", "1.1")
    world.receivers.answers["example.com"] = echo
    await world.deliver()

    [event] = await world.webhooks.events("deploy")
    assert event.last_attempt is not None
    answer = event.last_attempt.answer
    assert answer == Answer(200, "OK ***", {"x": "***"}, "a ***", "1.1")
    assert event.last_attempt.headers["Authorization"] == "***"
    assert "s3cret" not in str(event)


async def test_dropped_events_are_told_although_the_receiver_answers(
    world: World, monkeypatch: pytest.MonkeyPatch
) -> None:
    """It is too slow, and an operator must learn that events are lost."""
    await world.create()
    await world.push("v1")
    await world.deliver()
    monkeypatch.setattr(recording, "MAX_WAITING_BYTES", 4000)
    await world.push(*(f"v{number}" for number in range(9)))
    await world.deliver()
    trouble = await world.deliveries.run()

    assert trouble is not None
    assert (trouble.problem, trouble.dropped > 3) == ("events were dropped", True)


async def test_what_is_known_of_webhooks_that_are_gone_is_forgotten(
    world: World, monkeypatch: pytest.MonkeyPatch
) -> None:
    """Names are the administrator's to choose, and memory is not."""
    monkeypatch.setattr(deliveries, "MAX_WEBHOOKS", 2)
    for number in range(5):
        await world.create(f"hook-{number}")
        await world.push("v1")
        await world.deliver()
        await world.webhooks.delete(f"hook-{number}")

    assert len(world.deliveries._dropped) <= 3  # noqa: SLF001 -- memory shows nowhere else


async def test_a_lane_without_events_is_forgotten(world: World) -> None:
    """It would be looked at twice a second."""
    await world.create()
    await world.push("v1")
    await world.deliver()

    assert world.receivers.tags() == ["v1"]
    assert await world.outbox.first(Lane("deploy", "team/app")) is None
    assert await world.outbox.due(world.clock() + timedelta(days=1), 9) == ()


async def test_an_event_is_tried_again_until_it_is_taken(world: World) -> None:
    """The receiver was restarted, and nothing is lost."""
    await world.create()
    await world.push("v1")
    for answer in ("down", "down", TAKEN):
        world.receivers.answers["example.com"] = answer
        world.clock.forward(hours=1)
        await world.deliver()

    [event] = await world.webhooks.events("deploy")
    assert (event.state, event.attempts) == (State.DELIVERED, 3)


class FullDisk(SqlLeases):
    """Leases on a disk that is full."""

    async def acquire(self, name: str, holder: str, until: datetime, now: datetime) -> bool:
        """Nothing can be written."""
        raise StorageExhausted("the disk is full")
