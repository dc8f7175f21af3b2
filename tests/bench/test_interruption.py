"""A run that is cut short leaves nothing behind."""

import os
import select
import signal
import socket
import subprocess
import sys
from collections.abc import Iterator
from pathlib import Path

import pytest

from bench.processes import BenchError, Process, Processes, free_port
from tests.running import ROOT, environment

PATIENCE_SECONDS = 30


@pytest.fixture
def temporary(tmp_path: Path) -> Path:
    """Where the run makes its folder."""
    folder = tmp_path / "temporary"
    folder.mkdir()
    return folder


@pytest.fixture
def pipe(tmp_path: Path) -> Iterator[tuple[Path, int]]:
    """A pipe that every process of the run holds open, and the end to read it from."""
    path = tmp_path / "pipe"
    os.mkfifo(path)
    reading = os.open(path, os.O_RDONLY | os.O_NONBLOCK)
    yield path, reading
    os.close(reading)


def endless(pipe: Path, temporary: Path, *arguments: str) -> "subprocess.Popen[str]":
    """A run that never ends by itself."""
    return subprocess.Popen(
        [sys.executable, "-m", "tests.bench.endless", str(pipe), *arguments],
        cwd=ROOT, env=environment(TMPDIR=str(temporary)), stderr=subprocess.PIPE, text=True,
        start_new_session=True,
    )  # fmt: skip


def has_come(reading: int) -> bool:
    """Whether there is something to read in time: bytes, or the end."""
    return bool(select.select([reading], [], [], PATIENCE_SECONDS)[0])


@pytest.mark.parametrize("kind", [signal.SIGINT, signal.SIGTERM, signal.SIGHUP])
def test_an_interrupted_run_ends_what_it_started(
    kind: signal.Signals, pipe: tuple[Path, int], temporary: Path
) -> None:
    """If you stop a benchmark, you must not find a dozen servers running an hour later."""
    path, reading = pipe
    run = endless(path, temporary)
    assert has_come(reading)
    assert os.read(reading, 100) == b"begun\n"

    run.send_signal(kind)
    _, output = run.communicate(timeout=PATIENCE_SECONDS)

    assert run.returncode == 130
    assert output.splitlines()[-1].startswith("bench: interrupted: ")
    assert has_come(reading)
    assert os.read(reading, 100) == b""  # nobody holds the pipe any more
    assert list(temporary.iterdir()) == []


def test_a_run_that_fails_ends_what_it_started(pipe: tuple[Path, int], temporary: Path) -> None:
    """A failure is reported, and leaves as little as an interruption."""
    path, reading = pipe

    run = endless(path, temporary, "failing")
    _, output = run.communicate(timeout=PATIENCE_SECONDS)

    assert run.returncode == 1
    assert output.splitlines()[-2:] == [
        "bench: P0 failed: failed on purpose",
        "bench: not all could be measured: P0 failed, see above",
    ]
    assert has_come(reading)
    assert os.read(reading, 100) == b""
    assert list(temporary.iterdir()) == []


def test_a_taken_port_is_reported(tmp_path: Path) -> None:
    """Measuring another program that listens there would give figures of something unknown."""
    with socket.create_server(("127.0.0.1", 0)) as taken, Processes(tmp_path) as processes:
        port = taken.getsockname()[1]

        with pytest.raises(BenchError, match=f"v3: port {port} is taken by another program"):
            processes.serve("v3", ["sleep", "1000"], port)


def test_a_server_that_cannot_start_is_reported_with_its_own_words(tmp_path: Path) -> None:
    """Why a peer does not start is known only to the peer."""
    failing = ["sh", "-c", "echo no such file: x >&2; exit 1"]
    expected = "v3 exited before it answered\n  no such file: x"

    with Processes(tmp_path) as processes, pytest.raises(BenchError, match=expected):
        processes.serve("v3", failing, free_port())


def test_a_program_that_is_not_there_is_reported(tmp_path: Path) -> None:
    """A name in the variable may be mistyped."""
    with pytest.raises(BenchError, match=r"v3: /no/such/registry cannot be run \(No such file"):
        Process("v3", ["/no/such/registry"], tmp_path / "log")


def test_a_server_that_dies_in_the_run_is_reported(tmp_path: Path) -> None:
    """Rounds on a server that is gone are no figures."""
    with Processes(tmp_path) as processes:
        process = processes.start("v3", ["true"])
        os.waitid(os.P_PID, process.pid, os.WEXITED | os.WNOWAIT)

        with pytest.raises(BenchError, match="v3 exited in the middle of the run"):
            processes.settle()
