"""Memory for what is under way, bounded in bytes: the slowest gives way."""

import asyncio
import math
from collections.abc import Awaitable, Callable
from typing import Any, Final, Self, TypeVar

from acrux.errors import Crowded

RETRY_AFTER: Final = 5  # seconds

# Whoever is slower than this, once it has had time to begin, gives way to others of its address.
SLOW: Final = 16 * 1024  # bytes a second
GRACE: Final = 2.0  # seconds

Value = TypeVar("Value")


class Place:
    """What one body or one answer takes. `moved` is how many of its bytes came, or went, so far.

    `owner` is its client's address.
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
        """Take `size` bytes in all, at the cost of another where there is no room for more.

        Raises Crowded where nobody has to give way.
        """
        self._room.hold(self, size)

    async def wait(self, for_client: Awaitable[Value]) -> Value:
        """Await what only the client can bring about; only meanwhile the place can be lost.

        Raises Crowded where it is.
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
        """Whether it can be lost: nothing of ours is under way."""
        return self._waiting is not None and not self._is_lost

    def lose(self) -> None:
        """Let whoever waits for the client hear of it."""
        self._is_lost = True
        if self._waiting is not None:
            self._waiting.cancel()

    def speed(self, now: float) -> float:
        """In bytes a second."""
        return self.moved / (now - self._began + 1)

    def is_slow(self, now: float) -> bool:
        """Whether it had time to begin, and moves next to nothing."""
        return now - self._began >= GRACE and self.speed(now) < SLOW


class Room:
    """At most `most_bytes` for all that takes part at once.

    Where there is no room for more, the address that has most gives way: the slowest of what waits
    for its clients. Within one address nobody gives way who is not slow. `now` is a clock in
    seconds.
    """

    def __init__(self, most_bytes: int, now: Callable[[], float]) -> None:
        self.most_bytes = most_bytes
        self._now = now
        self._places: set[Place] = set()
        self._of: dict[str, int] = {}  # bytes of each owner
        self._held = 0

    @property
    def places(self) -> int:
        """How many take part."""
        return len(self._places)

    @property
    def held(self) -> int:
        """How many bytes they take together."""
        return self._held

    def has_room(self, size: int) -> bool:
        """Whether there are `size` bytes for which nobody has to give way."""
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
        if place not in self._places:  # it was lost, and is about to hear of it
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
        f"too much is under way at once: try again in {RETRY_AFTER} seconds",
        retry_after=RETRY_AFTER,
    )
