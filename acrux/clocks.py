"""The clocks of a registry: the wall's, and one for what cannot be undone."""

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

_FACT: Final = "clock"  # under which the latest instant is kept


@dataclass(frozen=True, slots=True)
class Clocks:
    """What the time is, what is old, when something is noted to have been, and how to wait.

    With nothing to follow, `steady` is None.
    """

    wall: Clock
    aged: Clock
    noted: Clock
    pause: Pause
    steady: SteadyClock | None = None

    def background_tasks(self, facts: SqlFacts) -> tuple[BackgroundTask, ...]:
        """What lets a restart go on from the time that was."""
        if self.steady is None:
            return ()
        steady, is_first = self.steady, True

        async def keep() -> None:
            nonlocal is_first
            kept = await facts.find(_FACT) if is_first else None
            is_first = False
            if kept:
                steady.resume(datetime.fromisoformat(kept))
            else:
                await facts.keep(_FACT, steady.latest().isoformat())

        return (BackgroundTask("clock", KEPT_EVERY, keep, at_start=True),)


def by_hand(clock: Clock) -> Clocks:
    """Of a clock that is moved by hand: it is trusted, and nobody waits for it."""
    return Clocks(clock, clock, clock, _nobody_waits)


now: Clock = partial(datetime.now, UTC)


def ticks() -> float:
    """The seconds that have passed, those in which the machine slept too."""
    return time.clock_gettime(time.CLOCK_BOOTTIME)


def running(log: Log, wall: Clock = now, ticks: Callable[[], float] = ticks) -> Clocks:
    """Of a registry that runs, where `wall` may jump and `ticks` counts the seconds that pass."""
    steady = SteadyClock(wall, ticks, partial(_tell, log))
    return Clocks(wall, steady, steady.noted, _until, steady)


def clocks_of(clock: Clock | Clocks | None, log: Log) -> Clocks:
    """Those of a clock that is moved by hand, or these, or without any those of a machine."""
    if isinstance(clock, Clocks):
        return clock
    return by_hand(clock) if clock else running(log)


async def _until(instant: datetime) -> None:
    # A clock that is set back meanwhile must hold up nobody until it has caught up.
    await asyncio.sleep(min(max(0.0, (instant - now()).total_seconds()), LONGEST_PAUSE))


async def _nobody_waits(_: datetime) -> None:
    """Return at once."""


def _tell(log: Log, jump: timedelta) -> None:
    log.info(
        "clock-jump",
        seconds=int(jump.total_seconds()),
        problem="the clock is this far from the time that has passed: nothing is deleted for it "
        "unless that lasts for a day",
    )
