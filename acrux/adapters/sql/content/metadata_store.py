"""Repositories, manifests, tags, links, referrers in SQL."""

from collections.abc import Iterator, Mapping, Sequence
from datetime import datetime
from typing import Final

from acrux.adapters.sql import policies
from acrux.adapters.sql.content import (
    blob_links,
    copies,
    holds,
    limits,
    manifests,
    references,
    repositories,
    tags,
)
from acrux.adapters.sql.content.grace import Grace
from acrux.adapters.sql.content.repositories import NameRange
from acrux.adapters.sql.database import Database, Row, Steps
from acrux.adapters.sql.many_rows import fitting
from acrux.domain.content.digest import Digest
from acrux.domain.content.manifest import Manifest, Platform, Referrer
from acrux.domain.content.names import Reference, RepositoryName, Tag
from acrux.domain.content.page import Page, Slice
from acrux.domain.content.patterns import RepositoryPattern
from acrux.domain.content.policies.quota import Quota, covering
from acrux.domain.content.storage.copy import Copy
from acrux.domain.instants import to_microseconds
from acrux.domain.webhooks.event import UNKNOWN, Cause
from acrux.errors import UnknownBlob, UnknownManifest, UnknownRepository
from acrux.ports.content.metadata import Deleted, Found, StoredManifest

LOOKED_AT: Final = 10_000  # names, in one search


class SqlMetadata:
    """The port Metadata on a database; each method is described there.

    What makes the database grow, a link or a manifest, is written to `growing` if that is given.
    """

    def __init__(self, database: Database, grace: Grace, growing: Database | None = None) -> None:
        self._database = database
        self._grace = grace
        self._growing = growing or database

    async def check_writable(self, repository: RepositoryName, added: int = 0) -> None:
        """See ports.Metadata."""
        find = repositories.find_place(repository)
        place = await self._database.find(find, repositories.read_place)
        for quota in await self._quotas(repository) if place.has_quotas else ():
            [(used,)] = await self._database.read(limits.find_use(quota.repositories))
            quota.check_room(int(used), added)

    async def has_quotas(self, repository: RepositoryName) -> bool:
        """See ports.Metadata."""
        return bool(await self._quotas(repository))

    async def _quotas(self, repository: RepositoryName) -> Sequence[Quota]:
        quotas = await self._database.find(policies.select(Quota), policies.read_quotas)
        return covering(quotas, repository.value)

    async def link_blob(
        self, repository: RepositoryName, copy: Copy, principal: str, at: datetime
    ) -> None:
        """See ports.Metadata."""
        await self._growing.write(
            blob_links.link_blob(repository, copy, principal, to_microseconds(at), self._grace)
        )

    async def find_blob(self, repository: RepositoryName, digest: Digest) -> Copy:
        """See ports.Metadata."""
        found = await self._database.find(
            blob_links.find_blob(repository, digest), blob_links.read_blob
        )
        if found is None:
            raise UnknownBlob(digest=str(digest))
        return found

    async def find_copies(
        self, repository: RepositoryName, digests: Sequence[Digest]
    ) -> Mapping[Digest, Copy]:
        """See ports.Metadata."""
        found: dict[Digest, Copy] = {}
        for statement in blob_links.find_copies(repository, digests):
            rows = await self._database.read(statement)
            found |= {copy.digest: copy for copy in map(copies.read, rows)}
        return found

    async def find_copy(self, digest: Digest) -> Copy:
        """See ports.Metadata."""
        for row in await self._database.read(copies.find(digest)):
            return copies.read(row)
        raise UnknownBlob(digest=str(digest))

    async def mount_blob(
        self,
        sources: tuple[RepositoryPattern, ...],
        repository: RepositoryName,
        copy: Copy,
        principal: str,
        at: datetime,
    ) -> None:
        """See ports.Metadata."""
        await self._growing.write(
            blob_links.mount_blob(
                sources, repository, copy, principal, to_microseconds(at), self._grace
            )
        )

    async def unlink_blob(self, repository: RepositoryName, digest: Digest) -> None:
        """See ports.Metadata."""
        await self._database.write(blob_links.unlink_blob(repository, digest, self._grace))

    async def hold(self, repository: RepositoryName, digest: Digest, principal: str) -> None:
        """See ports.Metadata."""
        find = holds.find_hold(repository, digest, principal)
        until = await self._database.find(find, holds.read_until)
        if until < self._grace.held_half():
            await self._database.write(holds.renew(repository, digest, principal, self._grace))

    async def put_manifest(  # noqa: PLR0913 -- one of each
        self,
        repository: RepositoryName,
        manifest: Manifest,
        tags: tuple[Tag, ...],
        at: datetime,
        *,
        principal: str = "",
        platform: Platform | None = None,
        allow_missing: bool = False,
        damaged: frozenset[Copy] = frozenset(),
        cause: Cause = UNKNOWN,
    ) -> None:
        """See ports.Metadata."""
        push = manifests.Push(
            repository=repository,
            manifest=manifest,
            platform=platform or Platform(),
            tags=tags,
            principal=principal,
            required=() if allow_missing else manifest.required_blobs,
            damaged=damaged,
            cause=cause,
            at=to_microseconds(at),
        )
        await self._growing.write(manifests.put_manifest(push, self._grace))

    async def get_manifest(
        self, repository: RepositoryName, reference: Reference
    ) -> StoredManifest:
        """See ports.Metadata."""
        find = manifests.find_tagged if isinstance(reference, Tag) else manifests.find
        found = await self._database.find(find(repository, reference), manifests.read_manifest)
        if found is None:
            raise UnknownManifest(reference=str(reference))
        return found

    async def delete_manifest(
        self, repository: RepositoryName, digest: Digest, cause: Cause = UNKNOWN
    ) -> None:
        """See ports.Metadata."""
        await self._database.write(
            manifests.delete_manifest(repository, digest, cause, self._grace)
        )

    async def delete_tag(self, repository: RepositoryName, tag: Tag) -> None:
        """See ports.Metadata."""
        await self._database.write(tags.delete_tag(repository, tag, self._grace))

    async def delete_repository(
        self, repository: RepositoryName, cause: Cause = UNKNOWN
    ) -> Deleted:
        """See ports.Metadata."""
        return await self._database.write(_delete_repository(repository, cause, self._grace))

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

    async def find_repositories(
        self, page: Page, visible: tuple[RepositoryPattern, ...], text: str
    ) -> Found:
        """See ports.Metadata."""
        found: list[str] = []
        for names in repositories.ranges(visible):
            ends = await self._database.read(repositories.find_end(names, page.last, LOOKED_AT))
            looked_at = NameRange(names.first, f"{ends[0][0]} ") if ends else names
            room = page.items + 1 - len(found)
            find = repositories.find_repositories(looked_at, page.last, text, room)
            found += [name for (name,) in await self._database.read(find)]
            if len(found) > page.items:
                return Found(tuple(found[: page.items]), found[page.items - 1])
            if ends:
                return Found(tuple(found), str(ends[0][0]))
        return Found(tuple(found), None)

    async def list_referrers(
        self, repository: RepositoryName, subject: Digest, artifact_type: str | None, page: Page
    ) -> Slice[Referrer]:
        """See ports.Metadata."""
        rows = await self._database.read(
            references.find_referrers(repository, subject, artifact_type, page)
        )
        found = [references.read_referrer(row) for row in rows[: page.items]]
        count = fitting(map(references.size_apart, found), references.LONG_REFERRERS)
        shown = [await self._annotated(repository, each) for each in found[:count]]
        return Slice(tuple(shown), more=0 < len(shown) < len(rows))

    async def _annotated(self, repository: RepositoryName, referrer: Referrer) -> Referrer:
        if not references.size_apart(referrer):
            return referrer
        find = references.find_annotations(repository, referrer.digest)
        return references.annotated(referrer, await self._database.read(find))


def _delete_repository(repository: RepositoryName, cause: Cause, grace: Grace) -> Steps[Deleted]:
    yield from limits.check_deletion_of_all(repository)
    return (yield from repositories.delete_repository(repository, cause, grace))


def _names(rows: list[Row], page: Page) -> Slice[str]:
    # One row more than the page holds was requested: if it is there, there is a next page.
    names: Iterator[str] = (name for (name,) in rows[: page.items])
    return Slice(tuple(names), more=0 < page.items < len(rows))
