"""Handlers of /management/v1/scopeMaps."""

from acrux.errors import InvalidRequest
from acrux.http import paging, parsing, responses
from acrux.http.management import bodies, shapes
from acrux.http.messages import Request, Response
from acrux.services.access.scope_maps import ScopeMaps

SCOPE_MAPS = "/management/v1/scopeMaps"


class ScopeMapManagement:
    """What `acrux scope-map` does, over HTTP."""

    def __init__(self, scope_maps: ScopeMaps) -> None:
        self._scope_maps = scope_maps

    async def list(self, request: Request) -> Response:
        """GET: a page of the scope maps."""
        page = paging.page(request)
        found = await self._scope_maps.page(page)
        names = [one.name for one in found.items]
        content = shapes.ScopeMapList([shapes.scope_map(one) for one in found.items])
        following = responses.last_item(names, more=found.more)
        return responses.collection(SCOPE_MAPS, content, page, following, paging.filters(request))

    async def create(self, request: Request) -> Response:
        """POST: a scope map."""
        wanted = await bodies.read(request, bodies.CreateScopeMap)
        maps = self._scope_maps
        make = {"fail": maps.create, "keep": maps.ensure, "replace": maps.set}[wanted.if_exists]
        created = await make(wanted.name, tuple(wanted.actions), wanted.description)
        return responses.created(f"{SCOPE_MAPS}/{created.name}", shapes.scope_map(created))

    async def show(self, request: Request) -> Response:
        """GET: a scope map."""
        found = await self._scope_maps.show(parsing.name(request))
        return responses.json(shapes.scope_map(found))

    async def change(self, request: Request) -> Response:
        """PATCH: change its actions or description; removing actions revokes tokens."""
        name, change = parsing.name(request), await bodies.read(request, bodies.ChangeScopeMap)
        if change == bodies.ChangeScopeMap():
            return await self.show(request)
        actions, add = bodies.given(change.actions), bodies.given(change.add_actions)
        remove = bodies.given(change.remove_actions)
        if actions is not None and (add is not None or remove is not None):
            raise InvalidRequest("give either actions, or addActions and removeActions")
        changed = await self._scope_maps.change(
            name,
            permissions=None if actions is None else tuple(actions),
            add=tuple(add or ()),
            remove=tuple(remove or ()),
            description=bodies.given(change.description),
            tag=bodies.given(change.etag),
        )
        return responses.json(shapes.scope_map(changed))

    async def delete(self, request: Request) -> Response:
        """DELETE: a scope map that is not in use."""
        await self._scope_maps.delete(parsing.name(request))
        return responses.empty(204)
