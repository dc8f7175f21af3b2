"""The short id of a refusal, so that it can be explained later."""

from datetime import datetime
from functools import lru_cache
from typing import Final, Self

from msgspec import Struct

from acrux.domain.access.scope import (
    CATALOG,
    DELETE,
    DELETED_CATALOG,
    DELETED_READ,
    DELETED_RESTORE,
    METADATA_READ,
    METADATA_WRITE,
    PULL,
    PUSH,
    Scope,
)
from acrux.domain.instants import BEGINNING, from_microseconds
from acrux.errors import InvalidInput

# If the audit log holds the case, its id is "k" and nine digits. If the request carried no
# credential, it is "n", a letter for what was needed, and the second in eight digits: that is all
# there is to know. The digits are those of Crockford's base 32, which has no i, l, o and u.
_DIGITS: Final = "0123456789abcdefghjkmnpqrstvwxyz"
_RECORDED: Final = "k"
_UNRECORDED: Final = "n"
_LENGTH: Final = 10

RANDOM_BYTES: Final = _LENGTH - 1

_FROM_RANDOM: Final = bytes(ord(_DIGITS[byte % 32]) for byte in range(256))
_AS_TYPED: Final = str.maketrans("ilo", "110")

# In order: the greatest action that was needed says best what the caller wanted.
_WHAT: Final = {
    DELETE: "d",
    PUSH: "w",
    METADATA_WRITE: "m",
    METADATA_READ: "r",
    PULL: "p",
    CATALOG: "c",
    DELETED_RESTORE: "t",
    DELETED_READ: "s",
    DELETED_CATALOG: "g",
}
_NOTHING: Final = "v"


def recorded(random: bytes) -> str:
    """The id of a case that the audit log holds, from RANDOM_BYTES bytes: 45 bits to guess."""
    return _RECORDED + random.translate(_FROM_RANDOM).decode()


def unrecorded(needed: tuple[Scope, ...], at: datetime) -> str:
    """The id for a request without a credential: it is stored nowhere, and holds all there is."""
    return _UNRECORDED + _what(needed) + _digits(int(at.timestamp()))


def _what(needed: tuple[Scope, ...]) -> str:
    actions = {
        scope.name if scope.name in {CATALOG, DELETED_CATALOG} else action
        for scope in needed
        for action in scope.actions
    }
    return next((letter for action, letter in _WHAT.items() if action in actions), _NOTHING)


@lru_cache(8)  # every client's first request gets one: many in the same second
def _digits(number: int) -> str:
    return "".join(_DIGITS[number >> shift & 31] for shift in range(35, -1, -5))


class CaseId(Struct, frozen=True):
    """A case id as a person typed it; `text` is the id as it was issued."""

    text: str

    @classmethod
    def parse(cls, text: str) -> Self:
        """Read an id, even with capitals or look-alikes; raise InvalidInput if it is not one."""
        read = text.strip().lower().translate(_AS_TYPED)
        kinds = (_RECORDED, _UNRECORDED)
        if len(read) != _LENGTH or not read.startswith(kinds) or set(read) - set(_DIGITS):
            raise InvalidInput(
                "a case id has ten letters and digits, such as k7w4zn9q2m: see the answer's "
                "X-Acrux-Case header",
                case=text[:40],
            )
        return cls(read)

    @property
    def is_unrecorded(self) -> bool:
        """Whether the request carried no credential, so that there is no record of it."""
        return self.text.startswith(_UNRECORDED)

    @property
    def at(self) -> datetime:
        """The time of the request, to the second; only for an unrecorded case."""
        seconds = 0
        for digit in self.text[2:]:
            seconds = seconds << 5 | _DIGITS.index(digit)
        return from_microseconds(seconds * 1_000_000) if seconds < 2**37 else BEGINNING

    @property
    def needed(self) -> str:
        """The action that was needed, empty if any token would do; only for an unrecorded case."""
        return next((action for action, letter in _WHAT.items() if letter == self.text[1]), "")
