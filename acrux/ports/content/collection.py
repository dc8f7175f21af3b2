"""What collection and retention need: what is due, what is held, removal."""

from collections.abc import AsyncIterator, Sequence
from datetime import datetime
from typing import Protocol, Self

from msgspec import Struct

from acrux.domain.content.policies.retention import Fact, RetentionRule, TagFact, UntaggedFact
from acrux.domain.content.storage.copy import Copy


class Collected(Struct, frozen=True):
    """What one step looked at, and what it removed."""

    looked_at: int = 0
    manifests: int = 0
    links: int = 0
    repositories: int = 0

    def __add__(self, other: Self) -> Self:
        return type(self)(
            self.looked_at + other.looked_at,
            self.manifests + other.manifests,
            self.links + other.links,
            self.repositories + other.repositories,
        )


class Queue(Struct, frozen=True):
    """What waits to be collected: how much, and since when the oldest of it is due.

    `is_counted` is whether all that existed before collection did is under it. `bytes` are those of
    the copies to remove.
    """

    reviews: int
    due: int
    holds: int
    repositories: int
    copies: int
    bytes: int
    oldest_due: datetime | None
    is_counted: bool


class Garbage(Protocol):
    """What nothing refers to any more.

    Each method is one transaction, and does a bounded amount of work.
    """

    async def count(self, items: int) -> int:
        """Bring up to `items` things under collection that existed before it; 0 if none is left.

        Until then, nothing else may be called but `queue`.
        """

    async def is_counted(self) -> bool:
        """Whether `count` has nothing left to do."""

    async def is_any_due(self, now: datetime) -> bool:
        """Whether any of the other methods would find something to do."""

    async def review(self, now: datetime, items: int) -> Collected:
        """Look at up to `items` digests that are due, and remove what has no reference left."""

    async def end_holds(self, now: datetime, items: int) -> Collected:
        """End up to `items` holds of pushes that never came, and remove what they held."""

    async def purge_expired(self, now: datetime, items: int) -> Collected:
        """Remove up to `items` deleted manifests and tags for good whose time is over."""

    async def clear(self, now: datetime, items: int) -> Collected:
        """Remove up to `items` rows of a deleted repository."""

    async def removals(self, now: datetime, items: int) -> Sequence[Copy]:
        """Up to `items` copies whose bytes are due to be removed from the store."""

    async def forget(self, copies: Sequence[Copy]) -> None:
        """Forget copies whose bytes have been removed."""

    async def postpone(self, copies: Sequence[Copy], until: datetime) -> None:
        """Try again later to remove copies that could not be removed."""

    async def disown(self, copies: Sequence[Copy], now: datetime) -> int:
        """Have those of the copies removed that no blob uses; returns how many."""

    async def queue(self, now: datetime) -> Queue:
        """What waits."""


class ManifestFact(Struct, frozen=True):
    """What decides whether a manifest may be removed for having no tag.

    `is_named`: an index names it. `has_subject`: it refers to a manifest, and `is_referrer`: that
    one is there. `is_held`: a push is about to name it. `is_reviewed`: it lost a reference, and the
    collector looks at it when its grace has passed. As long as it has tags, `fact.untagged_at`
    means nothing.
    """

    fact: UntaggedFact
    is_tagged: bool = False
    is_named: bool = False
    has_subject: bool = False
    is_referrer: bool = False
    is_held: bool = False
    is_reviewed: bool = False

    @property
    def is_needed(self) -> bool:
        """Whether something refers to it, or is about to."""
        return self.is_tagged or self.is_named or self.is_referrer or self.is_held


class Terms(Struct, frozen=True):
    """What must hold when items are removed.

    The `rules` must still be as they are here. `include_locked` removes what has a lock of its own;
    `include_reviewed` removes manifests that the collector is about to look at.
    """

    rules: tuple[RetentionRule, ...] = ()
    include_locked: bool = False
    include_reviewed: bool = False


class Inventory(Protocol):
    """What each repository holds, read in pages, and its removal in batches.

    A page is one statement, and a batch is one transaction. With `include_locked`, only a lock of
    the repository counts as a lock.
    """

    async def repositories(self, after: str, count: int) -> Sequence[str]:
        """Up to `count` names of repositories after this one, hidden ones included, by name."""

    def tags(
        self, repository: str, count: int, *, include_locked: bool = False
    ) -> AsyncIterator[Sequence[TagFact]]:
        """The tags of the repository, newest first, in pages of up to `count`."""

    async def tags_on(
        self, repository: str, digest: str, after: str, count: int, *, include_locked: bool = False
    ) -> Sequence[TagFact]:
        """Up to `count` tags on this manifest after this one, by name."""

    def manifests(
        self, repository: str, count: int, *, include_locked: bool = False, tagged: bool = False
    ) -> AsyncIterator[Sequence[ManifestFact]]:
        """The manifests of the repository, last pushed first.

        Each page is what is left of up to `count` without those that have tags, unless `tagged`.
        """

    async def naming(
        self, repository: str, digest: str, count: int, *, include_locked: bool = False
    ) -> Sequence[ManifestFact]:
        """Up to `count` manifests that name this one, by digest."""

    async def remove(
        self, repository: str, items: Sequence[Fact], terms: Terms
    ) -> tuple[bool, ...] | None:
        """Remove those of the items that are still exactly as they were read; says which.

        A tag that moved, was pushed again, pulled or locked meanwhile stays, as does a manifest
        that got a tag, or that an index, a subject or a push needs now. Returns None, and removes
        nothing, if a rule is not what it was.
        """
