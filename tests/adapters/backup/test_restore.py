"""A restored registry is whole and checked, or none that starts."""

from functools import partial
from itertools import count
from pathlib import Path

import pytest

from acrux.adapters.backup import blob_folder
from acrux.bootstrap.application import build
from acrux.errors import InvalidInput, InvalidSettings, TooManyRequests
from acrux.settings import Settings
from tests.adapters.backup.registries import (
    Original,
    blobs_of,
    dies,
    files_of,
    restored,
    starts,
)

STEP = 3


@pytest.mark.parametrize("name", ["backup", "backup.tar"])
def test_a_restore_that_is_killed_anywhere_goes_on_and_starts_no_registry(
    original: Original, tmp_path: Path, monkeypatch: pytest.MonkeyPatch, name: str
) -> None:
    """A registry that lacks content would accept pushes, and nobody could tell what is missing."""
    place = tmp_path / name
    _ = original.back_up(place) if name == "backup" else original.archive(place)
    expected = blobs_of(original.data_dir)

    new, number = tmp_path, 0
    for number in count(1, STEP):
        new = tmp_path / f"new-{number}"
        is_dead = dies(monkeypatch, number, partial(restored, place, new))
        if not is_dead:
            break
        if (new / "restoring").exists() or (new / "registry.sqlite").exists():
            assert starts(new) == (not (new / "restoring").exists())
            if (new / "restoring").exists():
                restored(place, new)
            assert blobs_of(new) == expected
            assert {"blobs", "registry.sqlite"} <= {path.name for path in new.iterdir()}
            assert not (new / "restoring").exists()
    assert blobs_of(new) == expected
    assert number > 10


def test_a_restore_that_goes_on_copies_only_what_is_missing(
    original: Original, tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    """A terabyte would be copied again after each interruption."""
    place, new = tmp_path / "backup", tmp_path / "new"
    original.back_up(place)
    monkeypatch.setattr(blob_folder, "BATCH", 1)

    def stop(what: str, number: int, *_: object) -> None:
        if number == 3 and what == "reading blobs":
            raise KeyboardInterrupt

    with pytest.raises(KeyboardInterrupt):
        restored(place, new, stop)
    refused = starts(new)
    first = {path.name: path.stat().st_ino for path in files_of(new / "restoring")}
    restored(place, new)

    assert not refused
    after = {path.name: path.stat().st_ino for path in files_of(new)}
    assert len(first) == 3
    assert first.items() <= after.items()


def test_a_registry_that_may_be_half_restored_says_what_to_do(
    original: Original, tmp_path: Path
) -> None:
    """You would look for the error elsewhere."""
    (tmp_path / "new" / "restoring").mkdir(parents=True)

    with pytest.raises(InvalidSettings, match="run the same acrux restore again"):
        build(Settings(data_dir=tmp_path / "new"))


@pytest.mark.parametrize("there", ["registry.sqlite", "blobs", "notes.txt"])
def test_a_directory_that_holds_something_is_refused(
    original: Original, tmp_path: Path, there: str
) -> None:
    """The -wal of another database would destroy the restored one."""
    place, new = tmp_path / "backup", tmp_path / "new"
    original.back_up(place)
    new.mkdir()
    (new / there).touch()

    with pytest.raises(InvalidInput, match="not empty"):
        restored(place, new)

    assert [path.name for path in new.iterdir()] == [there]


def test_what_somebody_put_beside_an_interrupted_restore_is_left_alone(
    original: Original, tmp_path: Path
) -> None:
    """It is theirs."""
    place, new = tmp_path / "backup", tmp_path / "new"
    original.back_up(place)
    (new / "restoring").mkdir(parents=True)
    (new / "notes.txt").touch()

    with pytest.raises(InvalidInput, match=r"holds notes\.txt"):
        restored(place, new)

    assert (new / "notes.txt").exists()


def test_two_restores_into_one_directory_do_not_mix(original: Original, tmp_path: Path) -> None:
    """Each would remove what the other has copied."""
    place, new = tmp_path / "backup", tmp_path / "new"
    original.back_up(place)

    def another(*_: object) -> None:
        with pytest.raises(TooManyRequests, match="another restore"):
            restored(place, new)

    restored(place, new, another)


def test_only_its_owner_may_enter_what_is_restored(original: Original, tmp_path: Path) -> None:
    """It holds hashes of passwords."""
    place, new = tmp_path / "backup", tmp_path / "new"
    original.back_up(place)
    restored(place, new)

    assert not [path for path in (new, *new.rglob("*")) if path.stat().st_mode & 0o077]
