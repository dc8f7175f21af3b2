"""Handlers of /management/v1/trusts."""

from datetime import timedelta
from typing import Any

from msgspec.structs import replace

from acrux.domain.access.trust import Trust
from acrux.domain.access.trust_templates import claim_rule
from acrux.http import parsing, responses
from acrux.http.management import bodies, shapes
from acrux.http.messages import Request, Response
from acrux.services.access.trusts import Trusts

TRUSTS = "/management/v1/trusts"


class TrustManagement:
    """What `acrux trust` does, over HTTP."""

    def __init__(self, trusts: Trusts) -> None:
        self._trusts = trusts

    async def list(self, request: Request) -> Response:
        """GET: a page of the trusts."""
        return responses.listed(
            request,
            TRUSTS,
            await self._trusts.list(),
            lambda one: one.trust.name,
            lambda page: shapes.TrustList(
                [shapes.trust(one.trust, one.created_at) for one in page]
            ),
        )

    async def create(self, request: Request) -> Response:
        """POST: a trust."""
        wanted = await bodies.read(request, bodies.CreateTrust)
        minutes = wanted.lifetime_in_minutes
        trust = Trust(
            name=wanted.name,
            issuer=wanted.issuer,
            audience=wanted.audience,
            rules=tuple(map(claim_rule, wanted.claims)),
            scope_map=wanted.scope_map_id or "",
            permissions=tuple(wanted.actions),
            lifetime=self._trusts.longest if minutes is None else timedelta(minutes=minutes),
            is_enabled=wanted.status == "enabled",
        )
        created = await self._trusts.create(trust)
        shown = shapes.trust(created.trust, created.created_at)
        return responses.created(f"{TRUSTS}/{shown.name}", shown)

    async def show(self, request: Request) -> Response:
        """GET: a trust."""
        found = await self._trusts.show(parsing.name(request))
        return responses.json(shapes.trust(found.trust, found.created_at))

    async def change(self, request: Request) -> Response:
        """PATCH: change a trust; its tokens are revoked unless it only grants more."""
        name, change = parsing.name(request), await bodies.read(request, bodies.ChangeTrust)
        if change == bodies.ChangeTrust():
            return await self.show(request)
        changes = _changes(change)
        changed = await self._trusts.change(name, lambda old: replace(old, **changes))
        return responses.json(shapes.trust(changed.trust, changed.created_at))

    async def delete(self, request: Request) -> Response:
        """DELETE: a trust; the tokens issued through it are revoked."""
        await self._trusts.delete(parsing.name(request))
        return responses.empty(204)


def _changes(change: bodies.ChangeTrust) -> dict[str, Any]:
    scope_map, actions = bodies.given(change.scope_map_id), bodies.given(change.actions)
    claims, minutes = bodies.given(change.claims), bodies.given(change.lifetime_in_minutes)
    status = bodies.given(change.status)
    changes: dict[str, Any] = {
        "audience": bodies.given(change.audience),
        "rules": None if claims is None else tuple(map(claim_rule, claims)),
        "lifetime": None if minutes is None else timedelta(minutes=minutes),
        "is_enabled": None if status is None else status == "enabled",
    }
    if scope_map is not None or actions is not None:
        changes |= {"scope_map": scope_map or "", "permissions": tuple(actions or ())}
    return {name: value for name, value in changes.items() if value is not None}
