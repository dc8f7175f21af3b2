"""Hashes of chosen passwords: their form, and how much work they are."""

import re
from typing import Final

ARGON2: Final = "argon2id"
BCRYPT: Final = "bcrypt"

# The highest in an htpasswd file: about 200 ms. Above it, a guess would occupy a core for seconds.
MAX_COST: Final = 12

# The beginning of a well-formed hash, up to its salt (PHC string format; bcrypt's own). A damaged
# hash must not take gigabytes or days, and none of ours has more digits than these.
_ARGON2: Final = re.compile(rf"{ARGON2}:\$argon2id\$v=19\$m=[0-9]{{1,5}},t=[0-9],p=[0-9]\$")
_BCRYPT: Final = re.compile(rf"{BCRYPT}:\$2[aby]\$([0-9]{{2}})\$")


def is_slow(kept: str) -> bool:
    """Whether it is the hash of a chosen password, intact or damaged."""
    return kept.startswith((f"{ARGON2}:", f"{BCRYPT}:"))


def nobodys_like(kept: str) -> str | None:
    """A hash that no known password has, and that is as much work to verify as this one.

    The same text for all hashes of the same scheme and cost. None if the hash must not be
    verified: it is damaged, or takes longer than any of ours.
    """
    if argon2 := _ARGON2.match(kept):
        return f"{argon2[0]}{'A' * 22}${'A' * 43}"
    bcrypt = _BCRYPT.match(kept)
    # bcrypt has no cost below 4.
    if bcrypt is None or not 4 <= int(bcrypt[1]) <= MAX_COST:
        return None
    return f"{BCRYPT}:$2b${bcrypt[1]}${'.' * 53}"


def last_like(kept: str) -> str:
    """A text that sorts, by bytes, after all hashes of the same scheme and cost."""
    match = _ARGON2.match(kept) or _BCRYPT.match(kept)
    return f"{match[0]}~" if match else kept
