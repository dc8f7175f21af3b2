"""What a user may be called, and which passwords a user may choose."""

import re
import unicodedata
from collections.abc import Collection
from typing import Final

from acrux.domain.access.token import TOKEN_USER
from acrux.errors import InvalidInput

# No colon, which would end the name in Basic (RFC 7617 §2); an address of mail is a fine name.
_NAME = re.compile(r"[a-zA-Z0-9][a-zA-Z0-9._@-]{2,63}")

# NIST SP 800-63B §5.1.1.2: length is what counts; rules of composition make passwords worse.
MIN_CHARACTERS: Final = 12
MAX_CHARACTERS: Final = 1024

# What no keyboard means: control characters, and halves of a character. Every space is one's own.
_CONTROLS: Final = frozenset({"Cc", "Cs"})

# What every guessing program tries first, of those that are long enough.
_COMMON: Final = frozenset(
    {
        "123456789012",
        "1234567890123",
        "123412341234",
        "123123123123",
        "abcdefghijkl",
        "abcd12345678",
        "administrator",
        "adminadminadmin",
        "changemechangeme",
        "containerregistry",
        "correcthorsebatterystaple",
        "harbor12345harbor",
        "iloveyouiloveyou",
        "letmeinletmein",
        "passw0rdpassw0rd",
        "password1234",
        "password12345",
        "password123456",
        "passwordpassword",
        "qwerty123456",
        "qwertyqwerty",
        "qwertyuiop123",
        "qwertyuiop12",
        "qwertyuiopasdfghjkl",
        "welcome12345",
        "welcomewelcome",
    }
)


def is_user_name(name: str) -> bool:
    """Whether a user can be called so: 3 to 64 of letters, digits and . _ @ -.

    Not as the user of zeros, whose password is always a token.
    """
    return _NAME.fullmatch(name) is not None and name != TOKEN_USER


def check_user_name(name: str) -> None:
    """Raise InvalidInput where nobody can be called so."""
    if not is_user_name(name):
        raise InvalidInput(
            "a user's name has 3 to 64 letters, digits, . _ @ and -, and begins with a letter or "
            "a digit",
            name=name[:70],
        )


def check_password(password: str, names: Collection[str]) -> None:
    """Raise InvalidInput for a password that is too short, too long, or guessed at once.

    `names` are those that guessers try with it: the user's own, and the registry's.
    """
    password = normalize(password)  # which may be shorter
    if len(password) < MIN_CHARACTERS:
        raise InvalidInput(f"a password has at least {MIN_CHARACTERS} characters: a few words do")
    if len(password) > MAX_CHARACTERS:
        raise InvalidInput(f"a password has at most {MAX_CHARACTERS} characters")
    if any(unicodedata.category(character) in _CONTROLS for character in password):
        raise InvalidInput("a password holds no control characters, such as the end of a line")
    lowered = password.lower()
    if lowered in _COMMON or len(set(lowered)) < 4 or _is_made_of(lowered, names):
        raise InvalidInput("this password is among the first that would be guessed: choose another")


def normalize(password: str) -> str:
    """The password as it is hashed: Unicode form NFC, as keyboards differ in how they say é.

    Source: RFC 8265 §4.2, OpaqueString.
    """
    return unicodedata.normalize("NFC", password)


def _is_made_of(lowered: str, names: Collection[str]) -> bool:
    rest = lowered
    for name in names:
        rest = rest.replace(name.lower(), "") if name else rest
    # A name and a year is no password: what is left beside the names counts.
    return rest != lowered and len(rest) < 8
