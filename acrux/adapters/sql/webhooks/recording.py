"""Record events for webhooks, in the transaction of the change."""

from collections.abc import Sequence
from typing import Final
from uuid import uuid4

import msgspec
from msgspec import Struct

from acrux.adapters.sql.database import Statement, Steps
from acrux.domain.instants import from_microseconds
from acrux.domain.webhooks.event import Action, Cause, Event, Subject
from acrux.domain.webhooks.webhook import Webhook

# Of the events that wait for one webhook, each with its row, its lane and the problem of the last
# attempt. Some 10,000 usual ones.
MAX_WAITING_BYTES: Final = 16 * 1024 * 1024
ROW_BYTES: Final = 1024
DROPPED_AT_ONCE: Final = 10  # a replay can bring back more than there is room for


class Audience(Struct, frozen=True):
    """The enabled webhooks that are told of an action in this repository; some, of some tags."""

    repository: str
    webhooks: Sequence[Webhook]

    def __bool__(self) -> bool:
        return bool(self.webhooks)


_NOBODY: Final = Audience("", ())

# The usual case is that there is none, and this the whole price of it.
_ANY: Final = Statement("SELECT 1 FROM webhooks WHERE is_enabled = 1 LIMIT 1", {})


def audience(key: str, action: Action) -> Steps[Audience]:
    """Who is told of this action in the live repository of the key."""
    if not (yield _ANY):
        return _NOBODY
    rows = yield Statement(
        """
        SELECT repositories.name, webhooks.definition
        FROM repositories
        JOIN webhooks ON webhooks.repository IN ('', repositories.name) AND webhooks.is_enabled = 1
        WHERE repositories.key = :key AND repositories.name IS NOT NULL
        """,
        {"key": key},
    )
    if not rows:
        return _NOBODY
    webhooks = [msgspec.json.decode(definition, type=Webhook) for _, definition in rows]
    wanting = [webhook for webhook in webhooks if webhook.wants(action)]
    # By name: transactions that lock several of their rows must do it in the same order.
    return Audience(str(rows[0][0]), sorted(wanting, key=lambda webhook: webhook.name))


def tell_of_push(
    key: str, pushed: Subject, tags: Sequence[str], cause: Cause, at: int
) -> Steps[None]:
    """Record that a manifest was pushed: an event for each tag, or one without a tag."""
    told = yield from audience(key, Action.PUSH)
    for tag in (tags or ("",)) if told else ():
        subject = msgspec.structs.replace(pushed, repository=told.repository, tag=tag)
        covering = [one for one in told.webhooks if one.scope.covers(told.repository, {tag})]
        yield from _tell(covering, Action.PUSH, subject, cause, at)


def tell_of_deletion(
    told: Audience, deleted: Subject, tags: Sequence[str], cause: Cause, at: int
) -> Steps[None]:
    """Record that a manifest was removed together with these tags."""
    subject = msgspec.structs.replace(deleted, repository=told.repository)
    covering = [one for one in told.webhooks if one.scope.covers(told.repository, tags)]
    yield from _tell(covering, Action.DELETE, subject, cause, at)


def tell_of_deleted_repository(key: str, cause: Cause, at: int) -> Steps[None]:
    """Record that a repository is about to be removed with all that it holds, as one event."""
    told = yield from audience(key, Action.DELETE)
    subject = Subject(repository=told.repository)
    yield from _tell(told.webhooks, Action.DELETE, subject, cause, at)


def _tell(
    webhooks: Sequence[Webhook], action: Action, subject: Subject, cause: Cause, at: int
) -> Steps[None]:
    if not webhooks:  # of other tags
        return
    event = Event(str(uuid4()), from_microseconds(at), action, subject, cause.cut())
    for webhook in webhooks:
        yield from add(webhook.name, event, at)


def add(webhook: str, event: Event, at: int) -> Steps[None]:
    """Record the event for the webhook of this name; the oldest that wait go if there are many."""
    text = msgspec.json.encode(event).decode()
    size = len(text.encode()) + ROW_BYTES
    # The row is locked until the commit, so that numbers follow the order of commits.
    numbered = yield Statement(
        """
        UPDATE webhooks
        SET numbered = numbered + 1, waiting = waiting + 1, waiting_bytes = waiting_bytes + :size
        WHERE name = :webhook RETURNING numbered, waiting_bytes
        """,
        {"webhook": webhook, "size": size},
    )
    for number, waiting_bytes in numbered:
        yield Statement(
            """
            INSERT INTO webhook_events (webhook, number, id, repository, state, event, bytes, since)
            VALUES (:webhook, :number, :id, :repository, 'waiting', :event, :size, :at)
            """,
            {
                "webhook": webhook,
                "number": number,
                "id": event.id,
                "repository": event.subject.repository,
                "event": text,
                "size": size,
                "at": at,
            },
        )
        yield open_lane(webhook, event.subject.repository, at)
        yield from _drop_oldest(webhook, int(waiting_bytes) - MAX_WAITING_BYTES)


def open_lane(webhook: str, repository: str, at: int) -> Statement:
    """Have the lane looked at from an instant on, unless it is open already."""
    return Statement(
        """
        INSERT INTO webhook_lanes (webhook, repository, due_at)
        VALUES (:webhook, :repository, :at) ON CONFLICT (webhook, repository) DO NOTHING
        """,
        {"webhook": webhook, "repository": repository, "at": at},
    )


def _drop_oldest(webhook: str, excess: int) -> Steps[None]:
    dropped = freed = 0
    while freed < excess and dropped < DROPPED_AT_ONCE:
        rows = yield Statement(
            """
            DELETE FROM webhook_events WHERE webhook = :webhook AND number = (
                SELECT number FROM webhook_events
                WHERE webhook = :webhook AND state = 'waiting' ORDER BY number LIMIT 1)
            RETURNING bytes
            """,
            {"webhook": webhook},
        )
        dropped, freed = dropped + 1, freed + sum(int(size) for (size,) in rows)
    if dropped:
        yield Statement(
            """
            UPDATE webhooks SET waiting = waiting - :dropped,
                waiting_bytes = waiting_bytes - :freed, dropped = dropped + :dropped
            WHERE name = :webhook
            """,
            {"webhook": webhook, "dropped": dropped, "freed": freed},
        )
