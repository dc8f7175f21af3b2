"""Credentials: which are anonymous, and which parts stay hidden."""

import pytest

from acrux.domain.access.credential import Credential, Secret


def test_a_secret_does_not_show_when_it_is_printed() -> None:
    """One log line with such an object in it would publish a password."""
    credential = Credential("someone", Secret("hunter2"))

    shown = f"{credential} {credential!r} {credential.secret} {credential.secret!r} %s %r"
    assert "hunter2" not in shown % (credential.secret, credential)


def test_a_secret_is_read_only_on_purpose() -> None:
    """The password has to be checked in the end."""
    assert Secret("hunter2").reveal() == "hunter2"


@pytest.mark.parametrize(
    ("name", "secret", "is_empty"),
    [("", "", True), ("someone", "", False), ("", "secret", False), ("someone", "secret", False)],
)
def test_only_an_empty_name_and_an_empty_secret_mean_anonymous(
    name: str, secret: str, *, is_empty: bool
) -> None:
    """A name without a password must be refused, not let in as anonymous."""
    assert Credential(name, Secret(secret)).is_empty is is_empty
