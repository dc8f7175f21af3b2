"""Rules for user names, and for the passwords that users choose."""

import re
import unicodedata
from collections.abc import Collection, Iterable
from typing import Final

from acrux.domain.access.token import TOKEN_USER
from acrux.errors import InvalidInput, InvalidSettings, NameTaken

# No colon, which would end the name in Basic (RFC 7617 §2). An e-mail address is a valid name.
NAME = re.compile(r"[a-zA-Z0-9][a-zA-Z0-9._@-]{2,63}")

# NIST SP 800-63B §5.1.1.2: length is what counts; composition rules make passwords worse.
MIN_CHARACTERS: Final = 12
MAX_CHARACTERS: Final = 1024

# Control characters and lone surrogates, which nobody types on purpose. Any space is allowed.
_CONTROLS: Final = frozenset({"Cc", "Cs"})

# The passwords that guessing programs try first, if they are long enough.
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
    """Whether this is a valid user name: 3 to 64 letters, digits and . _ @ -.

    TOKEN_USER is not: its password is always a token.
    """
    return NAME.fullmatch(name) is not None and name != TOKEN_USER


def check_user_name(name: str) -> None:
    """Raise InvalidInput if this is not a valid user name."""
    if not is_user_name(name):
        raise InvalidInput(
            "a user's name has 3 to 64 letters, digits, . _ @ and -, and begins with a letter or "
            "a digit",
            name=name[:70],
        )


def taken(name: str, accounts: Iterable[str]) -> NameTaken:
    """That there is an account with this name already, ignoring case: it is named as it is."""
    there = next((each for each in accounts if each.lower() == name.lower()), name)
    case = "" if there == name else ", and capitals make no difference"
    return NameTaken(f"there is an account {there!r} already{case}: update or delete it")


def check_password(password: str, names: Collection[str]) -> None:
    """Raise InvalidInput for a password that is too short, too long, or easily guessed.

    `names` are those that guessers try with it: the user's and the registry's.
    """
    password = normalize(password)  # it may become shorter
    if len(password) < MIN_CHARACTERS:
        raise InvalidInput(
            f"a password needs at least {MIN_CHARACTERS} characters: a few words will do"
        )
    if len(password) > MAX_CHARACTERS:
        raise InvalidInput(f"a password has at most {MAX_CHARACTERS} characters")
    if any(unicodedata.category(character) in _CONTROLS for character in password):
        raise InvalidInput("a password must not contain control characters, such as a line break")
    lowered = password.lower()
    if lowered in _COMMON or len(set(lowered)) < 4 or _is_made_of(lowered, names):
        raise InvalidInput("this password is among the first that would be guessed: choose another")


def check_initial_password(password: str, name: str, place: str) -> None:
    """Raise InvalidSettings, with the place it came from, if `check_password` refuses it."""
    try:
        check_password(password, (name,))
    except InvalidInput as weak:
        raise InvalidSettings(f"{place}: {weak.message}") from weak


def normalize(password: str) -> str:
    """The password as it is hashed: in Unicode form NFC, as keyboards encode é in two ways.

    Source: RFC 8265 §4.2, OpaqueString.
    """
    return unicodedata.normalize("NFC", password)


def _is_made_of(lowered: str, names: Collection[str]) -> bool:
    rest = lowered
    for name in names:
        rest = rest.replace(name.lower(), "") if name else rest
    # A name and a year do not make a password: what counts is what is left beside the names.
    return rest != lowered and len(rest) < 8
