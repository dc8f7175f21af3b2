"""After `git pull` without setup: said before anything is touched."""

import sys
from pathlib import Path

import pytest

from acrux.cli import environment
from acrux.errors import InvalidSettings
from tests.running import ROOT


def write(folder: Path, text: str) -> Path:
    """A folder with this lock."""
    folder.mkdir()
    (folder / environment.LOCK).write_text(text)
    return folder


def test_code_that_is_newer_than_its_environment_does_not_start(tmp_path: Path) -> None:
    """It would fail at an import, or later and stranger."""
    checkout, prefix = write(tmp_path / "acrux", "new"), write(tmp_path / ".venv", "old")

    with pytest.raises(InvalidSettings, match=f"{checkout}/scripts/setup"):
        environment.check(checkout, prefix)


def test_the_environment_that_setup_made_is_good(tmp_path: Path) -> None:
    """The usual case."""
    environment.check(write(tmp_path / "acrux", "same"), write(tmp_path / ".venv", "same"))


@pytest.mark.parametrize(("in_checkout", "in_prefix"), [(True, False), (False, True)])
def test_an_installed_acrux_has_no_lock_to_compare(
    tmp_path: Path, *, in_checkout: bool, in_prefix: bool
) -> None:
    """pip has installed what its wheel requires."""
    checkout, prefix = tmp_path / "site-packages", tmp_path / "venv"
    if in_checkout:
        write(checkout, "a")
    if in_prefix:
        write(prefix, "b")

    environment.check(checkout, prefix)


def test_setup_leaves_the_lock_in_the_environment() -> None:
    """Otherwise nothing would ever be compared."""
    left = Path(sys.prefix) / environment.LOCK

    assert left.read_text() == (ROOT / environment.LOCK).read_text()
