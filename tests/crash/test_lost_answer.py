"""A closing PUT whose answer was lost with its worker can be repeated."""

import os
import signal
from contextlib import suppress
from http.client import HTTPException
from pathlib import Path

import pytest

from acrux.domain.content.digest import Digest
from tests.running import RunningRegistry, running, until
from tests.wire.connection import Connection
from tests.wire.test_supervision import answers, children

FIRST, LAST = os.urandom(300_000), os.urandom(5000)
CONTENT = FIRST + LAST
DIGEST = Digest.of(CONTENT)
BLOB = f"/v2/app/blobs/{DIGEST}"


def logged_in(registry: RunningRegistry) -> Connection:
    """A connection with a token for everything."""
    connection = Connection(registry.port)
    connection.login("acrux", registry.password)
    return connection


def is_there(connection: Connection) -> bool:
    """Whether the blob is linked."""
    return connection.call("HEAD", BLOB).status == 200


def put_and_hear_nothing(connection: Connection, body: bytes) -> str:
    """Close an upload whose last bytes are `body`, and read no answer; return the location."""
    location = connection.start_upload()
    sent = CONTENT.removesuffix(body)
    location = connection.call("PATCH", location, sent).header("Location")
    path = f"{location}&digest={DIGEST}"
    deaf = connection.raw()
    deaf.sendall(connection.head("PUT", path, Content_Length=str(len(body))) + body)
    until(lambda: is_there(connection))
    deaf.close()
    return path


def kill_workers(registry: RunningRegistry) -> None:
    """Kill all workers, and wait until others answer."""
    before = set(children(registry))
    for pid in before:
        os.kill(pid, signal.SIGKILL)
    until(lambda: len(set(children(registry)) - before) == len(before))
    until(lambda: answers(registry))


def again(connection: Connection, path: str, body: bytes) -> int:
    """The status of the same PUT, sent until a worker answers it."""
    status: list[int] = []

    def ask() -> bool:
        with suppress(OSError, HTTPException):
            status.append(connection.call("PUT", path, body).status)
        connection.close()
        return bool(status)

    until(ask)
    return status[0]


@pytest.mark.parametrize("body", [b"", LAST], ids=["without a body", "with the last chunk"])
def test_a_put_whose_worker_was_killed_after_its_commit_is_answered_by_another(
    tmp_path: Path, body: bytes
) -> None:
    """The client would give up, and the image would not be pushed, although all of it is there."""
    with running(tmp_path / "data", "--workers", "2") as registry:
        connection = logged_in(registry)
        path = put_and_hear_nothing(connection, body)

        kill_workers(registry)

        connection.close()
        assert again(connection, path, body) == 201
        assert again(connection, path.replace("/app/", "/other/"), body) == 404
        assert connection.call("GET", BLOB).body == CONTENT
        connection.close()


def test_a_put_whose_registry_was_killed_after_its_commit_is_answered_after_the_restart(
    tmp_path: Path,
) -> None:
    """The machine was short of memory, or somebody updated the registry."""
    with running(tmp_path / "data", "--workers", "2") as registry:
        connection = logged_in(registry)
        path = put_and_hear_nothing(connection, b"")
        connection.close()
        registry.kill()

    with running(tmp_path / "data", "--workers", "2") as registry:
        connection = logged_in(registry)
        assert connection.call("PUT", path).status == 201
        assert connection.call("PUT", path.replace(str(DIGEST), str(Digest.of(b"")))).status == 404
        assert connection.call("DELETE", path).status == 404
        assert connection.call("PUT", path).status == 404
        assert connection.call("GET", BLOB).body == CONTENT
        connection.close()
