"""Handlers of /acr/v1: repositories, tags, manifests, attributes."""

from collections.abc import Sequence

from acrux.domain.content.attributes import AttributesChange
from acrux.domain.content.properties import ManifestProperties, RepositoryProperties, TagProperties
from acrux.http import paging, parsing, responses
from acrux.http.access.origin import Origins
from acrux.http.acr import shapes
from acrux.http.acr.shapes import Json
from acrux.http.messages import Request, Response
from acrux.services.content.manifests import Manifests
from acrux.services.content.properties import Properties

MAX_CHANGE_BYTES = 64 * 1024


class AcrHandlers:
    """ACR's own API (acr-protocol.md §5)."""

    def __init__(self, properties: Properties, manifests: Manifests, origins: Origins) -> None:
        self._properties = properties
        self._manifests = manifests
        self._origins = origins

    async def get_repository(self, request: Request) -> Response:
        """GET: a repository's properties.

        Operation: ContainerRegistry_GetProperties.
        """
        return self._repository(
            request, await self._properties.repository(parsing.repository(request))
        )

    async def change_repository(self, request: Request) -> Response:
        """PATCH: change some of a repository's attributes.

        Operation: ContainerRegistry_UpdateProperties.
        """
        name, change = parsing.repository(request), await _change(request)
        return self._repository(request, await self._properties.change_repository(name, change))

    async def delete_repository(self, request: Request) -> Response:
        """DELETE: delete the repository and all that it holds.

        Operation: ContainerRegistry_DeleteRepository.
        """
        deleted = await self._manifests.delete_repository(
            parsing.repository(request), self._origins.cause(request)
        )
        content = {"manifestsDeleted": deleted.manifests, "tagsDeleted": deleted.tags}
        return responses.json(content, 202)

    async def list_tags(self, request: Request) -> Response:
        """GET: a page of the tags, or of those of one manifest.

        Operation: ContainerRegistry_GetTags. Query: digest, orderby, n, last.
        """
        page, order = paging.page(request), paging.order(request)
        digest = paging.listed_digest(request)
        tags = await self._properties.tags(parsing.repository(request), page, order, digest)
        places = [shapes.place(tag.name, tag.updated_at, order) for tag in tags.items]
        return self._page(request, "tags", list(map(shapes.tag, tags.items)), places, tags.more)

    async def get_tag(self, request: Request) -> Response:
        """GET: a tag's properties.

        Operation: ContainerRegistry_GetTagProperties.
        """
        repository, tag = parsing.repository(request), parsing.tag(request)
        return self._tag(request, await self._properties.tag(repository, tag))

    async def change_tag(self, request: Request) -> Response:
        """PATCH: change some of a tag's attributes.

        Operation: ContainerRegistry_UpdateTagAttributes.
        """
        repository, tag = parsing.repository(request), parsing.tag(request)
        change = await _change(request)
        return self._tag(request, await self._properties.change_tag(repository, tag, change))

    async def delete_tag(self, request: Request) -> Response:
        """DELETE: delete the tag and keep the manifest.

        Operation: ContainerRegistry_DeleteTag.
        """
        await self._manifests.untag(parsing.repository(request), parsing.tag(request))
        return responses.empty(202)

    async def list_manifests(self, request: Request) -> Response:
        """GET: a page of the manifests.

        Operation: ContainerRegistry_GetManifests. Query: tags, orderby, n, last.
        """
        page, order, tags = paging.page(request), paging.order(request), paging.tags(request)
        found = await self._properties.manifests(parsing.repository(request), page, order, tags)
        places = [shapes.place(one.digest, one.updated_at, order) for one in found.items]
        shown = list(map(shapes.manifest, found.items))
        return self._page(request, "manifests", shown, places, found.more)

    async def get_manifest(self, request: Request) -> Response:
        """GET: a manifest's properties.

        Operation: ContainerRegistry_GetManifestProperties. Query: tags.
        """
        repository, digest = parsing.repository(request), parsing.digest_to_read(request)
        found = await self._properties.manifest(repository, digest, paging.tags(request))
        return self._manifest(request, found)

    async def change_manifest(self, request: Request) -> Response:
        """PATCH: change some of a manifest's attributes.

        Operation: ContainerRegistry_UpdateManifestProperties.
        """
        repository, digest = parsing.repository(request), parsing.digest(request)
        change = await _change(request)
        changed = await self._properties.change_manifest(repository, digest, change)
        return self._manifest(request, changed)

    def _repository(self, request: Request, properties: RepositoryProperties) -> Response:
        return responses.json(shapes.repository(self._host(request), properties))

    def _tag(self, request: Request, properties: TagProperties) -> Response:
        return responses.json(self._within(request, "tag", shapes.tag(properties)))

    def _manifest(self, request: Request, properties: ManifestProperties) -> Response:
        return responses.json(self._within(request, "manifest", shapes.manifest(properties)))

    def _page(
        self,
        request: Request,
        key: str,
        shown: list[Json],
        places: Sequence[str],
        more: bool,  # noqa: FBT001 -- of a slice
    ) -> Response:
        # An empty page is null: acr-cli requests pages until it is (acr-protocol.md §0.3, rule 24).
        content = self._within(request, key, shown or None)
        path = shapes.path(parsing.repository(request), f"_{key}")
        following = responses.last_item(places, more=more)
        order, filters = paging.order(request).value, paging.filters(request)
        return responses.listing(path, content, paging.page(request), following, filters, order)

    def _within(self, request: Request, key: str, content: object) -> Json:
        return shapes.within(self._host(request), parsing.repository(request), key, content)

    def _host(self, request: Request) -> str:
        return self._origins.of(request).login_server


async def _change(request: Request) -> AttributesChange:
    return parsing.attributes_change(await request.body.read(MAX_CHANGE_BYTES))
