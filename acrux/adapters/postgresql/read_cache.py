"""Results of reads, cached until somebody commits."""

from collections.abc import Awaitable, Callable
from typing import Any

from acrux.adapters.postgresql.looks import Looks
from acrux.adapters.sql.database import Result, Row, Statement
from acrux.adapters.sql.results import MAX_BYTES, UNKNOWN, Results


class ReadCache:
    """The rows of statements, as the database holds them now.

    A cached answer is used only after a look at the version of the database that began after the
    request for it. So it is the one that `execute` would give, whatever node has committed before.
    """

    def __init__(
        self,
        execute: Callable[[Statement], Awaitable[list[Row]]],
        version: Callable[[], Awaitable[str]],
        max_bytes: int = MAX_BYTES,
    ) -> None:
        self._execute = execute
        self._seen = ""
        self._results = Results(max_bytes)
        self._find = self._results.find
        self._looks = Looks(version, self._saw)
        self.stop = self._looks.stop

    async def rows(self, statement: Statement) -> list[Row]:
        """All rows of a statement that changes nothing."""
        return [*await self.find(statement, _unchanged)]

    async def find(self, statement: Statement, read: Callable[[list[Row]], Result]) -> Result:
        """What `read` makes of the rows of a statement that changes nothing.

        As sqlite.read_cache.ReadCache.find. What is not cached takes one query, and what is cached
        takes a look, which many requests share.
        """
        key = (read, statement.sql, *statement.parameters.values(), *statement.values)
        result: Any = self._find(key, UNKNOWN)
        if result is not UNKNOWN:
            await self._looks.look()
            result = self._find(key, UNKNOWN)
            if result is not UNKNOWN:
                return result  # type: ignore[no-any-return]
        # These rows may be newer than the version that was seen last. Then the next look sees
        # another one, and forgets them.
        seen = self._seen
        rows = await self._execute(statement)
        made = read(rows)
        if seen == self._seen:  # otherwise, they may be older than what was seen meanwhile
            self._results.keep(key, rows, made)
        return made

    def _saw(self, version: str) -> None:
        if version != self._seen:
            self._results.forget()
            self._seen = version


def _unchanged(rows: list[Row]) -> tuple[Row, ...]:
    return tuple(rows)
