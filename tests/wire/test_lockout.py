"""Guessing at a registry of several workers, and lifting the lockouts."""

import base64
import json
from collections.abc import Iterator

import pytest

from acrux.domain.access.lockout import OF_ACCOUNT_AT_ADDRESS
from tests.running import RunningRegistry, acrux
from tests.wire.connection import Connection, Reply

FREE = OF_ACCOUNT_AT_ADDRESS.free
WORKERS = 2


@pytest.fixture
def connections(registry: RunningRegistry) -> Iterator[list[Connection]]:
    """Enough connections that every worker has some of them."""
    connections = [Connection(registry.port) for _ in range(8)]
    yield connections
    for connection in connections:
        connection.close()


def guess(connection: Connection, name: str) -> Reply:
    """Request a token with a wrong password."""
    encoded = base64.b64encode(f"{name}:wrong".encode()).decode()
    return connection.call("GET", "/oauth2/token", Authorization=f"Basic {encoded}")


def test_workers_count_together(registry: RunningRegistry, connections: list[Connection]) -> None:
    """Each worker would allow as many free guesses as one, and refuse only for itself."""
    told = [guess(connection, "nobody-1").status for _ in range(50) for connection in connections]

    assert told.count(401) + told.count(429) == len(told)
    # The free ones, and one after each lockout of 1, 2, 4... seconds until now, on each worker.
    assert FREE <= told.count(401) <= WORKERS * (FREE + 8)
    assert told.count(429) > 300


def test_a_lockout_says_how_long_to_wait(
    registry: RunningRegistry, connections: list[Connection]
) -> None:
    """A client would try again at once."""
    replies = [guess(connections[0], "nobody-2") for _ in range(3 * FREE)]

    refused = [reply for reply in replies if reply.status == 429]
    assert refused
    assert all(1 <= int(reply.header("Retry-After")) <= 300 for reply in refused)


def test_an_operator_sees_and_lifts_the_waits(
    registry: RunningRegistry, connections: list[Connection]
) -> None:
    """A user who mistyped the password calls, and must log in now."""
    for _ in range(3):
        for connection in connections:
            guess(connection, "acrux")
    options = ("--data-dir", str(registry.data_dir))

    shown = json.loads(acrux("lockout", "list", "-o", "json", *options).stdout)
    lifted = acrux("lockout", "clear", "-n", "acrux", "--address", "127.0.0.1", *options)
    after = json.loads(acrux("lockout", "list", "-o", "json", *options).stdout)

    assert lifted.returncode == 0, lifted.stderr
    assert ("acrux", "127.0.0.1") in [(row["account"], row["address"]) for row in shown]
    assert ("acrux", "127.0.0.1") not in [(row["account"], row["address"]) for row in after]
