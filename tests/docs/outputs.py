"""Whether a command printed what its page says."""

import re
from collections.abc import Sequence
from typing import Final

ANYTHING: Final = "…"  # alone on a line any lines, elsewhere any text

# A shortened value, such as eyJ…: its first letters are an example.
_SHORTENED: Final = re.compile(rf"[\w-]*{ANYTHING}")

# What is never the same twice.
_INSTANT: Final = re.compile(r"\d{4}-\d\d-\d\d[T ]\d\d:\d\d:\d\d(?:\.\d+)?(?:Z|\+00:00)?")
# Typed at a prompt that is not part of the output.
_PROMPT: Final = re.compile(r"^(?:Enter |Repeat |New )?[\w ']*[Pp]assword[\w ']*: ?(?:\(again\))?$")


def matches(expected: Sequence[str], actual: str) -> bool:
    """Whether the output is what the page prints; a page that prints nothing leaves it out."""
    wanted = _lines("\n".join(expected))
    if not wanted:
        return True
    pattern = "".join(map(_pattern, wanted))
    printed = "".join(f"{line}\n" for line in _lines(actual))
    return re.fullmatch(pattern, printed) is not None


def _lines(text: str) -> list[str]:
    """Its lines without what varies: instants, the width of columns, prompts."""
    lines = [
        re.sub(r"\s+", " ", _INSTANT.sub("(instant)", line)).rstrip()
        for line in text.strip().splitlines()
    ]
    return [line for line in lines if not _PROMPT.match(line)]


def _pattern(line: str) -> str:
    if line.strip() == ANYTHING:
        return r"(?:.*\n)*?"
    return ".*".join(map(re.escape, _SHORTENED.split(line))) + r"\n"
