"""Record who did what, without making anybody wait."""

from dataclasses import dataclass
from datetime import datetime, timedelta
from secrets import token_hex
from typing import Final

from acrux.domain.audit.decision import (
    REGISTRY_ITSELF,
    Decision,
    Outcome,
    Record,
    Search,
    record_id,
)
from acrux.domain.audit.waiting import Waiting
from acrux.domain.instants import BEGINNING, to_microseconds
from acrux.errors import RegistryError
from acrux.ports.audit_log import AuditLog as StoredAuditLog
from acrux.ports.clock import Clock

PRUNED_AT_ONCE: Final = 5000
REPORTED_TOGETHER: Final = 100  # accounts whose records were removed early
PRUNED_EVERY: Final = timedelta(minutes=1)

# If the clock is set back by less, ids only count up until it has caught up; by more, they follow.
STEP_BACK: Final = timedelta(minutes=1) // timedelta(microseconds=1)
WRITER_BYTES: Final = 3


@dataclass(frozen=True, slots=True)
class Room:
    """How much may wait to be written, and how much is stored in total.

    Callers who prove no identity have bounds of their own, whatever they send: for waiting records
    and for stored ones. Each account may use a share of the bytes that all accounts have together.
    """

    waiting_bytes: int = 16 * 1024 * 1024
    unproven_waiting_bytes: int = 1024 * 1024
    kept_bytes: int = 4 * 1024 * 1024 * 1024
    unproven_kept: int = 100_000

    @property
    def waiting_of_one(self) -> int:
        """How many bytes of one account's records may wait."""
        return self.waiting_bytes * 3 // 4

    @property
    def kept_of_one(self) -> int:
        """How many bytes of one account's records are stored."""
        return self.kept_bytes // 4


class AuditLog:
    """The registry's audit log. `writer` identifies this process in the ids of records.

    A record waits in memory until `keep` writes it, so a crash loses what was recorded since. If
    there is no room, the oldest records are dropped, and their number is recorded; `lost` counts
    them since the start. `aged` is the clock that says what is old, if that is not `clock`: removal
    cannot be undone.
    """

    def __init__(
        self,
        stored: StoredAuditLog,
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
        self._room = room
        self._proven = Waiting(room.waiting_of_one, room.waiting_bytes)
        self._unproven = Waiting(room.unproven_waiting_bytes, room.unproven_waiting_bytes)
        self._lost = 0  # of these, the record is not written yet
        self.lost = 0
        self._trimmed: dict[str, int] = {}  # removed records by account, until that is recorded
        self._last = 0
        self._pruned_at = BEGINNING

    def record(self, decision: Decision) -> None:
        """Record the decision; it is written soon."""
        waiting = self._proven if decision.is_proven else self._unproven
        self._lose(waiting.add(self._record(decision)))

    def _lose(self, records: int) -> None:
        self._lost += records
        self.lost += records

    async def keep(self) -> None:
        """Write what waits, and remove what is old; call it twice a second."""
        await self.flush()
        now = self._aged()
        if not timedelta() <= now - self._pruned_at < PRUNED_EVERY:
            has_more = await self._prune(now - self._kept)
            self._pruned_at = BEGINNING if has_more else now

    async def _prune(self, before: datetime) -> bool:
        room = self._room
        more = await self._stored.prune(before, room.unproven_kept, PRUNED_AT_ONCE)
        trimmed = await self._stored.trim(room.kept_of_one, room.kept_bytes, PRUNED_AT_ONCE)
        if trimmed is None:
            self._report_trimmed()
            return more
        if len(self._trimmed) >= REPORTED_TOGETHER:  # a trust may accept very many identities
            self._report_trimmed()
        before_that = self._trimmed.get(trimmed.account, 0)
        self._trimmed[trimmed.account] = before_that + trimmed.records
        return True

    def _report_trimmed(self) -> None:
        for account, records in self._trimmed.items():
            self.record(_forgotten(account, records))
        self._trimmed.clear()

    async def flush(self) -> None:
        """Write what waits. If that fails, it keeps waiting, and the error is raised."""
        waiting, lost = self._take(), self._lost
        if lost:
            waiting.append(self._record(_lost(lost)))
        if not waiting:
            return
        self._lost = 0
        try:
            await self._stored.append(waiting)
        except BaseException:  # a cancelled write may still succeed; writing twice does no harm
            self._put_back(waiting[:-1] if lost else waiting)
            self._lost += lost
            raise

    async def close(self) -> int:
        """Write what waits; return how many records are lost if that fails."""
        self._report_trimmed()
        try:
            await self.flush()
        except RegistryError:
            return len(self._proven) + len(self._unproven) + self._lost
        return 0

    async def search(self, wanted: Search) -> tuple[Record, ...]:
        """The written records that match, the oldest first."""
        return await self._stored.search(wanted)

    def _record(self, decision: Decision) -> Record:
        at = to_microseconds(self._clock())
        if at <= self._last:
            at = self._next(at)
        self._last = at
        return Record(record_id(at, self._writer), decision)

    def _next(self, at: int) -> int:
        if self._last - at < STEP_BACK:
            return self._last + 1  # always greater, even if the clock stands still
        # The clock had jumped ahead. A new writer, so that no id is repeated when that time comes.
        self._writer = token_hex(WRITER_BYTES)
        return at

    def _take(self) -> list[Record]:
        waiting = (*self._proven.take(), *self._unproven.take())
        return sorted(waiting, key=lambda record: record.id)

    def _put_back(self, records: list[Record]) -> None:
        proven = [record for record in records if record.decision.is_proven]
        unproven = [record for record in records if not record.decision.is_proven]
        self._lose(self._proven.put_back(proven) + self._unproven.put_back(unproven))


def _lost(count: int) -> Decision:
    return Decision(
        request="audit-log",
        outcome=Outcome.LOST,
        account=REGISTRY_ITSELF,
        message=f"{count} records were dropped, the oldest: too many came at once",
        facts={"records": str(count)},
    )


def _forgotten(account: str, count: int) -> Decision:
    return Decision(
        request="audit-log",
        outcome=Outcome.LOST,
        account=REGISTRY_ITSELF,
        message=f"{count} records of {account} were removed early, the oldest: they took more "
        "space than the audit log has for one account, or for all (audit_bytes)",
        facts={"records": str(count), "account": account},
    )
