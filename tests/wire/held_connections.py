"""Connections that hold a place in a registry, and their effect on others."""

import resource
import socket
import ssl
import statistics
import time
from collections.abc import Callable, Iterator
from contextlib import contextmanager, suppress

import pytest

from tests.wire.connection import Connection

PREFACE = b"PRI * HTTP/2.0\r\n\r\nSM\r\n\r\n"
NO_SETTINGS = b"\x00\x00\x00\x04\x00\x00\x00\x00\x00"

Opener = Callable[[int], socket.socket]


@contextmanager
def closed_if_it_fails(connection: socket.socket) -> Iterator[None]:
    """Close the connection if what happens inside fails: nobody gets it then."""
    try:
        yield
    except BaseException:
        connection.close()
        raise


def saying(*parts: bytes) -> Opener:
    """Opens a connection and sends only these parts."""

    def open_(port: int) -> socket.socket:
        connection = socket.create_connection(("127.0.0.1", port), timeout=60)
        with closed_if_it_fails(connection):
            for part in parts:
                connection.sendall(part)
        return connection

    return open_


def over_tls(protocol: str, *parts: bytes) -> Opener:
    """Opens a connection, agrees on this protocol in the handshake, and sends only these parts."""
    context = ssl.create_default_context()
    context.check_hostname = False
    context.verify_mode = ssl.CERT_NONE
    context.set_alpn_protocols([protocol])

    def open_(port: int) -> socket.socket:
        plain = socket.create_connection(("127.0.0.1", port), timeout=60)
        with closed_if_it_fails(plain):
            connection = context.wrap_socket(plain)
        with closed_if_it_fails(connection):
            assert connection.selected_alpn_protocol() == protocol
            for part in parts:
                connection.sendall(part)
        return connection

    return open_


def need_descriptors(count: int) -> None:
    """Allow this process this many descriptors, or skip the test with the reason."""
    soft, hard = resource.getrlimit(resource.RLIMIT_NOFILE)
    if hard != resource.RLIM_INFINITY and hard < count:
        pytest.skip(f"needs {count} descriptors, and may have {hard}")
    if soft != resource.RLIM_INFINITY and soft < count:
        resource.setrlimit(resource.RLIMIT_NOFILE, (count, hard))


def slowest_answers(ask: Callable[[], int], count: int = 100) -> float:
    """The 90th percentile of the time that `ask` takes, in seconds; it must return 200.

    A few may have waited for a busy machine: what keeps newcomers out keeps out most of them.
    """
    took = []
    for _ in range(count):
        before = time.monotonic()
        assert ask() == 200
        took.append(time.monotonic() - before)
    return statistics.quantiles(took, n=10)[8]


def newcomer(port: int) -> Callable[[], int]:
    """Asks whether the registry is alive, each time on a new connection."""

    def ask() -> int:
        connection = Connection(port)
        try:
            return connection.call("GET", "/livez").status
        finally:
            connection.close()

    return ask


def newcomer_over_tls(port: int) -> Callable[[], int]:
    """The same, with a handshake."""
    question = b"GET /livez HTTP/1.1\r\nHost: localhost\r\nConnection: close\r\n\r\n"
    opener = over_tls("http/1.1", question)

    def ask() -> int:
        with opener(port) as connection:
            return int(connection.recv(64).split()[1])

    return ask


def is_closed(connection: socket.socket) -> bool:
    """Whether the other side closes the connection before its timeout."""
    try:
        while connection.recv(65536):
            pass
    except TimeoutError:
        return False
    except OSError:
        return True
    return True


def close_all(held: list[socket.socket]) -> None:
    """Close all connections."""
    for connection in held:
        with suppress(OSError):
            connection.close()
