"""Handlers of /acr/v1: repositories, tags, manifests, attributes."""

from acrux.http import acr_shapes as shapes
from acrux.http import parsing, responses
from acrux.http.messages import Request, Response
from acrux.http.origin import Origins
from acrux.services.manifests import Manifests
from acrux.services.properties import Properties

MAX_CHANGE_BYTES = 64 * 1024


class AcrHandlers:
    """ACR's own API (acr-protocol.md §5)."""

    def __init__(self, properties: Properties, manifests: Manifests, origins: Origins) -> None:
        self._properties = properties
        self._manifests = manifests
        self._origins = origins

    async def get_repository(self, request: Request) -> Response:
        """GET: a repository's properties."""
        properties = await self._properties.repository(parsing.repository(request))
        return responses.json(shapes.repository(self._host(request), properties))

    async def change_repository(self, request: Request) -> Response:
        """PATCH: some of its switches."""
        repository = parsing.repository(request)
        change = parsing.attributes_change(await request.body.read(MAX_CHANGE_BYTES))
        properties = await self._properties.change_repository(repository, change)
        return responses.json(shapes.repository(self._host(request), properties))

    async def delete_repository(self, request: Request) -> Response:
        """DELETE: the repository and all it holds."""
        deleted = await self._manifests.delete_repository(parsing.repository(request))
        content = {"manifestsDeleted": deleted.manifests, "tagsDeleted": deleted.tags}
        return responses.json(content, 202)

    async def list_tags(self, request: Request) -> Response:
        """GET: a page of the tags, or of those on one manifest."""
        repository, page = parsing.repository(request), parsing.page(request)
        order = parsing.order(request)
        tags = await self._properties.tags(repository, page, order, parsing.listed_digest(request))
        content = shapes.within(
            self._host(request), repository, "tags", [shapes.tag(tag) for tag in tags.items] or None
        )
        places = [shapes.place(tag.name, tag.updated_at, order) for tag in tags.items]
        following = responses.last_item(places, more=tags.more)
        path = shapes.path(repository, "_tags")
        return responses.listing(path, content, page, following, order.value)

    async def get_tag(self, request: Request) -> Response:
        """GET: a tag's properties."""
        repository = parsing.repository(request)
        tag = await self._properties.tag(repository, parsing.tag(request))
        return responses.json(
            shapes.within(self._host(request), repository, "tag", shapes.tag(tag))
        )

    async def change_tag(self, request: Request) -> Response:
        """PATCH: some of its switches."""
        repository, name = parsing.repository(request), parsing.tag(request)
        change = parsing.attributes_change(await request.body.read(MAX_CHANGE_BYTES))
        tag = await self._properties.change_tag(repository, name, change)
        return responses.json(
            shapes.within(self._host(request), repository, "tag", shapes.tag(tag))
        )

    async def delete_tag(self, request: Request) -> Response:
        """DELETE: the tag alone ("untag")."""
        await self._manifests.untag(parsing.repository(request), parsing.tag(request))
        return responses.empty(202)

    async def list_manifests(self, request: Request) -> Response:
        """GET: a page of the manifests."""
        repository, page = parsing.repository(request), parsing.page(request)
        order = parsing.order(request)
        manifests = await self._properties.manifests(repository, page, order)
        listed = [shapes.manifest(manifest) for manifest in manifests.items]
        content = shapes.within(self._host(request), repository, "manifests", listed or None)
        places = [shapes.place(one.digest, one.updated_at, order) for one in manifests.items]
        following = responses.last_item(places, more=manifests.more)
        path = shapes.path(repository, "_manifests")
        return responses.listing(path, content, page, following, order.value)

    async def get_manifest(self, request: Request) -> Response:
        """GET: a manifest's properties."""
        repository = parsing.repository(request)
        manifest = await self._properties.manifest(repository, parsing.digest(request))
        return responses.json(
            shapes.within(self._host(request), repository, "manifest", shapes.manifest(manifest))
        )

    async def change_manifest(self, request: Request) -> Response:
        """PATCH: some of its switches."""
        repository, digest = parsing.repository(request), parsing.digest(request)
        change = parsing.attributes_change(await request.body.read(MAX_CHANGE_BYTES))
        manifest = await self._properties.change_manifest(repository, digest, change)
        return responses.json(
            shapes.within(self._host(request), repository, "manifest", shapes.manifest(manifest))
        )

    def _host(self, request: Request) -> str:
        return self._origins.of(request).login_server
