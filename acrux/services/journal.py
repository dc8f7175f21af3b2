"""Record who did what, without anybody waiting for it."""

from collections import deque
from dataclasses import dataclass
from datetime import timedelta
from secrets import token_hex
from typing import Final

from acrux.domain.decision import (
    REGISTRY_ITSELF,
    Decision,
    Outcome,
    Record,
    Search,
    record_id,
)
from acrux.domain.instants import BEGINNING, to_microseconds
from acrux.errors import RegistryError
from acrux.ports.clock import Clock
from acrux.ports.journal import Journal as StoredJournal

PRUNED_AT_ONCE: Final = 5000
PRUNED_EVERY: Final = timedelta(minutes=1)

# A clock that is set back by less holds up the ids until it has caught up; by more, they follow.
STEP_BACK: Final = timedelta(minutes=1) // timedelta(microseconds=1)
WRITER_BYTES: Final = 3


@dataclass(frozen=True, slots=True)
class Room:
    """How many records may wait to be written, and how many of strangers are kept at all.

    Whoever presents nothing that proves who they are costs the registry a bounded number of
    records, whatever they send: of what waits, and of what is kept.
    """

    waiting: int = 20_000
    unproven_waiting: int = 250
    unproven_kept: int = 100_000


class Journal:
    """The registry's journal. `writer` tells this process from the others, in ids.

    A record waits in memory until `keep` writes it, so that a crash loses what was recorded since.
    Where there is no room, the oldest go, and how many went is recorded. `aged` is the clock that
    says what is old, where that is not `clock`: what is forgotten does not come back.
    """

    def __init__(
        self,
        stored: StoredJournal,
        clock: Clock,
        writer: str,
        kept: timedelta,
        room: Room,
        *,
        aged: Clock | None = None,
    ) -> None:
        self._stored = stored
        self._clock = clock
        self._aged = aged or clock
        self._writer = writer
        self._kept = kept
        self._unproven_kept = room.unproven_kept
        self._proven: deque[Record] = deque(maxlen=room.waiting)
        self._unproven: deque[Record] = deque(maxlen=room.unproven_waiting)
        self._lost = 0
        self._last = 0
        self._pruned_at = BEGINNING

    def record(self, decision: Decision) -> None:
        """Note the decision; it is written soon."""
        waiting = self._proven if decision.is_proven else self._unproven
        if len(waiting) == waiting.maxlen:
            self._lost += 1
        waiting.append(self._record(decision))

    async def keep(self) -> None:
        """Write what waits, and forget what is old; to be called twice a second."""
        await self.flush()
        now = self._aged()
        if not timedelta() <= now - self._pruned_at < PRUNED_EVERY:
            more = await self._stored.prune(now - self._kept, self._unproven_kept, PRUNED_AT_ONCE)
            self._pruned_at = BEGINNING if more else now

    async def flush(self) -> None:
        """Write what waits. Where that fails it goes on waiting, and the failure is raised."""
        waiting = self._take()
        if not waiting:
            return
        try:
            await self._stored.append(waiting)
        except BaseException:  # a cancelled write may be done all the same; twice does no harm
            self._put_back(waiting)
            raise

    async def close(self) -> int:
        """Write what waits; return how many records were lost, where that cannot be."""
        try:
            await self.flush()
        except RegistryError:
            return len(self._proven) + len(self._unproven) + self._lost
        return 0

    async def search(self, wanted: Search) -> tuple[Record, ...]:
        """What is searched for and was written, the oldest first."""
        return await self._stored.search(wanted)

    def _record(self, decision: Decision) -> Record:
        at = to_microseconds(self._clock())
        if at <= self._last:
            at = self._next(at)
        self._last = at
        return Record(record_id(at, self._writer), decision)

    def _next(self, at: int) -> int:
        if self._last - at < STEP_BACK:
            return self._last + 1  # ever greater, also where the clock stands
        # It had jumped ahead. As another writer, so that no id comes again when its time does.
        self._writer = token_hex(WRITER_BYTES)
        return at

    def _take(self) -> list[Record]:
        waiting = sorted((*self._proven, *self._unproven), key=lambda record: record.id)
        self._proven.clear()
        self._unproven.clear()
        if self._lost:
            waiting.append(self._record(_lost(self._lost)))
            self._lost = 0
        return waiting

    def _put_back(self, records: list[Record]) -> None:
        for record in reversed(records):
            waiting = self._proven if record.decision.is_proven else self._unproven
            if len(waiting) == waiting.maxlen:
                self._lost += 1
            else:
                waiting.appendleft(record)


def _lost(count: int) -> Decision:
    return Decision(
        request="journal",
        outcome=Outcome.LOST,
        account=REGISTRY_ITSELF,
        message=f"{count} records were left out, the oldest of those that came at once",
        facts={"records": str(count)},
    )
