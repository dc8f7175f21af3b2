"""Carry out retention rules, or say what they would remove."""

from collections.abc import AsyncGenerator, AsyncIterator, Sequence
from copy import copy
from datetime import datetime, timedelta
from typing import Final, Self

import msgspec
from msgspec import Struct
from msgspec.structs import replace

from acrux.domain.content.policies.retention import (
    Evaluation,
    Fact,
    RetentionRule,
    TagFact,
    Verdict,
)
from acrux.domain.content.policies.survey import Look, Survey
from acrux.errors import TooManyRequests, UnknownName
from acrux.ports.clock import Clock, Rest
from acrux.ports.content.collection import Inventory, Terms
from acrux.ports.content.policies import Policies
from acrux.ports.content.pulls import Pulls
from acrux.ports.facts import Facts
from acrux.ports.leases import Leases
from acrux.services.leases import HeldLease

LEASE: Final = "retention"
LEASED_FOR: Final = timedelta(seconds=60)
FACT: Final = "retention"
ITEMS: Final = 200  # of one step: so many are judged, and removed in one transaction, at once
JUDGED: Final = 2000  # items times rules of one step
REPOSITORIES: Final = 100  # after which progress is kept
SURVEYED: Final = 10_000  # repositories and tags; what is beyond them is not looked at


class Removed(Struct, frozen=True):
    """How many tags, and manifests without a tag, rules removed or would remove."""

    tags: int = 0
    manifests: int = 0

    def with_all(self, items: Sequence[Fact]) -> Self:
        """With these items counted too."""
        tags = sum(isinstance(item, TagFact) for item in items)
        return type(self)(self.tags + tags, self.manifests + len(items) - tags)


class Run(Struct, frozen=True):
    """The last run in the background: the last repository that is done, and what it removed."""

    began_at: datetime | None = None
    ended_at: datetime | None = None
    after: str = ""
    removed: Removed = Removed()

    @property
    def is_running(self) -> bool:
        """Whether it is to be continued."""
        return self.began_at is not None and self.ended_at is None


class Judged(Struct, frozen=True):
    """What a step removed from a repository, or would remove, and why.

    There are steps without any: when a repository begins, and where everything stays.
    """

    repository: str
    verdicts: Sequence[Verdict]


class Retention:
    """Evaluates the rules over the repositories that they cover, and removes what they say.

    One process removes at a time. Each step is a transaction that checks the rules and every item
    again, so that a run can end anywhere and a change of a rule takes effect at once. Manifests are
    judged before tags: what loses its last tag in a run is left to the collector, and to the next
    run. `rest` is called after each step.
    """

    def __init__(  # noqa: PLR0913, PLR0917 -- one of each
        self,
        inventory: Inventory,
        policies: Policies,
        pulls: Pulls,
        facts: Facts,
        leases: Leases,
        clock: Clock,
        holder: str,
        every: timedelta,
        rest: Rest,
    ) -> None:
        self._inventory = inventory
        self._policies = policies
        self._pulls = pulls
        self._facts = facts
        self._lease = HeldLease(leases, LEASE, holder, clock, LEASED_FOR)
        self._clock = clock
        self._every = every
        self._rest = rest
        self._turn = rest

    def hurried(self, turn: Rest) -> Self:
        """The same for a process that does nothing else: it rests only after removals.

        `turn` is called after the other steps.
        """
        hurried = copy(self)
        hurried._turn = turn  # noqa: SLF001 -- our own copy
        return hurried

    async def last_run(self) -> Run:
        """The last run in the background, which may still be under way."""
        text = await self._facts.find(FACT)
        return msgspec.json.decode(text, type=Run) if text else Run()

    async def start(self) -> Run:
        """Have all enabled rules carried out in the background soon, and return that run.

        A run that is under way is not disturbed.
        """
        run = await self.last_run()
        if not run.is_running:
            run = Run(began_at=self._clock())
            await self._keep(run)
        return run

    async def continue_(self) -> Run | None:
        """If it is time, or a run was started, carry it out to its end; None if there is nothing.

        What somebody else is doing is left to them.
        """
        if not await self._due() or not self._lease.claim():
            return None
        try:
            if not await self._lease.acquire():
                return None
            run = await self._due()  # another process may have just ended it
            return await self._finish(run) if run else None
        finally:
            await self._lease.release()

    async def _due(self) -> Run | None:
        run, now = await self.last_run(), self._clock()
        if run.is_running:
            return run
        is_early = run.began_at and run.began_at + self._every > now
        return Run(began_at=now) if not is_early and await self._rules("") else None

    async def _finish(self, run: Run) -> Run:
        while names := await self._inventory.repositories(run.after, REPOSITORIES):
            removed = run.removed
            for name in names:
                async for step in self._of_repository(name, "", is_dry=False):
                    removed = removed.with_all([one.item for one in step.verdicts])
            run = replace(run, after=names[-1], removed=removed)
            await self._keep(run)
            await self._renew()
        run = replace(run, ended_at=self._clock())
        await self._keep(run)
        return run

    def preview(self, rule: str = "", after: str = "") -> AsyncGenerator[Judged, None]:
        """What all enabled rules, or this one though it be disabled, would remove now.

        It begins `after` a repository, in the order of their names. Raises UnknownName.
        """
        return self._everywhere(rule, after, is_dry=True)

    async def run(self, rule: str = "", after: str = "") -> AsyncGenerator[Judged, None]:
        """Remove what `preview` says, step by step. Raises UnknownName.

        Raises TooManyRequests if somebody else is doing it. Close it if you do not exhaust it.
        """
        if not self._lease.claim():
            raise _under_way("another run in this process")
        try:
            await self._renew()
            async for step in self._everywhere(rule, after, is_dry=False):
                yield step
        finally:
            await self._lease.release()

    async def survey(self, rule: RetentionRule) -> Survey:
        """What the rule, which need not be stored, finds of the tags that there are now.

        Of a large registry it looks at a part.
        """
        look, room, after = Look(rule), SURVEYED, ""
        now = self._clock()
        since = await self._pulls.since() or now
        while names := await self._inventory.repositories(after, REPOSITORIES):
            for name in filter(rule.covers, names):
                room -= 1 + await self._look(look, Evaluation(rule, now, since), name)
                if look.is_over or room < 0:
                    return look.survey(is_whole=False)
            after = names[-1]
        return look.survey(is_whole=True)

    async def _look(self, look: Look, evaluation: Evaluation, repository: str) -> int:
        """Look at the tags of one repository, not many more than SURVEYED; returns how many."""
        count = 0
        async for tags in self._inventory.tags(repository, ITEMS):
            for tag in tags:
                look.see(tag, goes=evaluation.judge(tag) is not None)
            count += len(tags)
            if look.is_over or count > SURVEYED:
                break
        return count

    async def _everywhere(
        self, rule: str, after: str, *, is_dry: bool
    ) -> AsyncGenerator[Judged, None]:
        await self._rules(rule)  # refuse an unknown name although there may be no repository
        while names := await self._inventory.repositories(after, REPOSITORIES):
            for name in names:
                yield Judged(name, ())
                async for step in self._of_repository(name, rule, is_dry=is_dry):
                    yield step
            after = names[-1]
            await self._rest()

    async def _of_repository(
        self, repository: str, rule: str, *, is_dry: bool
    ) -> AsyncIterator[Judged]:
        is_current = False
        while not is_current:  # until no rule changed while it was carried out
            is_current = True
            rules = [one for one in await self._find_rules(rule) if one.covers(repository)]
            async for verdicts in self._judge(repository, rules):
                done: Sequence[Verdict] | None = verdicts
                if verdicts and not is_dry:
                    done = await self._remove(repository, verdicts, rules)
                if done is None:
                    is_current = False
                    break
                yield Judged(repository, done)
                await (self._rest if verdicts and not is_dry else self._turn)()
                if not is_dry:
                    await self._renew()

    async def _remove(
        self, repository: str, verdicts: Sequence[Verdict], rules: Sequence[RetentionRule]
    ) -> Sequence[Verdict] | None:
        """Those that were carried out; None if a rule is not what it was."""
        items = [verdict.item for verdict in verdicts]
        named = {verdict.rule for verdict in verdicts}
        terms = Terms(tuple(rule for rule in rules if rule.name in named))
        removed = await self._inventory.remove(repository, items, terms)
        if removed is None:
            return None
        return [verdict for verdict, is_gone in zip(verdicts, removed, strict=True) if is_gone]

    async def _judge(
        self, repository: str, rules: Sequence[RetentionRule]
    ) -> AsyncIterator[Sequence[Verdict]]:
        """The verdicts on each page of manifests without a tag, then of tags."""
        now = self._clock()
        since = await self._pulls.since() or now
        evaluations = [Evaluation(rule, now, since) for rule in rules]
        count = max(1, min(ITEMS, JUDGED // max(1, len(rules))))
        if any(rule.untagged_for_days is not None for rule in rules):
            async for manifests in self._inventory.manifests(repository, count):
                yield _judge_all(
                    evaluations,
                    [one.fact for one in manifests if not (one.is_needed or one.is_reviewed)],
                )
        if any(rule.is_on_tags for rule in rules):
            async for tags in self._inventory.tags(repository, count):
                yield _judge_all(evaluations, tags)

    async def _rules(self, name: str) -> Sequence[RetentionRule]:
        rules = await self._find_rules(name)
        if name and not rules:
            raise UnknownName(f"there is no retention rule {name!r}: list them")
        return rules

    async def _find_rules(self, name: str) -> Sequence[RetentionRule]:
        if name:
            found = await self._policies.find(RetentionRule, name)
            return [found.policy] if found else []
        stored = await self._policies.list(RetentionRule)
        return [one.policy for one in stored if one.policy.is_enabled]

    async def _keep(self, run: Run) -> None:
        await self._facts.keep(FACT, msgspec.json.encode(run).decode())

    async def _renew(self) -> None:
        """Raise TooManyRequests if another process has the lease."""
        if not await self._lease.keep():
            raise _under_way("another process")


def _under_way(who: str) -> TooManyRequests:
    return TooManyRequests(
        f"{who} is carrying out retention: try again when it has ended",
        retry_after=int(LEASED_FOR.total_seconds()),
    )


def _judge_all(evaluations: Sequence[Evaluation], items: Sequence[Fact]) -> Sequence[Verdict]:
    """The first verdict on each item that goes; every rule counts every item."""
    verdicts: list[Verdict] = []
    for item in items:
        found = [verdict for one in evaluations if (verdict := one.judge(item))]
        verdicts += found[:1]
    return verdicts
