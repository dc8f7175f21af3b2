"""Where things stand in the pictures that the templates draw."""

from collections.abc import Callable, Iterable, Mapping
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


FILTERS: Final[Mapping[str, Callable[..., Any]]] = {"stacked": stacked}
