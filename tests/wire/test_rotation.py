"""Signing keys from the command line, while two workers answer."""

import json
import threading
import time
from collections.abc import Iterator
from contextlib import contextmanager
from dataclasses import dataclass, field

from acrux.bootstrap.tasks import REVOCATION_SECONDS
from tests.running import RunningRegistry, acrux
from tests.wire.connection import Connection


def key(registry: RunningRegistry, *arguments: str) -> list[dict[str, str]]:
    """Run `acrux key` and return the keys that it lists."""
    done = acrux("key", *arguments, "--data-dir", str(registry.data_dir), "--output", "json")
    assert done.returncode == 0, done.stderr
    listed: list[dict[str, str]] = json.loads(done.stdout)
    return listed


def published(connection: Connection) -> list[str]:
    """The ids of the keys that verify tokens; the signing key comes first."""
    reply = connection.call("GET", "/.well-known/jwks.json")
    assert reply.header("Cache-Control") == "public, max-age=300"
    return [entry["kid"] for entry in json.loads(reply.body)["keys"]]


def until_all_workers_publish(registry: RunningRegistry, ids: list[str]) -> None:
    """Repeat until no worker publishes anything else; many connections reach both."""
    deadline = time.monotonic() + 20
    seen: list[list[str]] = []
    while seen != [ids] * 8 and time.monotonic() < deadline:
        connections = [Connection(registry.port) for _ in range(8)]
        seen = [published(connection) for connection in connections]
        for connection in connections:
            connection.close()
    assert seen == [ids] * 8


@dataclass
class Callers:
    """Clients that log in, use their token and get a new one, without a pause."""

    registry: RunningRegistry
    statuses: list[int] = field(default_factory=list)
    stopped: threading.Event = field(default_factory=threading.Event)

    def call(self) -> None:
        """One client's requests, each over a new connection and so on either worker."""
        old = self._logged_in()
        while not self.stopped.is_set():
            for authorization in (old, self._logged_in()):
                connection = Connection(self.registry.port, authorization)
                self.statuses.append(connection.call("GET", "/v2/").status)
                connection.close()

    def _logged_in(self) -> dict[str, str]:
        connection = Connection(self.registry.port)
        connection.login("acrux", self.registry.password)
        connection.close()
        return connection.authorization


@contextmanager
def calling(registry: RunningRegistry) -> Iterator[Callers]:
    """Let clients call inside the block."""
    assert registry.password  # once, before several ask for it
    callers = Callers(registry)
    threads = [threading.Thread(target=callers.call) for _ in range(4)]
    for thread in threads:
        thread.start()
    try:
        yield callers
    finally:
        callers.stopped.set()
        for thread in threads:
            thread.join()


def test_a_rotation_fails_no_request(registry: RunningRegistry) -> None:
    """Publish, then sign; the old tokens stay valid."""
    (first,) = key(registry, "list")
    with calling(registry) as callers:
        announced = key(registry, "rotate")
        until_all_workers_publish(registry, [first["keyId"], announced[1]["keyId"]])
        before = len(callers.statuses)
        signing = key(registry, "rotate", "--now")
        until_all_workers_publish(registry, [announced[1]["keyId"], first["keyId"]])
        third = key(registry, "rotate", "--now")
        until_all_workers_publish(
            registry, [third[2]["keyId"], third[0]["keyId"], third[1]["keyId"]]
        )

    assert [one["state"] for one in announced] == ["signing", "announced"]
    assert [one["state"] for one in signing] == ["verifying", "signing"]
    assert [one["state"] for one in third] == ["verifying", "verifying", "signing"]
    assert set(callers.statuses) == {200}
    assert 0 < before < len(callers.statuses)


def test_the_tokens_of_a_revoked_key_end_on_every_worker_within_a_second(
    registry: RunningRegistry,
) -> None:
    """A key was stolen."""
    connections = [Connection(registry.port) for _ in range(8)]
    connections[0].login("acrux", registry.password)
    for connection in connections:
        connection.authorization = connections[0].authorization
        assert connection.call("GET", "/v2/").status == 200

    current = next(one for one in key(registry, "list") if one["state"] == "signing")
    left = key(registry, "revoke", "--yes", "--name", current["name"])
    deadline = time.monotonic() + 20
    statuses = {200}
    while statuses != {401} and time.monotonic() < deadline:
        statuses = {connection.call("GET", "/v2/").status for connection in connections}

    assert statuses == {401}
    assert REVOCATION_SECONDS < 1
    assert [one["state"] for one in left][-1] == "signing"
    connections[0].login("acrux", registry.password)
    assert connections[0].call("GET", "/v2/").status == 200
    for connection in connections:
        connection.close()


def test_an_unknown_key_is_a_clear_mistake(registry: RunningRegistry) -> None:
    """A typo must not look like a revocation."""
    done = acrux("key", "revoke", "-n", "ES256-9999", "--yes", "--data-dir", str(registry.data_dir))

    assert done.returncode == 4
    assert "acrux key list" in done.stderr
