"""Workers that die, hang or lose their parent, while others are served."""

import os
import random
import signal
import socket
import subprocess
import sys
import time
from contextlib import suppress
from http.client import HTTPException
from pathlib import Path

import pytest

from tests.processes import is_stopped, of_session, open_files, told
from tests.running import ROOT, RunningRegistry, environment, running, until
from tests.wire.connection import Connection
from tests.wire.test_process import unlikely_port, wait_until_refused


def children(registry: RunningRegistry) -> list[int]:
    """Its workers, whatever their state."""
    return registry.worker_pids()[1:]


def answers(registry: RunningRegistry) -> bool:
    """Whether a new connection is answered."""
    connection = Connection(registry.port)
    try:
        return connection.call("GET", "/livez").status == 200
    except (OSError, HTTPException):
        return False
    finally:
        connection.close()


def accepts(worker: int) -> bool:
    """Whether it takes connections: it has a TCP socket that listens."""
    listening = {line.split()[9] for line in told(worker, "net/tcp").splitlines() if " 0A " in line}
    return any(f"socket:[{inode}]" in open_files(worker) for inode in listening)


def deaths(registry: RunningRegistry) -> list[str]:
    """The log lines that report a death."""
    return [line for line in registry.log.read_text().splitlines() if "event=worker-died" in line]


def open_upload(registry: RunningRegistry) -> socket.socket:
    """A connection on which half a body has been sent."""
    connection = Connection(registry.port)
    connection.login("acrux", registry.password)
    raw = connection.raw()
    raw.sendall(connection.head("PATCH", connection.start_upload(), Content_Length="10") + b"01234")
    assert connection.call("GET", "/livez").status == 200
    connection.close()
    return raw


def test_a_worker_that_dies_again_and_again_does_not_end_the_registry(tmp_path: Path) -> None:
    """Memory runs out twice within seconds: the other workers and the successors continue."""
    with running(tmp_path / "data", "--workers", "2") as registry:
        for number in range(1, 5):
            before = children(registry)
            os.kill(before[-1], signal.SIGKILL)
            until(lambda number=number: len(deaths(registry)) == number)  # type: ignore[misc]
            until(lambda before=before: len(set(children(registry)) - set(before)) == 1)  # type: ignore[misc]
            assert before[0] in children(registry)
            until(lambda: answers(registry))

        assert registry.process.poll() is None
        assert all('how="signal SIGKILL"' in line for line in deaths(registry))
        assert all("replaced_in_seconds=" in line for line in deaths(registry))


def test_a_connection_that_a_killed_worker_had_not_accepted_is_answered(tmp_path: Path) -> None:
    """Only what a worker was answering is lost with it, and not what waits behind that."""
    with running(tmp_path / "data", "--workers", "1") as registry:
        (worker,) = children(registry)
        os.kill(worker, signal.SIGSTOP)
        until(lambda: is_stopped(worker))
        connection = Connection(registry.port).raw()
        connection.sendall(b"GET /livez HTTP/1.1\r\nHost: a\r\n\r\n")
        os.kill(worker, signal.SIGKILL)

        with connection:
            assert connection.recv(100).startswith(b"HTTP/1.1 200")


def test_a_connection_that_is_silent_while_its_worker_is_relieved_is_answered(
    tmp_path: Path,
) -> None:
    """A client that has just connected sends its request a moment later."""
    with running(tmp_path / "data", "--workers", "1") as registry:
        connection = Connection(registry.port).raw()
        assert answers(registry)  # by the same worker, so that it has accepted the first one too
        (worker,) = children(registry)
        registry.process.send_signal(signal.SIGHUP)
        until(lambda: len(children(registry)) == 2)
        until(lambda: not accepts(worker))
        connection.sendall(b"GET /livez HTTP/1.1\r\nHost: a\r\n\r\n")

        with connection:
            answer = connection.recv(1000)
        assert answer.startswith(b"HTTP/1.1 200")
        assert b"connection: close\r\n" in answer


def test_all_workers_that_die_at_once_are_replaced(tmp_path: Path) -> None:
    """The kernel kills more than one when memory is short."""
    with running(tmp_path / "data", "--workers", "3") as registry:
        for _ in range(3):
            before = children(registry)
            for pid in before:
                os.kill(pid, signal.SIGKILL)
            until(
                lambda before=before: len(set(children(registry)) - set(before)) == 3  # type: ignore[misc]
            )
            until(lambda: answers(registry))

        assert registry.stop() == 0


def test_a_worker_that_cannot_start_is_tried_again_until_it_can(tmp_path: Path) -> None:
    """A disk that was full has room again, and nobody was there to restart the registry."""
    with running(tmp_path / "data", "--workers", "1") as registry:
        pepper = registry.data_dir / "secrets" / "pepper"
        pepper.chmod(0o644)  # a start refuses this
        os.kill(children(registry)[0], signal.SIGKILL)
        until(lambda: len(deaths(registry)) >= 3)
        pepper.chmod(0o600)

        until(lambda: answers(registry))


def test_a_stop_does_not_wait_for_a_worker_that_is_to_be_replaced(tmp_path: Path) -> None:
    """You stop a registry that cannot start its workers by hand."""
    with running(tmp_path / "data", "--workers", "1") as registry:
        (registry.data_dir / "secrets" / "pepper").chmod(0o644)
        os.kill(children(registry)[0], signal.SIGKILL)
        until(lambda: "replaced_in_seconds=3.2" in "".join(deaths(registry)))
        asked = time.monotonic()

        assert registry.stop() == 0
        assert time.monotonic() - asked < 3


def test_a_worker_that_cannot_start_at_first_ends_the_start(tmp_path: Path) -> None:
    """Exit code 1 and a line that says so, instead of a registry that never answers."""
    program = (
        "import sys\n"
        "from pathlib import Path\n"
        "from acrux import server\n"
        "from acrux.serving import listening\n"
        "from acrux.bootstrap.application import build\n"
        "from acrux.settings import Settings\n"
        "from acrux.settings_sources import CurrentSettings\n"
        "def broken(*_): sys.exit(7)\n"
        "server.load = broken\n"
        "chosen = Settings(port=0, workers=2, data_dir=Path(sys.argv[1]))\n"
        "settings, kept = listening.resolve(chosen)\n"
        "build(settings)\n"
        "server.run(CurrentSettings(settings, chosen, lambda: chosen), lambda: None)\n"
    )

    done = subprocess.run(
        [sys.executable, "-c", program, str(tmp_path / "data")], cwd=ROOT, env=environment(),
        capture_output=True, text=True, timeout=60, check=False,
    )  # fmt: skip

    assert done.returncode == 1
    assert "acrux: a worker could not start (exit code 7)" in done.stderr
    assert "Traceback" not in done.stderr


def test_signals_to_all_processes_at_once_stop_it_in_good_order(tmp_path: Path) -> None:
    """A terminal and a service manager signal the workers as well as their parent."""
    with running(tmp_path / "data", "--workers", "2") as registry:
        asked = time.monotonic()
        os.killpg(registry.process.pid, signal.SIGINT)
        os.killpg(registry.process.pid, signal.SIGTERM)

        assert registry.process.wait(30) == 0
        assert time.monotonic() - asked < 10  # and not stop_seconds
        assert "worker-killed" not in registry.log.read_text()


@pytest.mark.parametrize("asking", [signal.SIGHUP, signal.SIGUSR1, signal.SIGUSR2])
def test_no_other_signal_stops_it(tmp_path: Path, asking: signal.Signals) -> None:
    """Tools that rotate logs or certificates signal every process, workers included."""
    with running(tmp_path / "data", "--workers", "1") as registry:
        for pid in registry.worker_pids():
            os.kill(pid, asking)
        until(lambda: answers(registry))

        assert deaths(registry) == []
        assert registry.stop() == 0


def test_a_stopped_worker_does_not_hold_up_the_stop(tmp_path: Path) -> None:
    """A worker that a debugger stopped receives no signal but the last."""
    with running(tmp_path / "data", "--workers", "2", "--stop-seconds", "1") as registry:
        os.kill(children(registry)[0], signal.SIGSTOP)

        assert registry.stop() == 0
        assert of_session(registry.process.pid) == []


@pytest.mark.parametrize("state", ["serving", "uploading", "stopped"])
def test_workers_end_within_seconds_of_their_parent_whatever_they_do(
    tmp_path: Path, state: str
) -> None:
    """The next start would find the port in use."""
    port = unlikely_port()
    with running(tmp_path / "data", "--workers", "2", "--port", str(port)) as registry:
        bodies = [open_upload(registry) for _ in range(4 if state == "uploading" else 0)]
        if state == "stopped":
            os.kill(children(registry)[0], signal.SIGSTOP)
        os.kill(registry.process.pid, signal.SIGKILL)
        registry.process.wait(30)

        until(lambda: of_session(registry.process.pid) == [], seconds=5)
        wait_until_refused(registry)
        with running(tmp_path / "data", "--port", str(port)) as again:
            assert again.port == port
        for body in bodies:
            body.close()


def test_workers_end_with_a_parent_that_is_killed_at_any_moment_of_its_start(
    tmp_path: Path,
) -> None:
    """Whichever step they were at; the printed seed reproduces the same moments."""
    seed = random.randrange(10**6)
    sys.stdout.write(f"seed {seed}\n")
    moments = random.Random(seed)
    for _ in range(12):
        process = subprocess.Popen(
            [sys.executable, "-m", "acrux", "serve", "--port", "0", "--workers", "3",
             "--data-dir", str(tmp_path / "data")],
            cwd=ROOT, env=environment(), stdout=subprocess.DEVNULL, stderr=subprocess.DEVNULL,
            start_new_session=True,
        )  # fmt: skip
        until(lambda process=process: len(of_session(process.pid)) > 1)  # type: ignore[misc]
        with suppress(subprocess.TimeoutExpired):
            process.wait(moments.uniform(0, 0.4))
        process.kill()
        process.wait(30)

        until(lambda process=process: of_session(process.pid) == [], seconds=5)  # type: ignore[misc]
