"""The worker's own connections, found among its descriptors (Linux)."""

import os
import resource
import socket
from collections.abc import Iterator
from contextlib import contextmanager, suppress
from struct import Struct, pack
from typing import Final

from acrux.ports.sockets import Peer, Seen

FOLDER: Final = "/proc/self/fd"

SO_COOKIE: Final = 57  # linux/asm-generic/socket.h
COOKIE: Final = Struct("=Q")

# Of struct tcp_info (linux/tcp.h): tcpi_unacked, tcpi_last_data_sent, tcpi_last_data_recv (both
# in milliseconds ago), tcpi_bytes_acked, tcpi_bytes_received and tcpi_notsent_bytes, at the bytes
# 24, 44, 52, 120, 128 and 144.
TCP_INFO: Final = Struct("=24xI16xI4xI64xQQ8xI")

# What a worker opens besides its connections: databases, its log, files that are being written.
OTHER_DESCRIPTORS: Final = 128

CLOSE_WITH_A_RESET: Final = pack("ii", 1, 0)  # struct linger: unsent bytes are dropped


class OwnSockets:
    """The connections to `port` that this process has accepted.

    granian gives no access to its sockets, which live in threads of its own. So each is read
    through its descriptor, whose number may name another socket a moment later. Only the socket's
    cookie identifies it.
    """

    def __init__(self, port: int) -> None:
        self._port = port
        self._peers: dict[int, Peer | None] = {}

    def all(self) -> Iterator[Seen | None]:
        """Each connection once; None for any other descriptor."""
        before, self._peers = self._peers, {}
        for name in _descriptors():
            yield self._look(int(name), before)

    def _look(self, descriptor: int, before: dict[int, Peer | None]) -> Seen | None:
        try:
            with _borrowed(descriptor) as socket_:
                return self._read(descriptor, socket_, before)
        except OSError:  # not a socket, or no longer one
            return None

    def _read(
        self, descriptor: int, borrowed: socket.socket, before: dict[int, Peer | None]
    ) -> Seen | None:
        cookie = _cookie(borrowed)
        peer = before[cookie] if cookie in before else self._peer(borrowed)
        self._peers[cookie] = peer
        if peer is None:
            return None
        info = borrowed.getsockopt(socket.IPPROTO_TCP, socket.TCP_INFO, TCP_INFO.size)
        unacknowledged, sent_ago, came_ago, taken, received, unsent = TCP_INFO.unpack(info)
        queued = unacknowledged + unsent
        return Seen(cookie, descriptor, peer, received, taken, queued, came_ago < sent_ago)

    def _peer(self, borrowed: socket.socket) -> Peer | None:
        name = borrowed.getsockname()
        if not isinstance(name, tuple) or name[1] != self._port:
            return None
        try:
            address, port, *_ = borrowed.getpeername()
        except OSError:  # it listens
            return None
        return (address.partition("%")[0], str(port))

    def close(self, seen: Seen) -> None:
        """Close this connection at once; bytes that wait to be sent are dropped."""
        with suppress(OSError), _duplicate(seen.descriptor) as own:
            if _cookie(own) != seen.cookie:
                return
            # Otherwise the kernel keeps the bytes that a client does not take, long after the close
            # (tcp(7), tcp_orphan_retries). The reset is sent by the last close(2). That is
            # granian's, and the shutdown triggers it.
            if seen.queued:
                own.setsockopt(socket.SOL_SOCKET, socket.SO_LINGER, CLOSE_WITH_A_RESET)
            own.shutdown(socket.SHUT_RDWR)


def allow_descriptors() -> None:
    """Raise the limit on descriptors, for this process and its children, as far as allowed."""
    _, most = resource.getrlimit(resource.RLIMIT_NOFILE)
    with suppress(ValueError, OSError):  # a system may have a lower limit that it does not report
        resource.setrlimit(resource.RLIMIT_NOFILE, (most, most))


def connection_ceiling(wanted: int) -> int:
    """How many connections a worker may keep: `wanted`, or fewer if descriptors are short.

    Each connection may need a second descriptor, for a file.
    """
    allowed, _ = resource.getrlimit(resource.RLIMIT_NOFILE)
    if allowed == resource.RLIM_INFINITY:
        return wanted
    return min(wanted, max(allowed // 4, (allowed - OTHER_DESCRIPTORS) // 2))


def _descriptors() -> list[str]:
    try:
        return os.listdir(FOLDER)  # noqa: PTH208 -- thousands of names, each second
    except OSError:  # not Linux, or no descriptor to spare
        return []


@contextmanager
def _borrowed(descriptor: int) -> Iterator[socket.socket]:
    borrowed = socket.socket(socket.AF_INET, socket.SOCK_STREAM, 0, fileno=descriptor)
    try:
        yield borrowed
    finally:
        borrowed.detach()  # granian closes it


def _duplicate(descriptor: int) -> socket.socket:
    # Under a new number, which stays ours until we close it.
    return socket.socket(socket.AF_INET, socket.SOCK_STREAM, 0, fileno=os.dup(descriptor))


def _cookie(sock: socket.socket) -> int:
    (cookie,) = COOKIE.unpack(sock.getsockopt(socket.SOL_SOCKET, SO_COOKIE, COOKIE.size))
    return int(cookie)
