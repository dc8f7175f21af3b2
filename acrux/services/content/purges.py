"""Remove what `acr purge` removes, on the server's side."""

from collections.abc import AsyncGenerator, AsyncIterator, Sequence
from datetime import datetime
from typing import Final

from msgspec import Struct

from acrux.domain.content.policies.retention import Fact, TagFact
from acrux.domain.content.policies.tag_selection import Expression
from acrux.domain.content.storage.purge import Kept, Purge, Unmatched
from acrux.ports.clock import Clock, Rest
from acrux.ports.content.collection import Inventory, ManifestFact, Terms

ITEMS: Final = 200  # of one step: so many are judged, and removed in one transaction, at once
REPOSITORIES: Final = 500  # names of which are read at once
NAMING: Final = 100  # indexes that may name a manifest that goes with them
DEPTH: Final = 8  # of indexes in indexes


class Purged(Struct, frozen=True):
    """What a step removed from a repository, or would remove; nothing when it begins there.

    `unmatched` are the filters that have matched nothing so far.
    """

    repository: str
    items: Sequence[Fact]
    unmatched: tuple[str, ...]


class Purges:
    """Removes old tags by their names, and old manifests without a tag (acr-protocol.md §7.4).

    As `acr purge` does, but a manifest goes only if all indexes that name it go too: acr-cli takes
    the images out of an index that is locked, or one of the newest to keep. `rest` is called after
    each removal, and `turn` after the other steps: nothing purges in the background.
    """

    def __init__(self, inventory: Inventory, clock: Clock, rest: Rest, turn: Rest) -> None:
        self._inventory = inventory
        self._clock = clock
        self._rest = rest
        self._turn = turn

    def preview(self, purge: Purge, after: str = "") -> AsyncGenerator[Purged, None]:
        """What the purge would remove now, in the repositories `after` this one.

        Raises InvalidInput if it is invalid.
        """
        return self._everywhere(purge, after, is_dry=True)

    def run(self, purge: Purge, after: str = "") -> AsyncGenerator[Purged, None]:
        """Remove what `preview` says, step by step. Raises InvalidInput if it is invalid."""
        return self._everywhere(purge, after, is_dry=False)

    async def _everywhere(
        self, purge: Purge, after: str, *, is_dry: bool
    ) -> AsyncGenerator[Purged, None]:
        purge.check()
        before = self._clock() - purge.ago
        unmatched = Unmatched(purge)
        while names := await self._inventory.repositories(after, REPOSITORIES):
            for name in filter(purge.covers, names):
                unmatched.see(name)
                yield Purged(name, (), unmatched.texts)
                walk = _Walk(self._inventory, name, purge, before, unmatched, is_dry=is_dry)
                async for done in self._of_repository(walk):
                    yield Purged(name, done, unmatched.texts)
            after = names[-1]

    async def _of_repository(self, walk: "_Walk") -> AsyncIterator[Sequence[Fact]]:
        is_done = False
        while not is_done:
            removed = skipped = 0
            async for items in walk.steps():
                done = items
                if items and not walk.is_dry:
                    done = await self._remove(walk.repository, items, walk.purge)
                removed += len(done)
                skipped += len(items) - len(done)
                yield done
                await (self._rest if items and not walk.is_dry else self._turn)()
            # An image that is newer than its index goes after it.
            is_done = not (removed and skipped)

    async def _remove(self, repository: str, items: Sequence[Fact], purge: Purge) -> Sequence[Fact]:
        terms = Terms(include_locked=purge.include_locked, include_reviewed=True)
        removed = await self._inventory.remove(repository, items, terms) or ()
        return [item for item, is_gone in zip(items, removed, strict=True) if is_gone]


class _Walk:
    """What goes of one repository, found in pages; nothing but the places of the kept is kept."""

    def __init__(
        self,
        inventory: Inventory,
        repository: str,
        purge: Purge,
        before: datetime,
        unmatched: Unmatched,
        *,
        is_dry: bool,
    ) -> None:
        self._inventory = inventory
        self.repository = repository
        self.purge = purge
        self._before = before
        self._unmatched = unmatched
        self.is_dry = is_dry
        self._expressions: tuple[Expression, ...] = purge.tags(repository)
        self._kept_tags = self._kept_manifests = Kept(0)

    async def steps(self) -> AsyncIterator[Sequence[Fact]]:
        """What goes of each page of tags, then of manifests."""
        self._kept_tags, self._kept_manifests = Kept(self.purge.keep), Kept(self.purge.keep)
        locked = self.purge.include_locked
        if not self.purge.untagged_only:
            async for tags in self._inventory.tags(self.repository, ITEMS, include_locked=locked):
                self._unmatched.see(self.repository, [tag.name for tag in tags])
                yield [tag for tag in tags if self._may_go(tag) and not self._keeps(tag)]
        if self.purge.untagged or self.purge.untagged_only:
            manifests = self._inventory.manifests(
                self.repository, ITEMS, include_locked=locked, tagged=self._loses_tags
            )
            async for page in manifests:
                yield [one.fact for one in page if await self._goes_by_itself(one)]

    @property
    def _loses_tags(self) -> bool:
        """Whether tags are still there that would be gone by now."""
        return self.is_dry and not self.purge.untagged_only

    def _may_go(self, tag: TagFact) -> bool:
        return (
            tag.updated_at < self._before
            and not tag.is_protected
            and any(expression.search(tag.name) for expression in self._expressions)
        )

    def _keeps(self, tag: TagFact) -> bool:
        return self._kept_tags.keeps(tag.pushed_at, tag.name)

    async def _goes_by_itself(self, one: ManifestFact) -> bool:
        fact = one.fact
        return await self._may_be_gone(one) and not self._kept_manifests.keeps(
            fact.pushed_at, fact.digest
        )

    async def _may_be_gone(self, one: ManifestFact, depth: int = DEPTH) -> bool:
        """Whether it is old and unlocked, and all that keeps it goes too."""
        fact = one.fact
        if fact.pushed_at > self._before or fact.is_protected:
            return False
        if one.has_subject or one.is_held:
            return False
        if one.is_tagged and not await self._loses_all_tags(fact.digest):
            return False
        return not one.is_named or await self._loses_all_names(fact.digest, depth)

    async def _loses_all_tags(self, digest: str) -> bool:
        if not self._loses_tags:
            return False
        after, locked = "", self.purge.include_locked
        while tags := await self._inventory.tags_on(
            self.repository, digest, after, ITEMS, include_locked=locked
        ):
            for tag in tags:
                if not self._may_go(tag) or self._kept_tags.kept(tag.pushed_at, tag.name):
                    return False
            after = tags[-1].name
        return True

    async def _loses_all_names(self, digest: str, depth: int) -> bool:
        naming = await self._inventory.naming(
            self.repository, digest, NAMING + 1, include_locked=self.purge.include_locked
        )
        if len(naming) > NAMING or depth == 0:
            return False
        for one in naming:
            fact = one.fact
            if not await self._may_be_gone(one, depth - 1):
                return False
            if self._kept_manifests.kept(fact.pushed_at, fact.digest):
                return False
        return True
