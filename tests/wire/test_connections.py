"""Nobody keeps others out by holding connections: each has its time, and there is room."""

import select
import socket
from collections.abc import Iterator
from pathlib import Path

import pytest

from tests.running import RunningRegistry, running
from tests.wire.connection import Connection
from tests.wire.held_connections import (
    NO_SETTINGS,
    PREFACE,
    Opener,
    close_all,
    is_closed,
    need_descriptors,
    newcomer,
    newcomer_over_tls,
    over_tls,
    saying,
    slowest_answers,
)

HEADER_SECONDS = 4
KEEP_ALIVE_SECONDS = 9
LONGEST = 1.0  # for a newcomer's answer, in seconds
SHORT = (
    "--workers", "2", "--header-seconds", str(HEADER_SECONDS), "--keep-alive-seconds",
    str(KEEP_ALIVE_SECONDS), "--answer-idle-seconds", "5", "--idle-seconds", "5",
    "--body-seconds", "7",
)  # fmt: skip

LIVES = b"GET /livez HTTP/1.1\r\nHost: localhost\r\n\r\n"

HALF_A_BODY = (
    b"POST /oauth2/token HTTP/1.1\r\nHost: localhost\r\nContent-Length: 100\r\n"
    b"Content-Type: application/x-www-form-urlencoded\r\n\r\ngrant_type"
)

SILENT = {
    "nothing": saying(),
    "a letter": saying(b"P"),
    "half an HTTP/2 preface": saying(PREFACE[:12]),
    "half a header": saying(LIVES[:-8]),
    "idle HTTP/2": saying(PREFACE + NO_SETTINGS),
    "half a body": saying(HALF_A_BODY),
}
SILENT_OVER_TLS = {
    "no handshake": saying(),
    "half a handshake": saying(b"\x16\x03\x01\x02\x00\x01"),
    "nothing": over_tls("http/1.1"),
    "half a header": over_tls("http/1.1", LIVES[:-8]),
    "half an HTTP/2 preface": over_tls("h2", PREFACE[:12]),
    "idle HTTP/2": over_tls("h2", PREFACE + NO_SETTINGS),
}


@pytest.fixture(scope="module")
def many(request: pytest.FixtureRequest) -> int:
    """How many connections are held: `--held 10000` holds so many."""
    count = int(request.config.getoption("--held"))
    need_descriptors(count + 512)
    return count


@pytest.fixture(scope="module")
def hasty(many: int, tmp_path_factory: pytest.TempPathFactory) -> Iterator[RunningRegistry]:
    """A registry of short times."""
    assert many
    with running(tmp_path_factory.mktemp("hasty") / "data", *SHORT) as registry:
        yield registry


@pytest.fixture(scope="module")
def hasty_over_tls(
    many: int, tmp_path_factory: pytest.TempPathFactory
) -> Iterator[RunningRegistry]:
    """The same with a certificate."""
    assert many
    data_dir: Path = tmp_path_factory.mktemp("hasty-tls") / "data"
    with running(data_dir, *SHORT, "--tls-self-signed") as registry:
        yield registry


@pytest.mark.parametrize("opener", SILENT.values(), ids=SILENT)
def test_silent_connections_keep_nobody_out_and_are_closed(
    hasty: RunningRegistry, many: int, opener: Opener
) -> None:
    """Whoever opens connections and says nothing must not stop the registry."""
    held = [opener(hasty.port) for _ in range(many)]
    try:
        slowest = slowest_answers(newcomer(hasty.port))

        assert slowest < LONGEST
        assert all(is_closed(connection) for connection in held)
    finally:
        close_all(held)


@pytest.mark.parametrize("opener", SILENT_OVER_TLS.values(), ids=SILENT_OVER_TLS)
def test_silent_connections_over_tls_keep_nobody_out_and_are_closed(
    hasty_over_tls: RunningRegistry, many: int, opener: Opener
) -> None:
    """A handshake, or half of one, buys no more time."""
    held = [opener(hasty_over_tls.port) for _ in range(many)]
    try:
        slowest = slowest_answers(newcomer_over_tls(hasty_over_tls.port), 30)

        assert slowest < LONGEST
        assert all(is_closed(connection) for connection in held)
    finally:
        close_all(held)


def test_a_connection_that_goes_on_to_ask_stays(hasty: RunningRegistry) -> None:
    """Clients that ask now and then must not find their connection closed."""
    with saying()(hasty.port) as connection:
        connection.settimeout(HEADER_SECONDS - 2)
        for _ in range(4):
            connection.sendall(LIVES)
            assert connection.recv(4096).startswith(b"HTTP/1.1 200")
            with pytest.raises(TimeoutError):  # nothing comes, not even the end
                connection.recv(1)


def test_half_a_second_header_has_no_more_time_than_the_first(hasty: RunningRegistry) -> None:
    """One good request must not buy a connection for ever."""
    with saying(LIVES)(hasty.port) as connection:
        assert connection.recv(4096).startswith(b"HTTP/1.1 200")
        connection.settimeout(0.1)
        with pytest.raises(TimeoutError):  # the kernel's clock has moved on
            connection.recv(1)
        connection.sendall(LIVES[:-8])
        connection.settimeout(KEEP_ALIVE_SECONDS - 1)

        assert is_closed(connection)


def test_a_connection_that_asks_no_more_is_closed(hasty: RunningRegistry) -> None:
    """The keep-alive time ends."""
    with saying(LIVES)(hasty.port) as connection:
        assert connection.recv(4096).startswith(b"HTTP/1.1 200")

        assert is_closed(connection)


def test_readers_that_never_read_keep_nobody_out_and_are_closed(hasty: RunningRegistry) -> None:
    """An answer that is not taken is not kept for ever."""
    connection = Connection(hasty.port)
    connection.login("acrux", hasty.password)
    digest = connection.push_blob(bytes(16 * 1024 * 1024))
    whole = connection.head("GET", f"/v2/app/blobs/{digest}")
    part = connection.head("GET", f"/v2/app/blobs/{digest}", Range="bytes=1-")
    connection.close()
    held = [_never_reads(hasty.port, question) for question in (whole, part) * 50]
    try:
        slowest = slowest_answers(newcomer(hasty.port))

        assert slowest < LONGEST
        for each in held:
            assert _is_reset(each)
    finally:
        close_all(held)


def _never_reads(port: int, question: bytes) -> socket.socket:
    reader = socket.socket()
    reader.setsockopt(socket.SOL_SOCKET, socket.SO_RCVBUF, 4096)
    reader.settimeout(60)
    reader.connect(("127.0.0.1", port))
    reader.sendall(question)
    return reader


def _is_reset(reader: socket.socket) -> bool:
    # Without reading: that would be to take of the answer.
    poll = select.poll()
    poll.register(reader, select.POLLRDHUP)
    return bool(poll.poll(30_000))


def test_a_body_that_trickles_is_refused(hasty: RunningRegistry) -> None:
    """A byte now and then is no upload."""
    connection = Connection(hasty.port)
    connection.login("acrux", hasty.password)
    head = connection.head("PATCH", connection.start_upload(), Content_Length="1000")
    connection.close()
    with saying(head)(hasty.port) as slow:
        slow.settimeout(1)
        answer = b""
        for _ in range(20):
            slow.sendall(b"a")
            try:
                answer = slow.recv(4096)
                break
            except TimeoutError:
                continue

        assert answer.startswith(b"HTTP/1.1 400")
        assert b"bytes per second" in answer


def test_a_body_has_a_longest_time(hasty: RunningRegistry) -> None:
    """However steadily it comes."""
    connection = Connection(hasty.port)
    connection.login("acrux", hasty.password)
    head = connection.head("PATCH", connection.start_upload(), Content_Length="1000000")
    connection.close()
    with saying(head)(hasty.port) as steady:
        steady.settimeout(0.5)
        answer = b""
        for _ in range(40):
            steady.sendall(bytes(2000))
            try:
                answer = steady.recv(4096)
                break
            except TimeoutError:
                continue

        assert answer.startswith(b"HTTP/1.1 400")
        assert b"the body took longer than 7 seconds" in answer


def test_many_who_ask_now_and_then_keep_their_connections(
    hasty: RunningRegistry, many: int
) -> None:
    """A cluster of nodes, each with a connection that it keeps, stops nobody and loses none."""
    held = [saying()(hasty.port) for _ in range(many)]
    try:
        for _ in range(3):
            for connection in held:
                connection.sendall(LIVES)
            assert all(connection.recv(4096).startswith(b"HTTP/1.1 200") for connection in held)
            assert slowest_answers(newcomer(hasty.port)) < LONGEST
    finally:
        close_all(held)
