"""Which connections may stay: their times, and how many there may be."""

import asyncio
from collections.abc import Callable
from typing import Final

from msgspec import Struct

from acrux.ports.sockets import Peer, Seen, Sockets

SLICE: Final = 64  # descriptors that are looked at before other work has its turn

# Connections are given up from the first share of the ceiling on, down to the second: whoever
# comes next must find room, also when many come within a round. Those at work only at the last.
IDLE_SHARES: Final = (0.8, 0.7)
BUSY_SHARES: Final = (0.95, 0.9)

NEVER_ASKED, IDLE, AT_WORK = 0, 1, 2


class Limits(Struct, frozen=True):
    """What a connection may take. Times are in seconds, the rate in bytes a second."""

    connections: int
    per_address: int
    header_seconds: float
    keep_alive_seconds: float
    answer_idle_seconds: float
    bytes_per_second: float


class Exchange(Struct):
    """The requests of one peer: how many began, how many have not ended, how many wait to send."""

    begun: int = 0
    open: int = 0
    sending: int = 0
    is_multiplexed: bool = False
    is_missed: bool = False


class Connection(Struct):
    """What is known of a connection between two rounds. Instants are in seconds."""

    seen: Seen
    since: float
    idle_since: float
    begun: int
    taken_when_idle: int
    header_since: float | None
    taken: int  # when the other side last took enough of what waits for it,
    taken_at: float  # and at which instant


class Connections:
    """The connections of one worker: who asks, and who only holds a place.

    The server beneath gives no time to a client that says nothing it understands, and counts
    connections only. So the application tells of each request, the kernel of each byte.
    """

    def __init__(
        self,
        sockets: Sockets,
        limits: Limits,
        now: Callable[[], float],
        is_exempt: Callable[[str], bool],
    ) -> None:
        self._sockets = sockets
        self._limits = limits
        self._now = now
        self._is_exempt = is_exempt
        self._exchanges: dict[Peer, Exchange] = {}
        self._known: dict[int, Connection] = {}

    def begin(self, peer: Peer, version: str) -> Exchange:
        """A request's header is complete; whoever answers takes one from `open` at its end."""
        exchange = self._exchanges.get(peer)
        if exchange is None:
            exchange = self._exchanges[peer] = Exchange(is_multiplexed=version == "2")
        exchange.begun += 1
        exchange.open += 1
        return exchange

    @property
    def peers(self) -> int:
        """Of how many peers the requests are counted."""
        return len(self._exchanges)

    async def watch(self) -> None:
        """Look at every connection once, and close those whose time is over or that are too many.

        Other work has its turn in between.
        """
        known: dict[int, Connection] = {}
        for number, seen in enumerate(self._sockets.all()):
            if number % SLICE == 0:
                await asyncio.sleep(0)
            if seen is None:
                continue
            connection = self._follow(seen)
            if self._is_over(connection):
                self._sockets.close(seen)
            else:
                known[seen.cookie] = connection
        self._known = known
        for connection in self._surplus():
            self._sockets.close(connection.seen)
        self._forget()

    def _follow(self, seen: Seen) -> Connection:
        connection = self._known.get(seen.cookie)
        if connection is None:
            now = self._now()
            return Connection(seen, now, now, 0, 0, None, seen.taken, now)
        connection.seen = seen
        return connection

    def _is_over(self, connection: Connection) -> bool:
        exchange = self._exchanges.get(connection.seen.peer)
        now = self._now()
        if exchange is None:
            exchange = Exchange()
            # Not TCP_DEFER_ACCEPT (tcp(7)): silent connections would fill the kernel's short queue
            # of half-open ones instead.
            is_late = now - connection.since >= self._limits.header_seconds
        else:
            is_late = self._is_idle(connection, exchange, now)
        return is_late or self._is_ignored(connection, exchange, now)

    def _is_ignored(self, connection: Connection, exchange: Exchange, now: float) -> bool:
        """Whether it takes next to nothing of what waits for it, in the kernel or with us."""
        # Not TCP_USER_TIMEOUT (tcp(7)): it does not see a client that takes a byte now and then.
        limits, seen = self._limits, connection.seen
        enough = limits.bytes_per_second * limits.answer_idle_seconds
        if not (seen.queued or exchange.sending) or seen.taken - connection.taken >= enough:
            connection.taken, connection.taken_at = seen.taken, now
        return now - connection.taken_at >= limits.answer_idle_seconds

    def _is_idle(self, connection: Connection, exchange: Exchange, now: float) -> bool:
        limits, seen = self._limits, connection.seen
        # The server sends a file by itself, long after the request has ended for us.
        enough = limits.bytes_per_second * limits.keep_alive_seconds
        has_sent = seen.taken - connection.taken_when_idle >= enough
        if exchange.open or exchange.begun != connection.begun or has_sent:
            connection.begun, connection.taken_when_idle = exchange.begun, seen.taken
            connection.idle_since, connection.header_since = now, None
        # With HTTP/2 that may be a window or a ping, and no header.
        is_asking = seen.said_more and not exchange.open and not exchange.is_multiplexed
        if not is_asking:
            connection.header_since = None
        elif connection.header_since is None:
            connection.header_since = now
        elif now - connection.header_since >= limits.header_seconds:
            return True
        return now - connection.idle_since >= limits.keep_alive_seconds

    def _surplus(self) -> list[Connection]:
        """The connections that are too many: of one address, or of all."""
        by_address: dict[str, list[Connection]] = {}
        for connection in self._known.values():
            by_address.setdefault(connection.seen.peer[0], []).append(connection)
        closing, staying = list[Connection](), list[Connection]()
        for address, ours in by_address.items():
            excess = max(0, len(ours) - self._limits.per_address)
            if excess and self._is_exempt(address):
                excess = 0
            elif excess:
                ours.sort(key=self._worth)
            closing += ours[:excess]
            staying += ours[excess:]
        return closing + self._too_many(staying)

    def _too_many(self, connections: list[Connection]) -> list[Connection]:
        ceiling = self._limits.connections
        if len(connections) <= ceiling * IDLE_SHARES[0]:
            return []
        ranked = sorted(connections, key=self._worth)
        idle = sum(self._worth(connection)[0] != AT_WORK for connection in ranked)
        excess = min(idle, len(connections) - int(ceiling * IDLE_SHARES[1]))
        if len(connections) - excess > ceiling * BUSY_SHARES[0]:
            excess = len(connections) - int(ceiling * BUSY_SHARES[1])
        return ranked[:excess]

    def _worth(self, connection: Connection) -> tuple[int, float]:
        """What goes first has least: never asked, then idle, then moves the fewest bytes."""
        exchange = self._exchanges.get(connection.seen.peer)
        if exchange is None:
            return (NEVER_ASKED, connection.since)
        if not exchange.open:
            return (IDLE, connection.idle_since)
        seen = connection.seen
        return (AT_WORK, (seen.received + seen.taken) / (self._now() - connection.since + 1))

    def _forget(self) -> None:
        """Keep nothing of peers that had no connection in two rounds.

        One that was accepted in the middle of a round is seen in the next.
        """
        there = {connection.seen.peer for connection in self._known.values()}
        for peer, exchange in list(self._exchanges.items()):
            if peer in there or exchange.open:
                exchange.is_missed = False
            elif exchange.is_missed:
                del self._exchanges[peer]
            else:
                exchange.is_missed = True
