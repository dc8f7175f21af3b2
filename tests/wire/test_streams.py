"""Large bodies are streamed: memory does not grow with them."""

import http.client
import socket

import pytest

from acrux.domain.content.digest import Digest
from tests.processes import open_files
from tests.running import RunningRegistry
from tests.wire.connection import MEBIBYTE, Connection, pattern, push_pattern, sha256_of
from tests.wire.held_connections import newcomer, slowest_answers
from tests.wire.memory import ALLOWED_GROWTH, Watch

GIBIBYTE = 1024 * MEBIBYTE
LONGEST = 1.0  # until a new client's answer, in seconds


@pytest.fixture(scope="module")
def large(registry: RunningRegistry) -> Digest:
    """The digest of the gibibyte that the first test pushes and others read."""
    digest = Digest("sha256", sha256_of(pattern(1024)))
    connection = Connection(registry.port)
    connection.login("acrux", registry.password)
    connection.call("GET", "/v2/")

    growth = Watch(registry).during(lambda: push_pattern(connection, digest, 1024))

    connection.close()
    assert growth < ALLOWED_GROWTH, f"pushing 1 GiB took {growth // MEBIBYTE} MiB"
    return digest


def read_all(response: http.client.HTTPResponse) -> str:
    """The SHA-256 of the whole response."""
    return sha256_of(iter(lambda: response.read(MEBIBYTE), b""))


def test_a_gibibyte_is_pulled_whole_in_flat_memory(
    registry: RunningRegistry, connection: Connection, large: Digest
) -> None:
    """Many concurrent pulls must not need many times the memory."""
    pulled = []

    growth = Watch(registry).during(
        lambda: pulled.append(read_all(connection.begin("GET", f"/v2/app/blobs/{large}")))
    )

    assert pulled == [large.encoded]
    assert growth < ALLOWED_GROWTH


def test_a_gibibyte_is_pulled_in_parts_in_flat_memory(
    registry: RunningRegistry, connection: Connection, large: Digest
) -> None:
    """Azure's SDK and resuming clients request parts."""
    part = f"bytes=1-{GIBIBYTE - 1}"
    read = []

    def pull() -> None:
        response = connection.begin("GET", f"/v2/app/blobs/{large}", Range=part)
        assert response.status == 206
        read.append(sum(len(piece) for piece in iter(lambda: response.read(MEBIBYTE), b"")))

    assert Watch(registry).during(pull) < ALLOWED_GROWTH
    assert read == [GIBIBYTE - 1]


@pytest.mark.parametrize("part", ["bytes=0-", "bytes=1-"])
def test_a_slow_reader_holds_no_memory(
    registry: RunningRegistry, connection: Connection, large: Digest, part: str
) -> None:
    """A client on a slow line must not make the server read ahead."""
    slow = connection.raw()
    slow.setsockopt(socket.SOL_SOCKET, socket.SO_RCVBUF, 65536)
    slow.sendall(connection.head("GET", f"/v2/app/blobs/{large}", Range=part))
    assert slow.recv(1024).startswith(b"HTTP/1.1 206")

    # While it reads nothing, another client pulls the whole blob: time enough to read ahead.
    growth = Watch(registry).during(
        lambda: read_all(connection.begin("GET", f"/v2/app/blobs/{large}"))
    )

    slow.close()
    assert growth < ALLOWED_GROWTH


def test_a_reader_that_leaves_does_not_keep_its_file_open(
    registry: RunningRegistry, connection: Connection, large: Digest
) -> None:
    """Otherwise descriptors would run out."""
    for _ in range(20):
        leaving = connection.raw()
        leaving.sendall(connection.head("GET", f"/v2/app/blobs/{large}", Range="bytes=1-"))
        assert leaving.recv(1024)
        leaving.close()

    # These are answered after the abandoned ones were noticed: they share two event loops.
    still_open: list[str] = []
    for _ in range(200):
        assert connection.call("GET", "/v2/").status == 200
        still_open = [
            target
            for pid in registry.worker_pids()
            for target in open_files(pid)
            if large.encoded in target
        ]
        if not still_open:
            break
    assert still_open == []


def test_readers_that_leave_do_not_delay_others(
    registry: RunningRegistry, connection: Connection, large: Digest
) -> None:
    """Sending to someone who has left never waits: 300 of them stopped a worker for 36 seconds."""
    leaving = [connection.raw() for _ in range(100)]
    for reader in leaving:
        reader.setsockopt(socket.SOL_SOCKET, socket.SO_RCVBUF, 4096)
        reader.sendall(connection.head("GET", f"/v2/app/blobs/{large}", Range="bytes=1-"))
    for reader in leaving:
        assert reader.recv(16)
        reader.close()

    assert slowest_answers(newcomer(registry.port)) < LONGEST
