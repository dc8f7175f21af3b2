"""Handlers of tags/list, referrers and _catalog."""

from acrux.http import paging, parsing, responses
from acrux.http.access.identity import Identity
from acrux.http.messages import Request, Response
from acrux.services.content.listings import Listings


class ListingHandlers:
    """Sorted listings over HTTP (end-8, end-12 and the catalogs)."""

    def __init__(self, listings: Listings, identity: Identity) -> None:
        self._listings = listings
        self._identity = identity

    async def tags(self, request: Request) -> Response:
        """GET: a page of a repository's tags (end-8).

        Query: n, last.
        """
        repository, page = parsing.repository(request), paging.page(request)
        tags = await self._listings.tags(repository, page)
        content = {"name": str(repository), "tags": tags.items}
        following = responses.last_item(tags.items, more=tags.more)
        path, filters = f"/v2/{repository}/tags/list", paging.filters(request)
        return responses.listing(path, content, page, following, filters)

    async def repositories(self, request: Request) -> Response:
        """GET: a page of the repositories that the caller may see.

        Operation: ContainerRegistry_GetRepositories. Query: n, last.
        """
        page = paging.page(request)
        visible = await self._identity.visible(request)
        names = await self._listings.repositories(page, visible)
        following = responses.last_item(names.items, more=names.more)
        content, filters = {"repositories": names.items}, paging.filters(request)
        return responses.listing(request.path, content, page, following, filters)

    async def referrers(self, request: Request) -> Response:
        """GET: a page of the manifests whose subject is this one, as an index (end-12).

        Query: artifactType, n, last.
        """
        repository, digest = parsing.repository(request), parsing.digest(request)
        page, artifact_type = paging.referrers_page(request), paging.artifact_type(request)
        referrers = await self._listings.referrers(repository, digest, artifact_type, page)
        return responses.referrers(
            f"/v2/{repository}/referrers/{digest}",
            referrers.items,
            page,
            artifact_type,
            paging.filters(request),
            more=referrers.more,
        )
