"""The command acrux migrate: what it prints, and its exit codes."""

import asyncio
import json
from pathlib import Path

import pytest
from click.testing import CliRunner, Result

from acrux.bootstrap.application import build
from acrux.cli.exits import code_of
from acrux.cli.main import cli
from acrux.domain.content.digest import Digest
from acrux.domain.content.names import RepositoryName
from acrux.domain.content.upload import Session
from acrux.errors import DamagedBlob, InvalidInput, InvalidSettings, RegistryError
from acrux.settings import Settings
from tests.services.content.workers import chunks
from tests.tools import blob_file

BLOB = b"a blob"
DIGEST = Digest.of(BLOB)


@pytest.fixture
def old(tmp_path: Path) -> Path:
    """The data directory of a registry that holds one blob."""
    folder = tmp_path / "old"

    async def fill() -> None:
        registry = build(Settings(data_dir=folder))
        await registry.lifespan.open()
        session = Session(RepositoryName.parse("team/app"), "ci")
        await registry.services.uploads.put(session, DIGEST, chunks(BLOB))
        await registry.lifespan.close()

    asyncio.run(fill())
    return folder


def migrate(old: Path, *words: str) -> Result:
    """Run the command."""
    return CliRunner().invoke(cli, ["migrate", "--data-dir", str(old), *words])


def refused(result: Result) -> tuple[int, RegistryError]:
    """The exit code of a command that was refused, and why."""
    assert isinstance(result.exception, RegistryError)
    return code_of(result.exception), result.exception


def test_it_says_what_was_copied_and_how_to_switch(old: Path, tmp_path: Path) -> None:
    """An operator copies the next command from the terminal."""
    new = tmp_path / "the new one"

    done = migrate(old, "--to-data-dir", str(new))

    assert done.exit_code == 0, done.output
    assert done.stdout.splitlines()[0].split() == ["BLOBS", "COPIED", "NOW", "ROWS"]
    assert done.stdout.splitlines()[1].split()[:3] == ["1", "6", "B"]
    assert f"to switch: acrux serve --data-dir '{new}', with your other settings" in done.stderr
    assert (new / "secrets" / "pepper").exists()


def test_programs_get_json(old: Path, tmp_path: Path) -> None:
    """A script checks how many blobs there are."""
    done = migrate(old, "--to-data-dir", str(tmp_path / "new"), "--output", "json")

    document = json.loads(done.stdout)
    assert (document["blobs"], document["copiedBytes"], document["damaged"]) == (1, 6, [])


def test_a_damaged_blob_is_named_and_may_be_left_behind(old: Path, tmp_path: Path) -> None:
    """What is lost already must not keep a team where it is."""
    blob_file(old, DIGEST).write_bytes(b"A blob")
    code, why = refused(migrate(old, "--to-data-dir", str(tmp_path / "new")))

    done = migrate(old, "--to-data-dir", str(tmp_path / "new"), "--allow-damaged")

    assert code == 4
    assert isinstance(why, DamagedBlob)
    assert done.exit_code == 0
    assert f"have no bytes in the target: 1, first {DIGEST}; push them again" in done.stderr


def test_a_target_must_be_named(old: Path) -> None:
    """Without one, the registry would be copied onto itself."""
    code, why = refused(migrate(old))

    assert code == 2
    assert isinstance(why, InvalidInput)
    assert "the target is the source" in str(why)


def test_a_source_that_is_not_there_is_named(tmp_path: Path) -> None:
    """A typo must not make an empty registry."""
    code, why = refused(migrate(tmp_path / "nowhere", "--to-data-dir", str(tmp_path / "new")))

    assert code == 2
    assert isinstance(why, InvalidSettings)
    assert "there is no registry in" in str(why)
    assert not (tmp_path / "new").exists()
