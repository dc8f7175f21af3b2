"""A client with several connections, so that every worker is reached."""

import itertools
import json
from collections.abc import Iterator

from tests.running import RunningRegistry
from tests.wire.connection import Connection, Reply

CONNECTIONS = 4


class Client:
    """The administrator, with enough connections to reach every worker."""

    def __init__(self, registry: RunningRegistry) -> None:
        self._connections = [Connection(registry.port) for _ in range(CONNECTIONS)]
        for connection in self._connections:
            connection.login("acrux", registry.password)
        self._turns: Iterator[Connection] = itertools.cycle(self._connections)

    def close(self) -> None:
        """Close all connections."""
        for connection in self._connections:
            connection.close()

    def call(self, method: str, path: str, body: bytes = b"", **headers: str) -> Reply:
        """Send a request on the next connection."""
        return next(self._turns).call(method, path, body, **headers)

    def listing(self, path: str, key: str) -> tuple[int, list[list[object]]]:
        """The status of the first page, and all pages, following their links."""
        found: list[list[object]] = []
        while path:
            reply = self.call("GET", path)
            if reply.status != 200:
                assert not found, f"page {len(found)} of {path} is {reply.status}"
                return reply.status, []
            found.append(json.loads(reply.body)[key] or [])  # ACR's empty page is null
            path = reply.header("Link").partition(">")[0].removeprefix("<")
        return 200, found
