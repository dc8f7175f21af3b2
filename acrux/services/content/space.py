"""Answer what takes space, why, and what a deletion would free."""

from collections.abc import Sequence
from typing import Final

from msgspec import Struct

from acrux.domain.content.digest import Digest
from acrux.domain.content.names import RepositoryName
from acrux.domain.content.patterns import RepositoryPattern
from acrux.domain.content.policies.quota import Quota
from acrux.domain.content.storage.space import MAX_TARGETS, Freeable, Kept, Target, Usage, Usages
from acrux.errors import InvalidRequest
from acrux.ports.content.policies import Policies
from acrux.ports.content.space import Space as StoredSpace

LARGEST: Final = 20  # repositories, unless another number is asked for
MAX_LARGEST: Final = 1000


class Limited(Struct, frozen=True):
    """What the registry takes, in bytes, and how much it may; None if no quota says."""

    used: int
    limit: int | None


class Space:
    """What takes space, and why: all of it read from one state of the registry, beside its work."""

    def __init__(self, space: StoredSpace, policies: Policies) -> None:
        self._space = space
        self._policies = policies

    async def why(self, digest: Digest, repository: RepositoryName | None = None) -> Kept:
        """What keeps the digest, in one repository or in all.

        Raises UnknownBlob if nothing has it, and NotYet if references are still being counted.
        """
        return await self._space.why(digest, repository)

    async def what_if(self, targets: Sequence[Target]) -> Freeable:
        """What would be freed if all of the targets were deleted. Nothing is changed.

        Raises what the deletions would raise, NotYet if references are still being counted, and
        InvalidRequest for no targets or more than MAX_TARGETS.
        """
        if not 0 < len(targets) <= MAX_TARGETS:
            raise InvalidRequest(
                f"name what would be deleted, at least one and at most {MAX_TARGETS}"
            )
        return await self._space.what_if(targets)

    async def of_repository(self, repository: RepositoryName) -> Usage:
        """What the repository holds. Raises UnknownRepository."""
        return await self._space.of_repository(repository)

    async def of_prefix(self, text: str) -> Usage:
        """What all repositories below `team` hold together; also written `team/` or `team/*`.

        Raises InvalidScope if it is no prefix.
        """
        prefix = text.removesuffix("*").removesuffix("/")
        return await self._space.of_pattern(RepositoryPattern.parse(f"{prefix}/*"))

    async def of_registry(self, largest: int = LARGEST) -> Usages:
        """What the registry holds, and its largest repositories, at most MAX_LARGEST."""
        return await self._space.of_registry(min(largest, MAX_LARGEST))

    async def limited(self) -> Limited:
        """What the registry takes, and the smallest quota of all its repositories together."""
        content = (await self._space.of_registry(0)).total.content
        limits = [
            stored.policy.max_bytes
            for stored in await self._policies.list(Quota)
            if RepositoryPattern(stored.policy.repositories).covers_all
        ]
        return Limited(content.size, min(limits, default=None))
