"""Webhooks, and what is recorded for them, for the contracts."""

from collections.abc import Sequence
from datetime import datetime, timedelta

from acrux.adapters.sql.content.grace import Grace
from acrux.adapters.sql.content.metadata_store import SqlMetadata
from acrux.adapters.sql.database import Database
from acrux.adapters.sql.webhooks.outbox import SqlOutbox
from acrux.adapters.sql.webhooks.store import SqlWebhooks
from acrux.domain.webhooks.event import Action, Event
from acrux.domain.webhooks.scope import EventScope
from acrux.domain.webhooks.standing import Answer, Attempt, Standing
from acrux.domain.webhooks.webhook import Webhook
from acrux.ports.webhooks import Ending, Lane, Waiting
from tests.contracts.content import AT

ANSWER = Answer(200, "OK", {"server": "x"}, "thanks", "1.1")


def webhook(
    name: str, scope: str = "", actions: Sequence[Action] = (Action.PUSH, Action.DELETE)
) -> Webhook:
    """A webhook of this name; it is never sent anything."""
    return Webhook(
        name=name, actions=tuple(actions), scope=EventScope.parse(scope), sealed="sealed"
    )


class Told:
    """A registry whose webhooks are told of what happens."""

    def __init__(self, database: Database, *, referrers: bool = True) -> None:
        self.now = AT
        grace = Grace(lambda: self.now, timedelta(days=1), timedelta(hours=2), referrers=referrers)
        self.metadata = SqlMetadata(database, grace)
        self.webhooks = SqlWebhooks(database)
        self.outbox = SqlOutbox(database)

    async def create(self, *webhooks: Webhook) -> None:
        """Create these webhooks."""
        for one in webhooks:
            assert await self.webhooks.create(one, AT, 500)

    async def events(self, name: str) -> list[Event]:
        """What the webhook was told, in order."""
        found = await self.outbox.events(name, None, 10_000)
        return [one.event for one in reversed(found)]

    async def standing(self, name: str) -> Standing:
        """How the webhook is doing."""
        stored = await self.webhooks.find(name)
        assert stored is not None
        return stored.standing

    async def first(self, lane: Lane) -> Waiting:
        """The first event of the lane."""
        waiting = await self.outbox.first(lane)
        assert waiting is not None
        return waiting

    async def end(
        self, lane: Lane, problem: str = "", *, is_over: bool = True, retry_at: datetime = AT
    ) -> Waiting:
        """End an attempt of the first event of the lane, and return the event."""
        waiting = await self.first(lane)
        answer = None if problem else ANSWER
        attempt = Attempt(at=self.now, headers={}, answer=answer, problem=problem)
        ending = Ending(attempt=attempt, is_over=is_over, retry_at=retry_at)
        await self.outbox.end(lane, waiting, ending)
        return waiting

    async def end_as(self, lane: Lane, waiting: Waiting) -> None:
        """End a successful attempt of an event that may not wait any more."""
        attempt = Attempt(at=self.now, headers={}, answer=ANSWER)
        await self.outbox.end(lane, waiting, Ending(attempt=attempt, is_over=True, retry_at=AT))
