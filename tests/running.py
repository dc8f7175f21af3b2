"""A real registry process on a socket, in its own process group."""

import json
import os
import re
import signal
import socket
import subprocess
import sys
import time
from collections.abc import Callable, Iterator
from contextlib import contextmanager
from dataclasses import dataclass, field
from pathlib import Path

from acrux.domain.content.digest import Digest
from tests.images import Image
from tests.processes import children, told

ROOT = Path(__file__).parent.parent
STOP_SECONDS = 30


def free_port() -> int:
    """A port of this machine that is currently free."""
    with socket.socket() as probe:
        probe.bind(("127.0.0.1", 0))
        return int(probe.getsockname()[1])


def until(claim: Callable[[], bool], seconds: float = 30) -> None:
    """Repeat until the claim is true."""
    deadline = time.monotonic() + seconds
    while not claim():
        assert time.monotonic() < deadline
        time.sleep(0.01)  # leaves the processors to what it waits for


def environment(**variables: str) -> dict[str, str]:
    """This process's environment without any setting of the registry."""
    clean = {name: value for name, value in os.environ.items() if not name.startswith("ACRUX_")}
    return clean | variables


def acrux(*arguments: str, **variables: str) -> "subprocess.CompletedProcess[str]":
    """Run a command and wait for it."""
    return subprocess.run(
        [sys.executable, "-m", "acrux", *arguments],
        cwd=ROOT,
        env=environment(**variables),
        capture_output=True,
        text=True,
        timeout=60,
        check=False,
    )


@dataclass
class RunningRegistry:
    """A registry that answers."""

    process: "subprocess.Popen[str]"
    url: str
    data_dir: Path
    log: Path
    passwords: dict[str, str] = field(default_factory=dict)

    @property
    def host(self) -> str:
        """The login server: host and port."""
        return self.url.partition("://")[2]

    @property
    def port(self) -> int:
        """The port that it listens on."""
        return int(self.host.rpartition(":")[2])

    @property
    def password(self) -> str:
        """The administrator's first password, renewed on first use."""
        if not self.passwords:
            self.passwords["password"] = renew(self.data_dir)
        return self.passwords["password"]

    def kill(self) -> None:
        """Kill it at once with its workers, as a power failure would."""
        os.killpg(self.process.pid, signal.SIGKILL)
        self.process.wait(STOP_SECONDS)

    def stop(self) -> int:
        """Ask it to stop, and return its exit code."""
        self.process.terminate()
        return self.process.wait(STOP_SECONDS)

    def resident_bytes(self) -> int:
        """The resident memory of all its processes, in bytes."""
        return sum(_resident_bytes(pid) for pid in self.worker_pids())

    def worker_pids(self) -> list[int]:
        """Its process and all descendants."""
        pids = [self.process.pid]
        for pid in pids:
            pids += children(pid)
        return pids


def _resident_bytes(pid: int) -> int:
    found = re.search(r"VmRSS:\s+(\d+) kB", told(pid, "status"))
    return int(found[1]) * 1024 if found else 0


def renew(data_dir: Path, name: str = "password") -> str:
    """Renew a password of the administrator and return it."""
    done = acrux(
        "credential", "renew", "--data-dir", str(data_dir), "--password-name", name,
        "--output", "json",
    )  # fmt: skip
    assert done.returncode == 0, done.stderr
    values = {entry["name"]: entry["value"] for entry in json.loads(done.stdout)["passwords"]}
    return str(values[name])


@contextmanager
def running(
    data_dir: Path,
    *arguments: str,
    wrapper: tuple[str, ...] = (),
    program: Path = ROOT,
    **variables: str,
) -> Iterator[RunningRegistry]:
    """A registry on a free port, stopped when the block ends.

    `program` is the folder that holds the package.
    """
    log = data_dir.parent / f"{data_dir.name}.log"
    with log.open("a") as stderr:
        process = subprocess.Popen(
            [*wrapper, sys.executable, "-m", "acrux", "serve", "--port", "0",
             "--data-dir", str(data_dir), *arguments],
            cwd=program, env=environment(**variables), stdout=subprocess.PIPE, stderr=stderr,
            text=True, start_new_session=True,
        )  # fmt: skip
    try:
        assert process.stdout is not None
        line = process.stdout.readline()
        assert line.startswith("listening on "), f"{line!r}\n{log.read_text()}"
        url = line.removeprefix("listening on ").strip()
        yield RunningRegistry(process, url, data_dir, log)
    finally:
        _end(process)


def _end(process: "subprocess.Popen[str]") -> None:
    if process.poll() is None:
        process.terminate()
        try:
            process.wait(STOP_SECONDS)
        except subprocess.TimeoutExpired:
            os.killpg(process.pid, signal.SIGKILL)
            process.wait(STOP_SECONDS)
    if process.stdout is not None:
        process.stdout.close()


def write_layout(folder: Path, image: Image, tag: str) -> Path:
    """Write the image as an OCI layout on disk, for clients that copy from one."""
    blobs = folder / "blobs" / "sha256"
    blobs.mkdir(parents=True, exist_ok=True)
    (folder / "oci-layout").write_text('{"imageLayoutVersion": "1.0.0"}')
    for content in (image.manifest, *image.blobs):
        (blobs / Digest.of(content).encoded).write_bytes(content)
    entry = {
        "mediaType": image.media_type,
        "digest": str(image.digest),
        "size": len(image.manifest),
        "annotations": {"org.opencontainers.image.ref.name": tag},
    }
    index = {"schemaVersion": 2, "manifests": [entry]}
    (folder / "index.json").write_text(json.dumps(index))
    return folder
