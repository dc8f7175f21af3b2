"""Random histories of a small registry, with collection, on a database."""

from collections.abc import Callable, Coroutine
from contextlib import suppress
from datetime import datetime, timedelta
from typing import Any, Final

from hypothesis import strategies as st

from acrux.adapters.sql.collection.garbage import SqlGarbage
from acrux.adapters.sql.collection.reviewing import Rules
from acrux.adapters.sql.content.grace import Grace
from acrux.adapters.sql.content.metadata_store import SqlMetadata
from acrux.adapters.sql.database import Database, Statement, Steps
from acrux.adapters.sql.deleted.store import SqlGraveyard
from acrux.adapters.sql.policies import SqlPolicies
from acrux.adapters.sql.properties import SqlProperties
from acrux.adapters.sql.space.space import SqlSpace
from acrux.domain.content.attributes import AttributesChange
from acrux.domain.content.digest import Digest
from acrux.domain.content.manifest import Manifest
from acrux.domain.content.names import RepositoryName, Tag
from acrux.domain.content.patterns import RepositoryPattern
from acrux.domain.content.policies.soft_delete import SoftDeletePolicy
from acrux.domain.content.storage.copy import Copy
from acrux.domain.content.storage.deleted import Restoration
from acrux.domain.content.storage.space import Target
from acrux.errors import RegistryError
from tests.contracts.content import AT, descriptor, image, index

REPOSITORIES: Final = tuple(map(RepositoryName.parse, ("app", "app/web", "base")))
TAGS: Final = tuple(map(Tag.parse, ("latest", "v1", "v2")))
BLOBS: Final = tuple(Digest.of(str(number).encode()) for number in range(4))
EVERYTHING: Final = (RepositoryPattern("*"),)

GRACE: Final = timedelta(hours=24)
HELD: Final = timedelta(hours=2)

_IMAGES: Final = (image(BLOBS[0]), image(BLOBS[0], BLOBS[1]), image(BLOBS[2], BLOBS[3], BLOBS[1]))
_SIGNATURE: Final = image(BLOBS[3], subject=descriptor(_IMAGES[0].digest))
MANIFESTS: Final = (
    *_IMAGES,
    _SIGNATURE,
    image(BLOBS[2], subject=descriptor(_SIGNATURE.digest)),
    index("two", manifests=[descriptor(one.digest) for one in _IMAGES[:2]]),
    index("nested", subject=descriptor(_IMAGES[2].digest)),
)

repositories = st.sampled_from(REPOSITORIES)
tags = st.sampled_from(TAGS)
blobs = st.sampled_from(BLOBS)
manifests = st.sampled_from(MANIFESTS)

# A step is the name of a method of History, and its arguments.
Action = tuple[str, tuple[Any, ...]]


def action(name: str, *arguments: st.SearchStrategy[Any]) -> st.SearchStrategy[Action]:
    """A step with these arguments."""
    return st.tuples(st.just(name), st.tuples(*arguments))


steps: st.SearchStrategy[Action] = st.one_of(
    action("link", repositories, blobs, st.sampled_from([4, 4, 4, 5])),
    action("link_again"),
    action("mount", repositories, blobs),
    action("push", repositories, manifests, st.lists(tags, max_size=2, unique=True)),
    action("push", repositories, manifests, st.lists(tags, max_size=2, unique=True)),
    action("push", repositories, manifests, st.lists(tags, max_size=2, unique=True)),
    action("hold", repositories, blobs),
    action("unlink", repositories, blobs),
    action("untag", repositories, tags),
    action("delete", repositories, manifests),
    action("delete_repository", repositories),
    action("lock", repositories, manifests, st.booleans()),
    action("soft_delete", st.booleans()),
    action("restore", repositories, manifests, st.none() | tags),
    action("restore_repository", repositories),
    action("purge", repositories, manifests),
    action("forward", st.sampled_from([1, 3, 25])),
    action("collect", st.integers(1, 5)),
    action("collect_all"),
)


class History:
    """A registry, the clock that its steps move, and what can be done to it."""

    def __init__(
        self, database: Database, *, untagged: bool = True, referrers: bool = True
    ) -> None:
        self.now = AT
        grace = Grace(self._clock, GRACE, HELD, referrers=referrers)
        self.database = database
        self.metadata = SqlMetadata(database, grace)
        self.properties = SqlProperties(database)
        rules = Rules(grace, untagged=untagged)
        self.garbage = SqlGarbage(database, rules)
        self.space = SqlSpace(database, rules)
        self.policies = SqlPolicies(database)
        self.graveyard = SqlGraveyard(database, grace)
        self._copies: list[tuple[RepositoryName, Copy]] = []

    def _clock(self) -> datetime:
        return self.now

    async def take(self, step: Action) -> None:
        """Take a step; what the registry refuses changes nothing."""
        name, arguments = step
        act: Callable[..., Coroutine[Any, Any, None]] = getattr(self, name)
        with suppress(RegistryError):
            await act(*arguments)

    async def link(self, repository: RepositoryName, blob: Digest, size: int) -> None:
        """Push a blob; another size is that of damaged bytes, which the next push replaces."""
        copy = Copy(blob, f"{len(self._copies):016x}", size)
        self._copies.append((repository, copy))
        await self.metadata.link_blob(repository, copy, "", self.now)

    async def link_again(self) -> None:
        """Repeat a push whose answer was lost, although others may have pushed since."""
        if self._copies:
            repository, copy = self._copies[len(self._copies) // 2]
            await self.metadata.link_blob(repository, copy, "", self.now)

    async def mount(self, repository: RepositoryName, blob: Digest) -> None:
        """Mount a blob from whichever repository has it."""
        copy = await self.metadata.find_copy(blob)
        await self.metadata.mount_blob(EVERYTHING, repository, copy, "", self.now)

    async def push(self, repository: RepositoryName, manifest: Manifest, named: list[Tag]) -> None:
        """Push a manifest, and whatever it needs that is missing."""
        for blob in manifest.required_blobs:
            with suppress(RegistryError):
                await self.mount(repository, blob)
            if blob not in await self.metadata.find_copies(repository, [blob]):
                await self.link(repository, blob, 4)
        await self.metadata.put_manifest(repository, manifest, tuple(named), self.now)

    async def hold(self, repository: RepositoryName, blob: Digest) -> None:
        """Ask whether a blob is there, before a push."""
        await self.metadata.hold(repository, blob, "somebody")

    async def unlink(self, repository: RepositoryName, blob: Digest) -> None:
        """Delete a blob, even if manifests name it."""
        await self.metadata.unlink_blob(repository, blob)

    async def untag(self, repository: RepositoryName, tag: Tag) -> None:
        """Delete a tag."""
        await self.metadata.delete_tag(repository, tag)

    async def delete(self, repository: RepositoryName, manifest: Manifest) -> None:
        """Delete a manifest."""
        await self.metadata.delete_manifest(repository, manifest.digest)

    async def delete_repository(self, repository: RepositoryName) -> None:
        """Delete a repository."""
        await self.metadata.delete_repository(repository)

    async def lock(
        self,
        repository: RepositoryName,
        manifest: Manifest,
        is_unlocked: bool,
    ) -> None:
        """Lock a manifest, or unlock it."""
        change = AttributesChange(delete_enabled=is_unlocked)
        await self.properties.change_manifest(repository, manifest.digest, change)

    async def soft_delete(self, is_enabled: bool) -> None:
        """Let what is deleted be restored for a day, or not any more."""
        if is_enabled:
            await self.policies.create(SoftDeletePolicy(repositories="*", days=1), self.now, 1)
        else:
            await self.policies.delete(SoftDeletePolicy, "*")

    async def restore(
        self, repository: RepositoryName, manifest: Manifest, tag: Tag | None
    ) -> None:
        """Restore a deleted manifest, perhaps with a tag."""
        await self.graveyard.restore(Restoration(repository, manifest.digest, tag), self.now)

    async def restore_repository(self, repository: RepositoryName) -> None:
        """Restore a deleted repository."""
        await self.graveyard.restore_repository(repository, self.now)

    async def purge(self, repository: RepositoryName, manifest: Manifest) -> None:
        """Remove a deleted manifest before its time."""
        await self.graveyard.purge_manifest(repository, manifest.digest, self.now)

    async def forward(self, hours: int) -> None:
        """Let time pass."""
        self.now += timedelta(hours=hours)

    async def collect(self, items: int) -> bool:
        """One step of each kind, of so many items; returns whether there was anything to do."""
        if await self.garbage.count(items):
            return True
        done = [
            await self.garbage.purge_expired(self.now, items),
            await self.garbage.clear(self.now, items),
            await self.garbage.review(self.now, items),
            await self.garbage.end_holds(self.now, items),
        ]
        copies = await self.garbage.removals(self.now, items)
        await self.garbage.forget(copies)
        return bool(copies) or any(one.looked_at for one in done)

    async def collect_all(self) -> None:
        """Collect until nothing is due."""
        while await self.collect(100):
            pass

    async def settle(self) -> None:
        """Let all graces pass, and collect."""
        for _ in range(2):  # what expired holds and former locks kept is reviewed again
            await self.forward(1000)
            await self.collect_all()

    async def delete_target(self, target: Target) -> None:
        """Delete a repository, a tag or a manifest, if it is still there."""
        with suppress(RegistryError):
            if target.reference is None:
                await self.metadata.delete_repository(target.repository)
            elif isinstance(target.reference, Tag):
                await self.metadata.delete_tag(target.repository, target.reference)
            else:
                await self.metadata.delete_manifest(target.repository, target.reference)

    async def come_from_a_former_version(self) -> None:
        """Forget what only this version keeps: all is as migration 15 leaves it."""
        await self.forward(1000)
        await self.collect_all()
        await self.database.write(_forget_all_but_content())
        self._copies = []


def _forget_all_but_content() -> Steps[None]:
    for table in ("manifest_references", "blobs", "stored", "usage", "reviews", "holds"):
        yield Statement(f"DELETE FROM {table}", {})  # noqa: S608 -- our own names
    yield Statement(
        """
        INSERT INTO usage (repository, manifests, manifest_bytes, tags, blobs, blob_bytes,
                           manifests_to, tags_to, blobs_to)
        SELECT key, 0, 0, 0, 0, 0, '', '', '' FROM repositories
        """,
        {},
    )
