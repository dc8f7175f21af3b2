"""The registry's clocks: wall time, and one for what cannot be undone."""

import asyncio
import time
from collections.abc import Callable
from dataclasses import dataclass
from datetime import UTC, datetime, timedelta
from functools import partial
from typing import Final

from acrux.adapters.sql.facts import SqlFacts
from acrux.adapters.steady_clock import SteadyClock
from acrux.background import BackgroundTask
from acrux.http.request_log import Log
from acrux.ports.clock import Clock, Pause

LONGEST_PAUSE: Final = 1.0
KEPT_EVERY: Final = 60.0

CLOCK_FACT: Final = "clock"  # the name under which the latest instant is stored


@dataclass(frozen=True, slots=True)
class Clocks:
    """The clock for the current time, for ages and for recorded instants, and how to wait.

    `lenient` is for ages for which an hour does not matter. `steady` is None if the clock is moved
    by hand.
    """

    wall: Clock
    aged: Clock
    lenient: Clock
    noted: Clock
    pause: Pause
    steady: SteadyClock | None = None

    def background_tasks(self, facts: SqlFacts) -> tuple[BackgroundTask, ...]:
        """The task that stores the time, so that a restart continues from it."""
        if self.steady is None:
            return ()
        steady, is_first = self.steady, True

        async def keep() -> None:
            nonlocal is_first
            kept = await facts.find(CLOCK_FACT) if is_first else None
            is_first = False
            if kept:
                steady.resume(datetime.fromisoformat(kept))
            else:
                await facts.keep(CLOCK_FACT, steady.latest().isoformat())

        return (BackgroundTask("clock", KEPT_EVERY, keep, at_start=True),)


def by_hand(clock: Clock) -> Clocks:
    """The clocks for a `clock` that is moved by hand: it is trusted, and nobody waits for it."""
    return Clocks(clock, clock, clock, clock, _nobody_waits)


now: Clock = partial(datetime.now, UTC)


def ticks() -> float:
    """The seconds since boot, including those in which the machine was suspended."""
    return time.clock_gettime(time.CLOCK_BOOTTIME)


def running(log: Log, wall: Clock = now, ticks: Callable[[], float] = ticks) -> Clocks:
    """The clocks of a running registry: `wall` may jump, `ticks` counts the elapsed seconds."""
    steady = SteadyClock(wall, ticks, partial(_tell, log))
    return Clocks(wall, steady, steady.lenient, steady.noted, _until, steady)


def clocks_of(clock: Clock | Clocks | None, log: Log) -> Clocks:
    """The given clocks, those for a clock that is moved by hand, or by default the machine's."""
    if isinstance(clock, Clocks):
        return clock
    return by_hand(clock) if clock else running(log)


async def _until(instant: datetime) -> None:
    # If the clock is set back meanwhile, nobody must wait until it has caught up.
    await asyncio.sleep(min(max(0.0, (instant - now()).total_seconds()), LONGEST_PAUSE))


async def _nobody_waits(_: datetime) -> None:
    """Return at once."""


def _tell(log: Log, jump: timedelta) -> None:
    log.warning(
        "clock-jump",
        seconds=int(jump.total_seconds()),
        problem="the clock differs by this much from the elapsed time: nothing is deleted because "
        "of it unless the difference lasts for a day",
    )
