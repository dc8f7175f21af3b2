"""The command acrux check: what it prints, and its exit codes."""

import json
from contextlib import closing
from pathlib import Path

import apsw
import pytest

from acrux.bootstrap.application import build
from acrux.domain.content.digest import Digest
from acrux.domain.content.names import RepositoryName
from acrux.domain.content.upload import Session
from acrux.errors import InvalidInput
from acrux.settings import Settings
from tests.cli.policies.typed import Terminal
from tests.services.content.workers import chunks
from tests.tools import blob_file

BLOB = b"a blob"
DIGEST = Digest.of(BLOB)


@pytest.fixture(autouse=True)
def _without_rest(monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr("acrux.pacing.LEAST_SECONDS", 0)


@pytest.fixture
async def folder(tmp_path: Path) -> Path:
    """The data directory of a registry that holds one blob."""
    registry = build(Settings(data_dir=tmp_path))
    await registry.lifespan.open()
    session = Session(RepositoryName.parse("team/app"), "ci")
    await registry.services.uploads.put(session, DIGEST, chunks(BLOB))
    await registry.lifespan.close()
    return tmp_path


@pytest.fixture
def terminal(folder: Path) -> Terminal:
    """Where commands are typed."""
    return Terminal(folder)


def test_a_whole_registry_is_reported_as_whole(terminal: Terminal) -> None:
    """The exit code is what a nightly job looks at."""
    result = terminal.ok("check", "--deep", "--rate", "0")

    assert "looked at 1 blobs, 1 links, 0 manifests" in result.stdout
    assert "read 6 B" in result.stdout
    assert result.stdout.endswith("Everything is whole.\n")


def test_damage_is_named_with_what_to_do(terminal: Terminal, folder: Path) -> None:
    """Whoever is woken at night wants to know what to do."""
    blob_file(folder, DIGEST).unlink()

    result = terminal.run("check")

    assert result.exit_code == 1
    row = result.stdout.splitlines()[1].split()
    assert row == ["missing-blob", str(DIGEST), "team/app", "nothing"]
    assert "missing-blob: 1 found, 1 left; push an image with this blob again" in result.stdout
    assert "Something is damaged." in result.stdout


def test_programs_get_json(terminal: Terminal, folder: Path) -> None:
    """A monitor counts kinds."""
    blob_file(folder, DIGEST).write_bytes(b"A blob")

    result = terminal.run("check", "--deep", "--repair", "--output", "json")

    assert result.exit_code == 1
    document = json.loads(result.stdout)
    assert (document["whole"], document["deep"], document["repair"]) == (False, True, True)
    [problem] = document["problems"]
    assert (problem["kind"], problem["found"], problem["repaired"]) == ("damaged-blob", 1, 0)
    [finding] = document["findings"]
    assert finding["name"] == str(DIGEST)
    assert finding["outcome"] == "quarantined"
    assert finding["affected"] == {"names": ["team/app"], "more": False}


def test_what_only_takes_space_is_reported_and_is_no_damage(
    terminal: Terminal, folder: Path
) -> None:
    """A job that fails for an orphaned copy is soon switched off."""
    (folder / "blobs" / "notes.txt").touch()

    result = terminal.ok("check")

    assert "unknown-file: 1 found, 1 left" in result.stdout


def test_what_is_repaired_is_whole(terminal: Terminal, folder: Path) -> None:
    """And the second check finds nothing."""
    with closing(apsw.Connection(str(folder / "registry.sqlite"))) as database:
        database.execute("UPDATE usage SET blobs = 7")

    assert terminal.run("check").exit_code == 1
    assert "wrong-repository-counters: 1 found, 0 left\n" in terminal.ok("check", "--repair").stdout
    assert terminal.json("check")["problems"] == []


def test_a_damaged_database_is_reported(terminal: Terminal, folder: Path) -> None:
    """Its rows cannot be compared with anything."""
    with closing(apsw.Connection(str(folder / "registry.sqlite"))) as database:
        database.execute("PRAGMA wal_checkpoint(TRUNCATE)")
        [(page,)] = database.execute(
            "SELECT rootpage FROM sqlite_schema WHERE name = 'reviews_by_time'"
        )
        [(size,)] = database.execute("PRAGMA page_size")
    with (folder / "registry.sqlite").open("r+b") as file:
        file.seek((page - 1) * size)
        file.write(bytes(size))

    result = terminal.run("check", "--repair")

    assert result.exit_code == 1, result.output
    assert "damaged-database" in result.stdout
    assert "restore the last backup" in result.stdout


@pytest.mark.parametrize("rate", ["1KiB", "fast", "-1"])
def test_a_rate_that_is_none_is_refused(terminal: Terminal, rate: str) -> None:
    """A check at a kilobyte a second would never end."""
    result = terminal.run("check", "--rate", rate)

    assert result.exit_code == 2 or isinstance(result.exception, InvalidInput)


def test_what_cannot_be_checked_is_not_called_damaged(tmp_path: Path) -> None:
    """2 says that nothing is known."""
    result = Terminal(tmp_path / "nowhere").run("check")

    assert result.exit_code == 2
    assert "there is no registry" in result.output


def test_only_a_repair_is_recorded(terminal: Terminal) -> None:
    """A check changes nothing."""
    terminal.ok("check")
    terminal.ok("check", "--repair")

    recorded = [record["request"] for record in terminal.json("audit", "list")]
    assert len(recorded) == 1
    assert recorded[0].endswith("check --repair")
