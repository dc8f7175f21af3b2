"""How values are shown to people."""

import unicodedata
from collections.abc import Callable, Mapping
from datetime import datetime
from typing import Any, Final
from urllib.parse import quote

from acrux.domain.content.byte_sizes import written_bytes

_LINES: Final = frozenset("\t\r\n")  # harmless, and a form's text has them
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


def moment(instant: str) -> str:
    """The second of an instant of the API, in UTC."""
    return datetime.fromisoformat(instant).strftime("%Y-%m-%d %H:%M:%S")


def visible(value: object) -> object:
    """A text whose control characters, and those that turn its direction, are shown as U+202E.

    A stranger's text could otherwise look like another one (CVE-2021-42574).
    """
    if not isinstance(value, str) or hasattr(value, "__html__") or value.isprintable():
        return value
    return "".join(c if c in _LINES or _is_visible(c) else f"U+{ord(c):04X}" for c in value)


def _is_visible(character: str) -> bool:
    return not unicodedata.category(character).startswith("C")


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
    "moment": moment,
    "segment": segment,
    "path": path,
}
