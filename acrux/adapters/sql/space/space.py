"""What takes space, and why: the port Space on a database."""

from collections.abc import Sequence

from acrux.adapters.sql.collection.reviewing import Rules
from acrux.adapters.sql.database import Database
from acrux.adapters.sql.space import freeing, keeping, measuring
from acrux.domain.content.digest import Digest
from acrux.domain.content.names import RepositoryName
from acrux.domain.content.patterns import RepositoryPattern
from acrux.domain.content.storage.space import Freeable, Kept, Target, Usage, Usages


class SqlSpace:
    """The port Space on a database; each method is described there."""

    def __init__(self, database: Database, rules: Rules) -> None:
        self._database = database
        self._rules = rules

    async def why(self, digest: Digest, repository: RepositoryName | None) -> Kept:
        """See ports.Space."""
        return await self._database.snapshot(keeping.find(digest, repository, self._rules))

    async def what_if(self, targets: Sequence[Target]) -> Freeable:
        """See ports.Space."""
        return await self._database.snapshot(freeing.what_if(targets, self._rules))

    async def of_repository(self, repository: RepositoryName) -> Usage:
        """See ports.Space."""
        return await self._database.snapshot(measuring.of_repository(repository))

    async def of_pattern(self, pattern: RepositoryPattern) -> Usage:
        """See ports.Space."""
        return await self._database.snapshot(measuring.of_pattern(pattern))

    async def of_registry(self, largest: int) -> Usages:
        """See ports.Space."""
        return await self._database.snapshot(measuring.of_registry(largest))
