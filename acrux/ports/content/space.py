"""What the questions about space need."""

from collections.abc import Sequence
from typing import Protocol

from acrux.domain.content.digest import Digest
from acrux.domain.content.names import RepositoryName
from acrux.domain.content.patterns import RepositoryPattern
from acrux.domain.content.storage.space import Freeable, Kept, Target, Usage, Usages


class Space(Protocol):
    """What takes space, and why.

    Each method reads one state of the database, beside running pushes, in bounded memory.
    """

    async def why(self, digest: Digest, repository: RepositoryName | None) -> Kept:
        """What keeps the digest, in one repository or in all.

        Raises UnknownBlob if nothing has it, and NotYet if references are still being counted.
        """

    async def what_if(self, targets: Sequence[Target]) -> Freeable:
        """What would be freed if all of the targets were deleted. Nothing is changed.

        Raises what the deletions would raise, and NotYet if references are still being counted.
        """

    async def of_repository(self, repository: RepositoryName) -> Usage:
        """What the repository holds. Raises UnknownRepository."""

    async def of_pattern(self, pattern: RepositoryPattern) -> Usage:
        """What all repositories of the pattern hold together."""

    async def of_registry(self, largest: int) -> Usages:
        """What the registry holds, and up to `largest` of its repositories, the largest first."""
