"""A memory limit for bodies and answers under way: the slowest gives way."""

import asyncio
import math
from collections.abc import Awaitable, Callable
from typing import Any, Final, Self, TypeVar

from acrux.errors import Crowded

RETRY_AFTER: Final = 5  # seconds

# A transfer slower than this, once it has had time to start, gives way to others of its address.
SLOW: Final = 16 * 1024  # bytes a second
GRACE: Final = 2.0  # seconds

Value = TypeVar("Value")


class Place:
    """The memory of one body or answer. `moved` counts the bytes received or sent so far.

    `owner` is the address of its client.
    """

    def __init__(self, room: "Room", owner: str, began: float) -> None:
        self._room = room
        self._waiting: asyncio.Task[Any] | None = None
        self._is_lost = False
        self._began = began
        self.owner = owner
        self.moved = 0
        self.held = 0  # bytes

    def __enter__(self) -> Self:
        self._room.enter(self)
        return self

    def __exit__(self, *_: object) -> None:
        self._room.leave(self)

    def hold(self, size: int) -> None:
        """Hold `size` bytes in total, at the expense of another place if memory is short.

        Raises Crowded if no other place has to give way.
        """
        self._room.hold(self, size)

    async def wait(self, for_client: Awaitable[Value]) -> Value:
        """Await something that depends on the client. The place can be lost only meanwhile.

        Raises Crowded if it is lost.
        """
        self._waiting = asyncio.current_task()
        try:
            return await for_client
        except asyncio.CancelledError:
            if self._is_lost and self._waiting is not None:
                self._waiting.uncancel()
                raise _crowded() from None
            raise
        finally:
            self._waiting = None

    @property
    def waits_for_client(self) -> bool:
        """Whether it is waiting for its client, and so can be lost."""
        return self._waiting is not None and not self._is_lost

    def lose(self) -> None:
        """Mark the place as lost, and interrupt `wait`."""
        self._is_lost = True
        if self._waiting is not None:
            self._waiting.cancel()

    def speed(self, now: float) -> float:
        """The average speed in bytes per second."""
        return self.moved / (now - self._began + 1)

    def is_slow(self, now: float) -> bool:
        """Whether it has had time to start, and still moves next to nothing."""
        return now - self._began >= GRACE and self.speed(now) < SLOW


class Room:
    """At most `most_bytes` of memory for all places together.

    If memory is short, the address that holds most gives way, with the slowest of its places that
    wait for their clients. Within one address only slow places give way to each other. `now` is a
    clock in seconds.
    """

    def __init__(self, most_bytes: int, now: Callable[[], float]) -> None:
        self.most_bytes = most_bytes
        self._now = now
        self._places: set[Place] = set()
        self._of: dict[str, int] = {}  # bytes of each owner
        self._held = 0

    @property
    def places(self) -> int:
        """The number of places."""
        return len(self._places)

    @property
    def held(self) -> int:
        """The number of bytes that they hold together."""
        return self._held

    def has_room(self, size: int) -> bool:
        """Whether `size` more bytes fit without anyone giving way."""
        return self._held + size <= self.most_bytes

    def place(self, owner: str) -> Place:
        """A place for what happens within it, as a context."""
        return Place(self, owner, self._now())

    def enter(self, place: Place) -> None:
        """See Place: it takes part from now on."""
        self._places.add(place)

    def leave(self, place: Place) -> None:
        """See Place: what it held is free."""
        if place in self._places:
            self._count(place, 0)
            self._places.discard(place)

    def hold(self, place: Place, size: int) -> None:
        """See Place.hold."""
        if place not in self._places:  # it was lost, and is about to be interrupted
            return
        while not self.has_room(size - place.held):
            other = self._who_gives_way(place, size)
            if other is None:
                raise _crowded()
            self.leave(other)
            other.lose()
        self._count(place, size)

    def _who_gives_way(self, growing: Place, size: int) -> Place | None:
        now = self._now()
        most = max(self._of, key=lambda owner: self._of[owner], default=growing.owner)
        ours = self._of.get(growing.owner, 0) - growing.held + size
        is_ours = most == growing.owner or self._of[most] <= ours
        slowest, speed = None, math.inf
        for place in self._places:
            if place is growing or place.owner != (growing.owner if is_ours else most):
                continue
            if place.waits_for_client and place.speed(now) < speed:
                slowest, speed = place, place.speed(now)
        return None if slowest is None or (is_ours and not slowest.is_slow(now)) else slowest

    def _count(self, place: Place, size: int) -> None:
        self._held += size - place.held
        left = self._of.get(place.owner, 0) + size - place.held
        place.held = size
        if left:
            self._of[place.owner] = left
        else:
            self._of.pop(place.owner, None)


def _crowded() -> Crowded:
    return Crowded(
        f"too many transfers are under way: try again in {RETRY_AFTER} seconds",
        retry_after=RETRY_AFTER,
    )
