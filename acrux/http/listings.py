"""Handlers of tags/list, referrers and _catalog."""

from acrux.http import parsing, responses
from acrux.http.messages import Request, Response
from acrux.services.listings import Listings


class ListingHandlers:
    """Sorted listings over HTTP (end-8 and the catalog)."""

    def __init__(self, listings: Listings) -> None:
        self._listings = listings

    async def tags(self, request: Request) -> Response:
        """GET: a page of a repository's tags."""
        repository, page = parsing.repository(request), parsing.page(request)
        tags = await self._listings.tags(repository, page)
        content = {"name": str(repository), "tags": tags.items}
        following = responses.last_item(tags.items, more=tags.more)
        return responses.listing(f"/v2/{repository}/tags/list", content, page, following)

    async def repositories(self, request: Request) -> Response:
        """GET: a page of the registry's repositories."""
        page = parsing.page(request)
        names = await self._listings.repositories(page)
        following = responses.last_item(names.items, more=names.more)
        return responses.listing("/v2/_catalog", {"repositories": names.items}, page, following)
