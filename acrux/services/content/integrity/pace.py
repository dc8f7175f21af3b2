"""Read no faster than so many bytes a second."""

from datetime import timedelta
from typing import Final

from acrux.ports.clock import Clock, Pause

LONGEST: Final = timedelta(seconds=1)  # carried over: a clock that is set back stops nothing
SHORTEST: Final = timedelta(milliseconds=5)  # what is shorter is waited for together


class Pace:
    """Waits until bytes may have been read at `rate` a second; 0 is as fast as possible."""

    def __init__(self, rate: int, clock: Clock, pause: Pause) -> None:
        self._rate = rate
        self._clock = clock
        self._pause = pause
        self._due = clock()

    async def spend(self, count: int) -> None:
        """Wait for as long as these bytes take."""
        if not self._rate:
            return
        now = self._clock()
        took = timedelta(seconds=count / self._rate)
        self._due = min(max(self._due, now), now + LONGEST) + took
        if self._due - now > SHORTEST:
            await self._pause(self._due)
