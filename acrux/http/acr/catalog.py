"""Handler of the catalog: all of it, a search, a level of its tree."""

from acrux.domain.content.names import MAX_NAME_CHARACTERS
from acrux.domain.content.page import Page
from acrux.domain.content.patterns import EVERY_REPOSITORY, RepositoryPattern
from acrux.errors import InvalidPage
from acrux.http import paging, parsing, responses
from acrux.http.access.identity import Identity
from acrux.http.messages import Request, Response
from acrux.services.content.listings import Listings

_Part = tuple[dict[str, object], str | None]  # what is shown, and after which name it goes on


class CatalogHandlers:
    """The repositories that a caller may see; to search them and to step into them is ours."""

    def __init__(self, listings: Listings, identity: Identity) -> None:
        self._listings = listings
        self._identity = identity

    async def list(self, request: Request) -> Response:
        """GET: a page of the repositories that the caller may see, or a part of them.

        With `contains`, those with this in their names; one answer may hold none and yet have a
        link. With `below`, those right below a prefix, and the `prefixes` of those further down.

        Operation: ContainerRegistry_GetRepositories. Query: n, last, contains, below.
        """
        page = paging.page(request)
        visible = await self._identity.visible(request)
        text, below = parsing.first(request, "contains"), parsing.first(request, "below")
        if text is not None and below is not None:
            raise InvalidPage("give either contains or below")
        if text is not None:
            content, following = await self._search(page, visible, text)
        elif below is not None:
            content, following = await self._level(page, visible, below)
        else:
            names = await self._listings.repositories(page, visible)
            content = {"repositories": names.items}
            following = responses.last_item(names.items, more=names.more)
        filters = paging.filters(request)
        return responses.listing(request.path, content, page, following, filters)

    async def _search(self, page: Page, visible: tuple[RepositoryPattern, ...], text: str) -> _Part:
        if len(text) > MAX_NAME_CHARACTERS:
            raise InvalidPage(f"contains is longer than {MAX_NAME_CHARACTERS} characters")
        found = await self._listings.search(page, visible, text)
        return {"repositories": found.names}, found.last

    async def _level(self, page: Page, visible: tuple[RepositoryPattern, ...], below: str) -> _Part:
        prefix = below.removesuffix("/")
        pattern = RepositoryPattern.parse(f"{prefix}/*") if prefix else EVERY_REPOSITORY
        level = await self._listings.level(page, visible, pattern)
        content: dict[str, object] = {
            "repositories": [entry for entry in level.items if not entry.endswith("/")],
            "prefixes": [entry for entry in level.items if entry.endswith("/")],
        }
        return content, responses.last_item(level.items, more=level.more)
