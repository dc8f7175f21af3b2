"""How values are shown to people."""

import re
import unicodedata
from collections.abc import Callable, Mapping
from datetime import datetime
from typing import Any, Final
from urllib.parse import quote

from acrux.domain.content.byte_sizes import written_bytes

SHORT_DIGEST: Final = 12  # digits, as docker shows them
LONGEST: Final = 2000  # characters of a stranger's text
_LINK: Final = re.compile(r"https?://[!#-;=?-~]{1,2000}", re.IGNORECASE | re.ASCII)


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


def harmless(text: str, longest: int = LONGEST) -> str:
    """A stranger's text without what steers a terminal or turns the writing around.

    Such characters are shown by their names, and a text that is too long is cut.
    """
    some = text if len(text) <= longest else f"{text[:longest]}…"
    return some if some.isprintable() else "".join(map(_shown, some))


def _shown(character: str) -> str:
    if character.isprintable() or character in "\n\t" or unicodedata.category(character) == "Zs":
        return character
    code = ord(character)
    return chr(0x2400 + code) if code < ord(" ") else f"⟨U+{code:04X}⟩"


def link(text: str) -> str:
    """A stranger's text if it is the address of a page, otherwise nothing."""
    return text if _LINK.fullmatch(text) else ""


def when(text: str) -> str:
    """As `day`, for a stranger's text, which may be no instant."""
    try:
        return day(text)
    except ValueError:
        return harmless(text, 100)


FILTERS: Final[Mapping[str, Callable[..., Any]]] = {
    "size": size,
    "short": short,
    "day": day,
    "segment": segment,
    "path": path,
    "harmless": harmless,
    "link": link,
    "when": when,
}
