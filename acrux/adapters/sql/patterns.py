"""Repository patterns as conditions and as ranges of names in SQL."""

from collections.abc import Sequence
from typing import NamedTuple

from acrux.adapters.sql.statements import SqlValue
from acrux.domain.access.patterns import RepositoryPattern


class NameRange(NamedTuple):
    """The names from `first` on and before `end`, in byte order."""

    first: str
    end: str


def ranges(patterns: Sequence[RepositoryPattern]) -> list[NameRange]:
    """The ranges that hold the names the patterns cover and no others, in order, none twice.

    Each is one seek in an index, where a condition of many patterns would read all names between.
    """
    disjoint: list[NameRange] = []
    for one in sorted(map(_range, patterns)):
        if not disjoint or disjoint[-1].end <= one.first:
            disjoint.append(one)
        # Otherwise it lies within the one before: ranges of names and prefixes nest.
    return disjoint


def _range(pattern: RepositoryPattern) -> NameRange:
    if pattern.covers_all:
        return NameRange("", "~")  # beyond every character of a name
    prefix = pattern.prefix
    if prefix is None:
        return NameRange(pattern.text, f"{pattern.text} ")  # before every character of a name
    return NameRange(prefix, prefix[:-1] + chr(ord(prefix[-1]) + 1))


def condition(
    column: str, patterns: Sequence[RepositoryPattern]
) -> tuple[str, dict[str, SqlValue]]:
    """That one of the patterns covers the name in the column; without any, nothing."""
    terms: list[str] = ["1 = 0"]
    parameters: dict[str, SqlValue] = {}
    for number, names in enumerate(ranges(patterns)):
        first, end = f"first_{number}", f"end_{number}"
        terms.append(f"({column} >= :{first} AND {column} < :{end})")
        parameters |= {first: names.first, end: names.end}
    return f"({' OR '.join(terms)})", parameters
