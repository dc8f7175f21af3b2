"""A registry whose tags and manifests are as old as a test says."""

from collections.abc import AsyncIterator, Awaitable, Callable
from datetime import timedelta
from typing import Any, TypeVar

from msgspec import Struct

from acrux.adapters.sql.collection.inventory import SqlInventory
from acrux.adapters.sql.collection.reviewing import Rules, review_due
from acrux.adapters.sql.content.grace import Grace
from acrux.adapters.sql.content.metadata_store import SqlMetadata
from acrux.adapters.sql.facts import SqlFacts
from acrux.adapters.sql.leases import SqlLeases
from acrux.adapters.sql.policies import SqlPolicies
from acrux.adapters.sql.properties import SqlProperties
from acrux.adapters.sql.pulls import SqlPulls
from acrux.adapters.sqlite.database import SqliteDatabase
from acrux.domain.content.attributes import AttributesChange
from acrux.domain.content.manifest import Manifest
from acrux.domain.content.names import Reference, RepositoryName, Tag
from acrux.domain.content.page import Order, Page
from acrux.domain.content.policies.definition import MAX_POLICIES, Policy
from acrux.domain.content.policies.retention import Fact, TagFact
from acrux.domain.instants import BEGINNING, to_microseconds
from acrux.errors import UnknownRepository
from acrux.ports.content.pulls import Pull
from acrux.services.content.purges import Purges
from acrux.services.content.retention import Retention
from tests.contracts.content import descriptor, index
from tests.http.conftest import HandClock

APP = RepositoryName.parse("team/app")
OTHER = RepositoryName.parse("other")
LOCKED = AttributesChange(delete_enabled=False)
UNLOCKED = AttributesChange(delete_enabled=True)
DAY = timedelta(days=1)
EVERY = timedelta(hours=1)

Step = TypeVar("Step")


class Left(Struct, frozen=True):
    """The tags and digests that a repository holds."""

    tags: frozenset[str] = frozenset()
    manifests: frozenset[str] = frozenset()


class Shelf:
    """Pushes, pulls and locks with ages in days, and what carries out retention."""

    def __init__(self, database: SqliteDatabase, clock: HandClock) -> None:
        self.clock = clock
        self.database = database
        self.grace = Grace(clock, unreferenced=DAY, held=timedelta(hours=2))
        self.metadata = SqlMetadata(database, self.grace)
        self.properties = SqlProperties(database)
        self.policies = SqlPolicies(database)
        self.pulls = SqlPulls(database)
        self.inventory = SqlInventory(database, self.grace)
        self.leases = SqlLeases(database)
        self.rests: list[Callable[[], Awaitable[object]]] = []
        self.retention = self.another("one")
        self.purges = Purges(self.inventory, clock, self.rest, self.rest)

    def another(self, holder: str) -> Retention:
        """What carries out retention in another process."""
        facts = SqlFacts(self.database)
        return Retention(
            self.inventory, self.policies, self.pulls, facts, self.leases, self.clock, holder,
            EVERY, self.rest,
        )  # fmt: skip

    async def rest(self) -> None:
        """What happens between two steps: the next thing that a test wants, or nothing."""
        if self.rests:
            await self.rests.pop(0)()

    async def push(
        self,
        *tags: str,
        age: float = 0,
        name: str = "",
        repository: RepositoryName = APP,
        of: tuple[Manifest, ...] = (),
        subject: Manifest | None = None,
    ) -> Manifest:
        """Push a manifest so many days ago; its name, or its tags, make it unique."""
        fields: dict[str, Any] = {
            "manifests": [descriptor(one.digest) for one in of],
            **({"subject": descriptor(subject.digest)} if subject else {}),
        }
        manifest = index(name or " ".join(tags), **fields)
        await self.metadata.put_manifest(
            repository, manifest, tuple(map(Tag.parse, tags)), self.clock() - age * DAY
        )
        return manifest

    async def untag(self, tag: str, *, age: float = 0, repository: RepositoryName = APP) -> None:
        """Delete a tag so many days ago; the collector has looked at its manifest since."""
        now = self.clock.now
        self.clock.now = now - age * DAY
        await self.metadata.delete_tag(repository, Tag.parse(tag))
        self.clock.now = now
        await self.collect()

    async def collect(self) -> None:
        """What the collector does that keeps manifests without a tag."""
        rules = Rules(self.grace, untagged=False)
        await self.database.write(review_due(to_microseconds(self.clock()), 1000, rules))

    async def pull(
        self, reference: Reference, *, age: float = 0, repository: RepositoryName = APP
    ) -> None:
        """Pull so many days ago; pulls have always been recorded."""
        await self.pulls.begin(BEGINNING)
        await self.pulls.record([Pull(repository, reference, self.clock() - age * DAY)])

    async def lock(self, tag: str, change: AttributesChange = LOCKED) -> None:
        """Lock a tag."""
        await self.properties.change_tag(APP, Tag.parse(tag), change)

    async def create(self, policy: Policy) -> None:
        """Create a policy."""
        policy.check()
        assert await self.policies.create(policy, self.clock(), MAX_POLICIES)

    async def left(self, repository: RepositoryName = APP) -> Left:
        """What is left in the repository."""
        try:
            tags = await self.properties.tags(repository, Page(1000), Order.BY_NAME, None)
            manifests = await self.properties.manifests(repository, Page(1000), Order.BY_NAME)
        except UnknownRepository:
            return Left()
        return Left(
            frozenset(tag.name for tag in tags.items),
            frozenset(manifest.digest for manifest in manifests.items),
        )


async def all_of(steps: AsyncIterator[Step]) -> list[Step]:
    """All steps."""
    return [step async for step in steps]


def named(item: Fact) -> str:
    """The tag, or the digest."""
    return item.name if isinstance(item, TagFact) else item.digest


def digests(*manifests: Manifest) -> set[str]:
    """Their digests."""
    return {str(manifest.digest) for manifest in manifests}
