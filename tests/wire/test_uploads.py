"""Uploads on a real connection: cut off, resumed, chunked, delayed."""

import socket

import pytest

from acrux.domain.content.digest import Digest
from tests.running import RunningRegistry
from tests.wire.connection import MEBIBYTE, Connection, read_until_closed

CONTENT = bytes(range(256)) * 4096


def offset(connection: Connection, location: str) -> int:
    """How many bytes the upload holds."""
    reply = connection.call("GET", location)
    assert reply.status == 204
    return int(reply.header("Range").removeprefix("0-")) + 1


@pytest.mark.parametrize("framing", ["length", "chunked"])
def test_an_upload_whose_client_vanishes_is_not_acknowledged_and_can_be_resumed(
    connection: Connection, framing: str
) -> None:
    """A body that was cut short must never look complete."""
    location = connection.start_upload()
    vanishing = connection.raw()
    if framing == "length":
        vanishing.sendall(connection.head("PATCH", location, Content_Length=str(len(CONTENT))))
        vanishing.sendall(CONTENT[:500_000])
    else:
        vanishing.sendall(connection.head("PATCH", location, Transfer_Encoding="chunked"))
        vanishing.sendall(b"%x\r\n%s\r\n" % (500_000, CONTENT[:500_000]))
    vanishing.shutdown(socket.SHUT_WR)

    received = read_until_closed(vanishing)

    assert b" 202 " not in received
    kept = offset(connection, location)
    assert kept == 500_000
    digest = Digest.of(CONTENT)
    finished = connection.call("PUT", f"{location}&digest={digest}", CONTENT[kept:])
    assert finished.status == 201
    assert connection.call("GET", f"/v2/app/blobs/{digest}").body == CONTENT


def test_a_truncated_blob_in_one_request_is_not_there(connection: Connection) -> None:
    """Half a blob is not a blob."""
    content = CONTENT + b"one request"
    digest = Digest.of(content)
    vanishing = connection.raw()
    path = f"/v2/app/blobs/uploads/?digest={digest}"
    vanishing.sendall(connection.head("POST", path, Content_Length=str(len(content))))
    vanishing.sendall(content[:1000])
    vanishing.shutdown(socket.SHUT_WR)

    assert b" 201 " not in read_until_closed(vanishing)
    assert connection.call("GET", f"/v2/app/blobs/{digest}").status == 404


def test_a_body_of_unknown_length_is_accepted(connection: Connection) -> None:
    """docker sends its layers this way."""
    location = connection.start_upload()

    patched = connection.call("PATCH", location, iter([CONTENT, CONTENT]))

    assert patched.status == 202
    assert patched.header("Range") == f"0-{2 * len(CONTENT) - 1}"


def test_every_step_of_an_upload_may_reach_another_worker(registry: RunningRegistry) -> None:
    """Each connection is accepted by whichever worker is free."""
    parts = [CONTENT[:1000], CONTENT[1000:2000], CONTENT[2000:]]
    connections = [Connection(registry.port) for _ in range(24)]
    for connection in connections:
        connection.login("acrux", registry.password)

    for number in range(8):
        first, second, third = connections[number * 3 : number * 3 + 3]
        location = first.start_upload("workers")
        assert second.call("PATCH", location, parts[0]).status == 202
        assert first.call("PATCH", location, parts[1], Content_Range="1000-1999").status == 202
        digest = Digest.of(CONTENT)
        assert third.call("PUT", f"{location}&digest={digest}", parts[2]).status == 201
        assert second.call("GET", f"/v2/workers/blobs/{digest}").body == CONTENT

    for connection in connections:
        connection.close()


def test_a_client_that_may_is_told_to_continue(connection: Connection) -> None:
    """curl waits a second for it with every large body."""
    location = connection.start_upload()
    waiting = connection.raw()
    waiting.sendall(connection.head("PATCH", location, Content_Length="5", Expect="100-continue"))

    interim = waiting.recv(1024)
    waiting.sendall(b"hello")
    final = waiting.recv(4096)

    waiting.close()
    assert interim.startswith(b"HTTP/1.1 100")
    assert b"HTTP/1.1 202" in final


def test_a_client_that_may_not_is_refused_before_it_sends_its_body(
    registry: RunningRegistry,
) -> None:
    """A gigabyte need not be sent to be refused."""
    stranger = Connection(registry.port)
    waiting = stranger.raw()
    waiting.sendall(
        stranger.head(
            "POST", "/v2/app/blobs/uploads/", Content_Length="1000000000", Expect="100-continue"
        )
    )

    answer = waiting.recv(4096)

    waiting.close()
    assert answer.startswith(b"HTTP/1.1 401")


def test_a_client_that_sends_four_mebibytes_without_credentials_reads_its_401(
    registry: RunningRegistry,
) -> None:
    """Azure's Python SDK does so with each chunk, and must see the challenge."""
    stranger = Connection(registry.port)

    reply = stranger.call("POST", "/v2/app/blobs/uploads/", bytes(4 * MEBIBYTE))

    stranger.close()
    assert reply.status == 401
    assert reply.header("WWW-Authenticate").startswith("Bearer realm=")


def test_a_client_that_sends_a_whole_layer_without_credentials_reads_its_401(
    registry: RunningRegistry,
) -> None:
    """Go's clients send everything before they read the answer."""
    for _ in range(5):
        stranger = Connection(registry.port)

        reply = stranger.call("POST", "/v2/app/blobs/uploads/", bytes(50 * MEBIBYTE))

        stranger.close()
        assert reply.status == 401
