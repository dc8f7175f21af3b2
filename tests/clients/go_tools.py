"""Programs and tests in Go, of modules that a go.sum pins."""

import fcntl
import shutil
import subprocess
from pathlib import Path

import pytest

from tests.running import environment
from tests.tools import missing, require_tool, shared_folder

SOURCES = Path(__file__).parent / "go"
BUILD_SECONDS = 900  # of the first build; the later ones come from Go's own cache


def module(folder: Path, sources: Path = SOURCES) -> Path:
    """A copy of the module with all that it needs, or the test is skipped with the reason."""
    go = require_tool("go", package="golang")
    copy = folder / "go"
    shutil.copytree(sources, copy, dirs_exist_ok=True)
    _run([go, "mod", "download"], copy)
    return copy


def built(folder: Path, program: str, sources: Path = SOURCES) -> str:
    """Build a program that is in the module or that go.mod lists as a tool; return its path."""
    copy = module(folder, sources)
    path = folder / Path(program).name
    _run(["go", "build", "-o", str(path), program], copy)
    return str(path)


def built_once(factory: pytest.TempPathFactory, program: str, sources: Path) -> str:
    """Build a program as `built` does, but once for all processes of this test run."""
    place = shared_folder(factory) / Path(program).name
    place.mkdir(exist_ok=True)
    with (place / "lock").open("w") as lock:
        fcntl.flock(lock, fcntl.LOCK_EX)
        made = place / place.name
        return str(made) if made.is_file() else built(place, program, sources)


def _run(command: list[str], folder: Path) -> None:
    done = subprocess.run(
        command, cwd=folder, env=environment(), capture_output=True, text=True,
        timeout=BUILD_SECONDS, check=False,
    )  # fmt: skip
    if done.returncode != 0:
        missing(f"{' '.join(command)} failed: {done.stderr[-500:]}")
