"""What is under way takes no more memory than there is room for."""

import asyncio
from collections.abc import AsyncIterator

import pytest

from acrux.errors import IncompleteBody, TooManyRequests
from acrux.http.messages import Body, Message, Pace, Part, Request, Response
from acrux.http.room import Room
from acrux.http.sending import AT_ONCE, AT_ONCE_OF_A_STREAM, LONGEST_PIECE, Sender
from acrux.services.connections import Exchange

KIBIBYTE = 1024
MANY = 96 * KIBIBYTE * KIBIBYTE
PACE = Pace(body_idle=60, body=600, bytes_per_second=1)


class Seconds:
    """A clock that goes on when it is told to."""

    def __init__(self) -> None:
        self.now = 0.0

    def __call__(self) -> float:
        return self.now


async def hold_on(room: Room, size: int, moved: int = 0) -> None:
    """Take a place and so many bytes of it, and keep them."""
    async with room.place() as place:
        place.moved = moved
        place.hold(size)
        await asyncio.Event().wait()


async def test_whoever_moves_least_gives_way() -> None:
    """An attacker that holds memory and moves nothing must keep nobody out."""
    clock = Seconds()
    room = Room(100, clock)
    still = asyncio.create_task(hold_on(room, 60))
    await asyncio.sleep(0)
    clock.now += 10

    async with room.place() as busy:
        busy.moved = 1000
        busy.hold(60)
        with pytest.raises(TooManyRequests, match="slowest"):
            await still

        assert room.held == 60
    assert (room.held, room.places) == (0, 0)


async def test_whoever_asks_for_more_than_all_there_is_gives_way_itself() -> None:
    """Nobody may take everything."""
    room = Room(100, Seconds())

    with pytest.raises(TooManyRequests):
        await hold_on(room, 101)

    assert (room.held, room.places) == (0, 0)


async def test_what_has_come_whole_keeps_its_place() -> None:
    """A body that is being stored must not be refused for a newcomer."""
    room = Room(100, Seconds())

    async with room.place() as settled:
        settled.hold(60)
        settled.settle()
        with pytest.raises(TooManyRequests):
            await hold_on(room, 60, moved=1000)

        assert not settled.is_lost


async def test_a_time_that_is_over_for_another_reason_is_no_lack_of_room() -> None:
    """A refusal must say what was the matter."""
    room = Room(100, Seconds())

    with pytest.raises(TimeoutError):
        async with room.place():
            raise TimeoutError


class Client:
    """A client in ASGI, which takes as many messages as it is told to."""

    def __init__(self, takes: int = 1000) -> None:
        self.messages: list[Message] = []
        self._takes = takes
        self.is_full = asyncio.Event()

    async def send(self, message: Message) -> None:
        """Take one, or let the server wait for ever."""
        if len(self.messages) == self._takes:
            self.is_full.set()
            await asyncio.Event().wait()
        self.messages.append(message)

    async def receive(self) -> Message:
        """It stays."""
        await asyncio.Event().wait()
        raise AssertionError

    @property
    def pieces(self) -> list[int]:
        """How long the pieces of the body were, without the empty one at the end."""
        bodies = [len(message["body"]) for message in self.messages if "body" in message]
        return bodies if bodies[-1:] != [0] else bodies[:-1]

    def request(self, version: str = "1.1") -> Request:
        """What it asks."""
        scope = {"method": "GET", "path": "/", "headers": [], "http_version": version}
        request = Request(scope, self.receive, "id", PACE)
        request.exchange = Exchange()
        return request


class Zeros:
    """A blob of zeros."""

    def __init__(self, size: int) -> None:
        self.size = size
        self.is_closed = False

    def read_at_once(self, start: int, stop: int) -> bytes:
        """Never waits."""
        return bytes(stop - start)

    async def read(self, start: int, stop: int) -> AsyncIterator[bytes]:
        """At once."""
        yield bytes(stop - start)

    def close(self) -> None:
        """Noted."""
        self.is_closed = True


async def test_a_large_answer_is_sent_in_pieces_and_whole() -> None:
    """Nothing of it may be missing."""
    client = Client()
    sender = Sender(Room(MANY, Seconds()))
    part = Part(Zeros(10 * LONGEST_PIECE), 5, 9 * LONGEST_PIECE)
    await part.begin(sender.piece_bytes())

    await sender.send(Response(200, body=part), client.request(), client.send)

    assert sum(client.pieces) == part.size
    assert max(client.pieces) == LONGEST_PIECE


async def test_the_more_answers_are_sent_the_shorter_are_their_pieces() -> None:
    """500 readers that take nothing held two megabytes each."""
    room = Room(MANY, Seconds())
    sender = Sender(room)
    content = Zeros(100 * LONGEST_PIECE)
    clients = [Client(takes=3) for _ in range(300)]
    sending = [
        asyncio.create_task(
            sender.send(
                Response(200, body=Part(content, 0, content.size)), each.request(), each.send
            )
        )
        for each in clients
    ]
    for client in clients:
        await client.is_full.wait()

    assert clients[-1].pieces[-1] <= 4 * KIBIBYTE
    assert room.held <= MANY
    for one in sending:
        one.cancel()
    await asyncio.gather(*sending, return_exceptions=True)
    assert (room.held, room.places) == (0, 0)


async def test_an_answer_that_gives_way_is_cut_short_and_closed() -> None:
    """Its client must not take it for the whole, nor may its file stay open."""
    client, content = Client(takes=2), Zeros(100 * LONGEST_PIECE)
    sender = Sender(Room(KIBIBYTE, Seconds()))

    await sender.send(
        Response(200, body=Part(content, 0, content.size)), client.request(), client.send
    )

    assert sum(client.pieces) < content.size
    assert client.messages[-1].get("more_body", True)
    assert content.is_closed


@pytest.mark.parametrize(
    ("version", "at_once"), [("1.1", AT_ONCE), ("1.0", AT_ONCE), ("2", AT_ONCE_OF_A_STREAM)]
)
async def test_a_text_that_its_client_may_leave_lying_is_sent_in_pieces(
    version: str, at_once: int
) -> None:
    """Who takes nothing of a manifest of four megabytes makes the server keep it."""
    short, long = Client(), Client()
    sender = Sender(Room(MANY, Seconds()))

    await sender.send(Response(200, body=bytes(at_once)), short.request(version), short.send)
    await sender.send(Response(200, body=bytes(at_once + 1)), long.request(version), long.send)

    assert short.pieces == [at_once]
    assert sum(long.pieces) == at_once + 1
    assert len(long.pieces) > 3


async def test_a_body_that_gives_way_is_refused_while_it_comes() -> None:
    """Not only once its client goes on."""
    clock = Seconds()
    room = Room(10 * KIBIBYTE, clock)
    chunks = [bytes(8 * KIBIBYTE)]

    async def receive() -> Message:
        if chunks:
            return {"type": "http.request", "body": chunks.pop(), "more_body": True}
        await asyncio.Event().wait()
        raise AssertionError

    async def read() -> None:
        body = Body(receive, PACE, None)
        async with room.place() as body.place:
            await body.read(MANY)

    reading = asyncio.create_task(read())
    await asyncio.sleep(0)
    await asyncio.sleep(0)
    clock.now += 100
    async with room.place() as other:
        other.moved = 10_000
        other.hold(8 * KIBIBYTE)

        with pytest.raises(TooManyRequests):
            await reading


async def test_a_body_counts_what_is_kept_of_it_and_then_keeps_its_place() -> None:
    """What is told of it decides who gives way."""
    room = Room(MANY, Seconds())
    messages = [
        {"type": "http.request", "body": b"end", "more_body": False},
        {"type": "http.request", "body": bytes(1000), "more_body": True},
    ]

    async def receive() -> Message:
        return messages.pop()

    body = Body(receive, PACE, None)
    async with room.place() as place:
        body.place = place
        await body.read(MANY)

        assert (place.moved, place.held) == (1003, 1003)
        assert place.speed(1000.0) == float("inf")


async def test_a_body_without_a_place_is_read_all_the_same() -> None:
    """One that is read only to be forgotten takes no memory."""

    async def receive() -> Message:
        return {"type": "http.disconnect"}

    with pytest.raises(IncompleteBody):
        await Body(receive, PACE, None).read(MANY)
