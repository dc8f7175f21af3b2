"""acrux deleted, acrux repository and acrux manifest, as typed."""

import asyncio
from datetime import UTC, datetime
from pathlib import Path

import pytest

from acrux.adapters.sqlite.database import SqliteDatabase
from acrux.errors import NameTaken, UnknownManifest, UnknownRepository, UnknownTag
from tests.cli.policies.typed import Terminal
from tests.cli.test_first_hour import on_terminal
from tests.contracts.content import BLOB, HELLO, image, tags
from tests.contracts.graves import Graves

IMAGE = image(BLOB)
NAME, DIGEST = str(HELLO), str(IMAGE.digest)


@pytest.fixture
def terminal(tmp_path: Path) -> Terminal:
    """A data directory in which an image with two tags was deleted, with its repository."""
    terminal = Terminal(tmp_path)
    terminal.ok("config", "soft-delete", "update", "--status", "enabled")

    async def delete() -> None:
        database = SqliteDatabase(tmp_path / "registry.sqlite")
        database.open()
        graves = Graves(database, now=datetime.now(UTC))
        await graves.push(IMAGE, *tags("v1", "v2"))
        await graves.metadata.delete_repository(HELLO)
        database.close()

    asyncio.run(delete())
    return terminal


def test_what_was_deleted_is_listed_and_shown(terminal: Terminal) -> None:
    """For people and for programs, in our words and in az's."""
    shown = terminal.json("deleted", "show", NAME)
    of = ("-n", NAME)

    assert terminal.json("deleted", "list") == [NAME]
    assert NAME in terminal.ok("repository", "list-deleted").stdout
    assert [one["digest"] for one in shown["manifests"]] == [DIGEST]
    assert [one["tag"] for one in shown["tags"]] == ["v1", "v2"]
    assert terminal.json("manifest", "list-deleted", *of) == shown["manifests"]
    assert terminal.json("manifest", "list-deleted-tags", *of) == shown["tags"]
    assert len(terminal.json("manifest", "list-deleted-tags", "-n", f"{NAME}:v2")) == 1
    for text in ("KEPT UNTIL", DIGEST, "v1"):
        assert text in terminal.ok("deleted", "show", NAME).stdout


@pytest.mark.parametrize(
    ("command", "found"),
    [
        (("deleted", "restore", NAME), ["v1", "v2"]),
        (("deleted", "restore", f"{NAME}:v2"), ["v2"]),
        (("deleted", "restore", f"{NAME}@{DIGEST}"), ["v1", "v2"]),
        (("deleted", "restore", f"{NAME}:v3@{DIGEST}"), ["v3"]),
        (("manifest", "restore", "-n", f"{NAME}:v1", "--yes"), ["v1"]),
        (("manifest", "restore", "-n", NAME, "-d", DIGEST, "--force"), ["v1", "v2"]),
    ],
)
def test_it_is_restored_by_every_name(
    terminal: Terminal, tmp_path: Path, command: tuple[str, ...], found: list[str]
) -> None:
    """Each says what comes back."""
    terminal.ok(*command)

    async def live() -> dict[str, tuple[str, ...]]:
        database = SqliteDatabase(tmp_path / "registry.sqlite")
        database.open()
        try:
            return await Graves(database).live()
        finally:
            database.close()

    assert asyncio.run(live()) == {DIGEST: tuple(found)}


def test_what_is_purged_is_gone_after_a_question(terminal: Terminal, tmp_path: Path) -> None:
    """A person is asked; a script says --yes."""
    kept, _ = on_terminal(tmp_path, "deleted", "purge", NAME, typed="n\n")
    assert (kept, terminal.json("deleted", "list")) == (1, [NAME])
    purged, _ = on_terminal(tmp_path, "deleted", "purge", f"{NAME}@{DIGEST}", typed="y\n")
    assert purged == 0
    terminal.ok("deleted", "purge", NAME, "--yes")

    assert terminal.json("deleted", "list") == []


@pytest.mark.parametrize(
    ("command", "refusal"),
    [
        (("deleted", "show", "unknown"), UnknownRepository),
        (("deleted", "restore", "unknown"), UnknownRepository),
        (("deleted", "restore", f"{NAME}:v9"), UnknownTag),
        (("deleted", "restore", f"{NAME}@sha256:{'0' * 64}"), UnknownManifest),
        (("deleted", "purge", f"{NAME}@sha256:{'0' * 64}", "--yes"), UnknownManifest),
    ],
)
def test_what_is_not_there_is_refused(
    terminal: Terminal, command: tuple[str, ...], refusal: type[Exception]
) -> None:
    """It says so, and changes nothing."""
    assert isinstance(terminal.run(*command).exception, refusal)
    assert terminal.json("deleted", "list") == [NAME]


def test_wrong_usage_is_explained(terminal: Terminal) -> None:
    """Exit code 2, and what to write."""
    purged = terminal.run("deleted", "purge", f"{NAME}:v1", "--yes")
    restored = terminal.run("manifest", "restore", "-n", NAME)

    listed = terminal.run("manifest", "list-deleted-tags", "-n", f"{NAME}@{DIGEST}")

    assert "without a digest" in str(listed.exception)
    assert (purged.exit_code, "without a tag" in purged.output) == (2, True)
    assert "REPO:TAG" in str(restored.exception)


def test_a_repository_is_restored_once(terminal: Terminal) -> None:
    """The second would mix with the first."""
    terminal.ok("deleted", "restore", NAME)

    assert isinstance(terminal.run("deleted", "restore", NAME).exception, NameTaken)
