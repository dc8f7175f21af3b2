"""Strangers' JSON: whatever is in it, something can be read."""

from typing import Any, Final

import msgspec

from acrux.web import words

MAX_ITEMS: Final = words.MAX_ROWS  # of a list or an object that is shown


def decode(body: bytes) -> Any:
    """The value, or None if the bytes are no JSON, or nested too deeply."""
    try:
        return msgspec.json.decode(body)
    except (ValueError, RecursionError):
        return None


def mapping(value: Any) -> dict[str, Any]:
    """The value if it is an object, otherwise an empty one."""
    return value if isinstance(value, dict) else {}


def items(value: Any) -> list[Any]:
    """The value if it is a list, otherwise an empty one."""
    return value if isinstance(value, list) else []


def mappings(value: Any) -> list[dict[str, Any]]:
    """The objects of a list; whatever else is in it is left out."""
    return [one for one in items(value) if isinstance(one, dict)]


def text(value: Any) -> str:
    """A value as text: what is expected to be a text may be anything, which is shown as JSON."""
    if value is None:
        return ""
    if isinstance(value, str):
        return value
    try:
        return msgspec.json.encode(value).decode()
    except RecursionError:
        return "…"


def number(value: Any) -> int:
    """A count of bytes, or zero if the value is none."""
    return value if isinstance(value, int) and not isinstance(value, bool) and value > 0 else 0


def at(value: Any, *names: str) -> Any:
    """What is under these names, one within the other; None if there is nothing."""
    for name in names:
        value = mapping(value).get(name)
    return value


def pairs(value: Any) -> list[tuple[str, str]]:
    """The entries of an object by name, as many as are shown."""
    named = sorted(mapping(value).items())[:MAX_ITEMS]
    return list(words.some([(name, text(one)) for name, one in named]))
