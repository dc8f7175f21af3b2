"""Where things stand in the pictures that the templates draw."""

from collections.abc import Callable, Iterable, Mapping
from datetime import datetime
from textwrap import wrap
from typing import Any, Final, NamedTuple

# In units of the pictures, which are pixels if there is room. All letters are as wide.
WIDTH: Final = 360
LETTER: Final = 8.0
LINE: Final = 19
PADDING: Final = 12
GAP: Final = 26
LINES_OF_A_TEXT: Final = 8  # of one text, which may be a stranger's; the words beside show all


class Box(NamedTuple):
    """A box with its lines of text, from its top at `y`."""

    kind: str
    label: str
    lines: tuple[str, ...]
    y: int
    height: int

    @property
    def baselines(self) -> list[tuple[int, str]]:
        """Where each line of text stands."""
        first = self.y + PADDING + 2 * LINE - 5
        return [(first + number * LINE, line) for number, line in enumerate(self.lines)]


class Stack(NamedTuple):
    """Boxes below each other."""

    boxes: tuple[Box, ...]
    width: int
    height: int


def stacked(boxes: Iterable[Mapping[str, Any]]) -> Stack:
    """Boxes of a `kind`, each with a `label` and `texts`, below each other with gaps for arrows."""
    placed: list[Box] = []
    y = 1
    for box in boxes:
        lines = tuple(line for text in box["texts"] for line in _lines(str(text)))
        height = 2 * PADDING + LINE * (1 + len(lines))
        placed.append(Box(box["kind"], box["label"], lines, y, height))
        y += height + GAP
    return Stack(tuple(placed), WIDTH, y - GAP + 1)


def _lines(text: str) -> list[str]:
    letters = int((WIDTH - 2 * PADDING) / LETTER)
    return wrap(
        text, letters, max_lines=LINES_OF_A_TEXT, placeholder=" …", break_on_hyphens=False
    ) or [""]


class Message(NamedTuple):
    """A text between two lifelines, above its arrow at `y`."""

    lines: tuple[tuple[int, str], ...]
    y: int
    is_answer: bool


class Sequence(NamedTuple):
    """Messages below each other, between two lifelines."""

    messages: tuple[Message, ...]
    width: int
    height: int


def sequence(texts: Iterable[str]) -> Sequence:
    """Messages to and fro, in turn: a request, its answer, the next request."""
    messages: list[Message] = []
    y = 2 * LINE
    for number, text in enumerate(texts):
        lines = tuple((y + LINE * (place + 1), line) for place, line in enumerate(_lines(text)))
        y += LINE * len(lines) + 10
        messages.append(Message(lines, y, is_answer=number % 2 == 1))
        y += 8
    return Sequence(tuple(messages), WIDTH, y + PADDING)


class Mark(NamedTuple):
    """An instant in a bar, at `x`."""

    name: str
    at: datetime
    x: int


class Life(NamedTuple):
    """A bar from the earliest to the latest instant; the part from `start` to `end` is filled."""

    marks: tuple[Mark, ...]
    start: int
    end: int
    width: int


def life(times: Mapping[str, datetime], now: datetime) -> Life:
    """A token's times (iat, nbf, exp) and the present one, to scale."""
    named = sorted([*times.items(), ("now", now)], key=lambda one: one[1])
    first, whole = named[0][1], (named[-1][1] - named[0][1]).total_seconds() or 1
    room = WIDTH - 2 * PADDING
    marks = tuple(
        Mark(name, at, PADDING + int(room * (at - first).total_seconds() / whole))
        for name, at in named
    )
    places = {mark.name: mark.x for mark in marks}
    start = places.get("nbf", places.get("iat", PADDING))
    return Life(marks, start, max(places.get("exp", WIDTH - PADDING), start), WIDTH)


FILTERS: Final[Mapping[str, Callable[..., Any]]] = {
    "stacked": stacked,
    "sequence": sequence,
    "life": life,
}
