"""The connections that a worker has accepted, as the kernel sees them."""

from collections.abc import Iterator
from typing import Protocol, TypeAlias

from msgspec import Struct

# An address and a port, both as text, as ASGI names a client.
Peer: TypeAlias = tuple[str, str]


class Seen(Struct, frozen=True):
    """A connection at one moment.

    `cookie` is unique among all connections, ever. `received` counts the bytes that arrived,
    `taken` those that the peer acknowledged. `queued` is what waits for the peer: 0 means nothing,
    other values are not exact. `said_more` is set if bytes arrived after the last that were sent.
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
        """Each connection once; None for other descriptors that were looked at in between."""
        ...

    def close(self, seen: Seen) -> None:
        """Close this connection, but no other that has reused its descriptor."""
        ...
