"""A registry whose deletions can be restored, and a recount of what it holds."""

from dataclasses import dataclass, field
from datetime import datetime, timedelta
from typing import Any

from acrux.adapters.sql.collection.garbage import SqlGarbage
from acrux.adapters.sql.collection.reviewing import Rules
from acrux.adapters.sql.content.grace import Grace
from acrux.adapters.sql.content.metadata_store import SqlMetadata
from acrux.adapters.sql.database import Statement
from acrux.adapters.sql.deleted.store import SqlGraveyard
from acrux.adapters.sql.policies import SqlPolicies
from acrux.adapters.sql.properties import SqlProperties
from acrux.domain.content.digest import Digest
from acrux.domain.content.manifest import Manifest
from acrux.domain.content.names import RepositoryName, Tag
from acrux.domain.content.page import Order, Page, Slice
from acrux.domain.content.policies.soft_delete import SoftDeletePolicy
from acrux.domain.content.storage.deleted import DeletedManifest, DeletedTag, Restoration
from acrux.domain.instants import to_microseconds
from acrux.errors import UnknownRepository
from tests.contracts.content import AT, HELLO, PUSHER, copy
from tests.contracts.databases import OpenDatabase

DAYS = 7
EVERYTHING = SoftDeletePolicy(repositories="*", days=DAYS)
WHOLE = Page(1000)
ORDER = Order.BY_NAME


@dataclass
class Graves:
    """One worker's adapters, with a clock that is moved by hand."""

    database: OpenDatabase
    now: datetime = AT
    grace: timedelta = timedelta(days=1)
    metadata: SqlMetadata = field(init=False)
    properties: SqlProperties = field(init=False)
    graveyard: SqlGraveyard = field(init=False)
    garbage: SqlGarbage = field(init=False)
    policies: SqlPolicies = field(init=False)

    def __post_init__(self) -> None:
        grace = Grace(lambda: self.now, self.grace, held=timedelta(hours=2))
        self.metadata = SqlMetadata(self.database, grace)
        self.properties = SqlProperties(self.database)
        self.graveyard = SqlGraveyard(self.database, grace)
        self.garbage = SqlGarbage(self.database, Rules(grace))
        self.policies = SqlPolicies(self.database)

    async def enable(self, policy: SoftDeletePolicy = EVERYTHING) -> None:
        """Create a soft-delete policy."""
        assert await self.policies.create(policy, self.now, 500)

    async def push(
        self, manifest: Manifest, *tags: Tag, repository: RepositoryName = HELLO
    ) -> Digest:
        """Push a manifest, and its blobs before it."""
        for blob in manifest.required_blobs:
            await self.metadata.link_blob(repository, copy(blob), PUSHER, self.now)
        await self.metadata.put_manifest(repository, manifest, tags, self.now, principal=PUSHER)
        return manifest.digest

    async def restore(
        self,
        digest: Digest,
        tag: Tag | None = None,
        *,
        force: bool = False,
        repository: RepositoryName = HELLO,
    ) -> int:
        """Restore a manifest; returns the number of transactions that it took."""
        what, count = Restoration(repository, digest, tag, force), 1
        while not await self.graveyard.restore(what, self.now):
            count += 1
        return count

    async def collect(self) -> None:
        """Run the collector until nothing is due."""
        while await self.garbage.count(10):
            pass
        steps = (
            self.garbage.purge_expired, self.garbage.clear, self.garbage.review,
            self.garbage.end_holds,
        )  # fmt: skip
        while any([(await step(self.now, 10)).looked_at for step in steps]):
            pass

    async def deleted(self, repository: RepositoryName = HELLO) -> list[str]:
        """The digests that can be restored."""
        try:
            found = await self.graveyard.manifests(repository, WHOLE, self.now)
        except UnknownRepository:
            return []
        return [one.digest for one in found.items]

    async def deleted_tags(self, repository: RepositoryName = HELLO) -> list[tuple[str, str]]:
        """The tags that can be restored, with their digests."""
        try:
            found = await self.graveyard.tags(repository, WHOLE, self.now)
        except UnknownRepository:
            return []
        return [(one.name, one.digest) for one in found.items]

    async def manifests(self, page: Page) -> Slice[DeletedManifest]:
        """A page of what can be restored of HELLO."""
        return await self.graveyard.manifests(HELLO, page, self.now)

    async def all_tags(self, items: int) -> list[DeletedTag]:
        """The tags of HELLO that can be restored, read in pages."""
        found: list[DeletedTag] = []
        page = Page(items)
        while (part := await self.graveyard.tags(HELLO, page, self.now)).items:
            found += part.items
            last = part.items[-1]
            page = Page(items, last.name, to_microseconds(last.deleted_at))
        return found

    async def live(self, repository: RepositoryName = HELLO) -> dict[str, tuple[str, ...]]:
        """The manifests of the repository, with their tags."""
        try:
            found = await self.properties.manifests(repository, WHOLE, ORDER)
        except UnknownRepository:
            return {}
        return {one.digest: one.tags for one in found.items}

    async def rows(self, sql: str) -> list[Any]:
        """The rows of a statement."""
        return await self.database.read(Statement(sql, {}))

    async def stored(self) -> set[str]:
        """The digests of the blobs whose bytes are kept."""
        return {str(digest) for (digest,) in await self.rows("SELECT digest FROM blobs")}

    async def check_counters(self) -> None:
        """Compare the counters of every repository with its rows, and look for rows of none."""
        assert await self.rows(_WRONG) == []
        for table in ("manifests", "tags", "blob_links", "manifest_references", "deleted_tags"):
            lost = f"SELECT * FROM {table} WHERE repository NOT IN (SELECT key FROM repositories)"  # noqa: S608 -- our own names
            assert await self.rows(lost) == [], table
        assert await self.rows(_UNDATED) == []
        assert await self.rows(_UNLINKED) == []


_WRONG = """
    SELECT * FROM (
        SELECT usage.repository, usage.manifests, usage.manifest_bytes, usage.tags, usage.blobs,
               usage.blob_bytes,
               (SELECT COUNT(*) FROM manifests AS m WHERE m.repository = usage.repository) AS a,
               (SELECT COALESCE(SUM(size), 0) FROM manifests AS m
                WHERE m.repository = usage.repository) AS b,
               (SELECT COUNT(*) FROM tags AS t WHERE t.repository = usage.repository) AS c,
               (SELECT COUNT(*) FROM blob_links AS l WHERE l.repository = usage.repository) AS d,
               (SELECT COALESCE(SUM(size), 0) FROM blob_links AS l
                WHERE l.repository = usage.repository) AS e
        FROM usage) AS counted
    WHERE manifests <> a OR manifest_bytes <> b OR tags <> c OR blobs <> d OR blob_bytes <> e
"""
# What lies in a graveyard has a time, and what has a time lies there. What is to be cleared may
# keep its time until then.
_UNDATED = """
    SELECT manifests.repository, manifests.digest FROM manifests
    JOIN repositories ON repositories.key = manifests.repository
    LEFT JOIN deleted_manifests AS d
      ON d.repository = manifests.repository AND d.digest = manifests.digest
    WHERE repositories.clear_at IS NULL
      AND (repositories.name IS NULL AND repositories.deleted_at IS NULL) <> (d.digest IS NOT NULL)
    UNION ALL
    SELECT d.repository, d.digest FROM deleted_manifests AS d
    LEFT JOIN manifests ON d.repository = manifests.repository AND d.digest = manifests.digest
    WHERE manifests.digest IS NULL
"""
# What a manifest names is linked where the manifest is.
_UNLINKED = """
    SELECT r.repository, r.target FROM manifest_references AS r
    WHERE r.target IN (SELECT digest FROM blobs)
      AND NOT EXISTS (SELECT 1 FROM blob_links AS l
                      WHERE l.repository = r.repository AND l.digest = r.target)
"""
