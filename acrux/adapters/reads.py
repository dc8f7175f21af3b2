"""What was read, remembered until somebody commits."""

from collections.abc import Callable, Sequence
from typing import Any, Final

from acrux.adapters.statements import Result, Row, Statement

MAX_BYTES: Final = 16 * 1024 * 1024  # of all that one process remembers
MAX_RESULT_BYTES: Final = 64 * 1024  # a longer result is read faster than it is worth keeping
ROW_BYTES: Final = 256  # a row's own weight, and its values' that are not text

_UNKNOWN: Final[Any] = object()


class RememberedReads:
    """The rows of statements, as the database holds them now.

    `version` says which state of the database is seen: another number after each commit, of
    whichever process. It is asked before every answer, so that what is remembered of one state
    never answers for the next, and a remembered answer is the one that `execute` would give.
    """

    def __init__(
        self,
        execute: Callable[[Statement], list[Row]],
        version: Callable[[], int],
        max_bytes: int = MAX_BYTES,
    ) -> None:
        self._execute = execute
        self._version = version
        self._max_bytes = max_bytes
        self._seen: int | None = None
        self._results: dict[tuple[object, ...], Any] = {}
        self._bytes = 0

    def rows(self, statement: Statement) -> list[Row]:
        """All rows of a statement that changes nothing."""
        return [*self.find(statement, _unchanged)]

    def find(self, statement: Statement, read: Callable[[list[Row]], Result]) -> Result:
        """What `read` makes of the rows of a statement that changes nothing.

        It is remembered in their place: `read` must depend on nothing but the rows, and its
        result must not change. What it raises is not remembered.
        """
        version = self._version()
        if version != self._seen:
            self._forget()
            self._seen = version
        key = (read, statement.sql, *statement.parameters.values())
        result: Result = self._results.get(key, _UNKNOWN)
        if result is not _UNKNOWN:
            return result
        # A commit between the two is no harm: these rows are newer than `version`, and the next
        # look at the version forgets them.
        rows = self._execute(statement)
        result = read(rows)
        self._remember(key, result, _size([key[2:], *rows]))  # anybody may ask at length
        return result

    def _remember(self, key: tuple[object, ...], result: object, size: int) -> None:
        if size > MAX_RESULT_BYTES:
            return
        if self._bytes + size > self._max_bytes:
            self._forget()
        self._results[key] = result
        self._bytes += size

    def _forget(self) -> None:
        self._results.clear()
        self._bytes = 0


def _unchanged(rows: list[Row]) -> tuple[Row, ...]:
    return tuple(rows)


def _size(rows: Sequence[Sequence[object]]) -> int:
    values = (len(value) for row in rows for value in row if isinstance(value, (str, bytes)))
    return ROW_BYTES * len(rows) + sum(values)
