"""Memory for what is under way, bounded in bytes: the slowest gives way."""

import asyncio
import math
from collections.abc import AsyncIterator, Callable
from contextlib import asynccontextmanager
from typing import Final

from acrux.errors import TooManyRequests

RETRY_AFTER: Final = 5  # seconds


class Place:
    """What one body or one answer takes. `moved` is how many of its bytes came, or went, so far."""

    def __init__(self, room: "Room", began: float) -> None:
        self._room = room
        self._is_settled = False
        self.began = began
        self.time = asyncio.timeout(None)
        self.moved = 0
        self.held = 0  # bytes
        self.is_lost = False

    def hold(self, size: int) -> None:
        """Take `size` bytes more, at the cost of the slowest of all where there is no room.

        That may be this one itself.
        """
        self._room.hold(self, size)

    def settle(self) -> None:
        """All has moved: what is left to do is ours, and no reason to lose the place."""
        self._is_settled = True

    def speed(self, now: float) -> float:
        """In bytes a second."""
        return math.inf if self._is_settled else self.moved / (now - self.began + 1)


class Room:
    """At most `most_bytes` for all that takes part at once.

    Where there is no room for one more, the slowest gives up its place: whoever holds memory and
    moves nothing keeps nobody else out. `now` is a clock in seconds.
    """

    def __init__(self, most_bytes: int, now: Callable[[], float]) -> None:
        self._most_bytes = most_bytes
        self._now = now
        self._places: set[Place] = set()
        self._held = 0

    @property
    def places(self) -> int:
        """How many take part."""
        return len(self._places)

    @property
    def held(self) -> int:
        """How many bytes they take together."""
        return self._held

    @asynccontextmanager
    async def place(self) -> AsyncIterator[Place]:
        """A place for what happens inside; raises TooManyRequests there where it is lost."""
        place = Place(self, self._now())
        self._places.add(place)
        try:
            async with place.time:
                yield place
        except TimeoutError:
            if not place.is_lost:
                raise
            raise TooManyRequests(
                "too much is under way at once, and this was the slowest: try again in "
                f"{RETRY_AFTER} seconds",
                retry_after=RETRY_AFTER,
            ) from None
        finally:
            self._give_back(place)

    def hold(self, place: Place, size: int) -> None:
        """See Place.hold."""
        if place.is_lost:
            return
        place.held += size
        self._held += size
        while self._held > self._most_bytes and self._places:
            self._take_away(min(self._places, key=lambda each: each.speed(self._now())))

    def _take_away(self, place: Place) -> None:
        place.is_lost = True
        self._give_back(place)
        place.time.reschedule(asyncio.get_running_loop().time())

    def _give_back(self, place: Place) -> None:
        self._places.discard(place)
        self._held -= place.held
        place.held = 0
