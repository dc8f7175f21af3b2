"""People from the command line and from an htpasswd file, while the registry runs."""

import base64
import json
import subprocess
import time
from pathlib import Path

import bcrypt

from tests.running import RunningRegistry, environment, renew, running
from tests.wire.connection import Connection
from tests.wire.test_accounts import granted, run


def status(registry: RunningRegistry, name: str, password: str) -> int:
    """How a token request with this password ends."""
    connection = Connection(registry.port)
    encoded = base64.b64encode(f"{name}:{password}".encode()).decode()
    reply = connection.call("GET", "/oauth2/token", Authorization=f"Basic {encoded}")
    connection.close()
    return reply.status


def user(
    registry: RunningRegistry, *arguments: str, typed: str
) -> "subprocess.CompletedProcess[str]":
    """Run `acrux user` with something on its standard input."""
    return subprocess.run(
        [".venv/bin/acrux", "user", *arguments, "--data-dir", str(registry.data_dir)],
        input=typed, capture_output=True, text=True, check=False, env=environment(),
    )  # fmt: skip


def test_a_user_is_made_and_gets_in(registry: RunningRegistry) -> None:
    """The password never stands on a command line, where every process could read it."""
    made = user(
        registry, "create", "--name", "alice", "--scope-map", "_repositories_pull",
        "--password-stdin", "-o", "json", typed="a few words do\n",
    )  # fmt: skip

    assert made.returncode == 0, made.stderr
    assert json.loads(made.stdout)["source"] == "user"
    assert "a few words" not in made.stdout + made.stderr
    for _ in range(4):
        assert granted(registry, "alice", "a few words do", "repository:x:*") == ["pull"]
    assert "alice" in run(registry, "user", "list")
    assert "alice" not in run(registry, "token", "list")


def test_a_password_that_is_guessed_at_once_is_refused_by_the_command(
    registry: RunningRegistry,
) -> None:
    """The message says what to do, and not what was typed."""
    refused = user(
        registry, "create", "-n", "bobby", "--scope-map", "_repositories_pull", "--password-stdin",
        typed="password1234\n",
    )  # fmt: skip

    assert refused.returncode == 2
    assert "choose another" in refused.stderr
    assert "password1234" not in refused.stderr


def test_a_file_of_users_is_followed_by_every_worker(tmp_path: Path) -> None:
    """Somebody is put in, gets another password, and leaves, and nothing is restarted."""
    path = tmp_path / "htpasswd"

    def write(password: str | None) -> None:
        hashed = bcrypt.hashpw(password.encode(), bcrypt.gensalt(4)).decode() if password else ""
        path.write_text(f"carol:{hashed}\n" if password else "")
        path.chmod(0o600)

    def until(expected: dict[str, int]) -> None:
        found: dict[str, int] = {}
        deadline = time.monotonic() + 20
        while found != expected and time.monotonic() < deadline:
            found = {password: status(registry, "carol", password) for password in expected}
        assert found == expected

    write("the first words")
    with running(
        tmp_path / "data", "--workers", "2", "--htpasswd", str(path), "--htpasswd-scope-map",
        "_repositories_pull",
    ) as registry:  # fmt: skip
        assert granted(registry, "carol", "the first words", "repository:x:*") == ["pull"]
        write("the second words")
        until({"the second words": 200})
        write(None)
        until({"the second words": 401})
        assert renew(registry.data_dir)


def test_where_nobody_can_be_asked_the_command_says_so(registry: RunningRegistry) -> None:
    """A script would see half a prompt, and its password on the screen."""
    asked = user(registry, "create", "-n", "bobby", "--scope-map", "_repositories_pull", typed="")

    assert asked.returncode == 2
    assert "--password-stdin" in asked.stderr
    assert "Password" not in asked.stderr


def test_an_operator_sees_that_a_user_is_guessed_at(registry: RunningRegistry) -> None:
    """People have names too."""
    user(
        registry, "create", "-n", "dora", "--scope-map", "_repositories_pull", "--password-stdin",
        typed="a few words do\n",
    )  # fmt: skip
    assert status(registry, "dora", "another guess") == 401

    assert "dora" in run(registry, "lockout", "list")


def test_who_serves_without_the_file_has_no_users_of_it(tmp_path: Path) -> None:
    """They could not be deleted by any command, and would get in for ever."""
    path = tmp_path / "htpasswd"
    path.write_text(f"carol:{bcrypt.hashpw(b'the first words', bcrypt.gensalt(4)).decode()}\n")
    options = ("--htpasswd", str(path), "--htpasswd-scope-map", "_repositories_pull")
    with running(tmp_path / "data", *options) as registry:
        assert status(registry, "carol", "the first words") == 200

    with running(tmp_path / "data") as registry:
        assert status(registry, "carol", "the first words") == 401
        assert "carol" not in run(registry, "user", "list")
