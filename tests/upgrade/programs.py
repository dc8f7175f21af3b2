"""Programs of other versions, each in a folder of its own."""

import re
import shutil
import subprocess
import tarfile
from io import BytesIO
from pathlib import Path
from typing import Final

import pytest

from tests.running import ROOT

MIGRATIONS: Final = Path("acrux/adapters/sql/migrations")
# What the program of a commit says if it knows which earlier programs a migration leaves working.
_EXPANDS: Final = "-- expands:"


def known(program: Path) -> int:
    """The version of the schema that the program knows."""
    return len(list((program / MIGRATIONS).glob("*.sql")))


def later(folder: Path, script: str) -> Path:
    """This program with one more migration."""
    ignored = shutil.ignore_patterns("__pycache__")
    shutil.copytree(ROOT / "acrux", folder / "acrux", ignore=ignored)
    (folder / MIGRATIONS / f"{known(folder) + 1:04d}_later.sql").write_text(script)
    return folder


def previous(folder: Path) -> Path:
    """The newest program of the history that knows only earlier versions of the schema."""
    if not (ROOT / ".git").exists():
        pytest.skip("there is no history in a source package")
    for commit in git("rev-list", "--date-order", "HEAD").split():
        listed = git("ls-tree", "--name-only", commit, f"{MIGRATIONS.as_posix()}/")
        if len(re.findall(r"\.sql$", listed, re.MULTILINE)) < known(ROOT):
            archive = subprocess.run(
                ["git", "archive", commit, "acrux"], cwd=ROOT, capture_output=True, check=True
            )
            with tarfile.open(fileobj=BytesIO(archive.stdout)) as tar:
                tar.extractall(folder, filter="data")
            return folder
    raise AssertionError("the history has no earlier program")


def may_use(program: Path) -> bool:
    """Whether the program goes on working once this one has brought the schema up to date."""
    sources = (program / "acrux/adapters/sqlite").glob("*.py")
    if not any(_EXPANDS in source.read_text() for source in sources):
        return False  # it is older than this promise
    scripts = sorted((ROOT / MIGRATIONS).glob("*.sql"))[known(program) :]
    declared = [re.match(rf"{_EXPANDS} (\d+)\n", script.read_text()) for script in scripts]
    return all(match and int(match[1]) <= known(program) for match in declared)


def git(*arguments: str) -> str:
    """What git prints about this repository."""
    return subprocess.run(
        ["git", *arguments], cwd=ROOT, capture_output=True, text=True, check=True
    ).stdout
