"""Which connections may stay open: timeouts, rates and limits."""

import asyncio
from collections.abc import Callable
from typing import Final

from msgspec import Struct

from acrux.ports.sockets import Peer, Seen, Sockets

SLICE: Final = 64  # descriptors that are looked at before other work gets its turn

# From the first share of the ceiling on, connections are closed down to the second, so that new
# ones find room even if many arrive within one round. Busy connections are closed last.
IDLE_SHARES: Final = (0.8, 0.7)
BUSY_SHARES: Final = (0.95, 0.9)

NEVER_ASKED, IDLE, AT_WORK = 0, 1, 2


class Limits(Struct, frozen=True):
    """The limits of connections. Times are in seconds, the rate is in bytes per second."""

    connections: int
    per_address: int
    header_seconds: float
    keep_alive_seconds: float
    answer_idle_seconds: float
    bytes_per_second: float


class Exchange(Struct):
    """The requests of one peer: how many began, are still open, and are waiting to send."""

    begun: int = 0
    open: int = 0
    sending: int = 0
    is_multiplexed: bool = False
    is_missed: bool = False


class Connection(Struct):
    """What is known about a connection between two rounds. Instants are in seconds."""

    seen: Seen
    since: float
    idle_since: float
    begun: int
    taken_when_idle: int
    header_since: float | None
    taken: int  # how much the peer had taken when it last took enough of what waits for it,
    taken_at: float  # and when that was


class Connections:
    """The connections of one worker: closes those that are idle, slow or too many.

    The server below has no timeout for a client that sends nothing it understands, and only counts
    connections. So the application reports each request here, and the kernel each byte.
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
        self.begun = 0  # requests, of all peers

    def begin(self, peer: Peer, version: str) -> Exchange:
        """Note that a request's header is complete. At its end, the caller lowers `open` by one."""
        exchange = self._exchanges.get(peer)
        if exchange is None:
            exchange = self._exchanges[peer] = Exchange(is_multiplexed=version == "2")
        self.begun += 1
        exchange.begun += 1
        exchange.open += 1
        return exchange

    @property
    def peers(self) -> int:
        """The number of peers whose requests are counted."""
        return len(self._exchanges)

    async def watch(self) -> None:
        """Look at every connection once, and close those that are overdue or too many.

        Other work gets its turn in between.
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
            # Not TCP_DEFER_ACCEPT (tcp(7)): silent connections would instead fill the kernel's
            # short queue of half-open ones.
            is_late = now - connection.since >= self._limits.header_seconds
        else:
            is_late = self._is_idle(connection, exchange, now)
        return is_late or self._is_ignored(connection, exchange, now)

    def _is_ignored(self, connection: Connection, exchange: Exchange, now: float) -> bool:
        """Whether the peer takes almost nothing of what waits for it, in the kernel or here."""
        # Not TCP_USER_TIMEOUT (tcp(7)): it misses a client that takes a byte now and then.
        limits, seen = self._limits, connection.seen
        enough = limits.bytes_per_second * limits.answer_idle_seconds
        if not (seen.queued or exchange.sending) or seen.taken - connection.taken >= enough:
            connection.taken, connection.taken_at = seen.taken, now
        return now - connection.taken_at >= limits.answer_idle_seconds

    def _is_idle(self, connection: Connection, exchange: Exchange, now: float) -> bool:
        limits, seen = self._limits, connection.seen
        # The server may still be sending a file when the request has long ended for us.
        enough = limits.bytes_per_second * limits.keep_alive_seconds
        has_sent = seen.taken - connection.taken_when_idle >= enough
        if exchange.open or exchange.begun != connection.begun or has_sent:
            connection.begun, connection.taken_when_idle = exchange.begun, seen.taken
            connection.idle_since, connection.header_since = now, None
        # With HTTP/2 these bytes may be a window update or a ping instead of a header.
        is_asking = seen.said_more and not exchange.open and not exchange.is_multiplexed
        if not is_asking:
            connection.header_since = None
        elif connection.header_since is None:
            connection.header_since = now
        elif now - connection.header_since >= limits.header_seconds:
            return True
        return now - connection.idle_since >= limits.keep_alive_seconds

    def _surplus(self) -> list[Connection]:
        """The connections that are too many, from one address or in total."""
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
        """The lowest is closed first: never asked, then idle longest, then moving fewest bytes."""
        exchange = self._exchanges.get(connection.seen.peer)
        if exchange is None:
            return (NEVER_ASKED, connection.since)
        if not exchange.open:
            return (IDLE, connection.idle_since)
        seen = connection.seen
        return (AT_WORK, (seen.received + seen.taken) / (self._now() - connection.since + 1))

    def _forget(self) -> None:
        """Forget the peers that had no connection in two rounds.

        Two, as a connection that was accepted during a round may be seen in the next only.
        """
        there = {connection.seen.peer for connection in self._known.values()}
        for peer, exchange in list(self._exchanges.items()):
            if peer in there or exchange.open:
                exchange.is_missed = False
            elif exchange.is_missed:
                del self._exchanges[peer]
            else:
                exchange.is_missed = True
