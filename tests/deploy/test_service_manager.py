"""What systemd passes and is told: a socket that it listens on, and that the registry is ready."""

import json
import socket
import subprocess
import sys
from collections.abc import Iterator
from contextlib import contextmanager
from pathlib import Path

import pytest

from tests.running import ROOT, STOP_SECONDS, acrux, environment, free_port, running
from tests.tools import require_tool

# Passes descriptor $0 as a service manager passes sockets (sd_listen_fds(3)).
PASSING = 'LISTEN_PID=$$ LISTEN_FDS=${COUNT:-1} exec "$@" 3<&"$0"'


def passing(passed: socket.socket) -> tuple[str, ...]:
    """The words before a command that gets the socket."""
    passed.set_inheritable(True)
    return ("bash", "-c", PASSING, str(passed.fileno()))


@pytest.fixture
def listener() -> Iterator[socket.socket]:
    """A socket that listens, as systemd opens it."""
    with socket.create_server(("127.0.0.1", 0)) as listener:
        yield listener


@contextmanager
def listening_on(passed: socket.socket, data_dir: Path) -> Iterator[str]:
    """A registry that was passed the socket; yields its line that it listens."""
    command = [*passing(passed), sys.executable, "-m", "acrux", "serve", "--workers", "2",
               "--port", "1", "--data-dir", str(data_dir)]  # fmt: skip
    process = subprocess.Popen(
        command, cwd=ROOT, env=environment(), stdout=subprocess.PIPE, text=True,
        stderr=subprocess.DEVNULL, pass_fds=[passed.fileno()],
    )  # fmt: skip
    assert process.stdout is not None
    try:
        yield process.stdout.readline()
    finally:
        process.terminate()
        process.communicate(timeout=STOP_SECONDS)


def get_livez(port: int) -> socket.socket:
    """A connection that asks whether the process answers, and has not read the answer yet."""
    connection = socket.create_connection(("127.0.0.1", port), timeout=60)
    connection.sendall(b"GET /livez HTTP/1.1\r\nHost: localhost\r\nConnection: close\r\n\r\n")
    return connection


def answer(connection: socket.socket) -> bytes:
    """The whole answer."""
    with connection, connection.makefile("rb") as reader:
        return reader.read()


def test_a_restart_refuses_no_connection_if_systemd_listens(
    tmp_path: Path, listener: socket.socket
) -> None:
    """Whoever connects meanwhile waits for a second, and does not see an error."""
    port = listener.getsockname()[1]
    waiting = get_livez(port)
    for _ in range(2):
        with listening_on(listener, tmp_path / "data") as told:
            answered = answer(waiting)
        waiting = get_livez(port)  # nobody accepts it until the next start
        assert told == f"listening on http://127.0.0.1:{port}\n"
        assert answered.endswith(b'{"status":"live"}')
    waiting.close()


def test_systemd_itself_activates_it(tmp_path: Path) -> None:
    """Its own program passes the socket as its service manager does."""
    activate = require_tool("systemd-socket-activate", package="systemd")
    port = free_port()
    process = subprocess.Popen(
        [activate, "-l", f"127.0.0.1:{port}", sys.executable, "-m", "acrux", "serve",
         "--workers", "1", "--data-dir", str(tmp_path / "data")],
        cwd=ROOT, stdout=subprocess.DEVNULL, stderr=subprocess.PIPE, text=True,
    )  # fmt: skip
    assert process.stderr is not None
    try:
        assert process.stderr.readline().startswith("Listening on")
        answered = answer(get_livez(port))
    finally:
        process.terminate()
        process.communicate(timeout=STOP_SECONDS)

    assert process.returncode == 0
    assert answered.endswith(b'{"status":"live"}')


@pytest.mark.parametrize("wrong", ["unix", "two", "bound", "none"])
def test_what_is_no_single_listening_tcp_socket_is_refused(tmp_path: Path, wrong: str) -> None:
    """A .socket unit with a typing error must not start a registry that nobody reaches."""
    family = socket.AF_UNIX if wrong == "unix" else socket.AF_INET
    with socket.socket(family) as passed:
        passed.bind(str(tmp_path / "socket") if wrong == "unix" else ("127.0.0.1", 0))
        if wrong != "bound":
            passed.listen()
        (tmp_path / "file").touch()
        with (tmp_path / "file").open() as file:
            descriptor = file.fileno() if wrong == "none" else passed.fileno()
            done = subprocess.run(
                ["bash", "-c", PASSING, str(descriptor), sys.executable, "-m", "acrux", "serve",
                 "--data-dir", str(tmp_path / "data")],
                cwd=ROOT, env=environment(COUNT="2" if wrong == "two" else "1"),
                pass_fds=[descriptor], capture_output=True, text=True, timeout=60, check=False,
            )  # fmt: skip

    assert (done.returncode, done.stderr.count("\n")) == (2, 1)
    assert "expected one listening TCP socket (ListenStream=5000" in done.stderr


def test_variables_that_were_meant_for_a_parent_are_ignored(tmp_path: Path) -> None:
    """A shell that systemd activated passes its variables on, but not its socket."""
    with running(tmp_path / "data", LISTEN_PID="1", LISTEN_FDS="1") as registry:
        assert registry.stop() == 0


@pytest.mark.parametrize("abstract", [True, False])
def test_systemd_is_told_when_the_registry_answers(tmp_path: Path, *, abstract: bool) -> None:
    """What is ordered after the registry can push at once."""
    with socket.socket(socket.AF_UNIX, socket.SOCK_DGRAM) as manager:
        name = f"acrux-test-{tmp_path.name}"
        manager.bind(f"\0{name}" if abstract else str(tmp_path / "notify"))
        manager.settimeout(60)
        address = f"@{name}" if abstract else str(tmp_path / "notify")
        with running(tmp_path / "data", NOTIFY_SOCKET=address) as registry:
            told = manager.recv(64)
            answered = answer(get_livez(registry.port))

    assert told == b"READY=1"
    assert answered.startswith(b"HTTP/1.1 200")


def test_a_service_manager_that_is_gone_stops_nothing(tmp_path: Path) -> None:
    """A variable that is left over must not cost the start."""
    with running(tmp_path / "data", NOTIFY_SOCKET=str(tmp_path / "gone")) as registry:
        assert answer(get_livez(registry.port)).startswith(b"HTTP/1.1 200")


def test_health_says_whether_the_registry_works(tmp_path: Path) -> None:
    """A container without curl can ask all the same."""
    with running(tmp_path / "data", "--tls-self-signed") as registry:
        here = {"ACRUX_PORT": str(registry.port), "ACRUX_TLS_SELF_SIGNED": "true"}
        live, ready = acrux("health", **here), acrux("health", "--ready", **here)
        everywhere = acrux("health", "--host", "0.0.0.0", **here)
        wrong = acrux("health", **here | {"ACRUX_TLS_SELF_SIGNED": "false"})
    gone = acrux("health", **here)

    assert json.loads(live.stdout) == {"status": "live"}
    assert json.loads(ready.stdout) == {"status": "ready"}
    assert (live.returncode, ready.returncode, everywhere.returncode) == (0, 0, 0)
    assert (wrong.returncode, gone.returncode) == (3, 3)
    assert gone.stderr.startswith(f"acrux: https://127.0.0.1:{registry.port}/livez does not answer")
    assert wrong.stderr.count("\n") == gone.stderr.count("\n") == 1
