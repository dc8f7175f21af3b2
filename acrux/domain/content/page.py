"""One page of a sorted listing: how many items, after which one."""

import re
from collections.abc import Callable, Iterable
from enum import Enum
from typing import Generic, Self, TypeVar

from msgspec import Struct

from acrux.errors import InvalidPage

DEFAULT_ITEMS = 100
MAX_ITEMS = 1000  # an unbounded n let one request exhaust the memory (CVE-2023-2253)
MAX_LAST_CHARACTERS = 512

MAX_COUNT = 10**18 - 1  # of items that a caller may ask for; a page has at most MAX_ITEMS

_COUNT = re.compile(r"[0-9]{1,18}")

# place ::= name "@" microseconds; neither a tag nor a digest contains an @
_PLACE = re.compile(r"([^@]+)@([0-9]{1,18})")

Item = TypeVar("Item")


class Order(Enum):
    """How a listing of /acr/v1 is sorted (acr-protocol.md §5.3)."""

    BY_NAME = ""
    OLDEST_FIRST = "timeasc"
    NEWEST_FIRST = "timedesc"

    @classmethod
    def parse(cls, text: str | None) -> Self:
        """Read the query parameter `orderby`; raise InvalidPage if it names no order."""
        try:
            return cls("" if text in (None, "none") else text)
        except ValueError:
            raise InvalidPage("orderby must be timeasc, timedesc, none or empty") from None


class Page(Struct, frozen=True):
    """Which part of a listing is requested: at most `items`, after `last`.

    Source: OCI distribution specification, "Listing tags" (end-8b).
    """

    items: int = DEFAULT_ITEMS
    last: str = ""
    last_at: int | None = None  # the time of `last` in an order by time, in microseconds since 1970

    @classmethod
    def parse(cls, n: str | None, last: str | None, default: int = DEFAULT_ITEMS) -> Self:
        """Read the query parameters `n` and `last`.

        An `n` above MAX_ITEMS gets MAX_ITEMS and a link to the rest. Raise InvalidPage if `n` is
        not a count, or `last` is too long.
        """
        if n is not None and _COUNT.fullmatch(n) is None:
            raise InvalidPage("n must be the maximum number of items: 0, 1, 2, ...", n=n[:40])
        if last is not None and len(last) > MAX_LAST_CHARACTERS:
            raise InvalidPage(f"last is longer than {MAX_LAST_CHARACTERS} characters")
        items = default if n is None else min(int(n), MAX_ITEMS)
        place = _PLACE.fullmatch(last or "")
        return cls(items, place[1], int(place[2])) if place else cls(items, last or "")


def read_count(text: str | None, name: str) -> int:
    """Read a query parameter that says how much to list of each item, by default all of it.

    Raise InvalidPage if it is not a count.
    """
    if text is None:
        return MAX_COUNT
    if _COUNT.fullmatch(text) is None:
        raise InvalidPage(f"{name} must be a maximum number: 0, 1, 2, ...")
    return int(text)


class Slice(Struct, Generic[Item], frozen=True):
    """What a page holds, and whether the listing continues after it."""

    items: tuple[Item, ...]
    more: bool = False


def cut(listing: Iterable[Item], page: Page, name: Callable[[Item], str]) -> Slice[Item]:
    """Cut the page out of a short listing that is sorted by name."""
    after = tuple(item for item in listing if name(item) > page.last)
    return Slice(after[: page.items], more=0 < page.items < len(after))
