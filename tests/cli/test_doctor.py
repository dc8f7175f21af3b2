"""acrux doctor on a data directory: what only the machine knows."""

import json
import os
import sqlite3
from collections.abc import Callable
from datetime import UTC, datetime, timedelta
from pathlib import Path

import pytest
from click.testing import CliRunner

from acrux.adapters.keys.certificates import self_signed
from acrux.bootstrap.doctor.machine import CHECKS, Machine
from acrux.cli.main import cli
from acrux.domain.server.findings import Finding, carry_out
from acrux.errors import InvalidSettings
from acrux.settings import Settings
from tests.running import acrux

NOW = datetime(2026, 11, 30, 12, tzinfo=UTC)
GIB = 1024**3


@pytest.fixture(scope="module")
def made(tmp_path_factory: pytest.TempPathFactory) -> Path:
    """A data directory as the first command makes it."""
    folder = tmp_path_factory.mktemp("registry") / "data"
    folder.mkdir(mode=0o700)
    assert acrux("scope-map", "list", "--data-dir", str(folder)).returncode == 0
    return folder


@pytest.fixture
def folder(made: Path, tmp_path: Path) -> Path:
    """A copy of it, which the test may damage."""
    folder = tmp_path / "data"
    folder.mkdir(mode=0o700)
    with sqlite3.connect(made / "registry.sqlite") as there:
        with sqlite3.connect(folder / "registry.sqlite") as here:
            there.backup(here)
        here.close()
    there.close()
    (folder / "registry.sqlite").chmod(0o600)
    return folder


def found(
    folder: Path, now: datetime = NOW, seconds: float | None = None, **settings: object
) -> dict[str, Finding]:
    """What the checks find, by name."""
    whole = Settings(data_dir=folder).replace(**settings)
    return dict(carry_out(CHECKS, Machine(whole, now, probe, seconds)))


def probe(place: str) -> None:
    """Fail as a store does that cannot be reached."""
    raise InvalidSettings(f"storage: {place} does not answer")


def execute(folder: Path, sql: str, *values: str) -> None:
    """Run a statement behind the registry's back."""
    connection = sqlite3.connect(folder / "registry.sqlite")
    with connection:
        connection.execute(sql, values)
    connection.close()


def test_a_healthy_data_directory_passes_and_is_left_as_it_was(folder: Path) -> None:
    """It can be run at any time, also before an upgrade."""
    before = sorted(path.name for path in folder.iterdir())

    result = CliRunner().invoke(cli, ["doctor", "--data-dir", str(folder), "-o", "json"])

    document = json.loads(result.stdout)
    statuses = {one["name"]: one["status"] for one in document["checks"]}
    assert (result.exit_code, document["healthy"], document["registry"]) == (0, True, None)
    assert statuses == {
        "data-dir": "ok", "permissions": "ok", "space": "ok", "database": "ok",
        "object-store": "skipped", "certificate": "skipped", "machine-clock": "ok",
        "login-servers": "ok",
    }  # fmt: skip
    assert sorted(path.name for path in folder.iterdir()) == before


def test_a_directory_without_a_registry_is_named(tmp_path: Path) -> None:
    """Usually it was called without the --data-dir of the service."""
    result = CliRunner().invoke(cli, ["doctor", "--data-dir", str(tmp_path)])

    assert result.exit_code == 1
    assert f"there is no registry in {tmp_path}" in result.stdout
    assert "data-dir: give the same --data-dir as to acrux serve" in result.stdout
    assert not list(tmp_path.iterdir())


def test_a_restore_that_has_not_ended_fails(folder: Path) -> None:
    """The registry does not start, and this says what to run."""
    (folder / "restoring").mkdir()

    assert "run the same acrux restore again" in found(folder)["data-dir"].advice


def test_a_directory_of_another_user_is_a_warning(
    folder: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    """A command run as root leaves files that the service cannot read."""
    monkeypatch.setattr(os, "geteuid", lambda: folder.stat().st_uid + 1)

    assert found(folder)["data-dir"].status.value == "warning"


def test_a_directory_that_cannot_be_written_fails(
    folder: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    """Nothing can be pushed."""
    monkeypatch.setattr(os, "access", lambda *_: False)

    assert "this user cannot write to" in found(folder)["data-dir"].detail


def test_a_directory_that_others_may_enter_is_a_warning(folder: Path) -> None:
    """They see the names of all that is stored."""
    folder.chmod(0o755)

    assert found(folder)["permissions"].advice == f"chmod o-rwx {folder}"


def test_a_secret_that_the_group_may_read_is_a_warning(folder: Path) -> None:
    """It signs tokens for everything."""
    secrets = folder / "secrets"
    secrets.mkdir()
    (secrets / "pepper").touch(mode=0o640)
    folder.chmod(0o750)

    assert found(folder)["permissions"].advice.startswith(f"chmod g-rwx {folder}")


def room(monkeypatch: pytest.MonkeyPatch, *, free: int, files: int = 10**6) -> None:
    """Let each file system have this many free bytes, and room for this many files."""

    def statvfs(_: object) -> os.statvfs_result:
        blocks = free // 4096
        return os.statvfs_result((4096, 4096, 10**8, blocks, blocks, 10**7, files, files, 0, 255))

    monkeypatch.setattr(os, "statvfs", statvfs)


@pytest.mark.parametrize(
    ("free", "files", "status"),
    [
        (50 * GIB, 10**6, "ok"),
        (GIB // 2, 10**6, "warning"),
        (GIB // 1024, 10**6, "failed"),
        (50 * GIB, 9000, "warning"),
        (50 * GIB, 0, "failed"),
    ],
)
def test_a_disk_without_room_is_told_before_it_is_full(
    folder: Path, monkeypatch: pytest.MonkeyPatch, free: int, files: int, status: str
) -> None:
    """A full disk refuses pushes; many small blobs use up the inodes first."""
    room(monkeypatch, free=free, files=files)

    space = found(folder)["space"]

    assert space.status.value == status
    assert bool(space.advice) == (status != "ok")


def test_a_newer_schema_fails(folder: Path) -> None:
    """An older program was started by mistake."""
    execute(folder, "PRAGMA user_version = 999")
    execute(folder, "UPDATE facts SET value = '999' WHERE name = 'oldest-schema'")

    assert found(folder)["database"].detail.startswith("the schema has version 999, and this")


def test_a_newer_schema_that_this_program_can_use_is_whole(folder: Path) -> None:
    """During an upgrade both programs run, and either may be asked."""
    execute(folder, "PRAGMA user_version = 999")

    assert found(folder)["database"].detail == "whole, with version 999 of the schema"


def test_an_older_schema_is_not_touched(folder: Path) -> None:
    """Before an upgrade, the new program can look at what the old one has."""
    execute(folder, "PRAGMA user_version = 14")

    assert "; the next start of acrux serve makes it " in found(folder)["database"].detail
    assert "version 14 " in found(folder)["database"].detail


@pytest.mark.parametrize("damage", [lambda _: b"not a database", lambda content: content[:8192]])
def test_a_damaged_database_fails(folder: Path, damage: Callable[[bytes], bytes]) -> None:
    """A disk that loses bytes is noticed before everything is pushed there."""
    file = folder / "registry.sqlite"
    file.write_bytes(damage(file.read_bytes()))

    result = found(folder)["database"]

    assert result.status.value == "failed"
    assert "backup" in result.advice


@pytest.mark.parametrize(("days", "status"), [(0, "ok"), (390, "warning"), (400, "failed")])
def test_a_certificate_that_ends_is_told(
    folder: Path, tmp_path: Path, days: int, status: str
) -> None:
    """It is that of the file, which acrux serve may not have read yet."""
    files = self_signed(tmp_path / "tls", ("localhost",), NOW)

    result = found(
        folder, NOW + timedelta(days=days), tls_cert=files.certificate, tls_key=files.key
    )["certificate"]

    assert result.status.value == status


def test_a_key_that_does_not_fit_fails(folder: Path, tmp_path: Path) -> None:
    """A renewal that replaced only one of the files is the usual reason."""
    one = self_signed(tmp_path / "one", ("localhost",), NOW)
    other = self_signed(tmp_path / "other", ("localhost",), NOW)

    result = found(folder, tls_cert=one.certificate, tls_key=other.key)["certificate"]

    assert result.status.value == "failed"
    assert "does not belong to the certificate" in result.detail


@pytest.mark.parametrize(("ahead", "status"), [(0, "ok"), (3, "warning")])
def test_a_clock_that_has_gone_back_is_a_warning(folder: Path, ahead: int, status: str) -> None:
    """A battery that is empty sets a machine back by years, and every token is not valid yet."""
    noted = NOW + timedelta(hours=ahead)
    execute(
        folder, "INSERT OR REPLACE INTO facts (name, value) VALUES ('clock', ?)", noted.isoformat()
    )

    assert found(folder)["machine-clock"].status.value == status


def test_a_clock_that_was_never_noted_is_skipped(folder: Path) -> None:
    """There is nothing to compare with."""
    execute(folder, "DELETE FROM facts WHERE name = 'clock'")

    assert found(folder)["machine-clock"].status.value == "skipped"


def test_a_database_that_is_too_large_to_be_read_now_is_a_warning(folder: Path) -> None:
    """A server has a few seconds, and must not call whole what it did not read."""
    database = found(folder, seconds=0)["database"]

    assert database.status.value == "warning"
    assert "acrux check" in database.advice


@pytest.mark.parametrize(
    ("host", "names", "status"),
    [
        ("0.0.0.0", (), "warning"),
        ("::", (), "warning"),
        ("0.0.0.0", ("registry.example.com",), "ok"),
        ("127.0.0.1", (), "ok"),
    ],
)
def test_a_registry_for_others_without_a_name_of_its_own_is_a_warning(
    folder: Path, host: str, names: tuple[str, ...], status: str
) -> None:
    """Their tokens would be for localhost, and their clients refuse them."""
    assert found(folder, host=host, login_servers=names)["login-servers"].status.value == status
