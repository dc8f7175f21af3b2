"""The connections that a worker has accepted, as its kernel counts them."""

from collections.abc import Iterator
from typing import Protocol, TypeAlias

from msgspec import Struct

# An address and a port, both as text: as ASGI names a client.
Peer: TypeAlias = tuple[str, str]


class Seen(Struct, frozen=True):
    """A connection at one moment.

    `cookie` is no other connection's, ever. Of its bytes, `received` came, `taken` were
    acknowledged by the other side, and `queued` (not exactly bytes: 0 means none) wait for it.
    It `said_more` where some came after the last that were sent to it.
    """

    cookie: int
    descriptor: int
    peer: Peer
    received: int
    taken: int
    queued: int
    said_more: bool


class Sockets(Protocol):
    """The connections of one worker."""

    def all(self) -> Iterator[Seen | None]:
        """Each connection once; None between them, for what else was looked at."""
        ...

    def close(self, seen: Seen) -> None:
        """End this connection, and no other that has its descriptor meanwhile."""
        ...
