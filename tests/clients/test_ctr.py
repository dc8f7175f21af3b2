"""ctr: containerd, as Kubernetes runs it, pulls and pushes."""

import os
import signal
import subprocess
import tarfile
import time
from collections.abc import Iterator
from dataclasses import dataclass
from pathlib import Path
from tempfile import TemporaryDirectory

import pytest

from tests.clients.layouts import gzip_image, write_index
from tests.running import RunningRegistry, write_layout
from tests.tools import missing, require_tool

START_SECONDS = 60
CONFIGURATION = """
version = 2
root = "{root}"
state = "{state}"
disabled_plugins = ["io.containerd.grpc.v1.cri"]
[grpc]
address = "{state}/containerd.sock"
"""


@dataclass(frozen=True)
class Ctr:
    """A ctr command that talks to its own daemon."""

    command: tuple[str, ...]

    def run(self, *arguments: str) -> "subprocess.CompletedProcess[bytes]":
        """Run a ctr command and wait for it."""
        return subprocess.run(
            [*self.command, *arguments], capture_output=True, timeout=120, check=False
        )

    def must(self, *arguments: str) -> bytes:
        """Run a ctr command that must succeed, and return its output."""
        done = self.run(*arguments)
        assert done.returncode == 0, done.stderr
        return done.stdout


@pytest.fixture(scope="module")
def ctr() -> Iterator[Ctr]:
    """A daemon from Debian, with its own store and socket."""
    if os.geteuid() != 0:
        missing("containerd runs as root only")
    daemon = require_tool("containerd", package="containerd")
    client = require_tool("ctr", package="containerd")
    # The path of a socket may have at most 107 characters.
    with TemporaryDirectory(prefix="acrux-ctr-") as folder:
        place = Path(folder)
        configuration = place / "config.toml"
        configuration.write_text(CONFIGURATION.format(root=place / "root", state=place / "state"))
        log = place / "log"
        with log.open("w") as output:
            process = subprocess.Popen(
                [daemon, "--config", str(configuration)],
                stdout=output, stderr=subprocess.STDOUT, start_new_session=True,
            )  # fmt: skip
        ctr = Ctr((client, "--address", str(place / "state" / "containerd.sock")))
        try:
            _wait_until_it_answers(ctr, process, log)
            yield ctr
        finally:
            os.killpg(process.pid, signal.SIGTERM)
            process.wait(30)


def _wait_until_it_answers(ctr: Ctr, process: "subprocess.Popen[bytes]", log: Path) -> None:
    deadline = time.monotonic() + START_SECONDS
    while ctr.run("version").returncode != 0:
        assert process.poll() is None, log.read_text()[-2000:]
        assert time.monotonic() < deadline, log.read_text()[-2000:]


def access(registry: RunningRegistry) -> tuple[str, ...]:
    """How ctr reaches the registry."""
    return ("--plain-http", "--user", f"acrux:{registry.password}")


def push(ctr: Ctr, registry: RunningRegistry, layout: Path, repository: str) -> str:
    """Push the image that the layout calls v1, remove it locally, and return its name."""
    base = f"{registry.host}/{repository}"
    archive = layout.with_suffix(".tar")
    with tarfile.open(archive, "w") as tar:
        tar.add(layout, arcname="")
    ctr.must("images", "import", "--no-unpack", "--all-platforms", "--base-name", base,
             str(archive))  # fmt: skip
    ctr.must("images", "push", *access(registry), f"{base}:v1")
    ctr.must("images", "rm", "--sync", f"{base}:v1")
    return f"{base}:v1"


def held(ctr: Ctr) -> set[str]:
    """The digests of everything in containerd's store."""
    return set(ctr.must("content", "ls", "--quiet").decode().split())


def in_layout(layout: Path) -> set[str]:
    """The digests of everything in a layout."""
    return {f"sha256:{file.name}" for file in (layout / "blobs" / "sha256").iterdir()}


def test_an_image_is_pushed_pulled_and_unpacked(
    ctr: Ctr, registry: RunningRegistry, tmp_path: Path
) -> None:
    """A kubelet does no more than this."""
    layout = write_layout(tmp_path / "layout", gzip_image("in a pod"), "v1")
    name = push(ctr, registry, layout, "ctr/app")
    assert not held(ctr) & in_layout(layout)

    ctr.must("images", "pull", *access(registry), "--snapshotter", "native", name)

    assert in_layout(layout) <= held(ctr)
    mounted = tmp_path / "mounted"
    mounted.mkdir()
    ctr.must("images", "mount", "--snapshotter", "native", name, str(mounted))
    try:
        assert (mounted / "hello.txt").read_text() == "in a pod"
    finally:
        ctr.must("images", "unmount", "--rm", "--snapshotter", "native", str(mounted))


def test_an_index_is_fetched_with_every_platform(
    ctr: Ctr, registry: RunningRegistry, tmp_path: Path
) -> None:
    """A mirror for a cluster of two architectures holds both."""
    layout = write_index(tmp_path / "layout", ("amd64", "arm64"))
    name = push(ctr, registry, layout, "ctr/platforms")
    assert not held(ctr) & in_layout(layout)

    ctr.must("content", "fetch", *access(registry), "--all-platforms", name)

    assert in_layout(layout) <= held(ctr)


def test_a_wrong_password_pulls_nothing(
    ctr: Ctr, registry: RunningRegistry, tmp_path: Path
) -> None:
    """A pull that accepts any password is worse than none."""
    layout = write_layout(tmp_path / "layout", gzip_image("private"), "v1")
    name = push(ctr, registry, layout, "ctr/private")

    refused = ctr.run("content", "fetch", "--plain-http", "--user", "acrux:wrong", name)

    assert refused.returncode != 0
    assert not held(ctr) & in_layout(layout)
