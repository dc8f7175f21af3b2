"""The limits of a request's header, in every version of HTTP."""

import socket
from contextlib import suppress

import pytest

from tests.running import RunningRegistry
from tests.wire.connection import MEBIBYTE, read_until_closed
from tests.wire.held_connections import NO_SETTINGS, PREFACE

HEADERS, END_OF_STREAM_AND_HEADERS = 1, 0x5
KEPT_VALUE = b"a" * 3900  # of a header that fits into the table of HPACK
TIMES = 4000
STREAMS = 80


def frame(kind: int, flags: int, stream: int, payload: bytes) -> bytes:
    """A frame of HTTP/2 (RFC 9113 §4.1)."""
    length = len(payload).to_bytes(3, "big")
    return length + bytes([kind, flags]) + stream.to_bytes(4, "big") + payload


def number(value: int, prefix: int) -> bytes:
    """The continuation of an HPACK integer that does not fit its prefix (RFC 7541 §5.1)."""
    value -= prefix
    encoded = b""
    while value >= 128:
        encoded += bytes([value % 128 + 128])
        value //= 128
    return encoded + bytes([value])


def literal(name: bytes, value: bytes) -> bytes:
    """A field of HPACK without indexing (RFC 7541 §6.2.2)."""
    return b"\x00" + _sized(name) + _sized(value)


def _sized(text: bytes) -> bytes:
    if len(text) < 127:
        return bytes([len(text)]) + text
    return b"\x7f" + number(len(text), 127) + text


def question() -> bytes:
    """GET / in HPACK, for HTTP/2."""
    return b"\x82\x86\x84" + b"\x01\x01a"


def answered(port: int, streams: int, block: bytes) -> bytes:
    """The answer to this many streams of this block, after one that fills the table."""
    with socket.create_connection(("127.0.0.1", port), timeout=10) as connection:
        connection.sendall(PREFACE + NO_SETTINGS)
        kept = b"\x40\x01x\x7f" + number(len(KEPT_VALUE), 127) + KEPT_VALUE  # of index 62
        first = question() + kept
        connection.sendall(frame(HEADERS, END_OF_STREAM_AND_HEADERS, 1, first))
        for stream in range(1, streams + 1):
            asked = frame(HEADERS, END_OF_STREAM_AND_HEADERS, 2 * stream + 1, block)
            connection.sendall(asked)
        connection.sendall(frame(6, 0, 0, bytes(8)))  # a ping, answered after everything before it
        received = b""
        while b"\x00\x00\x08\x06\x01" not in received:
            part = connection.recv(65536)
            if not part:
                break
            received += part
        return received


def test_a_header_that_expands_takes_no_memory(registry: RunningRegistry) -> None:
    """A third of a megabyte must not become a gigabyte (HPACK)."""
    before = registry.resident_bytes()

    for _ in range(4):
        with suppress(ConnectionError):  # the server closes what it will not read
            answered(registry.port, STREAMS, question() + b"\xbe" * TIMES)

    assert registry.resident_bytes() - before < 32 * MEBIBYTE


def test_the_server_says_how_long_a_header_may_be(registry: RunningRegistry) -> None:
    """SETTINGS_MAX_HEADER_LIST_SIZE of 64 KiB, SETTINGS_MAX_CONCURRENT_STREAMS of 100."""
    told = answered(registry.port, 1, question())

    assert b"\x00\x06" + (64 * 1024).to_bytes(4, "big") in told
    assert b"\x00\x03" + (100).to_bytes(4, "big") in told


def ask(port: int, *lines: bytes) -> bytes:
    """The answer to a header of these lines."""
    with socket.create_connection(("127.0.0.1", port), timeout=10) as connection:
        connection.sendall(b"\r\n".join(lines) + b"\r\nConnection: close\r\n\r\n")
        return read_until_closed(connection)


@pytest.mark.parametrize(
    ("fields", "status"),
    [
        ([b"X: " + b"a" * 60_000], 200),
        ([b"X: " + b"a" * 70_000], 431),
        ([b"X%d: " % each + b"a" * 3_000 for each in range(30)], 431),
        ([b"X: " + b"a" * 3_000] * 30, 431),
    ],
    ids=["below", "one", "many", "many of one name"],
)
def test_headers_of_more_than_64_kib_are_refused(
    registry: RunningRegistry, fields: list[bytes], status: int
) -> None:
    """In HTTP/1.1 as in HTTP/2."""
    answer = ask(registry.port, b"GET /livez HTTP/1.1", b"Host: localhost", *fields)

    assert answer.startswith(b"HTTP/1.1 %d" % status)


@pytest.mark.parametrize(
    "hosts",
    [[], [b"Host:"], [b"Host: a", b"Host: b"], [b"Host: a", b"host: a"]],
    ids=["none", "empty", "two", "twice"],
)
@pytest.mark.parametrize("path", [b"/livez", b"/v2/", b"/nowhere"])
def test_a_request_names_one_host(
    registry: RunningRegistry, hosts: list[bytes], path: bytes
) -> None:
    """A proxy and acrux must not read it differently (RFC 9112 §3.2)."""
    answer = ask(registry.port, b"GET %s HTTP/1.1" % path, *hosts)

    assert answer.startswith(b"HTTP/1.1 400")
    assert b'"errors"' in answer


def test_http_1_0_needs_no_host(registry: RunningRegistry) -> None:
    """Health checks of load balancers use it."""
    assert ask(registry.port, b"GET /livez HTTP/1.0").startswith(b"HTTP/1.0 200")


@pytest.mark.parametrize(
    "lines",
    [
        [b"GET /v2/ HTTP/1.1", b"Host: localhost", b"Authorization: Basic YWNy\ndXg6"],
        [b"GET /v2/ HTTP/1.1", b"Host: localhost", b"Authorization: Basic YWNy", b"dXg6"],
        [b"GET /v2/ extra HTTP/1.1", b"Host: localhost"],
        [b"GET /v2/ HTTP/1.1", b"Host: localhost", b"Content-Length: 1", b"Content-Length: 2"],
        [b"GET /v2/ HTTP/1.1", b"Host: localhost", b"Bad Name: x"],
    ],
    ids=["wrapped base64", "wrapped base64 in two lines", "request line", "two lengths", "name"],
)
def test_what_is_not_http_gets_the_empty_400_of_the_page_on_connections(
    registry: RunningRegistry, lines: list[bytes]
) -> None:
    """The server below answers it: there is no envelope, and the page says so."""
    answer = ask(registry.port, *lines)

    assert answer.startswith(b"HTTP/1.1 400")
    assert answer.endswith(b"\r\n\r\n")
