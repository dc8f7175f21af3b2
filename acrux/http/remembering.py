"""What a text means, remembered where it can mean nothing else."""

from collections.abc import Callable
from functools import lru_cache
from typing import Final, TypeVar

Text = TypeVar("Text", str, bytes)
Meaning = TypeVar("Meaning")

# A longer text is read anew each time, so that nobody can fill the memory.
MAX_LENGTH: Final = 2048


def remember(read: Callable[[Text], Meaning], most: int) -> Callable[[Text], Meaning]:
    """As `read`, which must depend on nothing but its text, and whose values must not change.

    The last `most` texts of at most MAX_LENGTH characters or bytes are read once.
    """
    remembered = lru_cache(maxsize=most)(read)

    def read_once(text: Text) -> Meaning:
        return remembered(text) if len(text) <= MAX_LENGTH else read(text)

    return read_once
