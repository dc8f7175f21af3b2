"""Results of reads, cached until somebody commits."""

from collections.abc import Callable, Sequence
from typing import Any, Final

import msgspec

from acrux.adapters.sql.database import Result, Row, Statement
from acrux.cache import Cache

MAX_BYTES: Final = 16 * 1024 * 1024  # of all that one process caches
# A longer result is not worth its memory: it is quickly read again. A scope map of 500 lines must
# fit.
MAX_RESULT_BYTES: Final = 256 * 1024
ROW_BYTES: Final = 256  # overhead of a row and of what is made of it
VALUE_BYTES: Final = 128  # overhead of a value and of what is made of it
CHARACTER_BYTES: Final = 4  # of a text, which may become a list of short texts

_UNKNOWN: Final[Any] = object()


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
        self._results: Cache[tuple[object, ...], Any] = Cache(max_bytes)
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
        result: Result = self._find(key, _UNKNOWN)
        if result is not _UNKNOWN:
            return result
        # A commit between the two does no harm: these rows are newer than `version`, and the next
        # look at the version discards them.
        rows = self._execute(statement)
        result = read(rows)
        size = _size([key[2:], *rows])  # clients choose the length of the key
        if size <= MAX_RESULT_BYTES:
            self._results.keep(key, result, size)
        return result


def _unchanged(rows: list[Row]) -> tuple[Row, ...]:
    return tuple(rows)


def _size(rows: Sequence[Sequence[object]]) -> int:
    # Encoding in C counts the characters in a tenth of the time.
    characters = len(msgspec.msgpack.encode(rows))
    values = sum(map(len, rows))
    return ROW_BYTES * len(rows) + VALUE_BYTES * values + CHARACTER_BYTES * characters
