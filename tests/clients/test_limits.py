"""Real clients that reach a limit wait as long as they are told."""

import subprocess
from collections.abc import Iterator
from pathlib import Path

import pytest

from tests.clients.layouts import gzip_image
from tests.running import RunningRegistry, running, write_layout
from tests.tools import require_tool


@pytest.fixture
def registry(tmp_path: Path) -> Iterator[RunningRegistry]:
    """A registry that allows thirty reads a minute: the next one comes after two seconds."""
    with running(tmp_path / "data", "--workers", "2", "--account-limit", "read=30") as registry:
        yield registry


def test_skopeo_pulls_beyond_a_limit(registry: RunningRegistry, tmp_path: Path) -> None:
    """A pipeline that pulls much at once would fail, instead of being slower."""
    tool = require_tool("skopeo", package="skopeo")
    source = write_layout(tmp_path / "source", gzip_image("a file"), "v1")
    there, credentials = f"docker://{registry.host}/app:v1", f"acrux:{registry.password}"

    def copy(*arguments: str) -> None:
        done = subprocess.run(
            [tool, "--insecure-policy", "copy", *arguments],
            capture_output=True, text=True, timeout=120, check=False,
        )  # fmt: skip
        assert done.returncode == 0, done.stderr

    copy("--dest-tls-verify=false", "--dest-creds", credentials, f"oci:{source}:v1", there)
    for number in range(11):  # three reads each: the manifest and two blobs
        copy("--src-tls-verify=false", "--src-creds", credentials, there,
             f"dir:{tmp_path / str(number)}")  # fmt: skip

    assert "status=429" in registry.log.read_text()  # or the limit was never reached
