"""Secret files: created once, whole, and refused if others may read them."""

import os
import resource
import stat
from collections.abc import Callable
from concurrent.futures import ThreadPoolExecutor
from pathlib import Path
from threading import Barrier

import pytest

from acrux.adapters.keys import secrets
from acrux.errors import InvalidSettings

A_SECRET = b"a" * 32
ANOTHER_SECRET = b"b" * 32


def never() -> bytes:
    """Stand for a maker that must not be called."""
    raise AssertionError("a secret was made although there is one")


def keep(path: Path, content: bytes, mode: int = 0o600) -> None:
    """Write a secret file by hand."""
    path.write_bytes(content)
    path.chmod(mode)


def mode_of(path: Path) -> int:
    """The permission bits of a path."""
    return stat.S_IMODE(path.stat().st_mode)


def test_a_secret_that_is_missing_is_made_and_kept(tmp_path: Path) -> None:
    """Otherwise every start would invalidate all tokens and all passwords."""
    path = tmp_path / "secrets" / "pepper"

    made = secrets.read_or_create(path, lambda: A_SECRET)

    assert made == A_SECRET
    assert secrets.read_or_create(path, never) == A_SECRET


def test_a_secret_and_its_folders_are_for_their_owner_only(tmp_path: Path) -> None:
    """Others who can log in to the machine must not be able to sign tokens."""
    before = os.umask(0)
    try:
        secrets.read_or_create(tmp_path / "secrets" / "signing" / "key", lambda: A_SECRET)
    finally:
        os.umask(before)

    assert mode_of(tmp_path / "secrets" / "signing" / "key") == 0o600
    assert mode_of(tmp_path / "secrets" / "signing") == 0o700
    assert mode_of(tmp_path / "secrets") == 0o700


def test_making_a_secret_leaves_nothing_else_behind(tmp_path: Path) -> None:
    """Nobody guards stray copies of a secret."""
    secrets.read_or_create(tmp_path / "pepper", lambda: A_SECRET)

    assert [path.name for path in tmp_path.iterdir()] == ["pepper"]


def test_a_second_process_uses_the_secret_of_the_first(tmp_path: Path) -> None:
    """Two workers with two keys would refuse each other's tokens."""
    path = tmp_path / "pepper"

    def make_while_another_process_is_faster() -> bytes:
        secrets.read_or_create(path, lambda: A_SECRET)
        return ANOTHER_SECRET

    taken = secrets.read_or_create(path, make_while_another_process_is_faster)

    assert taken == A_SECRET
    assert [path.name for path in tmp_path.iterdir()] == ["pepper"]


def test_all_processes_that_start_at_once_use_the_same_secret(tmp_path: Path) -> None:
    """A registry starts several workers at the same moment."""
    starters = 8
    barrier = Barrier(starters)

    def start(number: int) -> bytes:
        def make() -> bytes:
            barrier.wait(timeout=10)
            return bytes([number]) * 32

        return secrets.read_or_create(tmp_path / "new" / "pepper", make)

    with ThreadPoolExecutor(starters) as pool:
        taken = set(pool.map(start, range(starters)))

    assert len(taken) == 1


def test_a_start_that_dies_while_it_makes_a_secret_leaves_none(tmp_path: Path) -> None:
    """The next start must create a whole one, not find half of one."""

    def die() -> bytes:
        raise KeyboardInterrupt

    with pytest.raises(KeyboardInterrupt):
        secrets.read_or_create(tmp_path / "pepper", die)

    assert list(tmp_path.iterdir()) == []


def test_a_disk_that_is_full_leaves_no_half_of_a_secret(tmp_path: Path) -> None:
    """The next start, with free disk space, must create a whole one."""
    before = resource.getrlimit(resource.RLIMIT_FSIZE)
    resource.setrlimit(resource.RLIMIT_FSIZE, (16, before[1]))  # writing fails, as on a full disk
    try:
        with pytest.raises(InvalidSettings, match="cannot be stored"):
            secrets.read_or_create(tmp_path / "pepper", lambda: A_SECRET)
    finally:
        resource.setrlimit(resource.RLIMIT_FSIZE, before)

    assert list(tmp_path.iterdir()) == []


@pytest.mark.parametrize("mode", [0o604, 0o602, 0o601, 0o664, 0o777])
def test_a_secret_that_others_may_use_is_refused(tmp_path: Path, mode: int) -> None:
    """A secret that others could read is compromised; continuing would hide that."""
    path = tmp_path / "pepper"
    keep(path, A_SECRET, mode)

    with pytest.raises(InvalidSettings) as refused:
        secrets.read_or_create(path, never)

    assert f"{path} has mode {mode:04o}" in refused.value.message
    assert f"chmod 600 {path}" in refused.value.message


@pytest.mark.parametrize("mode", [0o660, 0o640, 0o620, 0o610])
def test_a_secret_that_a_group_may_use_is_good(tmp_path: Path, mode: int) -> None:
    """Kubernetes gives every file of a volume to the pod's fsGroup, at each start."""
    folder = tmp_path / "secrets"
    folder.mkdir()
    keep(folder / "pepper", A_SECRET, mode)
    folder.chmod(0o2770)

    assert secrets.read_or_create(folder / "pepper", never) == A_SECRET


@pytest.mark.parametrize("mode", [0o702, 0o772, 0o777])
def test_a_secret_in_a_folder_that_others_may_change_is_refused(tmp_path: Path, mode: int) -> None:
    """Anyone who may write to the folder may put a secret there that they know."""
    folder = tmp_path / "secrets"
    folder.mkdir()
    keep(folder / "pepper", A_SECRET)
    folder.chmod(mode)

    with pytest.raises(InvalidSettings, match=f"chmod 700 {folder}"):
        secrets.read_or_create(folder / "pepper", never)


def test_a_secret_that_its_owner_may_only_read_is_good(tmp_path: Path) -> None:
    """Mounted secrets are often read-only."""
    keep(tmp_path / "pepper", A_SECRET, 0o400)

    assert secrets.read_or_create(tmp_path / "pepper", never) == A_SECRET


@pytest.mark.parametrize("length", [0, 1, 31])
def test_a_truncated_secret_is_refused(tmp_path: Path, length: int) -> None:
    """A careless backup to a full disk leaves an empty key that anyone can guess."""
    path = tmp_path / "pepper"
    keep(path, A_SECRET[:length])

    with pytest.raises(InvalidSettings) as refused:
        secrets.read_or_create(path, never)

    assert f"{path} holds {length} bytes" in refused.value.message
    assert "backup" in refused.value.message


@pytest.mark.parametrize("length", [0, 31])
def test_a_secret_too_short_to_be_one_does_not_pass_when_it_is_made(
    tmp_path: Path, length: int
) -> None:
    """A bug in a maker must stop the start, not weaken the registry."""
    with pytest.raises(InvalidSettings):
        secrets.read_or_create(tmp_path / "pepper", lambda: b"x" * length)


def test_no_refusal_reveals_the_secret(tmp_path: Path) -> None:
    """The message that stops the start is printed and logged."""
    keep(tmp_path / "pepper", b"hunter2")

    with pytest.raises(InvalidSettings) as refused:
        secrets.read_or_create(tmp_path / "pepper", never)

    assert "hunter2" not in str(refused.value)
    assert "hunter2" not in repr(refused.value.detail)


@pytest.mark.parametrize("read", [lambda path: secrets.read_or_create(path, never), secrets.read])
def test_what_cannot_be_read_as_a_file_is_refused_in_one_sentence(
    tmp_path: Path, read: Callable[[Path], bytes]
) -> None:
    """A folder instead of the secret must not cause a traceback."""
    path = tmp_path / "pepper"
    path.mkdir(mode=0o700)

    with pytest.raises(InvalidSettings, match=str(path)):
        read(path)


def test_a_folder_that_cannot_be_made_is_refused_in_one_sentence(tmp_path: Path) -> None:
    """A data directory that is not writable must not cause a traceback."""
    (tmp_path / "secrets").write_text("a file where a folder is expected")

    with pytest.raises(InvalidSettings, match="cannot be stored"):
        secrets.read_or_create(tmp_path / "secrets" / "pepper", lambda: A_SECRET)


def test_reading_a_secret_never_makes_one(tmp_path: Path) -> None:
    """If a secret must already exist, its loss must be reported."""
    with pytest.raises(InvalidSettings, match="cannot be read"):
        secrets.read(tmp_path / "pepper")

    assert list(tmp_path.iterdir()) == []


def test_a_file_is_replaced_whole_with_the_mode_it_was_given(tmp_path: Path) -> None:
    """A server that reads its certificate at this moment must find the old one or the new one."""
    path = tmp_path / "server.pem"
    secrets.replace(path, b"old", 0o600)
    with path.open("rb") as reader:
        secrets.replace(path, b"new", 0o600)
        read_by_who_had_it_open = reader.read()

    assert path.read_bytes() == b"new"
    assert read_by_who_had_it_open == b"old"
    assert mode_of(path) == 0o600
    assert [path.name for path in tmp_path.iterdir()] == ["server.pem"]


def test_a_replacement_that_fails_leaves_nothing_behind(tmp_path: Path) -> None:
    """Otherwise the leftovers of failed starts would fill the folder."""
    (tmp_path / "server.pem").mkdir()

    with pytest.raises(OSError, match="server"):
        secrets.replace(tmp_path / "server.pem", b"new", 0o600)

    assert [path.name for path in tmp_path.iterdir()] == ["server.pem"]
