"""How a webhook is doing, and what became of its events."""

from collections.abc import Mapping
from datetime import datetime
from enum import StrEnum

from msgspec import Struct

from acrux.domain.webhooks.event import Event
from acrux.domain.webhooks.webhook import Webhook


class Standing(Struct, frozen=True, kw_only=True):
    """How a webhook is doing.

    How many of its events wait, are dead, and were dropped so far because too many waited; and
    since when deliveries fail, with what was wrong last.
    """

    waiting: int = 0
    dead: int = 0
    dropped: int = 0
    succeeded_at: datetime | None = None
    failing_since: datetime | None = None
    problem: str = ""


class StoredWebhook(Struct, frozen=True):
    """A webhook, when it was created and last changed, and how it is doing."""

    webhook: Webhook
    created_at: datetime
    changed_at: datetime
    standing: Standing


class State(StrEnum):
    """What became of an event."""

    WAITING = "waiting"
    DELIVERED = "delivered"
    DEAD = "dead"


class Answer(Struct, frozen=True):
    """What a receiver answered, cut to what is kept."""

    status: int
    reason: str
    headers: Mapping[str, str]
    body: str
    version: str


class Attempt(Struct, frozen=True, kw_only=True):
    """One attempt to deliver an event: the headers that were sent, without what is secret.

    `problem` says what was wrong; it is empty if the receiver took the event.
    """

    at: datetime
    headers: Mapping[str, str]
    answer: Answer | None = None
    problem: str = ""


class RecordedEvent(Struct, frozen=True, kw_only=True):
    """An event of a webhook, and what became of it so far."""

    event: Event
    state: State
    attempts: int
    last_attempt: Attempt | None
