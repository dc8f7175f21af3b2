"""Hashes of chosen passwords: what they look like, and how much work."""

import re
from typing import Final

ARGON2: Final = "argon2id"
BCRYPT: Final = "bcrypt"

# Of an htpasswd file. About 200 ms; with more, each guess would hold a core for seconds.
MAX_COST: Final = 12

# How a hash begins that is well-formed, up to its salt (PHC string format; bcrypt's own). What
# damage made of one must not take gigabytes or days: more digits than these are none of ours.
_ARGON2: Final = re.compile(rf"{ARGON2}:\$argon2id\$v=19\$m=[0-9]{{1,5}},t=[0-9],p=[0-9]\$")
_BCRYPT: Final = re.compile(rf"{BCRYPT}:\$2[aby]\$([0-9]{{2}})\$")


def is_slow(kept: str) -> bool:
    """Whether it is the hash of a chosen password, good or damaged."""
    return kept.startswith((f"{ARGON2}:", f"{BCRYPT}:"))


def nobodys_like(kept: str) -> str | None:
    """A hash that no password is known to have, and that is as much work to verify as this one.

    The same text for all hashes of the same scheme and cost. None where the hash is none that may
    be verified: it is damaged, or takes longer than any of ours.
    """
    if argon2 := _ARGON2.match(kept):
        return f"{argon2[0]}{'A' * 22}${'A' * 43}"
    bcrypt = _BCRYPT.match(kept)
    # bcrypt itself knows no cost below 4.
    if bcrypt is None or not 4 <= int(bcrypt[1]) <= MAX_COST:
        return None
    return f"{BCRYPT}:$2b${bcrypt[1]}${'.' * 53}"


def last_like(kept: str) -> str:
    """A text behind all hashes of the same scheme and cost, in the order of their bytes."""
    match = _ARGON2.match(kept) or _BCRYPT.match(kept)
    return f"{match[0]}~" if match else kept
