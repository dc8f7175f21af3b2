"""A receiver of webhooks for tests: real HTTP, and every fault."""

import json
import ssl
import threading
from collections.abc import Callable, Iterator, Mapping
from contextlib import contextmanager
from dataclasses import dataclass
from http.server import BaseHTTPRequestHandler
from typing import Any, Final

from tests.servers import QuietServer, serving

PATIENCE: Final = 60.0  # seconds after which a test that waits in vain fails


@dataclass(frozen=True)
class Received:
    """A request: its path, its headers by lower-case name, its body."""

    path: str
    headers: Mapping[str, str]
    body: bytes

    @property
    def json(self) -> dict[str, Any]:
        """The body as an object."""
        read: dict[str, Any] = json.loads(self.body)
        return read


class WebhookReceiver:
    """What it received, and how it answers: `status`, `headers` and `body`.

    While `answering` is not set, it hangs. If `writes` is set, it answers with what that yields,
    byte for byte.
    """

    def __init__(self, port: int) -> None:
        self.port = port
        self.status = 200
        self.headers: dict[str, str] = {}
        self.body = b"thanks"
        self.writes: Callable[[], Iterator[bytes]] | None = None
        self.answering = threading.Event()
        self.answering.set()
        self._received: list[Received] = []
        self._changed = threading.Condition()

    @property
    def received(self) -> list[Received]:
        """All requests so far, in order."""
        with self._changed:
            return [*self._received]

    @property
    def actions(self) -> list[tuple[str, str]]:
        """The action and the tag of each message, in order."""
        return [
            (one.json["action"], one.json.get("target", {}).get("tag", "")) for one in self.received
        ]

    def add(self, received: Received) -> None:
        """Note a request."""
        with self._changed:
            self._received.append(received)
            self._changed.notify_all()

    def wait_for(self, count: int) -> list[Received]:
        """The requests, once there are so many."""
        with self._changed:
            found = self._changed.wait_for(lambda: len(self._received) >= count, PATIENCE)
            assert found, f"{len(self._received)} of {count} requests came"
            return [*self._received]


class _Handler(BaseHTTPRequestHandler):
    receiver: WebhookReceiver

    def do_POST(self) -> None:
        """Answer as the receiver is configured."""
        receiver = self.receiver
        body = self.rfile.read(int(self.headers["Content-Length"]))
        headers = {name.lower(): value for name, value in self.headers.items()}
        receiver.add(Received(self.path, headers, body))
        receiver.answering.wait(PATIENCE)
        try:
            for piece in self._answer():
                self.wfile.write(piece)
        except OSError:  # the client has gone
            self.close_connection = True

    def _answer(self) -> Iterator[bytes]:
        receiver = self.receiver
        if receiver.writes is not None:
            self.close_connection = True
            yield from receiver.writes()
            return
        self.send_response(receiver.status)
        length = {"Content-Length": str(len(receiver.body))}
        for name, value in {**length, **receiver.headers}.items():
            self.send_header(name, value)
        self.end_headers()
        yield receiver.body

    def log_message(self, *_: object) -> None:
        """Log nothing."""


@contextmanager
def receiving(
    port: int = 0, host: str = "127.0.0.1", tls: ssl.SSLContext | None = None
) -> Iterator[WebhookReceiver]:
    """A receiver that answers until the block ends."""

    class Handler(_Handler):
        """The handler of this receiver."""

    server = QuietServer((host, port), Handler)
    if tls is not None:
        server.socket = tls.wrap_socket(server.socket, server_side=True)
    Handler.receiver = WebhookReceiver(server.server_address[1])
    with server, serving(server):
        try:
            yield Handler.receiver
        finally:
            Handler.receiver.answering.set()
