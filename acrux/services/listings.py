"""Page through tags, repositories and referrers."""

from acrux.domain.names import RepositoryName
from acrux.domain.page import Page, Slice
from acrux.ports import Metadata


class Listings:
    """The sorted listings of the registry."""

    def __init__(self, metadata: Metadata) -> None:
        self._metadata = metadata

    async def tags(self, repository: RepositoryName, page: Page) -> Slice[str]:
        """A page of a repository's tags (end-8). Raises UnknownRepository."""
        return await self._metadata.list_tags(repository, page)

    async def repositories(self, page: Page) -> Slice[str]:
        """A page of the repositories that hold a manifest."""
        return await self._metadata.list_repositories(page)
