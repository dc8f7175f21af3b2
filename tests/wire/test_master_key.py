"""Two servers whose own keys are in one database, sealed under a master key."""

import base64
import json
from collections.abc import Iterator
from concurrent.futures import ThreadPoolExecutor
from contextlib import ExitStack
from functools import partial
from pathlib import Path

import pytest

from tests.running import RunningRegistry, acrux, running, until
from tests.wire.connection import Connection

NAME = "registry.test"


def key_in(path: Path, digits: str) -> Path:
    """A file with a master key of 32 such bytes."""
    path.write_text(digits * 32)
    path.chmod(0o600)
    return path


@pytest.fixture
def master_key(tmp_path: Path) -> Path:
    """The file of the master key."""
    return key_in(tmp_path / "master-key", "0f")


@pytest.fixture
def servers(tmp_path: Path, master_key: Path) -> Iterator[list[RunningRegistry]]:
    """Two servers of one name, with one worker each."""
    options = ("--workers", "1", "--login-server", NAME, "--master-key-file", str(master_key))
    with ExitStack() as started:
        data = tmp_path / "data"
        yield [started.enter_context(running(data, *options)) for _ in range(2)]


def typed(servers: list[RunningRegistry], master_key: Path, *words: str) -> str:
    """What a command that succeeds prints."""
    at = ("--data-dir", str(servers[0].data_dir), "--master-key-file", str(master_key))
    done = acrux(*words, *at)
    assert done.returncode == 0, done.stderr
    return done.stdout


def published(server: RunningRegistry) -> list[str]:
    """The ids of the keys that verify tokens; the signing key comes first."""
    connection = Connection(server.port)
    body = connection.call("GET", "/.well-known/jwks.json").body
    connection.close()
    return [entry["kid"] for entry in json.loads(body)["keys"]]


def token(connection: Connection, password: str) -> dict[str, str]:
    """The authorization of a new token."""
    encoded = base64.b64encode(f"acrux:{password}".encode()).decode()
    path = f"/oauth2/token?service={NAME}&scope=registry:catalog:*"
    reply = connection.call("GET", path, Authorization=f"Basic {encoded}")
    return {"Authorization": f"Bearer {json.loads(reply.body)['access_token']}"}


def signs(server: RunningRegistry, key: str) -> bool:
    """Whether this key signs there."""
    return published(server)[0] == key


def rotate(servers: list[RunningRegistry], master_key: Path) -> list[str]:
    """Make a key that signs at once; return the ids of all."""
    listed = json.loads(typed(servers, master_key, "key", "rotate", "--now", "--output", "json"))
    return [one["keyId"] for one in listed]


def test_a_new_key_signs_on_one_server_and_verifies_on_the_other_at_once(
    servers: list[RunningRegistry], master_key: Path
) -> None:
    """A proxy sends each request of a client to another node."""
    password = json.loads(
        typed(servers, master_key, "credential", "renew", "--password-name", "password",
              "--output", "json")
    )["passwords"][0]["value"]  # fmt: skip
    statuses = []
    for _ in range(3):
        made = rotate(servers, master_key)
        until(partial(signs, servers[0], made[-1]))
        one, other = (Connection(server.port) for server in servers)
        other.authorization = token(one, password)
        statuses.append(other.call("GET", "/v2/").status)
        one.close()
        other.close()

    assert statuses == [200] * 3


def test_a_master_key_is_replaced_while_servers_run(
    servers: list[RunningRegistry], master_key: Path, tmp_path: Path
) -> None:
    """Nobody stops a cluster to change a key."""
    new = key_in(tmp_path / "new-key", "1f")
    before = [published(server) for server in servers]
    typed(servers, master_key, "key", "rekey", "--new-master-key-file", str(new))

    refused = acrux("serve", "--port", "0", "--data-dir", str(servers[0].data_dir),
                    "--master-key-file", str(master_key))  # fmt: skip
    until(lambda: all("each node needs the new file" in one.log.read_text() for one in servers))
    meanwhile = [published(server) for server in servers]
    new.replace(master_key)
    made = rotate(servers, master_key)
    until(lambda: all(sorted(published(server)) == sorted(made) for server in servers))

    assert refused.returncode == 2
    assert "acrux key rekey may have replaced" in refused.stderr
    assert meanwhile == before


def test_servers_that_start_at_once_on_nothing_agree(tmp_path: Path, master_key: Path) -> None:
    """A cluster is started as a whole."""
    options = ("--workers", "1", "--master-key-file", str(master_key))
    with ExitStack() as started, ThreadPoolExecutor(3) as threads:
        starting = [
            threads.submit(started.enter_context, running(tmp_path / "data", *options))
            for _ in range(3)
        ]
        keys = {tuple(published(one.result())) for one in starting}

    assert len(keys) == 1
    assert not (tmp_path / "data" / "secrets").exists()
