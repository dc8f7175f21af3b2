"""Statements about many rows: how many at once, and their placeholders."""

from collections.abc import Iterable, Iterator, Sequence
from itertools import accumulate, takewhile
from typing import Final, TypeVar

# One manifest can name tens of thousands of blobs; SQLite takes 32,766 values in a statement.
ROWS_PER_STATEMENT: Final = 500

Item = TypeVar("Item")


def slices(items: Sequence[Item], most: int = ROWS_PER_STATEMENT) -> Iterator[Sequence[Item]]:
    """The items in their order, up to `most` at a time."""
    for start in range(0, len(items), most):
        yield items[start : start + most]


def fitting(sizes: Iterable[int], room: int) -> int:
    """How many of the first items take less than `room` bytes together, but at least one."""
    return max(1, sum(1 for _ in takewhile(lambda total: total < room, accumulate(sizes))))


def placeholders(count: int) -> str:
    """A list of so many placeholders, as IN takes it: `(?, ?, ?)`."""
    return f"({', '.join('?' * count)})"


def placeholder_rows(count: int, columns: int) -> str:
    """So many rows of placeholders, as VALUES takes them: `(?, ?), (?, ?), (?, ?)`."""
    return ", ".join([placeholders(columns)] * count)
