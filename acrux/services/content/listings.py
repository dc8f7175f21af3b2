"""Page through tags, repositories and referrers."""

from collections.abc import Iterable, Sequence
from typing import Final

from acrux.domain.content.digest import Digest
from acrux.domain.content.manifest import MAX_MANIFEST_BYTES, Referrer
from acrux.domain.content.names import RepositoryName
from acrux.domain.content.page import Page, Slice
from acrux.domain.content.patterns import RepositoryPattern
from acrux.ports.content.metadata import Metadata

# Annotations may take megabytes, so referrers are read a few at a time. A page of them is an index,
# and clients do not read an index that is larger than a manifest may be.
REFERRERS_AT_A_TIME: Final = 20
MAX_REFERRERS_BYTES: Final = MAX_MANIFEST_BYTES // 2  # JSON escapes add to what is counted here


class Listings:
    """The sorted listings of the registry."""

    def __init__(self, metadata: Metadata) -> None:
        self._metadata = metadata

    async def tags(self, repository: RepositoryName, page: Page) -> Slice[str]:
        """A page of a repository's tags (end-8). Raises UnknownRepository."""
        return await self._metadata.list_tags(repository, page)

    async def repositories(self, page: Page, visible: tuple[RepositoryPattern, ...]) -> Slice[str]:
        """A page of the repositories that the caller may see."""
        return await self._metadata.list_repositories(page, visible)

    async def unmatched(self, patterns: Iterable[str]) -> Sequence[str]:
        """Those of the patterns that cover no repository at present; they may be mistyped."""
        return [
            pattern
            for pattern in patterns
            if not (await self.repositories(Page(1), (RepositoryPattern(pattern),))).items
        ]

    async def referrers(
        self, repository: RepositoryName, subject: Digest, artifact_type: str | None, page: Page
    ) -> Slice[Referrer]:
        """A page of the manifests that point at the subject, in the order of digests (end-12).

        It may hold fewer than requested if they are large. What a client lists under the subject's
        fallback tag is here too: each manifest is listed as soon as it is pushed.
        """
        listed: list[Referrer] = []
        room, last, more = MAX_REFERRERS_BYTES, page.last, page.items > 0
        while more and len(listed) < page.items:
            count = min(REFERRERS_AT_A_TIME, page.items - len(listed))
            found = await self._metadata.list_referrers(
                repository, subject, artifact_type, Page(count, last)
            )
            more = found.more
            for referrer in found.items:
                room -= referrer.size
                if room < 0 and listed:
                    return Slice(tuple(listed), more=True)
                listed.append(referrer)
                last = str(referrer.digest)
        return Slice(tuple(listed), more=more)
