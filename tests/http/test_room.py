"""Requests under way take no more memory than there is room for."""

import asyncio
from collections.abc import AsyncIterator

import pytest

from acrux.errors import Crowded, IncompleteBody
from acrux.http.messages import Body, Message, Pace, Part, Request, Response
from acrux.http.room import Room
from acrux.http.sending import AT_ONCE, AT_ONCE_OF_A_STREAM, LONGEST_PIECE, Sender
from acrux.services.connections import Exchange

KIBIBYTE = 1024
MANY = 96 * KIBIBYTE * KIBIBYTE
PACE = Pace(body_idle=60, body=600, bytes_per_second=1)


class Seconds:
    """A clock that a test moves by hand."""

    def __init__(self) -> None:
        self.now = 0.0

    def __call__(self) -> float:
        return self.now


OURS, THEIRS = "192.0.2.1", "198.51.100.1"


class Party:
    """A request that has a place, and waits for a client that does nothing."""

    def __init__(self, room: Room, owner: str, size: int, moved: int = 0) -> None:
        self.is_out = False
        self._task = asyncio.create_task(self._stay(room, owner, size, moved))

    async def _stay(self, room: Room, owner: str, size: int, moved: int) -> None:
        with room.place(owner) as place:
            place.moved = moved
            place.hold(size)
            try:
                await place.wait(asyncio.Event().wait())
            except Crowded:
                self.is_out = True

    async def leave(self) -> None:
        """Finish the request."""
        self._task.cancel()
        await asyncio.gather(self._task, return_exceptions=True)


async def settled() -> None:
    """Run all tasks as far as they can go."""
    for _ in range(5):
        await asyncio.sleep(0)


async def test_the_slowest_of_an_address_gives_way_and_no_request_that_is_not_slow() -> None:
    """A client that holds memory and moves no bytes must not keep out clients that do."""
    clock = Seconds()
    room = Room(100, clock)
    still = Party(room, OURS, 40, moved=1)
    busy = Party(room, OURS, 40, moved=10_000_000)
    await settled()
    clock.now += 10

    with room.place(OURS) as newcomer:
        newcomer.hold(40)
        await settled()

        assert (still.is_out, busy.is_out) == (True, False)
        with pytest.raises(Crowded), room.place(OURS) as another:
            another.hold(40)
        assert not busy.is_out
    await busy.leave()
    assert (room.held, room.places) == (0, 0)


async def test_a_request_that_has_just_begun_is_not_slow() -> None:
    """A crowd that arrives at once would throw itself out."""
    room = Room(100, Seconds())
    others = [Party(room, OURS, 50) for _ in range(2)]
    await settled()

    with pytest.raises(Crowded), room.place(OURS) as newcomer:
        newcomer.hold(50)

    assert not any(other.is_out for other in others)
    for other in others:
        await other.leave()


async def test_the_address_that_holds_most_gives_way_to_others() -> None:
    """Even if all its requests are fast, it must keep nobody else out."""
    room = Room(100, Seconds())
    theirs = [Party(room, THEIRS, 20, moved=number * 10**9) for number in range(5)]
    await settled()

    with room.place(OURS) as newcomer:
        newcomer.hold(20)
        await settled()

        assert [party.is_out for party in theirs] == [True, False, False, False, False]
    for party in theirs:
        await party.leave()


async def test_an_address_that_holds_as_much_as_the_others_takes_nothing_from_them() -> None:
    """Two equal addresses would throw each other out in turn."""
    room = Room(100, Seconds())
    theirs = Party(room, THEIRS, 50)
    await settled()

    with room.place(OURS) as ours:
        ours.hold(50)
        with pytest.raises(Crowded):
            ours.hold(51)
        await settled()

        assert not theirs.is_out
    await theirs.leave()


async def test_our_own_work_is_never_cut_off() -> None:
    """A change that is being stored would be reported as refused, and still be made."""
    clock = Seconds()
    room = Room(100, clock)
    with room.place(THEIRS) as stored:
        stored.hold(90)
        clock.now += 1000

        with pytest.raises(Crowded), room.place(OURS) as newcomer:
            newcomer.hold(50)

        await settled()
        assert stored.held == 90


async def test_a_refusal_comes_before_anything_is_done() -> None:
    """A request must have no effect if its client is told to retry."""
    room = Room(100, Seconds())

    with pytest.raises(Crowded, match="try again in 5 seconds"), room.place(OURS) as place:
        place.hold(101)

    assert (room.held, room.places) == (0, 0)


async def test_a_cancellation_for_another_reason_passes_through() -> None:
    """A registry that stops must not tell its clients that it is crowded."""
    room = Room(100, Seconds())
    party = Party(room, OURS, 50)
    await settled()
    await party.leave()

    assert not party.is_out
    assert (room.held, room.places) == (0, 0)


async def test_a_place_may_shrink() -> None:
    """Room taken while few requests were there would be missing when many come."""
    room = Room(100, Seconds())
    with room.place(OURS) as place:
        place.hold(90)
        place.hold(10)
        with room.place(THEIRS) as other:
            other.hold(90)

            assert room.held == 100


class Client:
    """An ASGI client that accepts a given number of messages; set `has_left` to disconnect it."""

    def __init__(self, takes: int = 1000) -> None:
        self.messages: list[Message] = []
        self._takes = takes
        self.is_full = asyncio.Event()
        self.has_left = asyncio.Event()

    async def send(self, message: Message) -> None:
        """Accept a message, or block the server for ever. Once disconnected, never wait."""
        if len(self.messages) == self._takes:
            self.is_full.set()
            await asyncio.Event().wait()
        self.messages.append(message)
        if not self.has_left.is_set():
            await asyncio.sleep(0)

    async def receive(self) -> Message:
        """Wait until the client disconnects."""
        await self.has_left.wait()
        return {"type": "http.disconnect"}

    @property
    def pieces(self) -> list[int]:
        """The lengths of the body's pieces, in bytes, without the empty last one."""
        bodies = [len(message["body"]) for message in self.messages if "body" in message]
        return bodies if bodies[-1:] != [0] else bodies[:-1]

    def request(self, version: str = "1.1") -> Request:
        """Its request."""
        scope = {"method": "GET", "path": "/", "headers": [], "http_version": version}
        request = Request(scope, self.receive, "id", PACE)
        request.peer = OURS
        request.exchange = Exchange()
        return request


class Zeros:
    """A blob of zeros."""

    def __init__(self, size: int) -> None:
        self.size = size
        self.is_closed = False

    def read_at_once(self, start: int, stop: int) -> bytes:
        """All that was requested, without waiting."""
        return bytes(stop - start)

    async def read(self, start: int, stop: int) -> AsyncIterator[bytes]:
        """All that was requested."""
        yield bytes(stop - start)

    def close(self) -> None:
        """Note the call."""
        self.is_closed = True


async def test_a_large_answer_is_sent_in_pieces_and_whole() -> None:
    """No byte may be missing."""
    client = Client()
    sender = Sender(Room(MANY, Seconds()))
    part = Part(Zeros(10 * LONGEST_PIECE), 5, 9 * LONGEST_PIECE)
    await part.begin(sender.piece_bytes())

    await sender.send(Response(200, body=part), client.request(), client.send)

    assert sum(client.pieces) == part.size
    assert max(client.pieces) == LONGEST_PIECE


async def test_the_more_answers_are_sent_the_shorter_are_their_pieces() -> None:
    """500 clients that read nothing held two megabytes each."""
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


async def test_every_client_of_a_crowd_that_reads_its_answer_gets_all_of_it() -> None:
    """Hundreds of nodes that pull one image were cut off although there was room for all."""
    sender = Sender(Room(24 * KIBIBYTE * KIBIBYTE, Seconds()))
    content = Zeros(4 * LONGEST_PIECE)
    clients = [Client() for _ in range(150)]
    sending = []
    for client in clients:
        answer = Response(200, body=Part(content, 0, content.size))
        sending.append(asyncio.create_task(sender.send(answer, client.request(), client.send)))
        await asyncio.sleep(0)
    await asyncio.gather(*sending)

    assert all(sum(client.pieces) == content.size for client in clients)


async def test_an_answer_stops_when_its_client_leaves() -> None:
    """Sending to someone who has left never waits, so nobody else would get a turn."""
    client, content = Client(), Zeros(10_000 * LONGEST_PIECE)
    part = Part(content, 0, content.size)
    sender = Sender(Room(MANY, Seconds()))
    sending = asyncio.create_task(
        sender.send(Response(200, body=part), client.request(), client.send)
    )
    await asyncio.sleep(0)
    client.has_left.set()
    await sending

    assert part.cut == "the client went away"
    assert len(client.pieces) < 20
    assert content.is_closed


async def test_an_answer_that_gives_way_is_cut_short_and_closed() -> None:
    """Its client must not take it for the whole, and its file must not stay open."""
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
async def test_a_text_that_its_client_may_not_read_is_sent_in_pieces(
    version: str, at_once: int
) -> None:
    """The server would hold a manifest of four megabytes for a client that reads none of it."""
    short, long = Client(), Client()
    sender = Sender(Room(MANY, Seconds()))

    await sender.send(Response(200, body=bytes(at_once)), short.request(version), short.send)
    await sender.send(Response(200, body=bytes(at_once + 1)), long.request(version), long.send)

    assert short.pieces == [at_once]
    assert sum(long.pieces) == at_once + 1
    assert len(long.pieces) > 3


async def test_a_body_that_gives_way_is_refused_while_it_arrives() -> None:
    """And not only when its client sends more."""
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
        with room.place(OURS) as body.place:
            await body.read(MANY)

    reading = asyncio.create_task(read())
    await settled()
    clock.now += 100
    with room.place(OURS) as other:
        other.hold(8 * KIBIBYTE)

        with pytest.raises(Crowded):
            await reading


async def test_a_body_counts_the_bytes_held_of_it() -> None:
    """This count decides which request gives way."""
    room = Room(MANY, Seconds())
    messages = [
        {"type": "http.request", "body": b"end", "more_body": False},
        {"type": "http.request", "body": bytes(1000), "more_body": True},
    ]

    async def receive() -> Message:
        return messages.pop()

    body = Body(receive, PACE, None)
    with room.place(OURS) as place:
        body.place = place
        await body.read(MANY)

        assert (place.moved, place.held) == (1003, 1003)


async def test_a_body_without_a_place_is_read_all_the_same() -> None:
    """A body that is read only to be discarded takes no memory."""

    async def receive() -> Message:
        return {"type": "http.disconnect"}

    with pytest.raises(IncompleteBody):
        await Body(receive, PACE, None).read(MANY)
