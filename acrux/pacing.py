"""How background work makes room for requests."""

import asyncio
import time
from collections.abc import Awaitable, Callable
from typing import Final

LEAST_SECONDS: Final = 0.02  # in which other writers get their turn

# Every commit makes the cache of reads void, so background work is done in bursts: many short rests
# would leave no time in which the cache helps.
BURST_SECONDS: Final = 0.25

# After a burst it rests for longer, the more requests arrive: as long as the burst at this many a
# second, and at most so many times as long, which is when they take all that the processor gives.
REQUESTS_PER_SECOND: Final = 500
MOST_RESTS: Final = 8


class Pacer:
    """Called after each step of background work: rests, for longer if requests arrive meanwhile.

    `requests` returns how many this process has begun to answer.
    """

    def __init__(
        self,
        requests: Callable[[], int],
        ticks: Callable[[], float] = time.monotonic,
        sleep: Callable[[float], Awaitable[None]] = asyncio.sleep,
    ) -> None:
        self._requests = requests
        self._ticks = ticks
        self._sleep = sleep
        self._began = ticks()
        self._begun = requests()
        self._since = self._began
        self._worked = 0.0

    async def __call__(self) -> None:
        """Rest."""
        now = self._ticks()
        # Before this step there may have been nothing to do for an hour.
        self._worked += min(now - self._since, BURST_SECONDS)
        if self._worked < BURST_SECONDS:
            await self._sleep(LEAST_SECONDS)
        else:
            await self._sleep(max(self._worked * self._rests(now), LEAST_SECONDS))
            self._began, self._begun, self._worked = self._ticks(), self._requests(), 0.0
        self._since = self._ticks()

    def _rests(self, now: float) -> float:
        rate = (self._requests() - self._begun) / max(now - self._began, BURST_SECONDS)
        return min(rate / REQUESTS_PER_SECOND, MOST_RESTS)
