"""What the services need to store webhooks, and to send their events."""

from collections.abc import Mapping, Sequence
from datetime import datetime
from enum import StrEnum
from typing import Protocol

from msgspec import Struct

from acrux.domain.webhooks.event import Event
from acrux.domain.webhooks.standing import (
    Answer,
    Attempt,
    RecordedEvent,
    Standing,
    State,
    StoredWebhook,
)
from acrux.domain.webhooks.uri import Uri
from acrux.domain.webhooks.webhook import Webhook


class Lane(Struct, frozen=True):
    """The events of one repository that wait for one webhook, which are delivered in order.

    `failures` counts those of the first one and before it, in a row.
    """

    webhook: str
    repository: str
    failures: int = 0


class Waiting(Struct, frozen=True):
    """An event that waits. `number` orders the events of a webhook."""

    number: int
    event: Event
    since: datetime


class Outcome(StrEnum):
    """How an attempt to deliver an event ended."""

    DELIVERED = "delivered"
    FAILED = "failed"  # and is tried again
    DEAD = "dead"


class Ending(Struct, frozen=True, kw_only=True):
    """How an attempt ended. If it failed, `retry_at` is when the lane is tried again.

    `is_over` is whether the event does not wait any more: it was delivered, or is dead.
    """

    attempt: Attempt
    is_over: bool
    retry_at: datetime

    @property
    def outcome(self) -> Outcome:
        """What became of the event."""
        if not self.attempt.problem:
            return Outcome.DELIVERED
        return Outcome.DEAD if self.is_over else Outcome.FAILED


class Webhooks(Protocol):
    """The webhooks of a registry. A change takes effect with the next transaction."""

    async def find(self, name: str) -> StoredWebhook | None:
        """The webhook of this name, None if there is none."""

    async def list(self) -> tuple[StoredWebhook, ...]:
        """All webhooks, sorted by name."""

    async def create(self, webhook: Webhook, at: datetime, most: int) -> bool:
        """Store it, unless its name is taken or there are `most` already; whether it was stored."""

    async def replace(self, webhook: Webhook, was: Webhook, at: datetime) -> bool:
        """Store it in the place of `was`, and deliver what waits at once, not only when due.

        Returns False, and stores nothing, if that one was changed or deleted meanwhile.
        """

    async def delete(self, name: str) -> bool:
        """Remove it with its events; return False if there is none."""


class Outbox(Protocol):
    """The events of webhooks: recorded in the transaction of the change, delivered, kept a while.

    Who records them is the transaction that stores or removes a manifest, or a repository: it looks
    for webhooks that want to know.
    """

    async def add(self, webhook: str, event: Event) -> None:
        """Record an event for this webhook only."""

    async def due(self, now: datetime, most: int) -> Sequence[Lane]:
        """Up to `most` lanes of each enabled webhook that are due, the longest due first."""

    async def first(self, lane: Lane) -> Waiting | None:
        """The event of the lane to deliver next; None if nothing waits in it."""

    async def end(self, lane: Lane, waiting: Waiting, ending: Ending) -> Standing:
        """Record how an attempt ended, if the event still waits; how the webhook is doing now."""

    async def put_off(self, lane: Lane, until: datetime) -> None:
        """Let other lanes go first, or forget the lane if nothing waits in it."""

    async def events(self, webhook: str, state: State | None, most: int) -> Sequence[RecordedEvent]:
        """The newest events of the webhook, the last one first."""

    async def replay(self, webhook: str, event_id: str | None, at: datetime) -> int:
        """Let dead events wait again, in their places; returns how many.

        Only the event of this id, or all but pings.
        """

    async def prune(self, before: datetime) -> None:
        """Remove what was delivered or given up before."""


class Sender(Protocol):
    """Sends a message to a receiver."""

    async def send(self, uri: Uri, headers: Mapping[str, str], body: bytes) -> Answer | str:
        """What the receiver answered; a sentence if it could not be reached, or must not be.

        No redirect is followed. It ends within a bounded time.
        """


class Vault(Protocol):
    """Seals texts with a key that only this registry has."""

    def seal(self, text: str, name: str) -> str:
        """The text, unreadable; it opens under this name only."""

    def open(self, sealed: str, name: str) -> str | None:
        """The text; None if another key sealed it, or it was altered."""
