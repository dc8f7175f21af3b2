"""Results of reads, cached until somebody commits."""

from collections.abc import Callable

from acrux.adapters.sql.database import Result, Row, Statement
from acrux.adapters.sql.results import MAX_BYTES, UNKNOWN, Results


class ReadCache:
    """The rows of statements, as the database holds them now.

    `version` returns a number that changes with each commit of any process. It is called before
    every answer, so that results of one state of the database never answer for the next: a cached
    answer is the one that `execute` would give.
    """

    def __init__(
        self,
        execute: Callable[[Statement], list[Row]],
        version: Callable[[], int],
        max_bytes: int = MAX_BYTES,
    ) -> None:
        self._execute = execute
        self._version = version
        self._seen: int | None = None
        self._results = Results(max_bytes)
        self._find = self._results.find

    def rows(self, statement: Statement) -> list[Row]:
        """All rows of a statement that changes nothing."""
        return [*self.find(statement, _unchanged)]

    def find(self, statement: Statement, read: Callable[[list[Row]], Result]) -> Result:
        """What `read` makes of the rows of a statement that changes nothing.

        The result is cached instead of the rows: `read` must depend on nothing but the rows, and
        its result must not change. What it raises is not cached.
        """
        version = self._version()
        if version != self._seen:
            self._results.forget()
            self._seen = version
        key = (read, statement.sql, *statement.parameters.values(), *statement.values)
        result: Result = self._find(key, UNKNOWN)
        if result is not UNKNOWN:
            return result
        # A commit between the two does no harm: these rows are newer than `version`, and the next
        # look at the version discards them.
        rows = self._execute(statement)
        result = read(rows)
        self._results.keep(key, rows, result)
        return result


def _unchanged(rows: list[Row]) -> tuple[Row, ...]:
    return tuple(rows)
