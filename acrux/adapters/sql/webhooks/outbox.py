"""Events that wait for webhooks, and what became of others, in SQL."""

from collections.abc import Sequence
from datetime import datetime
from typing import Final

import msgspec

from acrux.adapters.sql.database import Database, Row, SqlValue, Statement, Steps
from acrux.adapters.sql.webhooks import recording
from acrux.adapters.sql.webhooks.store import STANDING, read_standing
from acrux.domain.instants import from_microseconds, to_microseconds
from acrux.domain.webhooks.event import Event
from acrux.domain.webhooks.standing import Attempt, RecordedEvent, Standing, State
from acrux.ports.webhooks import Ending, Lane, Waiting

# How many events that do not wait any more are kept of a webhook. With what the receiver answered,
# each takes some kilobytes.
KEPT: Final = {State.DELIVERED: 100, State.DEAD: 1000}

_ANY_WAITING: Final = Statement(
    "SELECT 1 FROM webhooks WHERE waiting > 0 AND is_enabled = 1 LIMIT 1", {}
)


class SqlOutbox:
    """The port Outbox on a database; each method is described there."""

    def __init__(self, database: Database) -> None:
        self._database = database

    async def add(self, webhook: str, event: Event) -> None:
        """See ports.Outbox."""
        await self._database.write(recording.add(webhook, event, to_microseconds(event.at)))

    async def due(self, now: datetime, most: int) -> Sequence[Lane]:
        """See ports.Outbox."""
        at, lanes = to_microseconds(now), list[Lane]()
        if not await self._database.read(_ANY_WAITING):  # cached, as no instant is in it
            return ()
        for (webhook,) in sorted(await self._database.read(_find_due_webhooks(at))):
            rows = await self._database.read(_find_due_lanes(webhook, at, most))
            lanes += (Lane(webhook, str(name), int(failures)) for name, failures in rows)
        return lanes

    async def first(self, lane: Lane) -> Waiting | None:
        """See ports.Outbox."""
        rows = await self._database.read(
            Statement(
                """
                SELECT number, event, since FROM webhook_events
                WHERE webhook = :webhook AND repository = :repository AND state = 'waiting'
                ORDER BY number LIMIT 1
                """,
                _names(lane),
            )
        )
        for number, event, since in rows:
            read = msgspec.json.decode(event, type=Event)
            return Waiting(int(number), read, from_microseconds(since))
        return None

    async def end(self, lane: Lane, waiting: Waiting, ending: Ending) -> Standing:
        """See ports.Outbox."""
        return await self._database.write(_end(lane, waiting, ending))

    async def put_off(self, lane: Lane, until: datetime) -> None:
        """See ports.Outbox."""
        await self._database.write(_put_off(lane, to_microseconds(until), lane.failures))

    async def events(self, webhook: str, state: State | None, most: int) -> Sequence[RecordedEvent]:
        """See ports.Outbox."""
        rows = await self._database.read(
            Statement(
                f"""
                SELECT event, state, attempts, last_attempt FROM webhook_events
                WHERE webhook = :webhook {"AND state = :state" if state else ""}
                ORDER BY number DESC LIMIT :most
                """,  # noqa: S608 -- a parameter's name
                {
                    "webhook": webhook,
                    "most": most,
                    **({"state": state.value} if state else {}),
                },
            )
        )
        return [_read_event(row) for row in rows]

    async def replay(self, webhook: str, event_id: str | None, at: datetime) -> int:
        """See ports.Outbox."""
        return await self._database.write(_replay(webhook, event_id, to_microseconds(at)))

    async def prune(self, before: datetime) -> None:
        """See ports.Outbox."""
        at = to_microseconds(before)
        find = "SELECT 1 FROM webhook_events WHERE ended_at < :at LIMIT 1"
        if await self._database.read(Statement(find, {"at": at})):
            await self._database.write(_prune(at))


def _find_due_webhooks(now: int) -> Statement:
    return Statement(
        """
        SELECT name FROM webhooks
        WHERE is_enabled = 1 AND waiting > 0 AND (
            SELECT MIN(due_at) FROM webhook_lanes WHERE webhook_lanes.webhook = webhooks.name
        ) <= :now
        """,
        {"now": now},
    )


def _find_due_lanes(webhook: str, now: int, most: int) -> Statement:
    return Statement(
        """
        SELECT repository, failures FROM webhook_lanes
        WHERE webhook = :webhook AND due_at <= :now ORDER BY due_at LIMIT :most
        """,
        {"webhook": webhook, "now": now, "most": most},
    )


def _end(lane: Lane, waiting: Waiting, ending: Ending) -> Steps[Standing]:
    attempt, at = ending.attempt, to_microseconds(ending.attempt.at)
    state = State.WAITING
    if ending.is_over:
        state = State.DEAD if attempt.problem else State.DELIVERED
    ended = yield Statement(
        """
        UPDATE webhook_events
        SET state = :state, attempts = attempts + 1, last_attempt = :attempt, ended_at = :ended_at
        WHERE webhook = :webhook AND number = :number AND id = :id AND state = 'waiting'
        RETURNING bytes
        """,
        {
            "webhook": lane.webhook,
            "number": waiting.number,
            "id": waiting.event.id,  # a webhook of this name may have been made anew
            "state": state.value,
            "attempt": msgspec.json.encode(attempt).decode(),
            "ended_at": at if ending.is_over else None,
        },
    )
    for (size,) in ended if ending.is_over else ():
        yield _count(lane.webhook, -1, -int(size))
        yield _trim(lane.webhook, state)
    yield _note(lane.webhook, attempt.problem, at)
    failures = lane.failures + 1 if attempt.problem else 0
    yield from _put_off(lane, to_microseconds(ending.retry_at), failures)
    rows = yield Statement(
        f"SELECT {STANDING} FROM webhooks WHERE name = :webhook",  # noqa: S608 -- our own columns
        {"webhook": lane.webhook},
    )
    return read_standing(rows[0]) if rows else Standing()


def _put_off(lane: Lane, until: int, failures: int) -> Steps[None]:
    emptied = yield Statement(
        """
        DELETE FROM webhook_lanes
        WHERE webhook = :webhook AND repository = :repository AND (
            SELECT number FROM webhook_events
            WHERE webhook_events.webhook = :webhook AND webhook_events.repository = :repository
              AND webhook_events.state = 'waiting' ORDER BY number LIMIT 1) IS NULL
        RETURNING webhook
        """,
        _names(lane),
    )
    if not emptied:
        yield Statement(
            """
            UPDATE webhook_lanes SET due_at = :until, failures = :failures
            WHERE webhook = :webhook AND repository = :repository
            """,
            {**_names(lane), "until": until, "failures": failures},
        )


def _count(webhook: str, events: int, size: int) -> Statement:
    return Statement(
        """
        UPDATE webhooks SET waiting = waiting + :events, waiting_bytes = waiting_bytes + :size
        WHERE name = :webhook
        """,
        {"webhook": webhook, "events": events, "size": size},
    )


def _note(webhook: str, problem: str, at: int) -> Statement:
    if problem:
        return Statement(
            """
            UPDATE webhooks SET failing_since = COALESCE(failing_since, :at), problem = :problem
            WHERE name = :webhook
            """,
            {"webhook": webhook, "at": at, "problem": problem},
        )
    return Statement(
        """
        UPDATE webhooks SET succeeded_at = :at, failing_since = NULL, problem = ''
        WHERE name = :webhook
        """,
        {"webhook": webhook, "at": at},
    )


def _trim(webhook: str, state: State) -> Statement:
    """Remove the events beyond those that are kept, the oldest first."""
    return Statement(
        """
        DELETE FROM webhook_events WHERE webhook = :webhook AND state = :state AND number <= (
            SELECT number FROM webhook_events WHERE webhook = :webhook AND state = :state
            ORDER BY number DESC LIMIT 1 OFFSET :kept)
        """,
        {"webhook": webhook, "state": state.value, "kept": KEPT[state]},
    )


def _replay(webhook: str, event_id: str | None, at: int) -> Steps[int]:
    which = "id = :id" if event_id else "repository <> ''"  # a ping says that it arrives now
    named: dict[str, SqlValue] = {"id": event_id} if event_id else {}
    revived = yield Statement(
        f"""
        UPDATE webhook_events SET state = 'waiting', since = :at, ended_at = NULL
        WHERE webhook = :webhook AND state = 'dead' AND {which}
        RETURNING repository, bytes
        """,  # noqa: S608 -- our own condition
        {"webhook": webhook, "at": at, **named},
    )
    for repository in sorted({str(repository) for repository, _ in revived}):
        yield recording.open_lane(webhook, repository, at)
        yield _reopen(webhook, repository, at)
    yield _count(webhook, len(revived), sum(int(size) for _, size in revived))
    return len(revived)


def _reopen(webhook: str, repository: str, at: int) -> Statement:
    return Statement(
        """
        UPDATE webhook_lanes SET due_at = :at, failures = 0
        WHERE webhook = :webhook AND repository = :repository
        """,
        {"webhook": webhook, "repository": repository, "at": at},
    )


def _prune(before: int) -> Steps[None]:
    yield Statement("DELETE FROM webhook_events WHERE ended_at < :before", {"before": before})


def _names(lane: Lane) -> dict[str, SqlValue]:
    return {"webhook": lane.webhook, "repository": lane.repository}


def _read_event(row: Row) -> RecordedEvent:
    event, state, attempts, attempt = row
    return RecordedEvent(
        event=msgspec.json.decode(event, type=Event),
        state=State(state),
        attempts=int(attempts),
        last_attempt=msgspec.json.decode(attempt, type=Attempt) if attempt else None,
    )
