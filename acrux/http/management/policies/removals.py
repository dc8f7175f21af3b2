"""Handlers of what removes step by step: retention rules, and purges."""

import asyncio
from contextlib import aclosing
from functools import partial

from acrux.domain.content.policies.retention import RetentionRule
from acrux.http import responses
from acrux.http.management.bodies import read
from acrux.http.management.policies import bodies, shapes
from acrux.http.management.policies.portions import Portion
from acrux.http.management.policies.sharing import warned
from acrux.http.messages import Request, Response
from acrux.services.content.listings import Listings
from acrux.services.content.policies import Policies
from acrux.services.content.purges import Purges
from acrux.services.content.retention import Retention


class RemovalManagement:
    """What `acrux retention run` and `acrux purge` do, over HTTP, for a few seconds at a time."""

    def __init__(
        self, policies: Policies, retention: Retention, purges: Purges, listings: Listings
    ) -> None:
        self._policies = policies
        # Somebody waits for it, so it rests only after removals.
        self._retention = retention.hurried(partial(asyncio.sleep, 0))
        self._purges = purges
        self._listings = listings

    async def run_retention(self, request: Request) -> Response:
        """POST: carry out the retention rules, for RUN_SECONDS."""
        return await self._retain(request, is_dry=False)

    async def preview_retention(self, request: Request) -> Response:
        """POST: what `run_retention` would remove."""
        return await self._retain(request, is_dry=True)

    async def run_purge(self, request: Request) -> Response:
        """POST: carry out a purge, for RUN_SECONDS."""
        return await self._purge(request, is_dry=False)

    async def preview_purge(self, request: Request) -> Response:
        """POST: what `run_purge` would remove."""
        return await self._purge(request, is_dry=True)

    async def _retain(self, request: Request, *, is_dry: bool) -> Response:
        wanted = await read(request, bodies.RunRetention)
        portion: Portion[shapes.RetentionVerdict] = Portion(
            wanted.after, wanted.told, is_dry=is_dry
        )
        patterns = await self._patterns(wanted)
        carry_out = self._retention.preview if is_dry else self._retention.run
        async with aclosing(carry_out(wanted.rule, wanted.after)) as steps:
            async for step in steps:
                shown = [shapes.retention_verdict(step.repository, one) for one in step.verdicts]
                if not portion.add(step.repository, shown):
                    break
        done = shapes.RetentionPortion(
            value=portion.items, after=portion.after, told=portion.told, is_done=portion.is_done
        )
        return warned(responses.json(done), await self._listings.unmatched(patterns))

    async def _patterns(self, wanted: bodies.RunRetention) -> tuple[str, ...]:
        # Of a rule that was named, which may be mistyped: told once, at the beginning.
        if not wanted.rule or wanted.after or wanted.told:
            return ()
        return (await self._policies.show(RetentionRule, wanted.rule)).policy.repositories

    async def _purge(self, request: Request, *, is_dry: bool) -> Response:
        wanted = await read(request, bodies.RunPurge)
        purge = bodies.purge(wanted)
        portion: Portion[shapes.Removal] = Portion(wanted.after, wanted.told, is_dry=is_dry)
        unmatched = tuple(wanted.filters)
        carry_out = self._purges.preview if is_dry else self._purges.run
        async with aclosing(carry_out(purge, wanted.after)) as steps:
            async for step in steps:
                unmatched = step.unmatched
                shown = [shapes.removal(step.repository, item) for item in step.items]
                if not portion.add(step.repository, shown):
                    break
        return responses.json(
            shapes.PurgePortion(
                value=portion.items, after=portion.after, told=portion.told,
                is_done=portion.is_done, unmatched=list(unmatched),
            )
        )  # fmt: skip
