"""What was made of the rows of statements, in bounded memory."""

from collections.abc import Sequence
from typing import Any, Final

import msgspec

from acrux.adapters.sql.database import Row
from acrux.cache import Cache

MAX_BYTES: Final = 16 * 1024 * 1024  # of all that one process caches
# A longer result is not worth its memory: it is quickly read again. A scope map of 500 lines must
# fit.
MAX_RESULT_BYTES: Final = 256 * 1024
ROW_BYTES: Final = 256  # overhead of a row and of what is made of it
VALUE_BYTES: Final = 128  # overhead of a value and of what is made of it
CHARACTER_BYTES: Final = 4  # of a text, which may become a list of short texts

UNKNOWN: Final[Any] = object()  # what `find` is to return for a key without a result

# What reads the rows, the text of the statement, and its values.
Key = tuple[object, ...]


class Results:
    """Results by the reader, the text and the values of a statement."""

    def __init__(self, max_bytes: int = MAX_BYTES) -> None:
        self._cache: Cache[Key, Any] = Cache(max_bytes)
        self.find, self.forget = self._cache.find, self._cache.forget

    def keep(self, key: Key, rows: list[Row], result: object) -> None:
        """Keep what was made of the rows, unless that is long."""
        size = _size([key[2:], *rows])  # clients choose the length of the key
        if size <= MAX_RESULT_BYTES:
            self._cache.keep(key, result, size)


def _size(rows: Sequence[Sequence[object]]) -> int:
    # Encoding in C counts the characters in a tenth of the time.
    characters = len(msgspec.msgpack.encode(rows))
    values = sum(map(len, rows))
    return ROW_BYTES * len(rows) + VALUE_BYTES * values + CHARACTER_BYTES * characters
