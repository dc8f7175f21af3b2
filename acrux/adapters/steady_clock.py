"""A clock for what cannot be undone: a jump of the time does little harm."""

from collections.abc import Callable
from datetime import datetime, timedelta
from typing import Final

from acrux.ports.clock import Clock

# A clock that differs by this much has jumped, which is reported.
JUMP: Final = timedelta(hours=1)

# A difference that lasts this long is believed: the machine was off, or its clock was corrected.
BELIEVED_AFTER: Final = timedelta(days=1)

# Until then, this clock catches up with one that is ahead this many times as fast as time passes.
HASTE: Final = 2


class SteadyClock:
    """What `clock` says, but never later than the time that has passed allows.

    `ticks` counts seconds, whatever the clock is set to. If the clock jumps ahead, this one runs
    HASTE times as fast as time passes, until the difference has lasted for BELIEVED_AFTER. So
    meanwhile nothing ages faster than that, and little is deleted by its age. If the clock jumps
    back, this one follows at once. A difference below JUMP is not a jump, and is made up at the
    pace of HASTE. `tell` is called once for each jump, with its size.
    """

    def __init__(
        self, clock: Clock, ticks: Callable[[], float], tell: Callable[[timedelta], None]
    ) -> None:
        self._clock = clock
        self._ticks = ticks
        self._tell = tell
        self._mark: datetime | None = None  # the latest instant that it believes
        self._marked_at = 0.0
        self._apart_since: float | None = None
        self._is_reported = False

    def resume(self, mark: datetime) -> None:
        """Continue from the latest instant that was believed before a restart."""
        self._mark, self._marked_at = mark, self._ticks()

    def latest(self) -> datetime:
        """The latest instant that it believes."""
        self()
        return self._mark or self._clock()

    def noted(self) -> datetime:
        """The instant to record for what happens now: what the clock says, unless it jumped back.

        After a jump back it is the instant by the time that has passed. Otherwise the record would
        look old as soon as the clock is right again.
        """
        now = self._clock()
        if self._mark is None or now >= self._mark:  # the usual case
            return now
        self()
        return self._mark if self._mark - now >= JUMP else now

    def __call__(self) -> datetime:
        """The instant to compute ages with."""
        now, ticks = self._clock(), self._ticks()
        mark = now if self._mark is None else self._mark
        passed = timedelta(seconds=ticks - self._marked_at) if self._mark else timedelta()
        jump = now - mark - passed
        self._notice(jump)
        if self._is_believed(jump, ticks):
            mark = now
        else:  # while the clock is behind, time passes all the same
            mark = mark + passed if now < mark else min(now, mark + HASTE * passed)
        self._mark, self._marked_at = mark, ticks
        return min(now, mark)

    def lenient(self) -> datetime:
        """The instant to compute ages with if a jump of less than JUMP does no harm.

        A command that runs for seconds knows only the instant that a server stored last, up to a
        minute ago, and has no time to catch up.
        """
        mark, now = self(), self._clock()
        return now if now - mark < JUMP else mark

    def _notice(self, jump: timedelta) -> None:
        has_jumped = abs(jump) >= JUMP
        if has_jumped and not self._is_reported:
            self._tell(jump)
        self._is_reported = has_jumped

    def _is_believed(self, jump: timedelta, ticks: float) -> bool:
        if abs(jump) < JUMP:
            self._apart_since = None
            return False
        if self._apart_since is None:
            self._apart_since = ticks
        return ticks - self._apart_since >= BELIEVED_AFTER.total_seconds()
