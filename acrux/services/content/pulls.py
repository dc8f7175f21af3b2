"""Note the last pull of each tag and manifest, and write it later."""

from contextlib import suppress
from datetime import datetime, timedelta
from typing import Final

from acrux.domain.content.digest import Digest
from acrux.domain.content.names import Reference, RepositoryName
from acrux.errors import RegistryError
from acrux.ports.clock import Clock
from acrux.ports.content.pulls import Pull
from acrux.ports.content.pulls import Pulls as StoredPulls

# A worker answers fewer requests for different manifests between two calls of `keep`, so pulls are
# lost only while none can be written. Each takes at most a kilobyte.
MAX_NOTED: Final = 8192
AT_ONCE: Final = 500  # notes, each of a tag and a manifest, that one transaction writes

WRITTEN_EVERY: Final = timedelta(seconds=30)

_Pulled = tuple[RepositoryName, Reference, Digest]


class Pulls:
    """The last pulls that this process has noted and not written yet.

    A note waits in memory for WRITTEN_EVERY, or until half of the room is taken. A crash loses what
    waits. `clock` is for instants that are recorded.
    """

    def __init__(self, stored: StoredPulls, clock: Clock, most: int = MAX_NOTED) -> None:
        self._stored = stored
        self._clock = clock
        self._most = most
        self._minute = _minute(clock())
        self._written_at = clock()
        self._noted: dict[_Pulled, datetime] = {}
        self._lost = 0
        self._has_begun = False

    def note(self, repository: RepositoryName, reference: Reference, digest: Digest) -> None:
        """Note that the manifest was pulled now, by this tag or by its own digest.

        Never waits. If there is no room, the pull is lost, and counted.
        """
        # This runs for every pull: in the same minute, again, it is one look into the dictionary.
        pulled = (repository, reference, digest)
        if self._noted.get(pulled) is not self._minute:
            self._add(pulled)

    def _add(self, pulled: _Pulled) -> None:
        if pulled in self._noted or len(self._noted) < self._most:
            self._noted[pulled] = self._minute
        else:
            self._lost += 1

    async def keep(self) -> int:
        """Follow the clock, and write what waits if it is time; call it every second.

        Returns how many pulls were lost since it was last written, for lack of room. Raises as
        `write_down` does.
        """
        now = self._follow_clock()
        is_early = timedelta() <= now - self._written_at < WRITTEN_EVERY
        if is_early and 2 * len(self._noted) < self._most:
            return 0
        self._written_at = now
        if not self._has_begun:
            await self._stored.begin(self._minute)
            self._has_begun = True
        await self.write_down()
        lost, self._lost = self._lost, 0
        return lost

    async def write_down(self) -> None:
        """Write what waits, in transactions of bounded size; without notes, nothing is written.

        Raises StorageExhausted, StorageReadOnly, TooManyRequests. What is not written then waits
        for the next attempt.
        """
        waiting = list(self._noted.items())
        for start in range(0, len(waiting), AT_ONCE):
            some = waiting[start : start + AT_ONCE]
            await self._stored.record(_pulls(some))
            for pulled, at in some:
                if self._noted.get(pulled) is at:  # not pulled again in another minute
                    del self._noted[pulled]
            self._follow_clock()  # writing may have taken a while

    async def close(self) -> int:
        """Write what waits; return how many pulls are lost, also because that failed."""
        with suppress(RegistryError):
            await self.write_down()
        return len(self._noted) + self._lost

    def _follow_clock(self) -> datetime:
        now = self._clock()
        minute = _minute(now)
        if minute != self._minute:
            self._minute = minute
        return now

    async def since(self) -> datetime:
        """Since when pulls are recorded. What was never pulled since then may have been before."""
        return await self._stored.since() or self._clock()


def _minute(at: datetime) -> datetime:
    return at.replace(second=0, microsecond=0)


def _pulls(noted: list[tuple[_Pulled, datetime]]) -> list[Pull]:
    """What was pulled, each once: a pull by tag is one of its manifest too."""
    last: dict[tuple[RepositoryName, Reference], datetime] = {}
    for (repository, reference, digest), at in noted:
        for pulled in ((repository, reference), (repository, digest)):
            last[pulled] = max(at, last.get(pulled, at))
    return [Pull(*pulled, at) for pulled, at in last.items()]
