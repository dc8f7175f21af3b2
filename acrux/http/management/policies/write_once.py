"""Handlers of /management/v1/writeOncePolicies."""

from msgspec.structs import replace

from acrux.domain.content.policies.write_once import WriteOncePolicy
from acrux.http import parsing, responses
from acrux.http.management.bodies import read
from acrux.http.management.policies import bodies, shapes
from acrux.http.management.policies.sharing import fields, warned
from acrux.http.messages import Request, Response
from acrux.services.content.listings import Listings
from acrux.services.content.policies import Policies

WRITE_ONCE_POLICIES = "/management/v1/writeOncePolicies"


class WriteOnceManagement:
    """What `acrux write-once` does, over HTTP."""

    def __init__(self, policies: Policies, listings: Listings) -> None:
        self._policies = policies
        self._listings = listings

    async def list(self, request: Request) -> Response:
        """GET: a page of the write-once policies."""
        return responses.listed(
            request,
            WRITE_ONCE_POLICIES,
            await self._policies.list(WriteOncePolicy),
            lambda one: one.policy.name,
            lambda page: shapes.WriteOncePolicyList(
                [
                    shapes.write_once_policy(one.policy, one.created_at, one.changed_at)
                    for one in page
                ]
            ),
        )

    async def create(self, request: Request) -> Response:
        """POST: a write-once policy."""
        wanted = await read(request, bodies.CreateWriteOncePolicy)
        made = await self._policies.create(WriteOncePolicy(**fields(wanted)))
        shown = shapes.write_once_policy(made.policy, made.created_at, made.changed_at)
        answer = responses.created(f"{WRITE_ONCE_POLICIES}/{shown.name}", shown)
        return warned(answer, await self._listings.unmatched(made.policy.repositories))

    async def show(self, request: Request) -> Response:
        """GET: a write-once policy."""
        one = await self._policies.show(WriteOncePolicy, parsing.name(request))
        shown = shapes.write_once_policy(one.policy, one.created_at, one.changed_at)
        return responses.json(shown)

    async def change(self, request: Request) -> Response:
        """PATCH: change a write-once policy."""
        name = parsing.name(request)
        change = fields(await read(request, bodies.ChangeWriteOncePolicy))
        one = await self._policies.change(WriteOncePolicy, name, lambda old: replace(old, **change))
        shown = shapes.write_once_policy(one.policy, one.created_at, one.changed_at)
        answer = responses.json(shown)
        return warned(answer, await self._listings.unmatched(one.policy.repositories))

    async def delete(self, request: Request) -> Response:
        """DELETE: a write-once policy."""
        await self._policies.delete(WriteOncePolicy, parsing.name(request))
        return responses.empty(204)
