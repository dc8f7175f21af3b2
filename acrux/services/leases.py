"""Hold a lease for as long as a piece of work takes."""

from datetime import timedelta
from typing import Final

from acrux.domain.instants import BEGINNING
from acrux.ports.clock import Clock
from acrux.ports.leases import Leases

RENEWED_AFTER: Final = timedelta(seconds=1)  # not in each step: a renewal is a commit of its own


class HeldLease:
    """The lease of one name, for one holder: taken, extended while the work goes on, and released.

    `lasts` is how long others are kept out if it is neither extended nor released. The methods
    raise as those of ports.Leases do.
    """

    def __init__(
        self, leases: Leases, name: str, holder: str, clock: Clock, lasts: timedelta
    ) -> None:
        self._leases = leases
        self._name = name
        self._holder = holder
        self._clock = clock
        self._lasts = lasts
        self._until = BEGINNING
        self._is_claimed = False

    @property
    def is_held(self) -> bool:
        """Whether it was taken, and has not expired since it was extended last."""
        return self._clock() < self._until

    def claim(self) -> bool:
        """Keep others in this process out until `release`, for the lease is the process's.

        False if there is one already.
        """
        is_free, self._is_claimed = not self._is_claimed, True
        return is_free

    async def acquire(self) -> bool:
        """Take it, or extend it; False if another holder has it."""
        now = self._clock()
        until = now + self._lasts
        is_held = await self._leases.acquire(self._name, self._holder, until, now)
        if is_held:
            self._until = until
        return is_held

    async def keep(self) -> bool:
        """Extend it, unless that was done just now; False if another holder took it meanwhile."""
        was_just_extended = self._until - self._clock() > self._lasts - RENEWED_AFTER
        return was_just_extended or await self.acquire()

    async def release(self) -> None:
        """Let others have it; nothing is written if it was never taken."""
        was_taken, self._until, self._is_claimed = self._until > BEGINNING, BEGINNING, False
        if was_taken:
            await self._leases.release(self._name, self._holder)
