"""What a process caches of what callers choose, bounded in bytes.

Every memo and every cache of the registry is made here, or stands in the table of
`tests/test_bounds.py` with the reason why it cannot grow.
"""

from collections.abc import Callable, Hashable
from functools import lru_cache
from typing import Any, Final, Generic, TypeVar

Text = TypeVar("Text", str, bytes, tuple[Any, ...])
Meaning = TypeVar("Meaning")
Key = TypeVar("Key", bound=Hashable)
Value = TypeVar("Value")

# A longer text is read anew each time, so that nobody can fill the memory.
MAX_LENGTH: Final = 2048


def memoize(
    read: Callable[[Text], Meaning], most: int, longest: int = MAX_LENGTH
) -> Callable[[Text], Meaning]:
    """As `read`, which must depend on nothing but its text, and whose values must not change.

    The last `most` texts of at most `longest` characters, bytes or items are read once.
    """
    memoized = lru_cache(maxsize=most)(read)

    def read_once(text: Text, /) -> Meaning:
        return memoized(text) if len(text) <= longest else read(text)

    return read_once


class Cache(Generic[Key, Value]):
    """Values by key, of at most `most_bytes` together; it forgets all where there is no room."""

    def __init__(self, most_bytes: int) -> None:
        self._most_bytes = most_bytes
        self._kept: dict[Key, Value] = {}
        self._bytes = 0
        self.find = self._kept.get  # None where it is not known; asked on every request

    def keep(self, key: Key, value: Value, size: int) -> None:
        """Keep a value that takes `size` bytes with its key, unless it alone is too large."""
        if size > self._most_bytes:
            return
        if self._bytes + size > self._most_bytes:
            self.forget()
        self._kept[key] = value
        self._bytes += size

    def forget(self) -> None:
        """Keep nothing."""
        self._kept.clear()
        self._bytes = 0
