"""What a person may be called, and which passwords a person may choose."""

import pytest
from hypothesis import given
from hypothesis import strategies as st

from acrux.domain.access.users import (
    MAX_CHARACTERS,
    MIN_CHARACTERS,
    check_password,
    check_user_name,
    is_user_name,
    normalize,
)
from acrux.errors import InvalidInput

NAMES = ("alice", "acrux")


@pytest.mark.parametrize("name", ["bob", "alice@example.com", "a.b-c_d", "9lives", "x" * 64])
def test_a_user_may_be_called_so(name: str) -> None:
    """An address of mail is what most people are known by."""
    check_user_name(name)


@pytest.mark.parametrize(
    "name", ["", "ab", "x" * 65, ".dot", "@at", "a:b:c", "a b c", "a/b/c", "é" * 5, "bob\n"]
)
def test_nobody_may_be_called_so(name: str) -> None:
    """A colon would end the name in Basic, and a slash is of federated identities."""
    with pytest.raises(InvalidInput, match="3 to 64"):
        check_user_name(name)


@given(st.text())
def test_a_name_that_may_be_is_printable_and_holds_no_colon(name: str) -> None:
    """It stands in headers, in the log, and before a colon."""
    if is_user_name(name):
        assert name.isascii()
        assert name.isprintable()
        assert ":" not in name


@pytest.mark.parametrize(
    "password", ["a few words do", "x7!Kq-92mmQz", "пароль из слов", "alice in chains 1996"]
)
def test_a_password_that_is_long_enough_is_taken_whatever_it_is_made_of(password: str) -> None:
    """Rules of composition make passwords worse (NIST SP 800-63B)."""
    check_password(password, NAMES)


@pytest.mark.parametrize(
    ("password", "reason"),
    [
        ("short", "at least"),
        ("x" * (MIN_CHARACTERS - 1), "at least"),
        ("ab" * MAX_CHARACTERS, "at most"),
        ("two\nlines of it", "control"),
        ("password1234", "guessed"),
        ("PassWordPassWord", "guessed"),
        ("aaaaaaaaaaaaaaaa", "guessed"),
        ("alicealicealice", "guessed"),
        ("acrux-alice-2026", "guessed"),
        ("ALICE1234567", "guessed"),
    ],
)
def test_a_password_that_is_guessed_at_once_is_refused(password: str, reason: str) -> None:
    """Attackers begin with the same few, and with the names."""
    with pytest.raises(InvalidInput, match=reason) as refused:
        check_password(password, NAMES)

    assert password not in str(refused.value)


def test_a_nameless_registry_forbids_nothing() -> None:
    """An empty name is within every password."""
    check_password("x7!Kq-92mmQz", ("",))


@pytest.mark.parametrize(
    "password",
    [
        "twelve\u00a0or more",
        "\u3042\u3044\u3046\u3048\u304a\u3000" * 2,
        "family \U0001f468\u200d\U0001f469 dinner",
    ],
)
def test_every_space_and_every_sign_of_a_keyboard_is_fine(password: str) -> None:
    """Who writes Japanese types another space, and a Mac one that does not break."""
    check_password(password, NAMES)


def test_two_ways_to_write_a_letter_are_one_password() -> None:
    """macOS types é as two characters, and nobody would get in from there."""
    assert normalize("caf\u00e9 creme") == normalize("cafe\u0301 creme")
