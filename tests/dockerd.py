"""A docker daemon of one's own, without a network."""

import os
import shutil
import signal
import subprocess
import time
from collections.abc import Iterator
from contextlib import contextmanager
from pathlib import Path
from tempfile import mkdtemp

from tests.tools import require_tool

START_SECONDS = 60
STOP_SECONDS = 30


def client() -> str:
    """The docker command: Debian's where there is more than one."""
    return "/usr/bin/docker" if Path("/usr/bin/docker").exists() else "docker"


@contextmanager
def docker_daemon(folder: Path) -> Iterator[str]:
    """A daemon that keeps its images in the folder; its address, as DOCKER_HOST takes it."""
    daemon = require_tool("dockerd", package="docker.io")
    # A socket's path may have 107 characters, which those of pytest exceed.
    runtime = Path(mkdtemp(prefix="acrux-docker-"))
    host = f"unix://{runtime}/docker.sock"
    log = folder / "dockerd.log"
    with log.open("w") as output:
        process = subprocess.Popen(
            [daemon, "--data-root", str(folder / "docker"), "--exec-root", str(runtime / "exec"),
             "--pidfile", str(runtime / "pid"), "-H", host, "--iptables=false",
             "--bridge=none", "--storage-driver", "vfs"],
            stdout=output, stderr=subprocess.STDOUT, start_new_session=True,
        )  # fmt: skip
    try:
        _wait_until_it_answers(host, process, log)
        yield host
    finally:
        _end(process)
        shutil.rmtree(runtime, ignore_errors=True)


def _wait_until_it_answers(host: str, process: "subprocess.Popen[bytes]", log: Path) -> None:
    deadline = time.monotonic() + START_SECONDS
    asking = [client(), "-H", host, "version"]
    while subprocess.run(asking, capture_output=True, timeout=60, check=False).returncode:
        assert process.poll() is None, log.read_text()[-2000:]
        assert time.monotonic() < deadline, log.read_text()[-2000:]


def _end(process: "subprocess.Popen[bytes]") -> None:
    os.killpg(process.pid, signal.SIGTERM)
    try:
        process.wait(STOP_SECONDS)
    except subprocess.TimeoutExpired:
        os.killpg(process.pid, signal.SIGKILL)
        process.wait(STOP_SECONDS)
