"""The process: how it starts and stops, and how it reports mistakes."""

import dataclasses
import json
import os
import re
import signal
import socket
import subprocess
import sys
import time
from base64 import b64encode
from contextlib import suppress
from pathlib import Path

import pytest

from acrux.domain.content.digest import Digest
from acrux.settings import Settings, variable
from tests.processes import children, is_alive
from tests.running import (
    ROOT,
    STOP_SECONDS,
    RunningRegistry,
    acrux,
    environment,
    free_port,
    renew,
    running,
)
from tests.wire.connection import Connection


def test_it_says_where_it_listens_in_one_line_and_nothing_else(tmp_path: Path) -> None:
    """Programs read that line."""
    with running(tmp_path / "data") as registry:
        assert registry.stop() == 0
        assert registry.process.stdout is not None
        assert registry.process.stdout.read() == ""


def on_terminal(data_dir: Path, *arguments: str) -> str:
    """What a registry shows on a terminal until it is ready; it is stopped then."""
    terminal, slave = os.openpty()
    process = subprocess.Popen(
        [sys.executable, "-m", "acrux", "serve", "--port", "0", "--workers", "1",
         "--data-dir", str(data_dir), *arguments],
        cwd=ROOT, env=environment(), stdin=slave, stdout=slave, stderr=slave,
    )  # fmt: skip
    os.close(slave)
    shown = ""
    with suppress(OSError):  # how Linux says that nobody writes there any more
        while part := os.read(terminal, 65536):
            shown += part.decode().replace("\r\n", "\n")
            if "\nlistening on " in shown and shown.endswith("\n"):
                process.terminate()
    os.close(terminal)
    process.wait(STOP_SECONDS)
    return shown


def test_it_shows_the_passwords_on_a_terminal_at_the_first_start_only(tmp_path: Path) -> None:
    """They are shown once, because only their hashes are stored."""
    first = on_terminal(tmp_path / "data")
    second = on_terminal(tmp_path / "data")

    lines = dict(line.split(maxsplit=1) for line in first.splitlines() if len(line.split()) == 2)
    assert len(lines["password"]) == len(lines["password2"]) == 43
    assert b64encode(f"acrux:{lines['password']}".encode()).decode() in first
    assert lines["password"] not in second
    assert "acrux credential renew" in second


def log_in(registry: RunningRegistry, password: str) -> None:
    """Log in as the admin user."""
    connection = Connection(registry.port)
    connection.login("acrux", password)
    connection.close()


def secrets_in(text: str) -> list[str]:
    """Words that could be a generated password, or a Basic credential with one."""
    return re.findall(r"\b[a-zA-Z0-9+/=]{43,}", text.replace("/", " "))


@pytest.mark.parametrize("style", ["console", "json"])
def test_without_a_terminal_no_password_is_shown(tmp_path: Path, style: str) -> None:
    """A log is kept, copied and read by many."""
    with running(tmp_path / "data", "--log-format", style) as registry:
        registry.stop()
        told = registry.log.read_text()

    assert secrets_in(told) == []
    assert told.count("acrux credential renew --password-name password --data-dir") == 1
    assert "--admin-password-file" in told


@pytest.mark.parametrize("tls", [(), ("--tls-self-signed",)])
def test_with_json_logs_every_line_is_json(tmp_path: Path, tls: tuple[str, ...]) -> None:
    """A collector drops the lines that it cannot parse, or alerts on each of them."""
    for _ in range(2):
        with running(tmp_path / "data", "--log-format", "json", *tls, ACRUX_PROT="1") as registry:
            acrux("api", f"{registry.url}/v2/")
            registry.stop()
    lines = (tmp_path / "data.log").read_text().splitlines()
    refused = (
        acrux("serve", "--data-dir", "/proc/nowhere", "--log-format", "json", ACRUX_NAME="x").stderr
        + acrux("serve", "--data-dir", "/proc/nowhere", ACRUX_LOG_FORMAT="json").stderr
    )

    events = [json.loads(line)["event"] for line in (*lines, *refused.splitlines())]
    assert events.count("ready") == 2
    assert events.count("setting-ignored") == 2
    assert events.count("cannot-start") == 2


@pytest.mark.parametrize("mode", [0o600, 0o444])
def test_the_admin_password_is_taken_from_a_file(tmp_path: Path, mode: int) -> None:
    """A mounted secret of Kubernetes; whoever deploys knows the password before the start."""
    file = tmp_path / "admin-password"
    file.write_text("correct horse battery\n")
    file.chmod(mode)
    with running(tmp_path / "data", "--admin-password-file", str(file)) as registry:
        log_in(registry, "correct horse battery")
        assert "correct horse" not in registry.log.read_text()
    with running(tmp_path / "data", "--admin-password-file", str(file)) as registry:
        log_in(registry, "correct horse battery")


def test_the_admin_password_is_written_to_a_file_that_is_not_there(tmp_path: Path) -> None:
    """Whoever may read the file may log in, and nobody who reads the log."""
    file = tmp_path / "admin-password"
    with running(tmp_path / "data", "--admin-password-file", str(file)) as registry:
        log_in(registry, file.read_text().strip())
        registry.stop()
        assert f"in {file}" in registry.log.read_text()

    assert file.stat().st_mode & 0o777 == 0o600
    assert len(file.read_text().strip()) == 43


@pytest.mark.parametrize("content", ["short\n", "\xff"])
def test_an_admin_password_that_cannot_be_used_stops_the_first_start(
    tmp_path: Path, content: str
) -> None:
    """No account with it is made, so that the next start can use a better one."""
    file = tmp_path / "admin-password"
    file.write_text(content, encoding="latin-1")
    serve = ("serve", "--port", "0", "--data-dir", str(tmp_path / "data"))

    weak = acrux(*serve, "--admin-password-file", str(file))
    nowhere = acrux(*serve, "--admin-password-file", str(tmp_path / "no" / "folder"))

    assert (weak.returncode, nowhere.returncode) == (2, 2)
    assert weak.stderr.count("\n") == nowhere.stderr.count("\n") == 1
    assert f"admin_password_file: {file}" in weak.stderr
    assert "admin_password_file" in nowhere.stderr
    file.write_text("long enough words")
    with running(tmp_path / "data", "--admin-password-file", str(file)) as registry:
        log_in(registry, "long enough words")


@pytest.mark.parametrize("style", ["console", "json"])
def test_a_log_that_nobody_reads_holds_up_no_request(tmp_path: Path, style: str) -> None:
    """A log collector that hangs would stop the registry after three hundred requests."""
    process = subprocess.Popen(
        [sys.executable, "-m", "acrux", "serve", "--port", "0", "--workers", "2",
         "--data-dir", str(tmp_path / "data"), "--log-format", style],
        cwd=ROOT, env=environment(), stdout=subprocess.PIPE, stderr=subprocess.PIPE, text=True,
    )  # fmt: skip
    assert process.stdout is not None
    assert process.stderr is not None
    port = int(process.stdout.readline().strip().rpartition(":")[2])
    connection = Connection(port)
    path = "/v2/" + "a" * 900
    answers = {connection.call("GET", path).status for _ in range(3000)}
    told = ""
    while "log-lines-lost" not in told:
        told = process.stderr.readline()
    connection.call("GET", "/v2/at-the-end")
    while "/v2/at-the-end" not in told:
        told = process.stderr.readline()
    connection.close()
    process.terminate()
    process.communicate(timeout=30)

    assert answers == {404}
    assert process.returncode == 0


@pytest.mark.parametrize(("mode", "is_told"), [(0o777, True), (0o705, True), (0o770, False)])
def test_a_data_directory_that_all_may_enter_causes_a_warning(
    tmp_path: Path, mode: int, is_told: bool
) -> None:
    """A carelessly unpacked backup would go unnoticed; a group may share the directory."""
    folder = tmp_path / "data"
    folder.mkdir()
    folder.chmod(mode)
    with running(folder) as registry:
        registry.stop()
        lines = [line for line in registry.log.read_text().splitlines() if "data-dir-open" in line]

    assert len(lines) == is_told
    assert all("level=warning" in line for line in lines)
    assert all(f"mode={mode:04o}" in line and f"chmod o-rwx {folder}" in line for line in lines)


def test_a_data_directory_that_a_group_may_change_starts_again_with_a_warning(
    tmp_path: Path,
) -> None:
    """Kubernetes does this to a volume at each start of a pod with fsGroup."""
    folder = tmp_path / "data"
    with running(folder) as registry:
        registry.stop()
        assert "secrets-open-to-group" not in registry.log.read_text()
    subprocess.run(["chmod", "-R", "g+rwX", folder], check=True)

    with running(folder) as registry:
        log_in(registry, registry.password)
        registry.stop()
        lines = [line for line in registry.log.read_text().splitlines() if "to-group" in line]

    assert len(lines) == 1
    assert "level=warning" in lines[0]
    assert f"chmod g-rwx {folder}" in lines[0]


def test_a_registry_whose_output_takes_nothing_says_so_in_one_line_and_answers(
    tmp_path: Path,
) -> None:
    """Whoever waits for the line `listening on` finds the reason in the log."""
    port, log = free_port(), tmp_path / "log"
    with Path("/dev/full").open("w") as full, log.open("w") as errors:
        process = subprocess.Popen(
            [sys.executable, "-m", "acrux", "serve", "--port", str(port), "--workers", "1",
             "--data-dir", str(tmp_path / "data")],
            cwd=ROOT, env=environment(), stdout=full, stderr=errors,
        )  # fmt: skip
    try:
        deadline = time.monotonic() + 30
        while "event=listening" not in (said := log.read_text()):
            assert time.monotonic() < deadline, said
            time.sleep(0.05)
        connection = Connection(port)
        answer = connection.call("GET", "/livez")
        connection.close()
    finally:
        process.terminate()
        code = process.wait(30)

    assert answer.status == 200
    assert code == 0
    assert "No space left on device" in said
    assert "Traceback" not in log.read_text()


@pytest.mark.parametrize("path", ["secrets/pepper", "secrets/signing/*", "secrets/uploads"])
def test_a_secret_that_all_may_use_stops_the_start(tmp_path: Path, path: str) -> None:
    """Whoever has read it may make tokens."""
    folder = tmp_path / "data"
    with running(folder) as registry:
        registry.stop()
    (secret, *_) = folder.glob(path)
    secret.chmod(0o666)

    refused = acrux("serve", "--port", "0", "--data-dir", str(folder))

    assert refused.returncode == 2
    assert f"chmod 600 {secret}" in refused.stderr


def test_a_running_request_ends_and_new_ones_are_refused_when_it_stops(tmp_path: Path) -> None:
    """A deployment must not cut off anyone's push."""
    with running(tmp_path / "data", "--workers", "1") as registry:
        connection = Connection(registry.port)
        connection.login("acrux", registry.password)
        location = connection.start_upload()
        digest = Digest.of(b"0123456789")
        raw = connection.raw()
        raw.sendall(connection.head("PUT", f"{location}&digest={digest}", Content_Length="10"))
        raw.sendall(b"01234")
        assert connection.call("GET", "/livez").status == 200

        registry.process.terminate()
        wait_until_refused(registry)
        raw.sendall(b"56789")
        answer = raw.recv(4096)

        assert answer.startswith(b"HTTP/1.1 201")
        raw.close()
        connection.close()
        assert registry.process.wait(30) == 0

    with running(tmp_path / "data") as registry:
        connection = Connection(registry.port)
        connection.login("acrux", registry.password)
        assert connection.call("GET", f"/v2/app/blobs/{digest}").body == b"0123456789"
        connection.close()


def wait_until_refused(registry: RunningRegistry) -> None:
    """Connect until no connection is accepted any more."""
    deadline = time.monotonic() + 20
    while time.monotonic() < deadline:
        try:
            # A connection in the queue of a process that is killed is reset, and not yet refused.
            with suppress(ConnectionResetError):
                socket.create_connection(("127.0.0.1", registry.port), timeout=5).close()
        except ConnectionRefusedError:
            return
    pytest.fail("it still takes connections")


def test_a_stalled_upload_does_not_hold_the_stop(tmp_path: Path) -> None:
    """granian alone would wait for it forever."""
    data_dir = tmp_path / "data"
    with running(data_dir, "--workers", "1", "--stop-seconds", "2") as registry:
        connection = Connection(registry.port)
        connection.login("acrux", registry.password)
        raw = connection.raw()
        head = connection.head("PATCH", connection.start_upload(), Content_Length="10")
        raw.sendall(head + b"01234")
        assert connection.call("GET", "/livez").status == 200

        registry.process.terminate()

        assert registry.process.wait(30) in (0, 1)
        raw.close()
        connection.close()


def test_a_body_that_falls_silent_is_given_up(tmp_path: Path) -> None:
    """A stalled body never times out by itself."""
    with running(tmp_path / "data", "--idle-seconds", "1") as registry:
        connection = Connection(registry.port)
        connection.login("acrux", registry.password)
        location = connection.start_upload()
        raw = connection.raw()
        raw.sendall(connection.head("PATCH", location, Content_Length="10") + b"01234")

        assert raw.recv(4096).startswith(b"HTTP/1.1 400")
        assert connection.call("GET", location).header("Range") == "0-4"
        raw.close()
        connection.close()


def test_a_renewed_password_works_at_once_while_the_registry_runs(tmp_path: Path) -> None:
    """The command writes, and every worker reads."""
    with running(tmp_path / "data", "--workers", "2") as registry:
        first = renew(registry.data_dir)
        second = renew(registry.data_dir, "password2")
        for password in (first, second):
            for _ in range(4):
                connection = Connection(registry.port)
                connection.login("acrux", password)
                connection.close()


def test_the_password_is_shown_by_no_command(tmp_path: Path) -> None:
    """Only its hash is stored."""
    with running(tmp_path / "data") as registry:
        password = registry.password
        shown = acrux("credential", "show", "--data-dir", str(registry.data_dir), "-o", "json")

    assert json.loads(shown.stdout) == {
        "username": "acrux",
        "passwords": [{"name": "password", "value": None}, {"name": "password2", "value": None}],
    }
    for file in registry.data_dir.rglob("*"):
        assert not (file.is_file() and password.encode() in file.read_bytes()), file


def test_what_it_logs_holds_no_secret(tmp_path: Path) -> None:
    """Many people read logs, and they are archived."""
    with running(tmp_path / "data", "--log-format", "json") as registry:
        connection = Connection(registry.port)
        connection.login("acrux", registry.password)
        connection.call("GET", "/v2/_catalog")
        connection.close()
        registry.stop()
        text = registry.log.read_text()

    lines = [json.loads(line) for line in text.splitlines() if line.startswith("{")]
    assert "/v2/_catalog" in [line.get("path") for line in lines]
    assert registry.password not in text
    assert connection.authorization["Authorization"].removeprefix("Bearer ") not in text


def test_only_its_owner_may_enter_the_data_directory(tmp_path: Path) -> None:
    """Keys and images must be private."""
    with running(tmp_path / "data") as registry:
        assert registry.data_dir.stat().st_mode & 0o077 == 0
        for file in (registry.data_dir / "secrets").rglob("*"):
            assert file.stat().st_mode & 0o077 == 0, file


@pytest.mark.parametrize(
    ("arguments", "said"),
    [
        (("--data-dir", "/proc/acrux"), "data_dir"),
        (("--tls-cert", "missing.pem"), "tls_key"),
        (("--tls-cert", "missing.pem", "--tls-key", "missing.key"), "missing"),
        (("--config", "missing.toml"), "acrux: missing.toml: No such file or directory"),
        (("--host", "host.invalid"), "host"),
        (("--prot", "1"), "--port"),
        (("--name", "x"), "name"),
    ],
)
def test_a_failed_start_is_one_clear_line_and_exit_code_2(
    tmp_path: Path, arguments: tuple[str, ...], said: str
) -> None:
    """You must see at once what to change."""
    data_dir = () if "--data-dir" in arguments else ("--data-dir", str(tmp_path / "data"))

    done = acrux("serve", "--port", "0", *data_dir, *arguments)

    assert done.returncode == 2
    assert said in done.stderr
    assert "Traceback" not in done.stderr
    assert done.stdout == ""


FILES = [field.name for field in dataclasses.fields(Settings) if "Path" in str(field.type)]


@pytest.mark.parametrize("setting", FILES)
def test_a_file_that_cannot_be_used_is_one_clear_line_and_exit_code_2(
    tmp_path: Path, setting: str
) -> None:
    """Also one that only workers read: a service manager restarts what exits with another code."""
    file = tmp_path / "file"
    file.write_text("")
    # Without it, a database_file is refused because other nodes may use that database.
    alone = {"shared_storage": "true"}
    settings = {**alone, "data_dir": str(tmp_path / "data"), setting: str(file / "missing")}

    done = acrux("serve", "--port", "0", **{variable(name): settings[name] for name in settings})

    assert done.returncode == 2
    assert done.stderr.count("\n") == 1
    assert setting in done.stderr
    assert done.stdout == ""


def test_a_port_that_is_taken_is_one_clear_line_and_exit_code_2(tmp_path: Path) -> None:
    """Even if another acrux uses it, which could share it."""
    with running(tmp_path / "data") as registry:
        done = acrux("serve", "--port", str(registry.port), "--data-dir", str(tmp_path / "other"))

    assert done.returncode == 2
    assert done.stderr.count("\n") == 1
    assert str(registry.port) in done.stderr
    assert "--port" in done.stderr


def test_a_mistyped_command_is_answered_with_the_one_that_was_meant() -> None:
    """A typo deserves a suggestion."""
    done = acrux("serv")

    assert done.returncode == 2
    assert "Did you mean 'serve'" in done.stderr


def test_an_unknown_variable_is_named_with_the_setting_that_was_meant(tmp_path: Path) -> None:
    """A misspelt setting must not be ignored silently, nor somebody's variable stop the start."""
    with running(tmp_path / "data", ACRUX_WORKRES="1") as registry:
        registry.stop()
        [line] = [line for line in registry.log.read_text().splitlines() if "WORKRES" in line]

    assert "did you mean ACRUX_WORKERS" in line


@pytest.mark.parametrize("style", ["console", "json"])
def test_a_pod_beside_a_service_named_acrux_starts(tmp_path: Path, style: str) -> None:
    """Kubernetes gives it ACRUX_PORT=tcp://…, which is not the port to listen on."""
    of_service = {
        "ACRUX_SERVICE_HOST": "10.96.0.7",
        "ACRUX_SERVICE_PORT": "5000",
        "ACRUX_SERVICE_PORT_HTTP": "5000",
        "ACRUX_PORT": "tcp://10.96.0.7:5000",
        "ACRUX_PORT_5000_TCP": "tcp://10.96.0.7:5000",
        "ACRUX_PORT_5000_TCP_PROTO": "tcp",
        "ACRUX_PORT_5000_TCP_PORT": "5000",
        "ACRUX_PORT_5000_TCP_ADDR": "10.96.0.7",
        "ACRUX_WEB_SERVICE_HOST": "10.96.0.8",
    }
    with running(tmp_path / "data", "--log-format", style, **of_service) as registry:  # type: ignore[arg-type]  # no `wrapper`
        registry.stop()
        lines = [line for line in registry.log.read_text().splitlines() if "ACRUX_" in line]

    assert len(lines) == 1
    assert all(name in lines[0] for name in of_service)


@pytest.mark.parametrize("command", ["", "serve", "credential", "settings", "auth", "api"])
def test_every_command_explains_itself(command: str) -> None:
    """--help is the first thing that people try."""
    done = acrux(*filter(None, [command]), "--help")

    assert done.returncode == 0
    assert "Usage: acrux" in done.stdout


def test_settings_are_shown_with_where_they_came_from() -> None:
    """The first question when something is not as expected."""
    done = acrux("settings", "--output", "json", ACRUX_PORT="5001")

    rows = {row["name"]: row for row in json.loads(done.stdout)}
    assert rows["port"] == {"name": "port", "value": 5001, "source": "environment"}
    assert rows["host"]["source"] == "default"


def test_the_version_is_printed_without_loading_a_server() -> None:
    """A script may ask for it in a loop."""
    code = (
        "import sys; sys.argv = ['acrux', 'version']\n"
        "from acrux.cli.main import main\n"
        "try: main()\n"
        "except SystemExit: pass\n"
        "print('granian' in sys.modules, 'apsw' in sys.modules)"
    )

    done = subprocess.run(
        [sys.executable, "-c", code], cwd=ROOT, env=environment(), capture_output=True,
        text=True, check=True,
    )  # fmt: skip

    assert done.stdout.splitlines()[0].startswith("acrux ")
    assert done.stdout.splitlines()[1] == "False False"


def test_two_registries_that_start_at_once_do_not_share_a_port(tmp_path: Path) -> None:
    """Half of the requests would reach the wrong one."""
    port = free_port()
    started = [
        subprocess.Popen(
            [sys.executable, "-m", "acrux", "serve", "--port", str(port),
             "--data-dir", str(tmp_path / name)],
            cwd=ROOT, env=environment(), stdout=subprocess.PIPE, stderr=subprocess.DEVNULL,
            text=True, start_new_session=True,
        )
        for name in ("one", "two")
    ]  # fmt: skip
    lines = [process.stdout.readline() for process in started if process.stdout]

    for process in started:
        process.terminate()
        process.wait(30)
        assert process.stdout is not None
        process.stdout.close()
    assert sorted(line.split()[:1] for line in lines) == [[], ["listening"]]


def unlikely_port() -> int:
    """A free port below those that the system assigns, so that nobody takes it meanwhile."""
    for port in range(20_000 + os.getpid() % 5_000, 30_000):
        with socket.socket() as probe, suppress(OSError):
            probe.bind(("127.0.0.1", port))
            return port
    raise AssertionError("no port is free")


def test_workers_stop_when_their_parent_is_killed(tmp_path: Path) -> None:
    """Otherwise they would continue to serve, and block the port for the next start."""
    port = unlikely_port()
    with running(tmp_path / "data", "--workers", "2", "--port", str(port)) as registry:
        os.kill(registry.process.pid, signal.SIGKILL)
        registry.process.wait(30)

        wait_until_refused(registry)
        with running(tmp_path / "data", "--port", str(port)) as again:
            assert again.port == port


@pytest.mark.parametrize("seconds", [0.0, 0.2, 0.4, 0.6, 0.8])
def test_workers_stop_if_their_parent_is_killed_while_they_start(
    tmp_path: Path, seconds: float
) -> None:
    """A worker that was not ready for the message would serve alone forever."""
    process = subprocess.Popen(
        [sys.executable, "-m", "acrux", "serve", "--port", "0", "--workers", "2",
         "--data-dir", str(tmp_path / "data")],
        cwd=ROOT, env=environment(), stdout=subprocess.DEVNULL, stderr=subprocess.DEVNULL,
    )  # fmt: skip
    deadline = time.monotonic() + 30
    while len(workers := children(process.pid)) < 2:
        assert time.monotonic() < deadline
    time.sleep(seconds)  # somewhere in their start

    process.kill()
    process.wait(30)

    while left := [pid for pid in workers if is_alive(pid)]:
        assert time.monotonic() < deadline + 30, left


@pytest.mark.parametrize("damage", [b"", b"x" * 4096, b"SQLite format 3\0" + b"x" * 5000])
def test_a_database_that_is_damaged_is_one_clear_line_and_exit_code_2(
    tmp_path: Path, damage: bytes
) -> None:
    """An operator must know which file to restore."""
    with running(tmp_path / "data") as registry:
        registry.stop()
    database = tmp_path / "data" / "registry.sqlite"
    whole = database.read_bytes()
    database.write_bytes(damage or whole[: len(whole) // 2])

    done = acrux("serve", "--port", "0", "--data-dir", str(tmp_path / "data"))

    assert done.returncode == 2
    assert "registry.sqlite" in done.stderr
    assert "Traceback" not in done.stderr
    assert done.stderr.count("\n") == 1


def test_a_mistyped_data_directory_is_not_created_by_reading_it(tmp_path: Path) -> None:
    """Otherwise a new, empty registry would be shown instead of the intended one."""
    done = acrux("credential", "show", "--data-dir", str(tmp_path / "typo"))

    assert done.returncode == 2
    assert "no registry" in done.stderr
    assert not (tmp_path / "typo").exists()
