"""Deliver the events of webhooks: in order, several at once, until taken."""

import asyncio
from collections.abc import Callable, Mapping
from contextlib import suppress
from datetime import timedelta
from typing import Final

from msgspec import Struct
from msgspec.structs import replace

from acrux.domain.webhooks import payload, retrying, signing
from acrux.domain.webhooks.event import Action, Event
from acrux.domain.webhooks.payload import Source
from acrux.domain.webhooks.standing import Answer, Attempt, Standing
from acrux.domain.webhooks.uri import Uri
from acrux.domain.webhooks.webhook import MAX_WEBHOOKS, Callback, Webhook
from acrux.errors import UNWRITABLE
from acrux.ports.clock import Clock
from acrux.ports.leases import Leases
from acrux.ports.webhooks import Ending, Lane, Outbox, Outcome, Sender, Vault, Waiting, Webhooks
from acrux.services.leases import HeldLease

LEASE: Final = "webhooks"
LEASED_FOR: Final = timedelta(seconds=20)  # longer than any attempt takes

AT_ONCE: Final = 64  # deliveries
AT_ONCE_EACH: Final = 4  # of one webhook: a slow receiver leaves room for the others
TURN: Final = 50  # events of a lane, before another one has its turn

MAX_PROBLEM_CHARACTERS: Final = 300
LEAST_SECRET: Final = 8  # characters: a shorter text is found by chance

KEPT_FOR: Final = timedelta(days=30)  # what was delivered or given up


class Trouble(Struct, frozen=True):
    """What an operator should know: which webhook fails and why, how many events wait, were lost.

    `webhooks` is how many had trouble.
    """

    webhook: str
    problem: str
    waiting: int
    dropped: int
    webhooks: int


class Deliveries:
    """Sends what waits in the outbox. One process does it at a time.

    An event is sent at least once: until its ending is recorded, it counts as not sent. `agent` is
    how the registry names itself to receivers; `random` returns a number from 0 to 1. `outcomes`
    counts the attempts of this process.
    """

    def __init__(  # noqa: PLR0913, PLR0917 -- one of each
        self,
        webhooks: Webhooks,
        outbox: Outbox,
        vault: Vault,
        sender: Sender,
        leases: Leases,
        clock: Clock,
        holder: str,
        source: Source,
        agent: str,
        random: Callable[[], float],
    ) -> None:
        self._webhooks = webhooks
        self._outbox = outbox
        self._vault = vault
        self._sender = sender
        self._leases = leases
        self._lease = HeldLease(leases, LEASE, holder, clock, LEASED_FOR)
        self._clock = clock
        self._source = source
        self._agent = agent
        self._random = random
        self._running: dict[tuple[str, str], asyncio.Task[None]] = {}
        self._troubles: dict[str, tuple[str, Standing]] = {}
        self._dropped: dict[str, int] = {}
        self.outcomes = dict.fromkeys(Outcome, 0)

    async def run(self) -> Trouble | None:
        """Begin to deliver what is due, without waiting for it; what was wrong since the last run.

        Raises what a delivery that ended since then has raised.
        """
        ended = [key for key, task in self._running.items() if task.done()]
        failures = [self._running.pop(key).exception() for key in ended]
        due = await self._outbox.due(self._clock(), AT_ONCE_EACH)
        if any(map(self._has_room, due)) and await self._may_deliver():
            for lane in filter(self._has_room, due):
                self._begin(lane)
        for failure in filter(None, failures):
            raise failure
        return self._told()

    async def settle(self) -> None:
        """Wait until all deliveries under way have ended, however they do."""
        await asyncio.gather(*self._running.values(), return_exceptions=True)

    async def tidy(self) -> None:
        """Remove what was delivered or given up long ago."""
        await self._outbox.prune(self._clock() - KEPT_FOR)

    async def close(self) -> None:
        """Stop, and let another process go on. What was under way is sent again."""
        for task in self._running.values():
            task.cancel()
        await self.settle()
        self._running.clear()
        if self._lease.is_held:
            with suppress(*UNWRITABLE):  # then it expires
                await self._lease.release()

    def _has_room(self, lane: Lane) -> bool:
        of_webhook = sum(webhook == lane.webhook for webhook, _ in self._running)
        return (
            (lane.webhook, lane.repository) not in self._running
            and of_webhook < AT_ONCE_EACH
            and len(self._running) < AT_ONCE
        )

    async def _may_deliver(self) -> bool:
        """Whether this process does it: a read, as long as another one does."""
        if not self._lease.is_held and await self._leases.find(LEASE, self._clock()):
            return False
        return await self._lease.keep()

    def _begin(self, lane: Lane) -> None:
        key = lane.webhook, lane.repository
        self._running[key] = asyncio.create_task(self._deliver(lane))

    async def _deliver(self, lane: Lane) -> None:
        """Send the events of the lane in order, until one fails or others have their turn."""
        for _ in range(TURN):
            stored = await self._webhooks.find(lane.webhook)
            # Keeping the lease is a write: nothing is sent whose ending could not be recorded.
            if stored is None or not stored.webhook.is_enabled or not await self._lease.keep():
                return
            waiting = await self._outbox.first(lane)
            if waiting is None:
                break
            ending = await self._attempt(stored.webhook, lane, waiting)
            standing = await self._outbox.end(lane, waiting, ending)
            self.outcomes[ending.outcome] += 1
            self._note(lane.webhook, ending.attempt.problem, standing)
            if ending.attempt.problem:
                return
            lane = Lane(lane.webhook, lane.repository)
        await self._outbox.put_off(lane, self._clock())

    async def _attempt(self, webhook: Webhook, lane: Lane, waiting: Waiting) -> Ending:
        """Send the event once."""
        text = self._vault.open(webhook.sealed, webhook.name)
        if text is None:
            problem = "its URI and secret cannot be read, since secrets/webhooks was lost"
            attempt = Attempt(at=self._clock(), headers={}, problem=problem)
        else:
            attempt = await self._send(webhook, Callback.read(text), waiting.event)
        now, is_ping = self._clock(), waiting.event.action is Action.PING
        if not attempt.problem:
            return Ending(attempt=attempt, is_over=True, retry_at=now)
        is_dead = is_ping or retrying.is_given_up(now - waiting.since)
        if not is_dead:  # ten thousand may wait: of each only the problem is kept
            attempt = Attempt(at=attempt.at, headers={}, problem=attempt.problem)
        wait = retrying.wait_after(lane.failures + 1, self._random())
        return Ending(attempt=attempt, is_over=is_dead, retry_at=now + wait)

    async def _send(self, webhook: Webhook, callback: Callback, event: Event) -> Attempt:
        at = self._clock()
        body = payload.body(event, webhook.format, self._source)
        ours = {
            "Content-Type": payload.content_type(webhook.format),
            "User-Agent": self._agent,
            **signing.signatures(event.id, at, body, callback.secrets),
        }
        own = {name.lower() for name, _ in callback.headers}
        ours = {name: value for name, value in ours.items() if name.lower() not in own}
        sent = await self._sender.send(
            Uri.parse(callback.uri), {**ours, **dict(callback.headers)}, body
        )
        shown = {**ours, **{name: "***" for name, _ in callback.headers}}
        if isinstance(sent, str):
            return Attempt(at=at, headers=shown, problem=sent)
        answer = _masked(sent, callback)
        return Attempt(at=at, headers=shown, answer=answer, problem=_problem(answer))

    def _note(self, webhook: str, problem: str, standing: Standing) -> None:
        if len(self._dropped) > MAX_WEBHOOKS:  # of some that are gone
            self._dropped.clear()
        lost = standing.dropped > self._dropped.setdefault(webhook, standing.dropped)
        self._dropped[webhook] = standing.dropped
        if problem or lost:
            self._troubles[webhook] = (problem or "events were dropped", standing)

    def _told(self) -> Trouble | None:
        troubles: Mapping[str, tuple[str, Standing]] = self._troubles
        if not troubles:
            return None
        self._troubles = {}
        name, (problem, standing) = next(iter(troubles.items()))
        return Trouble(name, problem, standing.waiting, standing.dropped, len(troubles))


def _masked(answer: Answer, callback: Callback) -> Answer:
    """The answer, should the receiver have sent our own credentials back."""
    secrets = [word for _, value in callback.headers for word in (value, value.rpartition(" ")[2])]

    def mask(text: str) -> str:
        for secret in secrets:
            if len(secret) >= LEAST_SECRET:
                text = text.replace(secret, "***")
        return text

    headers = {name: mask(value) for name, value in answer.headers.items()}
    return replace(answer, headers=headers, body=mask(answer.body), reason=mask(answer.reason))


def _problem(answer: Answer) -> str:
    if 200 <= answer.status < 300:
        return ""
    said = "redirects are not followed" if answer.status < 400 else answer.body.strip()
    told = f"the receiver answered {answer.status} {answer.reason}".rstrip()
    whole = f"{told}: {said}" if said else told
    printable = "".join(one if one.isascii() and one.isprintable() else "?" for one in whole)
    return printable[:MAX_PROBLEM_CHARACTERS]
