"""Generated passwords: strong, kept as a keyed hash, compared with equal work."""

import hashlib
import hmac
import math

import pytest
from hypothesis import given
from hypothesis import strategies as st

from acrux.adapters.passwords.generated import MAX_CHARACTERS, KeyedPasswords
from acrux.errors import InvalidSettings

PEPPER = bytes(range(32))
PASSWORDS = KeyedPasswords(PEPPER)

# Surrogates too: a header may be decoded to anything.
ANY_TEXT = st.text(st.characters(codec=None, exclude_categories=()))


def test_a_generated_password_holds_at_least_256_bits() -> None:
    """A password that is kept under a fast hash must be beyond guessing."""
    password = PASSWORDS.generate()

    assert len(password) * math.log2(62) >= 256


def test_a_generated_password_is_52_letters_and_digits() -> None:
    """It is typed, quoted in shells and put in URLs: nothing in it may need escaping."""
    password = PASSWORDS.generate()

    assert len(password) == 52
    assert password.isascii()
    assert password.isalnum()


def test_generated_passwords_use_every_letter_and_digit_and_never_repeat() -> None:
    """A generator stuck on some characters would give far fewer bits than promised."""
    generated = [PASSWORDS.generate() for _ in range(200)]

    assert len(set(generated)) == 200
    assert len(set("".join(generated))) == 62


def test_the_hash_is_hmac_sha_256_under_the_pepper() -> None:
    """A database that is copied is worth nothing without the pepper beside it."""
    expected = hmac.new(PEPPER, b"correct horse", hashlib.sha256).hexdigest()

    assert PASSWORDS.hash("correct horse") == f"hmac-sha256:{expected}"
    assert KeyedPasswords(bytes(32)).hash("correct horse") != PASSWORDS.hash("correct horse")


def test_a_password_matches_its_hash_wherever_it_stands() -> None:
    """Either of an account's two passwords must open it."""
    first, second = PASSWORDS.hash("first"), PASSWORDS.hash("second")

    assert PASSWORDS.find("first", (first, second)) is not None
    assert PASSWORDS.find("second", (first, second)) is not None
    assert PASSWORDS.find("second", (second,)) is not None


@pytest.mark.parametrize(
    "password", ["", "First", "first ", "firs", "first\0", "f\u0131rst", "second"]
)
def test_any_other_password_matches_nothing(password: str) -> None:
    """Nearly right is wrong."""
    assert PASSWORDS.find(password, (PASSWORDS.hash("first"),)) is None


def test_the_hash_itself_is_no_password() -> None:
    """Who reads the database must not be able to log in with what stands there."""
    kept = PASSWORDS.hash("first")

    assert PASSWORDS.find(kept, (kept,)) is None


def test_the_hash_under_another_pepper_matches_nothing() -> None:
    """Hashes of another registry open nothing here."""
    foreign = KeyedPasswords(bytes(32)).hash("first")

    assert PASSWORDS.find("first", (foreign,)) is None


@pytest.mark.parametrize("kept", ["", "hmac-sha256:", "first", "argon2id:x", "é", "\ud800"])
def test_what_is_kept_and_is_no_hash_matches_nothing(kept: str) -> None:
    """A damaged row must refuse, and must not end the request with a 500."""
    assert PASSWORDS.find("first", (kept,)) is None
    assert PASSWORDS.find(kept, (kept,)) is None


@given(ANY_TEXT)
def test_no_password_matches_where_there_are_no_hashes(password: str) -> None:
    """An unknown account is refused whatever is presented, and nothing is raised."""
    assert PASSWORDS.find(password, ()) is None


@given(ANY_TEXT)
def test_every_text_matches_its_own_hash(password: str) -> None:
    """No character may make a password that is set unusable."""
    assert PASSWORDS.find(password, (PASSWORDS.hash(password),)) is not None


@pytest.mark.parametrize(
    ("length", "matches"), [(MAX_CHARACTERS, True), (MAX_CHARACTERS + 1, False), (10**6, False)]
)
def test_a_password_over_4096_characters_never_matches(length: int, *, matches: bool) -> None:
    """Nobody may have megabytes hashed with every request."""
    password = "x" * length

    assert (PASSWORDS.find(password, (PASSWORDS.hash(password),)) is not None) is matches


def test_a_password_too_long_is_not_cut_to_one_that_matches() -> None:
    """Cutting would make endless passwords out of one."""
    kept = PASSWORDS.hash("x" * MAX_CHARACTERS)

    assert PASSWORDS.find("x" * (MAX_CHARACTERS + 1), (kept,)) is None


class CountedHash(str):
    """A hash that counts how often it was brought into a comparison."""

    __slots__ = ()
    compared = 0

    def encode(self, encoding: str = "utf-8", errors: str = "strict") -> bytes:
        """Count, then encode."""
        CountedHash.compared += 1
        return super().encode(encoding, errors)


@pytest.mark.parametrize("password", ["first", "second", "neither", "x" * (MAX_CHARACTERS + 1)])
def test_every_hash_is_compared_whichever_one_matches(password: str) -> None:
    """Stopping early would tell by the time which password it was, or that it was one."""
    kept = (CountedHash(PASSWORDS.hash("first")), CountedHash(PASSWORDS.hash("second")))
    CountedHash.compared = 0

    PASSWORDS.find(password, kept)

    assert CountedHash.compared == 2


@pytest.mark.parametrize("length", [0, 16, 31])
def test_a_short_pepper_is_refused(length: int) -> None:
    """With a pepper that can be guessed a copied database can be searched."""
    with pytest.raises(InvalidSettings, match=f"holds {length} bytes"):
        KeyedPasswords(b"x" * length)


def test_the_pepper_does_not_show() -> None:
    """Objects are printed in logs and tracebacks."""
    assert "x" * 8 not in repr(KeyedPasswords(b"x" * 32))
