"""Statements as PostgreSQL reads them: parameters have numbers, not names."""

import re
from collections.abc import Sequence
from typing import Final

from msgspec import Struct

from acrux.adapters.sql.database import SqlValue, Statement
from acrux.cache import memoize

KEPT_TEXTS: Final = 512

# A literal, a comment or a cast holds no parameter; `:name` and `?` are parameters.
_TOKEN: Final = re.compile(r"'(?:[^']|'')*'|--[^\n]*|::|:(?P<name>[a-z_][a-z0-9_]*)|(?P<mark>\?)")


class Numbered(Struct, frozen=True):
    """A text with `$1`, `$2` and so on, and the names in their order; none of `?`s."""

    text: str
    names: tuple[str, ...]


def _number(sql: str) -> Numbered:
    numbers: dict[str, int] = {}
    marks = 0

    def replace(match: re.Match[str]) -> str:
        nonlocal marks
        if match["mark"]:
            marks += 1
            return f"${marks}"
        if match["name"]:
            return f"${numbers.setdefault(match['name'], len(numbers) + 1)}"
        return match[0]

    text = _TOKEN.sub(replace, sql)
    return Numbered(text, tuple(numbers))


_numbered: Final = memoize(_number, KEPT_TEXTS)


def numbered(statement: Statement) -> tuple[str, Sequence[SqlValue]]:
    """The text of the statement with numbers, and the values in their order."""
    found = _numbered(statement.sql)
    parameters = statement.parameters
    values = [parameters[name] for name in found.names] if found.names else statement.values
    return found.text, [_storable(value) for value in values]


def _storable(value: SqlValue) -> SqlValue:
    # A text of PostgreSQL cannot hold NUL. No name that the registry accepts does, so that nothing
    # is found by this one either.
    return value.replace("\0", "\ufffd") if isinstance(value, str) and "\0" in value else value
