"""The file with the first password of the admin user."""

from pathlib import Path

import pytest

from acrux.adapters.passwords.password_file import PasswordFile
from acrux.domain.access.credential import Secret
from acrux.errors import InvalidSettings


@pytest.mark.parametrize(
    ("content", "password"),
    [
        ("a few words\n", "a few words"),
        ("a few words\r\nand more\n", "a few words"),
        ("a few words", "a few words"),
        ("a\u2028few\x85words\x0b\n", "a\u2028few\x85words\x0b"),
        ("", None),
    ],
)
def test_the_first_line_is_the_password(tmp_path: Path, content: str, password: str | None) -> None:
    """Whatever it holds: a part of it would be another password."""
    file = tmp_path / "password"
    file.write_text(content, newline="", encoding="utf-8")

    read = PasswordFile(file).read()

    assert (read.reveal() if read else None) == password


@pytest.mark.parametrize("content", [b"\n", b"\nsecret\n", b"\r\n", b"\xff\n"])
def test_a_file_without_a_first_line_stays_as_it_is(tmp_path: Path, content: bytes) -> None:
    """A generated password would replace what somebody wrote."""
    file = tmp_path / "password"
    file.write_bytes(content)

    with pytest.raises(InvalidSettings, match="admin_password_file"):
        PasswordFile(file).read()

    assert file.read_bytes() == content


def test_there_is_no_password_without_a_file(tmp_path: Path) -> None:
    """And none is made by looking."""
    assert PasswordFile(tmp_path / "password").read() is None
    assert list(tmp_path.iterdir()) == []


@pytest.mark.parametrize("mode", [None, 0o644])
def test_a_password_is_kept_for_its_owner_alone(tmp_path: Path, mode: int | None) -> None:
    """Whoever made an empty file did so for everybody to read."""
    file = tmp_path / "password"
    if mode is not None:
        file.touch(mode)

    PasswordFile(file).keep(Secret("generated"))

    assert file.read_text() == "generated\n"
    assert file.stat().st_mode & 0o777 == 0o600


def test_a_file_that_cannot_be_written_is_named(tmp_path: Path) -> None:
    """Before an account depends on it."""
    with pytest.raises(InvalidSettings, match="no/password can be neither read nor written"):
        PasswordFile(tmp_path / "no" / "password").keep(Secret("x"))
