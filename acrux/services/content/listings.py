"""Page through tags, repositories and referrers."""

import re
from collections.abc import Iterable, Sequence
from typing import Final

from acrux.domain.content.digest import Digest
from acrux.domain.content.manifest import MAX_MANIFEST_BYTES, Referrer
from acrux.domain.content.names import RepositoryName
from acrux.domain.content.page import Page, Slice
from acrux.domain.content.patterns import RepositoryPattern, narrowed
from acrux.ports.content.metadata import Found, Metadata

# Annotations may take megabytes, so referrers are read a few at a time. A page of them is an index,
# and clients do not read an index that is larger than a manifest may be.
REFERRERS_AT_A_TIME: Final = 20
MAX_REFERRERS_BYTES: Final = MAX_MANIFEST_BYTES // 2  # JSON escapes add to what is counted here

_PART_OF_NAME: Final = re.compile(r"[a-z0-9._/-]{1,255}")


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

    async def search(self, page: Page, visible: tuple[RepositoryPattern, ...], text: str) -> Found:
        """Those of the repositories that the caller may see whose names contain the text.

        One call looks at a part of the names only, as ports.Metadata says.
        """
        if page.items == 0 or _PART_OF_NAME.fullmatch(text) is None:
            return Found((), None)  # no name contains it
        return await self._metadata.find_repositories(page, visible, text)

    async def level(
        self, page: Page, visible: tuple[RepositoryPattern, ...], below: RepositoryPattern
    ) -> Slice[str]:
        """What the caller may see right below a prefix, or at the top, in byte order.

        That is repositories, and prefixes such as `team/` of those further down. However many these
        are, they are stepped over.
        """
        within, start = narrowed(visible, below), len(below.prefix or "")
        entries: list[str] = []
        last, more = _after(page.last), page.items > 0
        while more and len(entries) < page.items:
            part = Page(page.items - len(entries), last)
            found = await self._metadata.list_repositories(part, within)
            entries += dict.fromkeys(_entry(name, start) for name in found.items)
            more = found.more
            if more:
                last = _after(entries[-1])
        if more and entries[-1].endswith("/"):
            more = bool((await self._metadata.list_repositories(Page(1, last), within)).items)
        return Slice(tuple(entries), more=more)

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


def _entry(name: str, start: int) -> str:
    # The name up to the first slash after the prefix, with it.
    end = name.find("/", start)
    return name if end < 0 else name[: end + 1]


def _after(entry: str) -> str:
    # After all that is below a prefix: ~ is beyond every character of a name.
    return f"{entry}~" if entry.endswith("/") else entry
