"""An htpasswd file: which lines count, and when it is read."""

import os
from pathlib import Path

import bcrypt
import pytest

from acrux.adapters.passwords.htpasswd import MAX_FILE_BYTES, HtpasswdFile, NoFile
from acrux.ports.accounts import FileContent

# A fixed salt, so that each process computes the same hash.
HASH = bcrypt.hashpw(b"a few words do", b"$2b$04$" + b"a" * 21 + b"u").decode()


@pytest.fixture
def path(tmp_path: Path) -> Path:
    """A file with one user."""
    path = tmp_path / "htpasswd"
    write(path, f"alice:{HASH}\n")
    return path


def write(path: Path, text: str) -> None:
    """Write the file, readable by its owner only."""
    path.write_text(text)
    path.chmod(0o600)


def names(content: FileContent | None) -> list[str]:
    """The names of the users."""
    assert content is not None
    assert content.users is not None
    return [user.name for user in content.users]


def test_users_are_read_with_their_hashes(path: Path) -> None:
    """The file that a registry:2 used stays in use."""
    write(path, f"# people\n\nalice:{HASH}\n  bob@example.com:{HASH.replace('2b', '2y')}\r\n")

    content = HtpasswdFile(path).read_if_changed()

    assert names(content) == ["alice", "bob@example.com"]
    assert content is not None
    assert content.problems == ()
    assert content.users is not None
    assert content.users[0].hash == f"bcrypt:{HASH}"


def test_a_file_that_did_not_change_is_not_read_again(path: Path) -> None:
    """It is checked twice a second."""
    file = HtpasswdFile(path)

    assert names(file.read_if_changed()) == ["alice"]
    assert file.read_if_changed() is None


def test_a_change_counts_once_nobody_writes_the_file(path: Path) -> None:
    """htpasswd writes in place: half a file would look as if users had been removed."""
    file = HtpasswdFile(path)
    file.read_if_changed()

    write(path, "")
    assert file.read_if_changed() is None
    write(path, f"alice:{HASH}\nbob:{HASH}\n")
    assert file.read_if_changed() is None
    assert names(file.read_if_changed()) == ["alice", "bob"]
    assert file.read_if_changed() is None


def test_a_change_while_it_is_read_waits_for_the_next_look(
    path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    """htpasswd may begin to write between the check of the file and its reading."""
    file = HtpasswdFile(path)
    read = Path.read_text

    def read_and_change(path: Path, encoding: str) -> str:
        text = read(path, encoding)
        write(path, f"alice:{HASH}\nbob:{HASH}\n")
        monkeypatch.undo()
        return text

    monkeypatch.setattr(Path, "read_text", read_and_change)

    assert file.read_if_changed() is None
    assert names(file.read_if_changed()) == ["alice", "bob"]


def test_without_a_file_there_are_no_users_of_it() -> None:
    """An administrator who stops using the file removes its users."""
    file = NoFile()

    assert names(file.read_if_changed()) == []
    assert file.read_if_changed() is None


def test_an_empty_file_has_no_users(path: Path) -> None:
    """An administrator who empties it means it."""
    write(path, "")

    assert names(HtpasswdFile(path).read_if_changed()) == []


def test_a_file_that_vanished_is_reported_once_and_changes_nothing(path: Path) -> None:
    """A volume that is gone for a moment must not lock everyone out."""
    file = HtpasswdFile(path)
    file.read_if_changed()
    path.unlink()

    content = file.read_if_changed()

    assert content is not None
    assert content.users is None
    assert "its users stay" in content.problems[0]
    assert file.read_if_changed() is None
    write(path, f"bob:{HASH}\n")
    assert file.read_if_changed() is None
    assert names(file.read_if_changed()) == ["bob"]


@pytest.mark.parametrize(
    ("line", "problem"),
    [
        ("alice:{SHA}W6ph5Mm5Pz8GgiULbPgzG37mj9g=", "htpasswd -B"),
        ("alice:$apr1$x$y", "htpasswd -B"),
        ("alice:plain", "htpasswd -B"),
        ("alice", "htpasswd -B"),
        (f"alice:{HASH}x", "htpasswd -B"),
        (f"alice:{HASH.replace('$04$', '$32$')}", "htpasswd -B"),
        (f"alice:{HASH.replace('$04$', '$13$')}", "htpasswd -B -C 10"),
        (f"00000000-0000-0000-0000-000000000000:{HASH}", "3 to 64"),
        (f"a/b:{HASH}", "3 to 64"),
        (f":{HASH}", "3 to 64"),
        (f"carol:{HASH}", "twice"),
    ],
)
def test_an_invalid_line_is_reported_and_the_others_count(
    path: Path, line: str, problem: str
) -> None:
    """One mistyped line would lock everyone out, or would silently have no effect."""
    write(path, f"carol:{HASH}\n{line}\ndave:{HASH}\n")

    content = HtpasswdFile(path).read_if_changed()

    assert names(content) == ["carol", "dave"]
    assert content is not None
    (told,) = content.problems
    assert "line 2" in told
    assert problem in told
    assert HASH not in told
    assert "plain" not in told


def test_a_file_that_others_can_read_causes_a_warning(path: Path) -> None:
    """Anyone with an account on the machine can use its hashes to guess passwords."""
    path.chmod(0o644)

    content = HtpasswdFile(path).read_if_changed()

    assert names(content) == ["alice"]
    assert content is not None
    assert "chmod o-r" in content.problems[0]


@pytest.mark.parametrize("content", [b"alice:\xff\xfe", None])
def test_anything_but_an_htpasswd_file_changes_nothing(path: Path, content: bytes | None) -> None:
    """A folder, or a file of another format, must not look like an empty file."""
    path.unlink()
    if content is None:
        path.mkdir()
    else:
        path.write_bytes(content)

    found = HtpasswdFile(path).read_if_changed()

    assert found is not None
    assert found.users is None
    assert str(path) in found.problems[0]


def test_a_file_that_is_too_long_changes_nothing(path: Path) -> None:
    """It is read whole, on the thread that serves all requests."""
    os.truncate(path, MAX_FILE_BYTES + 1)

    content = HtpasswdFile(path).read_if_changed()

    assert content is not None
    assert content.users is None
