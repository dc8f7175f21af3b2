"""A body that comes too late, and everything else that may end it in the same moment."""

import asyncio

import pytest

from acrux.errors import Crowded, IncompleteBody
from acrux.http.messages import Body, Message, Pace
from acrux.http.room import Room

AT_ONCE = Pace(body_idle=0, body=0, bytes_per_second=1)
PATIENT = Pace(body_idle=60, body=60, bytes_per_second=1)


async def silence() -> Message:
    """Nothing comes."""
    await asyncio.Event().wait()
    raise AssertionError


def cancellations() -> int:
    """How often the running task is to be cancelled."""
    task = asyncio.current_task()
    assert task is not None
    return task.cancelling()


async def read(body: Body) -> bytes:
    """Read it, and see that no cancellation stays behind, which would end what comes next."""
    try:
        return await body.read(1)
    finally:
        assert cancellations() == 0


async def test_a_body_that_does_not_come_in_time_is_incomplete() -> None:
    """Its client holds a connection and sends nothing."""
    with pytest.raises(IncompleteBody, match="no byte of the body"):
        await read(Body(silence, AT_ONCE, None))


async def test_a_body_that_is_late_leaves_a_task_that_can_be_cancelled() -> None:
    """The server stops in the same moment: that is no fault of the client's."""
    reading = asyncio.create_task(Body(silence, AT_ONCE, None).read(1))
    await asyncio.sleep(0)  # it waits, and its time is over in the next turn

    reading.cancel()

    with pytest.raises(asyncio.CancelledError):
        await reading


async def test_a_body_whose_reader_is_cancelled_is_not_late() -> None:
    """The server stops long before its time is over."""
    reading = asyncio.create_task(Body(silence, PATIENT, None).read(1))
    await asyncio.sleep(0)

    reading.cancel()

    with pytest.raises(asyncio.CancelledError):
        await reading


async def test_a_body_may_be_late_and_lose_its_place_in_one_moment() -> None:
    """The event loop was busy, and does both in one turn."""
    room, body = Room(100, lambda: 0.0), Body(silence, AT_ONCE, None)

    async def read_in_the_room() -> bytes:
        with room.place("192.0.2.1") as body.place:
            return await read(body)

    reading = asyncio.create_task(read_in_the_room())
    await asyncio.sleep(0)
    assert body.place is not None
    body.place.lose()

    with pytest.raises(Crowded):
        await reading


async def test_a_body_that_lost_its_place_can_be_drained() -> None:
    """It was refused, and its client sends nothing more: that is an end like any other."""
    room, body = Room(100, lambda: 0.0), Body(silence, AT_ONCE, None)
    with room.place("192.0.2.1") as body.place:
        body.place.lose()

    await body.drain()

    assert cancellations() == 0
