"""Handlers of /management/v1/retentionRules and /retentionPolicy."""

from msgspec.structs import replace

from acrux.domain.content.policies.retention import (
    KEEP_UNTAGGED,
    UNTAGGED_MANIFESTS,
    RetentionRule,
    check_own,
    untagged_manifests,
)
from acrux.domain.content.policies.survey import Survey, check_confirmed
from acrux.http import parsing, responses
from acrux.http.management.bodies import read
from acrux.http.management.policies import bodies, shapes
from acrux.http.management.policies.sharing import fields, warned
from acrux.http.messages import Request, Response
from acrux.services.content.listings import Listings
from acrux.services.content.policies import Policies
from acrux.services.content.retention import Retention

RETENTION_RULES = "/management/v1/retentionRules"


class RetentionManagement:
    """What `acrux retention` and `acrux config retention` do, over HTTP."""

    def __init__(self, policies: Policies, retention: Retention, listings: Listings) -> None:
        self._policies = policies
        self._retention = retention
        self._listings = listings

    async def list(self, request: Request) -> Response:
        """GET: a page of the retention rules."""
        return responses.listed(
            request,
            RETENTION_RULES,
            await self._policies.list(RetentionRule),
            lambda one: one.policy.name,
            lambda page: shapes.RetentionRuleList(
                [shapes.retention_rule(one.policy, one.created_at, one.changed_at) for one in page]
            ),
        )

    async def create(self, request: Request) -> Response:
        """POST: a retention rule."""
        wanted = await read(request, bodies.CreateRetentionRule)
        rule = RetentionRule(**fields(wanted))
        check_own(rule.name)
        survey = await self._confirmed(rule, wanted.confirm)
        made = await self._policies.create(rule)
        shown = shapes.retention_rule(made.policy, made.created_at, made.changed_at)
        answer = responses.created(f"{RETENTION_RULES}/{shown.name}", shown)
        return await self._warned(answer, rule, survey)

    async def show(self, request: Request) -> Response:
        """GET: a retention rule."""
        one = await self._policies.show(RetentionRule, parsing.name(request))
        shown = shapes.retention_rule(one.policy, one.created_at, one.changed_at)
        return responses.json(shown)

    async def change(self, request: Request) -> Response:
        """PATCH: change a retention rule."""
        name, change = parsing.name(request), await read(request, bodies.ChangeRetentionRule)
        check_own(name)
        old = (await self._policies.show(RetentionRule, name)).policy
        rule = replace(old, **fields(change))
        survey = await self._confirmed(rule, change.confirm)
        one = await self._policies.replace(old, rule)
        shown = shapes.retention_rule(one.policy, one.created_at, one.changed_at)
        return await self._warned(responses.json(shown), rule, survey)

    async def _confirmed(self, rule: RetentionRule, confirmed: str) -> Survey:
        rule.check()
        survey = await self._retention.survey(rule)
        check_confirmed(rule, survey, confirmed)
        return survey

    async def _warned(self, answer: Response, rule: RetentionRule, survey: Survey) -> Response:
        unmatched = await self._listings.unmatched(rule.repositories)
        return warned(answer, unmatched, survey.unmatched)

    async def delete(self, request: Request) -> Response:
        """DELETE: a retention rule."""
        await self._policies.delete(RetentionRule, parsing.name(request))
        return responses.empty(204)

    async def show_policy(self, _: Request) -> Response:
        """GET: for how long manifests without a tag are kept, in all repositories."""
        found = await self._policies.find(RetentionRule, UNTAGGED_MANIFESTS)
        rule, changed_at = (found.policy, found.changed_at) if found else (KEEP_UNTAGGED, None)
        return responses.json(shapes.retention_policy(rule, changed_at))

    async def change_policy(self, request: Request) -> Response:
        """PATCH: for how long manifests without a tag are kept, in all repositories."""
        change = fields(await read(request, bodies.ChangeRetentionPolicy))
        found = await self._policies.find(RetentionRule, UNTAGGED_MANIFESTS)
        old = found.policy if found else KEEP_UNTAGGED
        days = change.get("days", old.untagged_for_days or 0)
        rule = untagged_manifests(days, is_enabled=change.get("is_enabled", old.is_enabled))
        put = await self._policies.put(rule)
        return responses.json(shapes.retention_policy(put.policy, put.changed_at))
