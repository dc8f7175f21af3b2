"""The page that compares acrux with others: who says so, and when."""

import re
from datetime import date
from typing import Final

from tests.docs.blocks import ROOT

PAGE: Final = (ROOT / "docs" / "explanation" / "comparison.md").read_text(encoding="utf-8")
LOOKED_UP: Final = re.search(r"was looked up on (\d{4}-\d\d-\d\d)\.", PAGE)

_MARK: Final = re.compile(r"\[\^([a-z0-9-]+)\]")
_SOURCE: Final = re.compile(r"^\[\^([a-z0-9-]+)\]: (.+)$", re.MULTILINE)
_DATED: Final = re.compile(r".{10,}, (\d{4}-\d\d-\d\d)")

SOURCES: Final = _SOURCE.findall(PAGE)
TEXT: Final = _SOURCE.sub("", PAGE)


def tables() -> list[list[list[str]]]:
    """The cells of each table in which acrux has a column."""
    found = re.findall(r"(?:^\|.*\n)+", TEXT, re.MULTILINE)
    rows = [
        [[cell.strip() for cell in line.strip("|").split("|")] for line in table.splitlines()]
        for table in found
    ]
    return [table for table in rows if table[0][1] == "acrux"]


def test_each_cell_names_its_source() -> None:
    """A claim about another project that nobody can look up is worth nothing."""
    cells = {
        f"{row[0]} / {product}": cell
        for header, _line, *rows in tables()
        for row in rows
        for product, cell in zip(header[1:], row[1:], strict=True)
    }

    assert len(cells) > 300
    assert [where for where, cell in cells.items() if not _MARK.search(cell)] == []
    assert [where for where, cell in cells.items() if not _MARK.sub("", cell).strip()] == []


def test_each_source_is_listed_once_and_used() -> None:
    """A number that leads nowhere proves nothing, and a source without a cell is left over."""
    names = [name for name, _text in SOURCES]

    assert len(names) == len(set(names))
    assert set(names) == set(_MARK.findall(TEXT))


def test_each_source_has_the_date_of_what_was_read() -> None:
    """Others go on: a reader must see how old a claim is."""
    assert LOOKED_UP
    dated = {name: _DATED.fullmatch(text) for name, text in SOURCES}

    assert [name for name, found in dated.items() if not found] == []
    dates = {name: date.fromisoformat(found[1]) for name, found in dated.items() if found}
    today = date.fromisoformat(LOOKED_UP[1])
    assert {name: day for name, day in dates.items() if not date(2025, 1, 1) <= day <= today} == {}


def test_what_was_not_found_says_which_words_were_looked_for() -> None:
    """So that a reader can tell a feature that is missing from one that was missed."""
    marks = re.findall(r"not found\[\^([a-z0-9-]+)\]", TEXT)
    searched = {name for name, text in SOURCES if "searched for" in text}

    assert marks
    assert {name for name in marks if name.endswith("-0")} <= searched
