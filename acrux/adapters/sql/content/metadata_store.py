"""Repositories, manifests, tags, links, referrers in SQL."""

from collections.abc import Iterator, Mapping
from datetime import datetime

from acrux.adapters.sql.content import attributes, blob_links, manifests, repositories, tags
from acrux.adapters.sql.database import Database, Row
from acrux.domain.content.attributes import Operation, check
from acrux.domain.content.digest import Digest
from acrux.domain.content.manifest import Manifest, Platform, Referrer
from acrux.domain.content.names import Reference, RepositoryName, Tag
from acrux.domain.content.page import Page, Slice
from acrux.domain.content.patterns import RepositoryPattern
from acrux.errors import UnknownBlob, UnknownManifest, UnknownRepository
from acrux.ports.content import Deleted, StoredManifest


class SqlMetadata:
    """The port Metadata on a database; each method is described there.

    What makes the database grow, a link or a manifest, is written to `growing` if that is given.
    """

    def __init__(self, database: Database, growing: Database | None = None) -> None:
        self._database = database
        self._growing = growing or database

    async def check_writable(self, repository: RepositoryName) -> None:
        """See ports.Metadata."""
        for row in await self._database.read(attributes.find(repository)):
            check(Operation.WRITE, attributes.read(row))

    async def link_blob(
        self, repository: RepositoryName, digest: Digest, size: int, at: datetime
    ) -> None:
        """See ports.Metadata."""
        await self._growing.write(blob_links.link_blob(repository, digest, size, at))

    async def find_blob(self, repository: RepositoryName, digest: Digest) -> int:
        """See ports.Metadata."""
        found = await self._database.find(
            blob_links.find_blob(repository, digest), blob_links.read_size
        )
        if found is None:
            raise UnknownBlob(digest=str(digest))
        return found

    async def mount_blob(
        self,
        sources: tuple[RepositoryPattern, ...],
        repository: RepositoryName,
        digest: Digest,
        size: int,
        at: datetime,
    ) -> None:
        """See ports.Metadata."""
        await self._growing.write(blob_links.mount_blob(sources, repository, digest, size, at))

    async def unlink_blob(self, repository: RepositoryName, digest: Digest) -> None:
        """See ports.Metadata."""
        await self._database.write(blob_links.unlink_blob(repository, digest))

    async def put_manifest(  # noqa: PLR0913 -- one of each
        self,
        repository: RepositoryName,
        manifest: Manifest,
        tags: tuple[Tag, ...],
        at: datetime,
        *,
        platform: Platform | None = None,
        allow_missing: bool = False,
        sizes: Mapping[Digest, int] | None = None,
    ) -> None:
        """See ports.Metadata. A manifest that exists already stays as it was first put."""
        required = () if allow_missing else manifest.required_blobs
        held = manifests.hold(repository, manifest, platform or Platform(), at)
        await self._growing.write(
            manifests.put_manifest(repository, required, sizes, held, manifest.digest, tags, at)
        )

    async def get_manifest(
        self, repository: RepositoryName, reference: Reference
    ) -> StoredManifest:
        """See ports.Metadata."""
        find = manifests.find_tagged if isinstance(reference, Tag) else manifests.find
        found = await self._database.find(find(repository, reference), manifests.read_manifest)
        if found is None:
            raise UnknownManifest(reference=str(reference))
        return found

    async def delete_manifest(self, repository: RepositoryName, digest: Digest) -> None:
        """See ports.Metadata."""
        await self._database.write(manifests.delete_manifest(repository, digest))

    async def delete_tag(self, repository: RepositoryName, tag: Tag) -> None:
        """See ports.Metadata."""
        await self._database.write(tags.delete_tag(repository, tag))

    async def delete_repository(self, repository: RepositoryName) -> Deleted:
        """See ports.Metadata."""
        return await self._database.write(repositories.delete_repository(repository))

    async def list_tags(self, repository: RepositoryName, page: Page) -> Slice[str]:
        """See ports.Metadata."""
        rows = await self._database.read(tags.list_tags(repository, page))
        if not rows:
            known = await self._database.read(repositories.find_any_manifest(repository))
            if not known:
                raise UnknownRepository(name=str(repository))
        return _names(rows, page)

    async def list_repositories(
        self, page: Page, visible: tuple[RepositoryPattern, ...]
    ) -> Slice[str]:
        """See ports.Metadata."""
        rows: list[Row] = []
        for names in repositories.ranges(visible):
            if len(rows) <= page.items and page.last < names.end:
                room = page.items + 1 - len(rows)
                find = repositories.list_repositories(names, page.last, room)
                rows += await self._database.read(find)
        return _names(rows, page)

    async def list_referrers(
        self, repository: RepositoryName, subject: Digest, artifact_type: str | None, page: Page
    ) -> Slice[Referrer]:
        """See ports.Metadata."""
        rows = await self._database.read(
            manifests.list_referrers(repository, subject, artifact_type, page)
        )
        referrers = tuple(map(manifests.read_referrer, rows[: page.items]))
        return Slice(referrers, more=0 < page.items < len(rows))


def _names(rows: list[Row], page: Page) -> Slice[str]:
    # One row more than the page holds was requested: if it is there, there is a next page.
    names: Iterator[str] = (name for (name,) in rows[: page.items])
    return Slice(tuple(names), more=0 < page.items < len(rows))
