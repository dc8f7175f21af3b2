"""A small HTTP client on a plain socket, which takes little of the machine."""

import re
import socket
import ssl
from collections.abc import Mapping
from dataclasses import dataclass
from typing import Self, TypeAlias

Bytes: TypeAlias = bytes | memoryview

JOINED_BYTES = 1 << 18  # smaller bodies go out together with their head
READ_BYTES = 1 << 18
TIMEOUT_SECONDS = 60

_LENGTH = re.compile(rb"\r\ncontent-length: *(\d+)", re.IGNORECASE)
_LOCATION = re.compile(rb"\r\nlocation: *(?:https?://[^/\r]+)?([^\r]+)", re.IGNORECASE)


class UnexpectedAnswer(Exception):
    """The answer is not the expected one."""


@dataclass(frozen=True, slots=True)
class Answer:
    """A status, a head and a body."""

    status: int
    head: bytes
    body: bytes

    @property
    def location(self) -> str:
        """The path and the query of its Location."""
        found = _LOCATION.search(self.head)
        if found is None:
            raise UnexpectedAnswer(f"{self.status} without a Location")
        return found[1].decode()


class Connection:
    """A kept connection to a port of this machine. Close it, or use it as a context."""

    def __init__(self, port: int, *, tls: bool = False) -> None:
        self._port = port
        plain = socket.create_connection(("127.0.0.1", port), TIMEOUT_SECONDS)
        plain.setsockopt(socket.IPPROTO_TCP, socket.TCP_NODELAY, 1)
        self.socket = _wrap(plain) if tls else plain
        self._waiting = b""

    def __enter__(self) -> Self:
        return self

    def __exit__(self, *_: object) -> None:
        self.close()

    def close(self) -> None:
        """Close the connection."""
        self.socket.close()

    def ask(self, method: str, path: str, headers: Mapping[str, str], *body: Bytes) -> Answer:
        """Send a request and read the whole answer."""
        size = sum(map(len, body))
        head = self.head(method, path, headers, size)
        if size <= JOINED_BYTES:
            self.socket.sendall(b"".join((head, *body)))
        else:
            for part in (head, *body):
                self.socket.sendall(part)
        return self.read_answer(has_body=method != "HEAD")

    def head(self, method: str, path: str, headers: Mapping[str, str], size: int) -> bytes:
        """The head of a request whose body has `size` bytes."""
        lines = [f"{method} {path} HTTP/1.1", f"Host: 127.0.0.1:{self._port}"]
        lines += [f"{name}: {value}" for name, value in headers.items()]
        if size or method in ("POST", "PUT", "PATCH"):
            lines.append(f"Content-Length: {size}")
        return "\r\n".join([*lines, "", ""]).encode()

    def read_answer(self, *, has_body: bool = True) -> Answer:
        """Read an answer. Raises UnexpectedAnswer for one without a length."""
        while (end := self._waiting.find(b"\r\n\r\n")) < 0:
            self._read()
        head, self._waiting = self._waiting[:end], self._waiting[end + 4 :]
        status = int(head[9:12])
        length = _LENGTH.search(head)
        if length is None and status != 204:
            raise UnexpectedAnswer(f"{status} without a length")
        size = int(length[1]) if length and has_body else 0
        parts, have = [self._waiting], len(self._waiting)
        while have < size:
            self._waiting = b""
            self._read()
            parts.append(self._waiting)
            have += len(self._waiting)
        body = b"".join(parts)
        self._waiting = body[size:]
        return Answer(status, head, body[:size])

    def _read(self) -> None:
        piece = self.socket.recv(READ_BYTES)
        if not piece:
            raise UnexpectedAnswer("the connection was closed instead of an answer")
        self._waiting += piece


def _wrap(plain: socket.socket) -> socket.socket:
    context = ssl.create_default_context()  # to ourselves, with a certificate made a moment ago
    context.check_hostname = False
    context.verify_mode = ssl.CERT_NONE
    return context.wrap_socket(plain)
