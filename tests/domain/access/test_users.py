"""Which names a user may have, and which passwords they may choose."""

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
def test_a_user_may_have_this_name(name: str) -> None:
    """Most people are known by their mail address."""
    check_user_name(name)


@pytest.mark.parametrize(
    "name", ["", "ab", "x" * 65, ".dot", "@at", "a:b:c", "a b c", "a/b/c", "é" * 5, "bob\n"]
)
def test_a_user_may_not_have_this_name(name: str) -> None:
    """A colon would end the name in Basic, and a slash marks a federated identity."""
    with pytest.raises(InvalidInput, match="3 to 64"):
        check_user_name(name)


@given(st.text())
def test_a_valid_name_is_printable_and_holds_no_colon(name: str) -> None:
    """It is part of headers and logs, and is followed by a colon."""
    if is_user_name(name):
        assert name.isascii()
        assert name.isprintable()
        assert ":" not in name


@pytest.mark.parametrize(
    "password", ["a few words do", "x7!Kq-92mmQz", "пароль из слов", "alice in chains 1996"]
)
def test_a_password_that_is_long_enough_is_accepted_whatever_it_consists_of(password: str) -> None:
    """Composition rules make passwords worse (NIST SP 800-63B)."""
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
    """Attackers start with the same few passwords, and with the names."""
    with pytest.raises(InvalidInput, match=reason) as refused:
        check_password(password, NAMES)

    assert password not in str(refused.value)


def test_a_nameless_registry_forbids_nothing() -> None:
    """Every password contains the empty name."""
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
    """Japanese keyboards type another space, and a Mac one that does not break."""
    check_password(password, NAMES)


def test_two_ways_to_write_a_letter_are_one_password() -> None:
    """macOS types é as two characters: its users could not log in."""
    assert normalize("caf\u00e9 creme") == normalize("cafe\u0301 creme")
