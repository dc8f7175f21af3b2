"""podman and buildah: log in, push and pull."""

import json
import subprocess
from collections.abc import Iterator
from pathlib import Path
from tempfile import TemporaryDirectory

import pytest

from tests.clients.layouts import gzip_image
from tests.running import RunningRegistry, write_layout
from tests.tools import require_tool


@pytest.fixture
def podman(tmp_path: Path) -> Iterator[list[str]]:
    """podman with its own store."""
    # podman accepts a runroot of at most 50 characters.
    with TemporaryDirectory(prefix="acrux-") as runroot:
        yield [
            require_tool("podman", package="podman"),
            "--root", str(tmp_path / "root"), "--runroot", runroot,
            "--storage-driver", "vfs", "--cgroup-manager", "cgroupfs", "--events-backend", "file",
        ]  # fmt: skip


def run(command: list[str], *arguments: str, stdin: str = "") -> str:
    """Run a command, wait for it and return its output."""
    done = subprocess.run(
        [*command, *arguments], input=stdin, capture_output=True, text=True, timeout=120,
        check=False,
    )  # fmt: skip
    assert done.returncode == 0, done.stderr
    return done.stdout


def test_podman_logs_in_pushes_and_pulls(
    registry: RunningRegistry, podman: list[str], tmp_path: Path
) -> None:
    """What most people without docker use."""
    layout = write_layout(tmp_path / "layout", gzip_image("podman"), "v1")
    name = f"{registry.host}/podman/app:v1"
    auth = ("--tls-verify=false", "--authfile", str(tmp_path / "auth.json"))
    run(podman, "login", *auth, "-u", "acrux", "--password-stdin", registry.host,
        stdin=registry.password)  # fmt: skip
    image_id = run(podman, "pull", f"oci:{layout}:v1").strip()
    run(podman, "tag", image_id, name)

    run(podman, "push", *auth, name)
    run(podman, "rmi", "--all", "--force")
    run(podman, "pull", *auth, name)

    (pulled,) = json.loads(run(podman, "inspect", name))
    assert pulled["Config"]["Cmd"] == ["/hello"]


def test_buildah_builds_from_nothing_and_pushes(registry: RunningRegistry, tmp_path: Path) -> None:
    """CI builds this way, without a daemon."""
    buildah = [
        require_tool("buildah", package="buildah"),
        "--root", str(tmp_path / "root"), "--runroot", str(tmp_path / "runroot"),
        "--storage-driver", "vfs",
    ]  # fmt: skip
    (tmp_path / "file").write_text("built")
    container = run(buildah, "from", "scratch").strip()
    run(buildah, "copy", container, str(tmp_path / "file"), "/file")
    image_id = run(buildah, "commit", container).strip()

    run(buildah, "push", "--tls-verify=false", "--creds", f"acrux:{registry.password}", image_id,
        f"docker://{registry.host}/buildah/app:v1")  # fmt: skip

    pulled = run(buildah, "pull", "--tls-verify=false", "--creds", f"acrux:{registry.password}",
                 f"docker://{registry.host}/buildah/app:v1")  # fmt: skip
    assert pulled.strip()
