"""How values are shown to people."""

import re
from collections.abc import Callable, Mapping, Sequence
from datetime import UTC, datetime
from typing import Any, Final, TypeVar
from urllib.parse import quote, urlsplit

from msgspec import Struct
from msgspec.structs import astuple

from acrux.domain.content.byte_sizes import written_bytes

Row = TypeVar("Row")

SHORT_DIGEST: Final = 12  # digits, as docker shows them
LONGEST: Final = 2000  # characters of a stranger's text
MAX_ROWS: Final = 500  # of a table of strangers' texts
TABLE: Final = 100_000  # characters that they have together

# What a reader cannot see, or what reorders what they see (Unicode Standard, UAX #9 §2): control
# characters except tabs and ends of lines, marks and overrides of direction, invisible characters.
_UNSEEN: Final = re.compile(
    "[\x00-\x08\x0b\x0c\x0e-\x1f\x7f-\x9f\u00ad\u034f\u061c\u115f\u1160\u17b4\u17b5\u180e"
    "\u200b-\u200f\u2028-\u202f\u2060-\u206f\u3164\ufe00-\ufe0f\ufeff\uffa0\ufff0-\ufffb"
    "\ud800-\udfff\U000e0000-\U000e0fff]"
)
# scheme "://" host, without what browsers read in several ways (WHATWG URL Standard §4.4)
_WEB_ADDRESS: Final = re.compile(r"(?i:https?)://[^\x00-\x20\"<>\\^`{|}\x7f-\U0010ffff]+")


def visible(value: object) -> object:
    """A value as it is shown. Of text, each character that nobody can see becomes its number.

    Names, labels and annotations are strangers' text: `abc` with an override of direction between
    its letters would be read as another name.
    """
    if not isinstance(value, str) or hasattr(value, "__html__"):
        return value
    return _UNSEEN.sub(lambda found: f"⟨U+{ord(found[0]):04X}⟩", value)


def is_link(text: str) -> bool:
    """Whether a stranger's text may be shown as a link: to a page of the web, and nothing else."""
    if len(text) > LONGEST or not _WEB_ADDRESS.fullmatch(text):
        return False
    try:
        address = urlsplit(text)
    except ValueError:
        return False
    # What stands before an @ looks like the host, and is not.
    return bool(address.hostname) and "@" not in address.netloc


def size(count: int | None) -> str:
    """A number of bytes in the largest unit that it fills; nothing if it is not known."""
    return "" if count is None else written_bytes(count)


def short(digest: str) -> str:
    """A digest's algorithm and first digits."""
    algorithm, colon, encoded = digest.partition(":")
    return f"{algorithm}{colon}{encoded[:SHORT_DIGEST]}"


def day(instant: str) -> str:
    """The minute of an instant of the API, in UTC."""
    return _utc(instant).strftime("%Y-%m-%d %H:%M")


def moment(instant: str) -> str:
    """The second of an instant of the API, in UTC."""
    return _utc(instant).strftime("%Y-%m-%d %H:%M:%S")


def _utc(instant: str) -> datetime:
    at = datetime.fromisoformat(instant)
    return at.astimezone(UTC) if at.tzinfo else at


def figure(number: float) -> str:
    """A number with three digits that count, and without an exponent."""
    return f"{number:.0f}" if number >= 100 else f"{number:.3f}"[:4].rstrip("0").rstrip(".")


def clock(instant: str) -> str:
    """The time of day of an instant of the API, in UTC."""
    return _utc(instant).strftime("%H:%M:%S")


def segment(text: str) -> str:
    """A text as one segment of a path, or as a value of a query."""
    return quote(text, safe="")


def path(text: str) -> str:
    """A repository's name in a path."""
    return quote(text, safe="/")


def cut(text: str, longest: int = LONGEST) -> str:
    """A stranger's text as it is shown, or its first `longest` characters and an ellipsis."""
    # What nobody can see takes nine times the room.
    shown = str(visible(text[: longest + 1]))
    return shown if len(shown) <= longest else f"{shown[:longest]}…"


def some(
    rows: Sequence[Row], rows_at_most: int = MAX_ROWS, characters: int = TABLE
) -> Sequence[Row]:
    """The first rows of a table: few enough that their texts, once they are cut, fit on a page."""
    for place, row in enumerate(rows[:rows_at_most]):
        characters -= sum(min(len(text), LONGEST) for text in _texts(row))
        if characters < 0:
            return rows[:place]
    return rows[:rows_at_most]


def _texts(row: object) -> list[str]:
    parts = astuple(row) if isinstance(row, Struct) else row if isinstance(row, tuple) else (row,)
    return [part for part in parts if isinstance(part, str)]


def when(text: str) -> str:
    """As `day`, for a stranger's text, which may be no instant, or one in another zone."""
    try:
        return day(text)
    except (ValueError, OverflowError):  # the first and the last day have no other zones
        return cut(text, 100)


FILTERS: Final[Mapping[str, Callable[..., Any]]] = {
    "size": size,
    "short": short,
    "day": day,
    "moment": moment,
    "figure": figure,
    "clock": clock,
    "segment": segment,
    "path": path,
    "cut": cut,
    "some": some,
    "when": when,
}
TESTS: Final[Mapping[str, Callable[..., bool]]] = {"link": is_link}
