"""Handlers of /management/v1/quotas."""

from msgspec.structs import replace

from acrux.domain.content.policies.quota import Quota
from acrux.http import parsing, responses
from acrux.http.management.bodies import read
from acrux.http.management.policies import bodies, shapes
from acrux.http.management.policies.sharing import fields, warned
from acrux.http.messages import Request, Response
from acrux.services.content.listings import Listings
from acrux.services.content.policies import Policies

QUOTAS = "/management/v1/quotas"


class QuotaManagement:
    """What `acrux quota` does, over HTTP."""

    def __init__(self, policies: Policies, listings: Listings) -> None:
        self._policies = policies
        self._listings = listings

    async def list(self, request: Request) -> Response:
        """GET: a page of the quotas."""
        return responses.listed(
            request,
            QUOTAS,
            await self._policies.list(Quota),
            lambda one: one.policy.name,
            lambda page: shapes.QuotaList(
                [shapes.quota_of(one.policy, one.created_at, one.changed_at) for one in page]
            ),
        )

    async def create(self, request: Request) -> Response:
        """POST: a quota."""
        wanted = await read(request, bodies.CreateQuota)
        made = await self._policies.create(Quota(**fields(wanted)))
        shown = shapes.quota_of(made.policy, made.created_at, made.changed_at)
        answer = responses.created(f"{QUOTAS}/{shown.name}", shown)
        return warned(answer, await self._listings.unmatched([made.policy.repositories]))

    async def show(self, request: Request) -> Response:
        """GET: a quota."""
        one = await self._policies.show(Quota, parsing.name(request))
        return responses.json(shapes.quota_of(one.policy, one.created_at, one.changed_at))

    async def change(self, request: Request) -> Response:
        """PATCH: change a quota."""
        name, change = parsing.name(request), fields(await read(request, bodies.ChangeQuota))
        one = await self._policies.change(Quota, name, lambda old: replace(old, **change))
        answer = responses.json(shapes.quota_of(one.policy, one.created_at, one.changed_at))
        return warned(answer, await self._listings.unmatched([one.policy.repositories]))

    async def delete(self, request: Request) -> Response:
        """DELETE: a quota."""
        await self._policies.delete(Quota, parsing.name(request))
        return responses.empty(204)
