"""How values are shown to people."""

from collections.abc import Callable, Mapping
from datetime import datetime
from typing import Any, Final
from urllib.parse import quote

from acrux.domain.content.byte_sizes import written_bytes

SHORT_DIGEST: Final = 12  # digits, as docker shows them


def size(count: int | None) -> str:
    """A number of bytes in the largest unit that it fills; nothing if it is not known."""
    return "" if count is None else written_bytes(count)


def short(digest: str) -> str:
    """A digest's algorithm and first digits."""
    algorithm, colon, encoded = digest.partition(":")
    return f"{algorithm}{colon}{encoded[:SHORT_DIGEST]}"


def day(instant: str) -> str:
    """The minute of an instant of the API, in UTC."""
    return datetime.fromisoformat(instant).strftime("%Y-%m-%d %H:%M")


def segment(text: str) -> str:
    """A text as one segment of a path, or as a value of a query."""
    return quote(text, safe="")


def path(text: str) -> str:
    """A repository's name in a path."""
    return quote(text, safe="/")


FILTERS: Final[Mapping[str, Callable[..., Any]]] = {
    "size": size,
    "short": short,
    "day": day,
    "segment": segment,
    "path": path,
}
