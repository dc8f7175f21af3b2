"""Which connections may stay, with a clock and a kernel moved by hand."""

import asyncio
from collections.abc import Iterator

import pytest

from acrux.ports.sockets import Peer, Seen
from acrux.services.connections import Connections, Limits

LIMITS = Limits(
    connections=100,
    per_address=60,
    header_seconds=15,
    keep_alive_seconds=75,
    answer_idle_seconds=60,
    bytes_per_second=500,
)
PROXY = "192.0.2.1"


class Worker:
    """A worker's connections, each as the kernel reports it."""

    def __init__(self) -> None:
        self.now = 1000.0
        self.there: dict[int, Seen] = {}
        self.connections = Connections(self, LIMITS, lambda: self.now, PROXY.__eq__)

    def all(self) -> Iterator[Seen | None]:
        """Each connection once, and a file among them."""
        for seen in list(self.there.values()):
            yield seen
            yield None

    def close(self, seen: Seen) -> None:
        """Close the connection."""
        del self.there[seen.cookie]

    def accept(self, cookie: int, address: str = "192.0.2.7") -> Peer:
        """A new connection."""
        peer = (address, str(cookie))
        self.there[cookie] = Seen(cookie, cookie, peer, 0, 0, 0, said_more=False)
        return peer

    def moves(self, cookie: int, taken: int = 0, queued: int = 0, *, said_more: bool) -> None:
        """Set what the kernel reports about the connection."""
        was = self.there[cookie]
        self.there[cookie] = Seen(
            cookie, cookie, was.peer, was.received, was.taken + taken, queued, said_more
        )

    def waits(self, seconds: int) -> None:
        """Let this many seconds pass, with a round in each."""
        for _ in range(seconds):
            self.now += 1
            asyncio.run(self.connections.watch())

    def asks(self, peer: Peer, version: str = "1.1") -> None:
        """Make a request from beginning to end."""
        self.connections.begin(peer, version).open -= 1


@pytest.fixture
def worker() -> Worker:
    """A worker without connections."""
    return Worker()


def test_a_connection_without_a_request_has_the_time_of_a_header(worker: Worker) -> None:
    """Whatever it sends."""
    worker.accept(1)
    worker.waits(15)
    assert worker.there
    worker.moves(1, said_more=True)
    worker.waits(1)

    assert not worker.there


@pytest.mark.parametrize("version", ["1.1", "2"])
def test_a_connection_after_a_request_has_the_keep_alive_time(worker: Worker, version: str) -> None:
    """Each request starts that time again."""
    peer = worker.accept(1)
    for _ in range(3):
        worker.asks(peer, version)
        worker.waits(75)
        assert worker.there
    worker.waits(1)

    assert not worker.there


def test_the_next_header_has_the_time_of_the_first(worker: Worker) -> None:
    """Counted from its first byte."""
    worker.asks(worker.accept(1))
    worker.waits(40)
    worker.moves(1, said_more=True)
    worker.waits(15)
    assert worker.there
    worker.waits(1)

    assert not worker.there


def test_a_window_update_of_http_2_is_not_a_header(worker: Worker) -> None:
    """Clients send one after each answer."""
    worker.asks(worker.accept(1), "2")
    worker.moves(1, said_more=True)
    worker.waits(70)

    assert worker.there


def test_a_request_may_take_long(worker: Worker) -> None:
    """A push of hours is not an idle connection."""
    worker.connections.begin(worker.accept(1), "1.1")
    worker.waits(1000)

    assert worker.there


def test_an_answer_that_is_not_read_is_given_up(worker: Worker) -> None:
    """Whether or not its request is over for us, as it is with files."""
    over, running = worker.accept(1), worker.accept(2)
    worker.asks(over)
    worker.connections.begin(running, "1.1")
    for cookie in (1, 2):
        worker.moves(cookie, queued=1, said_more=False)
    worker.waits(60)
    assert len(worker.there) == 2
    worker.waits(1)

    assert not worker.there


def test_an_answer_that_waits_in_our_process_is_given_up(worker: Worker) -> None:
    """A stream of HTTP/2 may be full even if its connection is not."""
    worker.connections.begin(worker.accept(1), "2").sending += 1
    worker.waits(61)

    assert not worker.there


@pytest.mark.parametrize(("taken", "stays"), [(400, False), (600, True)])
def test_an_answer_must_be_read_at_the_least_rate(worker: Worker, taken: int, stays: bool) -> None:
    """A byte now and then is not enough."""
    worker.connections.begin(worker.accept(1), "1.1")
    for _ in range(200):
        if worker.there:
            worker.moves(1, taken, 1, said_more=False)
        worker.waits(1)

    assert bool(worker.there) is stays


def test_a_file_that_is_sent_keeps_its_connection(worker: Worker) -> None:
    """The server still sends it after the request has ended for us."""
    worker.asks(worker.accept(1))
    for _ in range(200):
        worker.moves(1, 10_000, 1, said_more=False)
        worker.waits(1)

    assert worker.there


def test_one_address_has_a_ceiling(worker: Worker) -> None:
    """Connections without a request go first, then idle ones; other addresses and proxies stay."""
    busy, idle = worker.accept(1), worker.accept(2)
    worker.connections.begin(busy, "1.1")
    worker.asks(idle)
    for cookie in range(3, 63):
        worker.accept(cookie)
    worker.accept(99, "192.0.2.8")
    worker.waits(1)

    assert len(worker.there) == 61
    assert {1, 2, 99} <= set(worker.there)


def test_a_proxy_has_no_ceiling_of_its_own(worker: Worker) -> None:
    """All clients come through it."""
    for cookie in range(70):
        worker.accept(cookie, PROXY)
    worker.waits(1)

    assert len(worker.there) == 70


def test_there_is_room_for_the_next_connection(worker: Worker) -> None:
    """However many addresses hold connections: the oldest go, but none that is busy."""
    for cookie in range(30):
        worker.connections.begin(worker.accept(cookie, f"192.0.2.{cookie}"), "1.1")
    for cookie in range(30, 90):
        worker.accept(cookie, f"198.51.100.{cookie}")
    worker.waits(1)

    assert len(worker.there) == 70
    assert set(range(30)) <= set(worker.there)


def test_there_is_room_even_if_all_connections_are_busy(worker: Worker) -> None:
    """Only then do busy ones go: those that move the fewest bytes."""
    for cookie in range(96):
        worker.connections.begin(worker.accept(cookie, f"192.0.2.{cookie}"), "1.1")
        worker.moves(cookie, 1000 if cookie else 0, said_more=False)
    worker.waits(1)

    assert len(worker.there) == 90
    assert 0 not in worker.there


def test_nothing_is_kept_of_connections_that_are_gone(worker: Worker) -> None:
    """A client chooses how many connections it makes."""
    for cookie in range(50):
        worker.asks(worker.accept(cookie))
    worker.there.clear()
    worker.waits(2)

    assert worker.connections.peers == 0
