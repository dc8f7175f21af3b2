"""Caches for values that callers choose, with bounded memory.

Every cache of the registry is created here, or is listed in `tests/test_bounds.py` with the reason
why it cannot grow without bound.
"""

from collections.abc import Callable, Hashable
from functools import lru_cache
from typing import Any, Final, Generic, TypeVar

Text = TypeVar("Text", str, bytes, tuple[Any, ...])
Meaning = TypeVar("Meaning")
Key = TypeVar("Key", bound=Hashable)
Value = TypeVar("Value")

# Longer texts are not cached, so that nobody can fill the memory.
MAX_LENGTH: Final = 2048


def memoize(
    read: Callable[[Text], Meaning], most: int, longest: int = MAX_LENGTH
) -> Callable[[Text], Meaning]:
    """Return `read` with a cache of its results for the last `most` texts.

    `read` must depend on nothing but its text, and its results must be immutable. A text of more
    than `longest` characters, bytes or items is read each time.
    """
    memoized = lru_cache(maxsize=most)(read)

    def read_once(text: Text, /) -> Meaning:
        return memoized(text) if len(text) <= longest else read(text)

    return read_once


class Cache(Generic[Key, Value]):
    """Values by key, of at most `most_bytes` in total. When it is full, it is emptied."""

    def __init__(self, most_bytes: int) -> None:
        self._most_bytes = most_bytes
        self._kept: dict[Key, Value] = {}
        self._bytes = 0
        self.find = self._kept.get  # None for an unknown key; called on every request

    def keep(self, key: Key, value: Value, size: int) -> None:
        """Store a value under its key, unless it alone is too large.

        `size` is what both take, in bytes.
        """
        if size > self._most_bytes:
            return
        if self._bytes + size > self._most_bytes:
            self.forget()
        self._kept[key] = value
        self._bytes += size

    def forget(self) -> None:
        """Remove all values."""
        self._kept.clear()
        self._bytes = 0
