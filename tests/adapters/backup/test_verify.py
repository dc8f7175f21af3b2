"""Damage of each kind is found, and said."""

import os
import shutil
import sqlite3
import tarfile
from collections.abc import Callable
from contextlib import closing
from io import BytesIO
from pathlib import Path

import msgspec
import pytest

from acrux.adapters.backup.folder import FolderSource
from acrux.errors import InvalidBackup
from tests.adapters.backup.registries import Original, checked, files_of, restored, starts

Damage = Callable[[Path], object]


def blob(folder: Path) -> Path:
    """One of the blobs."""
    return files_of(folder)[2]


def named(folder: Path, kind: str) -> Path:
    """The database (registry) or the secrets."""
    [path] = folder.glob(f"{kind}-*")
    return path


def flip(path: Path) -> None:
    """Change one bit in the middle."""
    content = bytearray(path.read_bytes())
    content[len(content) // 2] ^= 1
    path.write_bytes(content)


def edit(folder: Path, name: str, value: object) -> None:
    """Change an entry of the manifest."""
    path = folder / "backup.json"
    manifest = msgspec.json.decode(path.read_bytes())
    manifest[name] = value
    path.write_bytes(msgspec.json.encode(manifest))


def halve(path: Path) -> None:
    """Remove the second half."""
    os.truncate(path, path.stat().st_size // 2)


DAMAGES: dict[str, tuple[Damage, str]] = {
    "a blob is missing": (lambda at: blob(at).unlink(), "sha256:.* is missing"),
    "a blob is short": (lambda at: halve(blob(at)), "sha256:.* bytes instead of"),
    "a blob is altered": (lambda at: flip(blob(at)), "sha256:.* does not match its digest"),
    "a blob is another": (
        lambda at: shutil.copy(files_of(at)[1], blob(at)),
        "sha256:.* bytes instead of",
    ),
    "a folder of blobs is missing": (lambda at: shutil.rmtree(at / "blobs"), "and 2 more"),
    "the database is missing": (lambda at: named(at, "registry").unlink(), "is missing"),
    "the database is short": (lambda at: halve(named(at, "registry")), "not what was written"),
    "the database is altered": (lambda at: flip(named(at, "registry")), "not what was written"),
    "the secrets are missing": (lambda at: named(at, "secrets").unlink(), "is missing"),
    "the secrets are altered": (lambda at: flip(named(at, "secrets")), "not what was written"),
    "the manifest is missing": (lambda at: (at / "backup.json").unlink(), "was cut short"),
    "the manifest is short": (lambda at: halve(at / "backup.json"), "backup.json .* is damaged"),
    "the manifest is empty": (lambda at: os.truncate(at / "backup.json", 0), "is damaged"),
    "the manifest is of the future": (lambda at: edit(at, "format", 2), "reads format 1"),
    "the manifest leads elsewhere": (
        lambda at: edit(at, "database", {"name": "../x", "size": 0, "sha256": ""}),
        "unexpected file",
    ),
    "the manifest counts otherwise": (lambda at: edit(at, "blobs", 4), "names 5 blobs"),
    "everything is missing": (lambda at: at.rename(at.with_name("x")), "there is no backup"),
}


@pytest.mark.parametrize("kind", DAMAGES)
def test_damage_is_found_and_never_restored(original: Original, tmp_path: Path, kind: str) -> None:
    """You would learn of it on the day on which you need the backup."""
    folder = tmp_path / "backup"
    original.back_up(folder, seal=lambda: b"sealed")
    damage, message = DAMAGES[kind]
    damage(folder)
    folder.mkdir(exist_ok=True)

    with pytest.raises(InvalidBackup, match=message):
        checked(folder)
    with pytest.raises(InvalidBackup, match=message):
        restored(folder, tmp_path / "new")
    assert not (tmp_path / "new" / "registry.sqlite").exists()


def without(name: str, members: list[tuple[str, bytes]]) -> list[tuple[str, bytes]]:
    """The members of an archive without those of the name."""
    return [member for member in members if name not in member[0]]


def altered(name: str, members: list[tuple[str, bytes]]) -> list[tuple[str, bytes]]:
    """The members of an archive; in those of the name a byte is another."""
    return [
        (one, content[:-1] + bytes([content[-1] ^ 1]) if name in one else content)
        for one, content in members
    ]


ARCHIVES: dict[str, tuple[Callable[[list[tuple[str, bytes]]], list[tuple[str, bytes]]], str]] = {
    "a blob is missing": (lambda members: [*members[:3], *members[4:]], "sha256:.* is missing"),
    "a blob is altered": (lambda members: altered("blobs/", members), "does not match its digest"),
    "the database is missing": (lambda members: without("registry-", members), "no backup"),
    "the database is altered": (lambda members: altered("registry-", members), "damaged"),
    "the secrets are missing": (lambda members: without("secrets-", members), "damaged"),
    "the secrets are altered": (lambda members: altered("secrets-", members), "damaged"),
    "the manifest is missing": (lambda members: members[:-1], "cut short"),
    "the manifest is not last": (lambda members: [members[-1], *members[:-1]], "no backup"),
    "there is nothing": (lambda members: members[:0], "no backup"),
}


@pytest.mark.parametrize("kind", ARCHIVES)
def test_damage_of_an_archive_is_found_and_never_restored(
    original: Original, tmp_path: Path, kind: str
) -> None:
    """As in a folder."""
    file = tmp_path / "backup.tar"
    original.archive(file, seal=lambda: b"sealed")
    change, message = ARCHIVES[kind]
    with tarfile.open(file) as opened:
        members = [(one.name, content(opened, one)) for one in opened.getmembers()]
    with tarfile.open(file, "w") as opened:
        for name, bytes_ in change(members):
            member = tarfile.TarInfo(name)
            member.size = len(bytes_)
            opened.addfile(member, BytesIO(bytes_))

    with pytest.raises(InvalidBackup, match=message):
        checked(file)
    with pytest.raises(InvalidBackup, match=message):
        restored(file, tmp_path / "new")
    assert not (tmp_path / "new" / "registry.sqlite").exists()


def content(opened: tarfile.TarFile, member: tarfile.TarInfo) -> bytes:
    """The bytes of a member."""
    file = opened.extractfile(member)
    assert file is not None
    return file.read()


def test_a_file_that_is_no_archive_is_refused(tmp_path: Path) -> None:
    """A typo names another file."""
    for text in (b"", b"not an archive" * 100):
        (tmp_path / "file").write_bytes(text)
        with pytest.raises(InvalidBackup, match="is no backup"):
            checked(tmp_path / "file")


def test_a_database_that_names_files_elsewhere_is_refused(
    original: Original, tmp_path: Path
) -> None:
    """A backup from somebody else would write where it wants."""
    original.run("UPDATE blobs SET copy = '/../../../../../outside'")

    with pytest.raises(InvalidBackup, match="cannot exist"):
        original.back_up(tmp_path / "backup")


def test_a_backup_of_a_newer_acrux_is_refused(original: Original, tmp_path: Path) -> None:
    """An older acrux would misread it."""
    original.back_up(tmp_path / "backup")
    database = named(tmp_path / "backup", "registry")
    with closing(sqlite3.connect(database)) as opened, opened:
        opened.execute("PRAGMA user_version = 1000")
    edit(tmp_path / "backup", "database", record(database))

    with pytest.raises(InvalidBackup, match="version 1000 of the schema"):
        restored(tmp_path / "backup", tmp_path / "new")
    assert starts(tmp_path / "new")  # it is empty again


def record(path: Path) -> object:
    """The file as the manifest describes it."""
    from acrux.adapters.backup.manifest import record_of  # noqa: PLC0415

    return msgspec.to_builtins(record_of(path))


def test_a_backup_that_is_replaced_while_it_is_read_is_said_to_be(
    original: Original, tmp_path: Path
) -> None:
    """Its blobs that are gone would look like damage."""
    folder = tmp_path / "backup"
    original.back_up(folder)
    source = FolderSource(folder)
    original.back_up(folder)

    with pytest.raises(InvalidBackup, match="a newer backup was made"):
        source.end()
