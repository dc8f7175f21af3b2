"""Users from the command line and an htpasswd file, on a live registry."""

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
    """The status of a token request with this password."""
    connection = Connection(registry.port)
    encoded = base64.b64encode(f"{name}:{password}".encode()).decode()
    reply = connection.call("GET", "/oauth2/token", Authorization=f"Basic {encoded}")
    connection.close()
    return reply.status


def user(
    registry: RunningRegistry, *arguments: str, typed: str
) -> "subprocess.CompletedProcess[str]":
    """Run `acrux user` with this text on its standard input."""
    return subprocess.run(
        [".venv/bin/acrux", "user", *arguments, "--data-dir", str(registry.data_dir)],
        input=typed, capture_output=True, text=True, check=False, env=environment(),
    )  # fmt: skip


def test_a_user_is_created_and_can_log_in(registry: RunningRegistry) -> None:
    """The password never appears on a command line, where every process could read it."""
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


def test_an_easily_guessed_password_is_refused_by_the_command(
    registry: RunningRegistry,
) -> None:
    """The message says what to do, and does not repeat the password."""
    refused = user(
        registry, "create", "-n", "bobby", "--scope-map", "_repositories_pull", "--password-stdin",
        typed="password1234\n",
    )  # fmt: skip

    assert refused.returncode == 2
    assert "choose another" in refused.stderr
    assert "password1234" not in refused.stderr


def test_a_file_of_users_is_followed_by_every_worker(tmp_path: Path) -> None:
    """A user is added, gets another password and is removed, without a restart."""
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


def test_the_command_says_so_if_it_cannot_prompt(registry: RunningRegistry) -> None:
    """A script would see half a prompt, and its password on the screen."""
    asked = user(registry, "create", "-n", "bobby", "--scope-map", "_repositories_pull", typed="")

    assert asked.returncode == 2
    assert "--password-stdin" in asked.stderr
    assert "Password" not in asked.stderr


def test_an_operator_sees_that_a_user_is_guessed_at(registry: RunningRegistry) -> None:
    """A lockout can concern a user, too."""
    user(
        registry, "create", "-n", "dora", "--scope-map", "_repositories_pull", "--password-stdin",
        typed="a few words do\n",
    )  # fmt: skip
    assert status(registry, "dora", "another guess") == 401

    assert "dora" in run(registry, "lockout", "list")


def test_without_the_file_its_users_cannot_log_in(tmp_path: Path) -> None:
    """No command could delete them, and they could log in forever."""
    path = tmp_path / "htpasswd"
    path.write_text(f"carol:{bcrypt.hashpw(b'the first words', bcrypt.gensalt(4)).decode()}\n")
    options = ("--htpasswd", str(path), "--htpasswd-scope-map", "_repositories_pull")
    with running(tmp_path / "data", *options) as registry:
        assert status(registry, "carol", "the first words") == 200

    with running(tmp_path / "data") as registry:
        assert status(registry, "carol", "the first words") == 401
        assert "carol" not in run(registry, "user", "list")
