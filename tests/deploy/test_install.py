"""The built wheel, installed as people install a program, and run."""

import shutil
import subprocess
import sys
from collections.abc import Mapping
from pathlib import Path
from typing import Final

import httpx2
import pytest

from acrux import __version__
from tests.running import ROOT, STOP_SECONDS, environment
from tests.tools import require_tool

INSTALL_SECONDS: Final = 300


@pytest.fixture
def wheel(tmp_path: Path) -> str:
    """The wheel of this checkout."""
    subprocess.run(
        [sys.executable, "-m", "hatchling", "build", "-t", "wheel", "-d", tmp_path / "dist"],
        cwd=ROOT, check=True, capture_output=True,
    )  # fmt: skip
    (wheel,) = (tmp_path / "dist").glob("*.whl")
    return str(wheel)


def pipx(folder: Path) -> tuple[list[str], Mapping[str, str]]:
    """How pipx installs a program into the folder."""
    program = require_tool("pipx", package="pipx")
    place = {"PIPX_HOME": str(folder / "home"), "PIPX_BIN_DIR": str(folder / "bin")}
    return [program, "install", "--python", sys.executable], place


def uv(folder: Path) -> tuple[list[str], Mapping[str, str]]:
    """How uv installs a program into the folder."""
    program = shutil.which("uv", path=Path(sys.executable).parent)
    assert program, "uv is in requirements-dev.lock"
    place = {"UV_TOOL_DIR": str(folder / "home"), "UV_TOOL_BIN_DIR": str(folder / "bin")}
    return [program, "tool", "install", "--quiet", "--python", sys.executable], place


def test_the_lock_of_the_extra_and_the_wheel_are_all_that_tracing_needs(
    wheel: str, tmp_path: Path
) -> None:
    """This is what the pages on pip, systemd and tracing tell you to install."""
    python = str(tmp_path / "venv" / "bin" / "python")
    asked = "import os; from acrux.bootstrap.tracing import *; print(obstacle(os.environ))"
    for command in (
        [sys.executable, "-m", "venv", str(tmp_path / "venv")],
        [python, "-m", "pip", "install", "-q", "--require-hashes",
         "-r", str(ROOT / "requirements-otel.lock")],
        [python, "-m", "pip", "install", "-q", "--no-deps", wheel],
    ):  # fmt: skip
        subprocess.run(command, check=True, capture_output=True, timeout=INSTALL_SECONDS)
    done = subprocess.run(
        [python, "-c", asked], check=True, capture_output=True, text=True, cwd=tmp_path,
        env=environment(OTEL_EXPORTER_OTLP_ENDPOINT="http://127.0.0.1:4318"),
    )  # fmt: skip

    assert done.stdout == "\n"


@pytest.mark.parametrize("installer", [pipx, uv])
def test_an_installed_wheel_is_a_whole_registry(
    installer: object, wheel: str, tmp_path: Path
) -> None:
    """A file that only a checkout has, or a package that nobody declared, would be missing."""
    assert callable(installer)
    command, place = installer(tmp_path)
    subprocess.run(
        [*command, wheel], cwd=tmp_path, env=environment(**place), check=True,
        capture_output=True, timeout=INSTALL_SECONDS,
    )  # fmt: skip
    acrux = str(tmp_path / "bin" / "acrux")

    version = subprocess.run([acrux, "--version"], capture_output=True, text=True, check=True)
    process = subprocess.Popen(
        [acrux, "serve", "--port", "0", "--workers", "1", "--data-dir", str(tmp_path / "data")],
        cwd=tmp_path, env=environment(), stdout=subprocess.PIPE, stderr=subprocess.DEVNULL,
        text=True,
    )  # fmt: skip
    assert process.stdout is not None
    try:
        url = process.stdout.readline().removeprefix("listening on ").strip()
        ready = httpx2.get(f"{url}/readyz")
    finally:
        process.terminate()
        process.communicate(timeout=STOP_SECONDS)

    assert version.stdout == f"acrux {__version__}\n"
    assert ready.json() == {"status": "ready"}
