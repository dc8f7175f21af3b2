"""Handlers of /management/v1/retentionRules and /retentionPolicy."""

from msgspec.structs import replace

from acrux.domain.content.policies.retention import (
    KEEP_UNTAGGED,
    UNTAGGED_MANIFESTS,
    RetentionRule,
    check_confirmed,
    check_own,
    untagged_manifests,
)
from acrux.http import parsing, responses
from acrux.http.management.bodies import read
from acrux.http.management.policies import bodies, shapes
from acrux.http.management.policies.sharing import fields, listed
from acrux.http.messages import Request, Response
from acrux.services.content.policies import Policies

RETENTION_RULES = "/management/v1/retentionRules"


class RetentionManagement:
    """What `acrux retention` and `acrux config retention` do, over HTTP."""

    def __init__(self, policies: Policies) -> None:
        self._policies = policies

    async def list(self, request: Request) -> Response:
        """GET: a page of the retention rules."""
        return listed(
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
        rule.check()
        check_confirmed(rule, wanted.confirm)
        made = await self._policies.create(rule)
        shown = shapes.retention_rule(made.policy, made.created_at, made.changed_at)
        return responses.created(f"{RETENTION_RULES}/{shown.name}", shown)

    async def show(self, request: Request) -> Response:
        """GET: a retention rule."""
        one = await self._policies.show(RetentionRule, parsing.name(request))
        shown = shapes.retention_rule(one.policy, one.created_at, one.changed_at)
        return responses.json(shown)

    async def change(self, request: Request) -> Response:
        """PATCH: change a retention rule."""
        name, change = parsing.name(request), await read(request, bodies.ChangeRetentionRule)
        check_own(name)

        def changed(old: RetentionRule) -> RetentionRule:
            new = replace(old, **fields(change))
            new.check()
            check_confirmed(new, change.confirm)
            return new

        one = await self._policies.change(RetentionRule, name, changed)
        shown = shapes.retention_rule(one.policy, one.created_at, one.changed_at)
        return responses.json(shown)

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
