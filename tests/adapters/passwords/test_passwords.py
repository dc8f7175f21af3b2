"""Generated passwords: strong, hashed with a key, compared in equal work."""

import hashlib
import hmac
import math

import pytest
from hypothesis import given
from hypothesis import strategies as st

from acrux.adapters.passwords.generated import MAX_CHARACTERS, KeyedPasswords

PEPPER = bytes(range(32))
PASSWORDS = KeyedPasswords(lambda: PEPPER)

# Surrogates too: a header may be decoded to anything.
ANY_TEXT = st.text(st.characters(codec=None, exclude_categories=()))


def test_a_generated_password_holds_at_least_256_bits() -> None:
    """A password stored under a fast hash must be impossible to guess."""
    password = PASSWORDS.generate()

    assert len(password) * math.log2(62) >= 256


def test_a_generated_password_is_43_letters_and_digits() -> None:
    """It is typed, quoted in shells and put in URLs: no character may need escaping."""
    password = PASSWORDS.generate()

    assert len(password) == 43
    assert password.isascii()
    assert password.isalnum()


def test_generated_passwords_use_every_letter_and_digit_and_never_repeat() -> None:
    """A generator stuck on some characters would give far fewer bits than promised."""
    generated = [PASSWORDS.generate() for _ in range(200)]

    assert len(set(generated)) == 200
    assert len(set("".join(generated))) == 62


def test_the_hash_is_hmac_sha_256_under_the_pepper() -> None:
    """A copied database is useless without the pepper, which is stored elsewhere."""
    expected = hmac.new(PEPPER, b"correct horse", hashlib.sha256).hexdigest()

    assert PASSWORDS.hash("correct horse") == f"hmac-sha256:{expected}"
    assert KeyedPasswords(lambda: bytes(32)).hash("correct horse") != PASSWORDS.hash(
        "correct horse"
    )


def test_a_password_matches_its_hash_in_any_position() -> None:
    """Each of an account's two passwords must work."""
    first, second = PASSWORDS.hash("first"), PASSWORDS.hash("second")

    assert PASSWORDS.find("first", (first, second)) is not None
    assert PASSWORDS.find("second", (first, second)) is not None
    assert PASSWORDS.find("second", (second,)) is not None


@pytest.mark.parametrize(
    "password", ["", "First", "first ", "firs", "first\0", "f\u0131rst", "second"]
)
def test_any_other_password_matches_nothing(password: str) -> None:
    """An almost correct password is wrong."""
    assert PASSWORDS.find(password, (PASSWORDS.hash("first"),)) is None


def test_the_hash_itself_is_not_a_password() -> None:
    """Anyone who reads the database must not be able to log in with what it contains."""
    kept = PASSWORDS.hash("first")

    assert PASSWORDS.find(kept, (kept,)) is None


def test_the_hash_under_another_pepper_matches_nothing() -> None:
    """Hashes of another registry are useless here."""
    foreign = KeyedPasswords(lambda: bytes(32)).hash("first")

    assert PASSWORDS.find("first", (foreign,)) is None


@pytest.mark.parametrize("kept", ["", "hmac-sha256:", "first", "argon2id:x", "é", "\ud800"])
def test_a_stored_value_that_is_not_a_hash_matches_nothing(kept: str) -> None:
    """A damaged row must cause a refusal, not a 500."""
    assert PASSWORDS.find("first", (kept,)) is None
    assert PASSWORDS.find(kept, (kept,)) is None


@given(ANY_TEXT)
def test_no_password_matches_without_hashes(password: str) -> None:
    """An unknown account is refused whatever is presented, and nothing is raised."""
    assert PASSWORDS.find(password, ()) is None


@given(ANY_TEXT)
def test_every_text_matches_its_own_hash(password: str) -> None:
    """No character may make a password that was set unusable."""
    assert PASSWORDS.find(password, (PASSWORDS.hash(password),)) is not None


@pytest.mark.parametrize(
    ("length", "matches"), [(MAX_CHARACTERS, True), (MAX_CHARACTERS + 1, False), (10**6, False)]
)
def test_a_password_over_4096_characters_never_matches(length: int, *, matches: bool) -> None:
    """Nobody may make the registry hash megabytes with every request."""
    password = "x" * length

    assert (PASSWORDS.find(password, (PASSWORDS.hash(password),)) is not None) is matches


def test_a_password_too_long_is_not_cut_to_one_that_matches() -> None:
    """Otherwise endlessly many passwords would match one hash."""
    kept = PASSWORDS.hash("x" * MAX_CHARACTERS)

    assert PASSWORDS.find("x" * (MAX_CHARACTERS + 1), (kept,)) is None


class CountedHash(str):
    """A hash that counts how often it was compared."""

    __slots__ = ()
    compared = 0

    def encode(self, encoding: str = "utf-8", errors: str = "strict") -> bytes:
        """Count, then encode."""
        CountedHash.compared += 1
        return super().encode(encoding, errors)


@pytest.mark.parametrize("password", ["first", "second", "neither", "x" * (MAX_CHARACTERS + 1)])
def test_every_hash_is_compared_whichever_one_matches(password: str) -> None:
    """Stopping early would reveal, by its timing, whether and which password matched."""
    kept = (CountedHash(PASSWORDS.hash("first")), CountedHash(PASSWORDS.hash("second")))
    CountedHash.compared = 0

    PASSWORDS.find(password, kept)

    assert CountedHash.compared == 2


def test_the_pepper_does_not_show() -> None:
    """Objects are printed in logs and tracebacks."""
    assert "x" * 8 not in repr(KeyedPasswords(lambda: b"x" * 32))
