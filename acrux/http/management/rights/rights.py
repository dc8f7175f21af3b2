"""Handlers of who may do what, and of what a change of that would mean."""

from msgspec.structs import replace

from acrux.domain.access.trust import Trust
from acrux.domain.content.names import RepositoryName
from acrux.errors import InvalidRequest
from acrux.http import paging, parsing, responses
from acrux.http.management import bodies, searches
from acrux.http.management.rights import shapes
from acrux.http.management.rights.bodies import SimulateScopeMap, SimulateTrust
from acrux.http.messages import Request, Response
from acrux.services.audit.holdings import Holdings
from acrux.services.audit.least_privilege import LeastPrivilege
from acrux.services.audit.simulations import Simulations

ACCESS = "/management/v1/access"


class RightsManagement:
    """Questions about rights. Nothing is changed."""

    def __init__(
        self, holdings: Holdings, simulations: Simulations, least_privilege: LeastPrivilege
    ) -> None:
        self._holdings = holdings
        self._simulations = simulations
        self._least_privilege = least_privilege

    async def list(self, request: Request) -> Response:
        """GET: a page of who may do what on a repository."""
        repository, page = (
            RepositoryName.parse(_required(request, "repository")),
            paging.page(request),
        )
        found = await self._holdings.page(repository, page)
        following = responses.last_item([one.name for one in found.items], more=found.more)
        content = shapes.HolderList(list(map(shapes.holder, found.items)))
        return responses.collection(ACCESS, content, page, following, paging.filters(request))

    async def used(self, request: Request) -> Response:
        """GET: the permissions that an account has used."""
        account = _required(request, "account")
        return responses.json(shapes.used(account, await self._least_privilege.of(account)))

    async def simulate_scope_map(self, request: Request) -> Response:
        """POST: what it would mean if the scope map had these permissions."""
        wanted = await bodies.read(request, SimulateScopeMap)
        found = await self._simulations.of_scope_map(
            parsing.name(request), tuple(wanted.actions), wanted.last
        )
        return responses.json(shapes.report(found))

    async def simulate_trust(self, request: Request) -> Response:
        """POST: what it would mean if the trust granted this."""
        wanted = await bodies.read(request, SimulateTrust)

        def change(trust: Trust) -> Trust:
            return replace(
                trust, scope_map=wanted.scope_map_id or "", permissions=tuple(wanted.actions)
            )

        found = await self._simulations.of_trust(parsing.name(request), change, wanted.last)
        return responses.json(shapes.report(found))


def _required(request: Request, name: str) -> str:
    value = searches.one(request, name)
    if value is None:
        raise InvalidRequest(f"give the query parameter {name}")
    return value
