"""Handlers of /management/v1/softDeletePolicies."""

from acrux.domain.content.policies.soft_delete import SoftDeletePolicy
from acrux.errors import InvalidRequest
from acrux.http import parsing, responses
from acrux.http.management.bodies import read
from acrux.http.management.policies import bodies, shapes
from acrux.http.management.policies.sharing import warned
from acrux.http.messages import Request, Response
from acrux.services.content.listings import Listings
from acrux.services.content.policies import Policies

SOFT_DELETE_POLICIES = "/management/v1/softDeletePolicies"


class SoftDeleteManagement:
    """What `acrux config soft-delete` does, over HTTP."""

    def __init__(self, policies: Policies, listings: Listings) -> None:
        self._policies = policies
        self._listings = listings

    async def list(self, request: Request) -> Response:
        """GET: a page of the soft-delete policies, sorted by their patterns."""
        return responses.listed(
            request,
            SOFT_DELETE_POLICIES,
            await self._policies.list(SoftDeletePolicy),
            lambda one: one.policy.name,
            lambda page: shapes.SoftDeletePolicyList(
                [shapes.soft_delete_policy(one.policy, one.changed_at) for one in page]
            ),
        )

    async def put(self, request: Request) -> Response:
        """PUT: create the policy of a pattern, or replace it."""
        wanted = await read(request, bodies.PutSoftDeletePolicy)
        policy = SoftDeletePolicy(
            repositories=wanted.repositories,
            days=wanted.retention_days,
            is_enabled=wanted.status == "enabled",
        )
        put = await self._policies.put(policy)
        answer = responses.json(shapes.soft_delete_policy(put.policy, put.changed_at))
        return warned(answer, await self._listings.unmatched([policy.repositories]))

    async def delete(self, request: Request) -> Response:
        """DELETE: the policy of the pattern that the query names."""
        pattern = parsing.first(request, "repositories")
        if pattern is None:
            raise InvalidRequest(
                "the query names no pattern: add ?repositories= with one such as team/*"
            )
        await self._policies.delete(SoftDeletePolicy, pattern)
        return responses.empty(204)
