"""A backup holds everything, costs what is new, and is whole or not there."""

import os
import shutil
import tarfile
from functools import partial
from itertools import count
from pathlib import Path

import pytest

from acrux.adapters.backup import create
from acrux.adapters.backup.create import Made
from acrux.domain.content.digest import Digest
from acrux.errors import (
    DamagedBlob,
    InvalidBackup,
    InvalidInput,
    StorageUnavailable,
    TooManyRequests,
)
from tests.adapters.backup.registries import (
    Death,
    Original,
    blobs_of,
    checked,
    dies,
    files_of,
    is_whole,
    restored,
    starts,
)

STEP = 3  # every third system call: all of them take a minute


@pytest.mark.parametrize("name", ["backup", "backup.tar"])
def test_a_backup_holds_every_blob(original: Original, tmp_path: Path, name: str) -> None:
    """A backup that lacks one is worth nothing to whoever needs that one."""
    place = tmp_path / name
    original.push(b"")
    made = original.back_up(place) if name == "backup" else original.archive(place)

    assert made.manifest.blobs == made.copied == 6
    assert checked(place) == made.manifest
    restored(place, tmp_path / "new")
    assert blobs_of(tmp_path / "new") == blobs_of(original.data_dir)


@pytest.mark.parametrize("name", ["backup", "backup.tar"])
def test_blobs_of_a_former_version_are_in_it_beside_new_ones(
    original: Original, tmp_path: Path, name: str
) -> None:
    """They have no rows before the collector has counted them."""
    original.make_former()
    original.push(b"new", b"blob 1")  # one of them replaces the former copy
    expected = {Digest.of(content).encoded for content in (b"new", b"blob 1")}
    place = tmp_path / name
    made = original.back_up(place) if name == "backup" else original.archive(place)

    restored(place, tmp_path / "new")

    assert made.manifest.blobs == 6
    names = blobs_of(tmp_path / "new").keys()
    assert {one.partition(".")[0] for one in names if "." in one} == expected
    assert len(names) == 6


def test_a_second_backup_copies_what_is_new_and_removes_what_is_gone(
    original: Original, tmp_path: Path
) -> None:
    """Otherwise each night would copy everything, and the disk would fill up."""
    folder = tmp_path / "backup"
    original.back_up(folder)
    times = {path: path.stat().st_mtime_ns for path in files_of(folder)}
    original.push(b"new")
    gone = Digest.of(b"blob 1")
    original.run(f"DELETE FROM blob_links WHERE digest = '{gone}'")  # noqa: S608 -- our own text
    original.run(f"DELETE FROM blobs WHERE digest = '{gone}'")  # noqa: S608 -- our own text

    made = original.back_up(folder)

    assert (made.copied, made.copied_bytes, made.manifest.blobs) == (1, 3, 5)
    after = files_of(folder)
    assert not [path for path in after if path.name.startswith(gone.encoded)]
    assert len(after) == 5
    kept = [path for path in after if path in times]
    assert len(kept) == 4
    assert {path.stat().st_mtime_ns == times[path] for path in kept} == {True}
    assert checked(folder) == made.manifest


def test_only_the_present_backup_is_left_in_the_folder(original: Original, tmp_path: Path) -> None:
    """Each backup would leave a database behind."""
    folder = tmp_path / "backup"
    original.back_up(folder, seal=lambda: b"sealed")
    made = original.back_up(folder, seal=lambda: b"sealed")

    named = {record.name for record in made.manifest.files()}
    assert {path.name for path in folder.iterdir()} == {
        "acrux-backup",
        "backup.json",
        "blobs",
        *named,
    }
    assert not [path for path in folder.rglob("*") if path.stat().st_mode & 0o077]


def test_a_first_backup_that_is_killed_anywhere_is_not_taken_for_whole(
    original: Original, tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    """Who finds the folder would rely on it."""
    found: list[bool] = []
    for number in count(0, STEP):
        folder = tmp_path / f"backup-{number}"
        is_dead = dies(monkeypatch, number, partial(original.back_up, folder))
        found.append(folder.exists() and is_whole(folder))
        if not is_dead:
            break
        original.back_up(folder)
        assert is_whole(folder)

    # Not before the manifest, and always after it.
    assert found == sorted(found)
    assert found[-1]
    assert found.count(False) > 10


def test_a_later_backup_that_is_killed_anywhere_leaves_the_previous_one_whole(
    original: Original, tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    """A disk that fills up during the backup would cost the last good one too."""
    previous = tmp_path / "previous"
    first = original.back_up(previous).manifest
    gone = Digest.of(b"blob 1")
    original.run(f"DELETE FROM blob_links WHERE digest = '{gone}'")  # noqa: S608 -- our own text
    original.run(f"DELETE FROM blobs WHERE digest = '{gone}'")  # noqa: S608 -- our own text
    original.push(b"new")
    found: list[bool] = []
    for number in count(0, STEP):
        folder = tmp_path / f"backup-{number}"
        shutil.copytree(previous, folder)
        is_dead = dies(monkeypatch, number, partial(original.back_up, folder))
        found.append(checked(folder) == first)
        if not is_dead:
            break
        original.back_up(folder)
        assert len(files_of(folder)) == 5

    assert found == sorted(found, reverse=True)
    assert found[0]
    assert not found[-1]


def test_every_part_of_an_archive_is_refused(original: Original, tmp_path: Path) -> None:
    """A pipe that breaks leaves a part."""
    whole = tmp_path / "backup.tar"
    original.archive(whole, seal=lambda: b"sealed")
    content = whole.read_bytes()
    with tarfile.open(whole) as opened:
        last = opened.getmember("backup.json")
    end = last.offset_data + last.size
    part = tmp_path / "part.tar"

    for size in (*range(0, end, 4096), end - 1):
        part.write_bytes(content[:size])
        with pytest.raises(InvalidBackup, match="cut short"):
            checked(part)
    part.write_bytes(content[: end + 512])
    assert is_whole(part)


def test_an_archive_gets_its_name_at_its_end(original: Original, tmp_path: Path) -> None:
    """A scheduled copy would take a part of it."""
    file = tmp_path / "backup.tar"
    files_of(original.data_dir)[0].unlink()

    with pytest.raises(DamagedBlob):
        original.archive(file)

    assert not list(tmp_path.glob("*backup*"))


def test_an_archive_replaces_no_file(original: Original, tmp_path: Path) -> None:
    """The last good backup would be gone before the new one is there."""
    file = tmp_path / "backup.tar"
    file.write_bytes(b"precious")

    with pytest.raises(InvalidInput, match="choose another name"):
        original.archive(file)

    assert file.read_bytes() == b"precious"


@pytest.mark.parametrize("name", ["backup", "backup.tar"])
@pytest.mark.parametrize("damage", ["missing", "short", "altered"])
def test_damaged_blobs_are_named_and_left_out_only_if_that_is_allowed(
    original: Original, tmp_path: Path, name: str, damage: str
) -> None:
    """A backup would claim what it does not have, or one bad sector would end all backups."""
    place = tmp_path / name
    blob = files_of(original.data_dir)[2]
    digest = f"sha256:{blob.name.partition('.')[0]}"
    spoil(blob, damage)

    def back_up(*, allow_damaged: bool) -> Made:
        if name == "backup":
            return original.back_up(place, allow_damaged=allow_damaged)
        return original.archive(place, allow_damaged=allow_damaged)

    with pytest.raises(DamagedBlob, match=f"{digest} .*--allow-damaged"):
        back_up(allow_damaged=False)
    assert not place.exists() or not is_whole(place)
    made = back_up(allow_damaged=True)

    assert made.manifest.damaged == (digest,)
    assert checked(place) == made.manifest
    restored(place, tmp_path / "new")
    assert len(files_of(tmp_path / "new")) == 4


def test_a_registry_that_lost_most_blobs_is_not_backed_up(
    original: Original, tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    """A disk that was not mounted would replace the last good backup by an empty one."""
    monkeypatch.setattr(create, "MAX_DAMAGED", 2)
    for file in files_of(original.data_dir)[:3]:
        file.unlink()

    with pytest.raises(DamagedBlob, match="repair the storage first"):
        original.back_up(tmp_path / "backup", allow_damaged=True)


def spoil(file: Path, damage: str) -> None:
    """Damage a file in one of three ways."""
    if damage == "missing":
        file.unlink()
    elif damage == "short":
        os.truncate(file, file.stat().st_size - 1)
    else:
        file.write_bytes(b"!" * file.stat().st_size)


def test_backups_of_two_registries_do_not_share_a_folder(
    original: Original, tmp_path: Path
) -> None:
    """The second one would remove the blobs of the first."""
    folder = tmp_path / "backup"
    made = original.back_up(folder)

    with pytest.raises(InvalidInput, match="another registry"):
        original.back_up(folder, registry="another")

    assert checked(folder) == made.manifest


def test_a_folder_that_holds_something_else_is_refused(original: Original, tmp_path: Path) -> None:
    """A typo would mix it with a backup."""
    (tmp_path / "photos").mkdir()
    (tmp_path / "photos" / "one.jpg").touch()

    with pytest.raises(InvalidInput, match="neither empty"):
        original.back_up(tmp_path / "photos")
    with pytest.raises(InvalidInput, match="neither empty"):
        original.back_up(original.data_dir)

    assert [*(tmp_path / "photos").iterdir()] == [tmp_path / "photos" / "one.jpg"]


def test_two_backups_at_once_do_not_share_a_folder(original: Original, tmp_path: Path) -> None:
    """One would remove what the other has just copied."""
    folder = tmp_path / "backup"

    def another(*_: object) -> None:
        with pytest.raises(TooManyRequests, match="another backup"):
            original.back_up(folder)

    original.back_up(folder, another)


def test_a_damaged_database_replaces_no_good_backup(original: Original, tmp_path: Path) -> None:
    """The backup would be as damaged as what it is to replace."""
    folder = tmp_path / "backup"
    made = original.back_up(folder)
    database = original.data_dir / "registry.sqlite"
    content = bytearray(database.read_bytes())
    content[8192:12288] = os.urandom(4096)
    database.write_bytes(content)

    with pytest.raises((InvalidBackup, StorageUnavailable), match=r"damaged|malformed"):
        original.back_up(folder)

    assert checked(folder) == made.manifest


def test_progress_is_told_and_can_end_the_backup(original: Original, tmp_path: Path) -> None:
    """An interrupted command would go on."""
    told: list[tuple[object, ...]] = []

    def tell(*news: object) -> None:
        told.append(news)
        if news[:2] == ("copying blobs", 3):
            raise Death

    with pytest.raises(Death):
        original.back_up(tmp_path / "backup", tell)

    assert told[0][0] == "copying the database"
    assert told[-1][:3] == ("copying blobs", 3, 5)
    assert not starts(tmp_path / "backup") or not is_whole(tmp_path / "backup")
