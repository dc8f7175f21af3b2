"""What was deleted and can be restored, in SQL."""

from collections.abc import Callable
from datetime import datetime
from heapq import merge
from typing import TypeVar

from acrux.adapters.sql.content import repositories
from acrux.adapters.sql.content.grace import Grace
from acrux.adapters.sql.database import Database, Row, Statement
from acrux.adapters.sql.deleted import listing, places, purging, restoring
from acrux.adapters.sql.deleted.places import Place
from acrux.domain.content.digest import Digest
from acrux.domain.content.names import RepositoryName
from acrux.domain.content.page import Page, Slice
from acrux.domain.content.patterns import RepositoryPattern
from acrux.domain.content.storage.deleted import DeletedManifest, DeletedTag, Restoration
from acrux.domain.instants import to_microseconds
from acrux.errors import UnknownRepository

Item = TypeVar("Item")


class SqlGraveyard:
    """The port Graveyard on a database; each method is described there."""

    def __init__(self, database: Database, grace: Grace, growing: Database | None = None) -> None:
        self._database = database
        self._grace = grace
        self._growing = growing or database

    async def repositories(
        self, page: Page, visible: tuple[RepositoryPattern, ...], now: datetime
    ) -> Slice[str]:
        """See ports.Graveyard."""
        names: list[str] = []
        for within in repositories.ranges(visible):
            if len(names) <= page.items and page.last < within.end:
                room = page.items + 1 - len(names)
                find = listing.list_repositories(within, page.last, room, to_microseconds(now))
                names += (str(name) for (name,) in await self._database.read(find))
        return _slice(names, page)

    async def manifests(
        self, repository: RepositoryName, page: Page, now: datetime
    ) -> Slice[DeletedManifest]:
        """See ports.Graveyard."""
        found = await self._list(repository, page, now, listing.list_manifests)
        # Of a manifest that was deleted several times, the last time counts.
        latest: dict[str, DeletedManifest] = {}
        for one in merge(*(map(listing.read_manifest, rows) for rows in found), key=_digest):
            known = latest.get(one.digest)
            if known is None or known.deleted_at < one.deleted_at:
                latest[one.digest] = one
        return _slice(list(latest.values()), page)

    async def tags(
        self, repository: RepositoryName, page: Page, now: datetime
    ) -> Slice[DeletedTag]:
        """See ports.Graveyard."""
        found = await self._list(repository, page, now, listing.list_tags)
        tags = merge(*(map(listing.read_tag, rows) for rows in found), key=_name_and_time)
        return _slice(list(tags), page)

    async def _list(
        self,
        repository: RepositoryName,
        page: Page,
        now: datetime,
        query: Callable[[Place, Page, int], Statement],
    ) -> list[list[Row]]:
        at = to_microseconds(now)
        around = places.read(await self._database.read(places.find(repository, at)))
        if not around:
            raise UnknownRepository(
                "nothing of this repository can be restored", name=str(repository)
            )
        return [await self._database.read(query(place, page, at)) for place in around]

    async def restore(self, what: Restoration, now: datetime) -> bool:
        """See ports.Graveyard."""
        return await self._growing.write(restoring.restore(what, to_microseconds(now), self._grace))

    async def restore_repository(self, repository: RepositoryName, now: datetime) -> None:
        """See ports.Graveyard."""
        await self._database.write(restoring.restore_repository(repository, to_microseconds(now)))

    async def purge_manifest(
        self, repository: RepositoryName, digest: Digest, now: datetime
    ) -> None:
        """See ports.Graveyard."""
        await self._database.write(purging.purge_manifest(repository, digest, to_microseconds(now)))

    async def purge_repository(self, repository: RepositoryName, now: datetime) -> None:
        """See ports.Graveyard."""
        await self._database.write(purging.purge_repository(repository, to_microseconds(now)))


def _digest(manifest: DeletedManifest) -> str:
    return manifest.digest


def _name_and_time(tag: DeletedTag) -> tuple[str, datetime]:
    return tag.name, tag.deleted_at


def _slice(items: list[Item], page: Page) -> Slice[Item]:
    return Slice(tuple(items[: page.items]), more=0 < page.items < len(items))
