"""Proxies in front of an object store, which refuse, hang and cut when they are told to."""

import json
import socket
import tempfile
from collections.abc import Iterator
from contextlib import ExitStack, contextmanager
from pathlib import Path
from typing import Any, Final

from tests.clients.test_proxies import haproxy
from tests.object_servers import Program, Versity, ask
from tests.running import free_port

SOURCES: Final = Path(__file__).parent / "go"
TOXIPROXY: Final = "github.com/Shopify/toxiproxy/v2/cmd/server"
PATIENCE: Final = 10.0

# toxiproxy knows bytes only, so that HAProxy gives the statuses: to as many of a hundred requests
# as the file says of each.
STATUSES: Final = (503, 429)
REFUSALS: Final = """
global
    stats socket {socket} level admin

defaults
    mode http
    timeout connect 5s
    timeout client 5m
    timeout server 5m

frontend store
    bind 127.0.0.1:{port}
{refusals}
    default_backend store

backend store
    server store 127.0.0.1:{store}
"""
REFUSAL: Final = """
    http-request set-var(txn.of_{status}) str({status}),map_int({shares},0)
    http-request return status {status} content-type application/xml \
string "<Error><Code>SlowDown</Code></Error>" if {{ rand(100),sub(txn.of_{status}) lt 0 }}
"""


class FaultyStore:
    """A store as clients reach it through both proxies; `variables` say how."""

    def __init__(self, ending: ExitStack, store: Versity, toxiproxy: str) -> None:
        # The path of a socket may have at most 107 characters; pytest's folders are longer.
        self._folder = Path(ending.enter_context(tempfile.TemporaryDirectory()))
        self.store = store
        self._shares = self._folder / "shares"
        self._shares.write_text("".join(f"{status} 0\n" for status in STATUSES))
        refusing, api, port = free_port(), free_port(), free_port()
        self._api = f"http://127.0.0.1:{api}"
        for command, listening in (
            (haproxy(self._folder, self._configuration(refusing)), refusing),
            ([toxiproxy, "-port", str(api)], api),
        ):
            ending.callback(Program(command, listening).kill)
        self._tell(
            "POST", "/proxies",
            {"name": "store", "listen": f"127.0.0.1:{port}", "upstream": f"127.0.0.1:{refusing}"},
        )  # fmt: skip
        self.variables = store.variables | {"AWS_ENDPOINT_URL": f"http://127.0.0.1:{port}"}

    def _configuration(self, port: int) -> str:
        refusals = "".join(
            REFUSAL.format(status=status, shares=self._shares) for status in STATUSES
        )
        return REFUSALS.format(
            socket=self._socket, port=port, refusals=refusals, store=self.store.port
        )

    @property
    def _socket(self) -> str:
        return str(self._folder / "admin")

    @contextmanager
    def answering(self, status: int, share: int = 100) -> Iterator[None]:
        """It answers so many of a hundred requests with the status."""
        self._set_share(status, share)
        try:
            yield
        finally:
            self._set_share(status, 0)

    def _set_share(self, status: int, share: int) -> None:
        with socket.socket(socket.AF_UNIX) as admin:
            admin.settimeout(PATIENCE)
            admin.connect(self._socket)
            admin.sendall(f"set map {self._shares} {status} {share}\n".encode())
            answer = admin.recv(1000)
        assert not answer.strip(), answer

    @contextmanager
    def hanging(self) -> Iterator[None]:
        """It takes requests, and never answers."""
        with self._toxic("timeout", timeout=0):
            yield

    @contextmanager
    def resetting(self) -> Iterator[None]:
        """It resets each connection."""
        with self._toxic("reset_peer", timeout=0):
            yield

    @contextmanager
    def cutting(self, after: int) -> Iterator[None]:
        """It closes each connection after so many bytes of answers."""
        with self._toxic("limit_data", bytes=after):
            yield

    @contextmanager
    def _toxic(self, kind: str, **attributes: int) -> Iterator[None]:
        toxic = {"name": kind, "type": kind, "stream": "downstream", "attributes": attributes}
        self._tell("POST", "/proxies/store/toxics", toxic)
        try:
            yield
        finally:
            self._tell("DELETE", f"/proxies/store/toxics/{kind}")

    def _tell(self, method: str, path: str, content: dict[str, Any] | None = None) -> None:
        body = json.dumps(content).encode() if content else None
        assert ask(method, self._api + path, {}, body) < 300


@contextmanager
def faulty(store: Versity, toxiproxy: str) -> Iterator[FaultyStore]:
    """The proxies, until the block ends."""
    with ExitStack() as ending:
        yield FaultyStore(ending, store, toxiproxy)
