"""What retention and purges need: what repositories hold, and removal."""

from collections.abc import AsyncIterator, Sequence
from typing import Protocol

from msgspec import Struct

from acrux.domain.content.policies.retention import Fact, RetentionRule, TagFact, UntaggedFact


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

    def tags_on(
        self, repository: str, digest: str, count: int, *, include_locked: bool = False
    ) -> AsyncIterator[Sequence[TagFact]]:
        """The tags on this manifest by name, in pages of up to `count`."""

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
