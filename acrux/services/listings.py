"""Page through tags, repositories and referrers."""

from collections.abc import Mapping

import msgspec

from acrux.domain.access import RepositoryPattern
from acrux.domain.digest import Digest
from acrux.domain.manifest import Referrer
from acrux.domain.media_types import INDEXES
from acrux.domain.names import RepositoryName, Tag
from acrux.domain.page import Page, Slice
from acrux.errors import Disallowed, InvalidDigest, UnknownManifest
from acrux.ports import Metadata


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

    async def referrers(
        self, repository: RepositoryName, subject: Digest, artifact_type: str | None, page: Page
    ) -> Slice[Referrer]:
        """A page of what points at the subject, in the order of digests (end-12).

        With it comes what a client listed under the subject's fallback tag, where some registry
        it pushed to before had no such listing (OCI distribution specification, "Enabling the
        Referrers API").
        """
        held = await self._metadata.list_referrers(repository, subject, artifact_type, page)
        known = {str(referrer.digest) for referrer in held.items}
        tagged = [
            referrer
            for referrer in await self._fallback(repository, subject)
            if str(referrer.digest) > page.last
            and str(referrer.digest) not in known
            and artifact_type in (None, referrer.artifact_type)
        ]
        merged = sorted((*held.items, *tagged), key=lambda referrer: str(referrer.digest))
        more = held.more or 0 < page.items < len(merged)
        return Slice(tuple(merged[: page.items]), more=more)

    async def _fallback(self, repository: RepositoryName, subject: Digest) -> list[Referrer]:
        # <algorithm>-<encoded>, each cut to 32 and 64 characters to fit a tag.
        tag = Tag.parse(f"{subject.algorithm[:32]}-{subject.encoded[:64]}")
        try:
            index = await self._metadata.get_manifest(repository, tag)
        except (UnknownManifest, Disallowed):
            return []
        if index.media_type not in INDEXES:
            return []
        entries = msgspec.json.decode(index.content, type=_FallbackIndex).manifests
        return [referrer for entry in entries if (referrer := _read(entry))]


class _Entry(msgspec.Struct, rename="camel"):
    digest: str
    media_type: str = ""
    size: int = 0
    artifact_type: str = ""
    annotations: Mapping[str, str] = {}


class _FallbackIndex(msgspec.Struct):
    manifests: list[msgspec.Raw]


def _read(text: msgspec.Raw) -> Referrer | None:
    # An entry was pushed by anybody, for other eyes than ours: one that cannot be read is left out.
    try:
        entry = msgspec.json.decode(text, type=_Entry)
        digest = Digest.parse(entry.digest)
    except (msgspec.ValidationError, InvalidDigest):
        return None
    return Referrer(digest, entry.media_type, entry.size, entry.artifact_type, entry.annotations)
