"""The audit log: never waited for, bounded, and its losses are known."""

from collections.abc import Sequence
from datetime import datetime, timedelta

import pytest

from acrux.domain.audit.decision import Decision, Outcome, Record, Search
from acrux.errors import StorageExhausted
from acrux.ports.audit_log import Trimmed
from acrux.services.audit.audit_log import REPORTED_TOGETHER, AuditLog, Room
from tests.http.conftest import HandClock

KEPT = timedelta(days=90)
WAITING = 3  # records of one account, of the length used here
ROOM = Room(
    waiting_bytes=WAITING * 3000,
    unproven_waiting_bytes=5000,
    kept_bytes=4000,
    unproven_kept=10,
)


class HandStore:
    """Stores records in memory, and may be full."""

    def __init__(self) -> None:
        self.records: dict[str, Record] = {}
        self.is_full = False
        self.pruned: list[datetime] = []
        self.more = False
        self.too_much: list[Trimmed] = []

    async def append(self, records: Sequence[Record]) -> None:
        """Store the new records, unless the store is full."""
        if self.is_full:
            raise StorageExhausted
        for record in records:
            self.records.setdefault(record.id, record)

    async def search(self, wanted: Search) -> tuple[Record, ...]:
        """All records."""
        return tuple(list(self.records.values())[-wanted.limit :])

    async def find(self, case: str) -> Record | None:
        """The record of the case."""
        return next((one for one in self.records.values() if one.decision.case == case), None)

    async def prune(self, before: datetime, unproven: int, slice_: int) -> bool:
        """Note which records would be deleted."""
        assert unproven == ROOM.unproven_kept
        assert slice_ > 0
        self.pruned.append(before)
        return self.more

    async def trim(self, of_one: int, of_all: int, slice_: int) -> Trimmed | None:
        """What the test reports as deleted, account by account."""
        assert (of_one, of_all) == (1000, 4000)
        assert slice_ > 0
        return self.too_much.pop(0) if self.too_much else None

    @property
    def requests(self) -> list[str]:
        """The requests, in the order of the records' ids."""
        return [self.records[id_].decision.request for id_ in sorted(self.records)]


class Given:
    """An audit log, and what it depends on."""

    def __init__(self) -> None:
        self.store = HandStore()
        self.clock = HandClock()
        self.audit_log = AuditLog(self.store, self.clock, "writer", KEPT, ROOM)

    def record(self, *requests: str, is_proven: bool = True) -> None:
        """Record a decision about each."""
        for request in requests:
            self.audit_log.record(Decision(request, Outcome.GRANTED, "acrux", is_proven=is_proven))


async def test_records_are_written_at_the_next_turn() -> None:
    """The request would wait for the disk."""
    given = Given()
    given.record("one")

    assert given.store.requests == []
    await given.audit_log.keep()
    assert given.store.requests == ["one"]
    assert [one.decision.request for one in await given.audit_log.search(Search())] == ["one"]


async def test_nothing_is_written_if_nothing_waits() -> None:
    """An idle registry would write to its disk twice a second."""
    given = Given()
    given.store.is_full = True

    await given.audit_log.flush()


async def test_records_keep_their_order_if_the_clock_stops_or_goes_back() -> None:
    """The first record would be shown last."""
    given = Given()
    given.record("one")
    given.clock.forward(seconds=-5)
    given.record("two", is_proven=False)
    given.record("three")
    await given.audit_log.flush()

    assert given.store.requests == ["one", "two", "three"]


async def test_a_clock_that_was_far_ahead_neither_delays_nor_repeats_ids() -> None:
    """A record with a duplicate id is not written, and nobody would miss it."""
    given = Given()
    given.clock.forward(days=400)
    given.record("far ahead")
    given.clock.forward(days=-400)
    given.record("one", "two")
    await given.audit_log.flush()
    given.clock.forward(days=400)
    given.record("as far", "farther")
    await given.audit_log.flush()

    assert len(given.store.records) == 5
    in_order = given.store.requests
    assert in_order[:2] == ["one", "two"]
    assert in_order.index("as far") < in_order.index("farther")


async def test_a_flood_of_strangers_leaves_room_for_the_others() -> None:
    """Attackers could hide their actions by making noise."""
    given = Given()
    given.record("token")
    given.record(*(f"guess {number}" for number in range(100)), is_proven=False)
    await given.audit_log.flush()

    assert given.store.requests == ["token", "guess 98", "guess 99", "audit-log"]


async def test_how_many_records_were_lost_is_recorded() -> None:
    """An audit with a gap would look like one without."""
    given = Given()
    given.record("one", "two", "three", "four", "five")
    await given.audit_log.flush()

    *kept, lost = (given.store.records[id_].decision for id_ in sorted(given.store.records))
    assert [decision.request for decision in kept] == ["three", "four", "five"]
    assert (lost.outcome, lost.facts) == (Outcome.LOST, {"records": "2"})
    await given.audit_log.flush()
    assert len(given.store.records) == 4
    assert given.audit_log.lost == 2


async def test_records_that_could_not_be_written_are_written_later() -> None:
    """A disk that was full for a moment would leave a gap."""
    given = Given()
    given.record("one")
    given.record("two", is_proven=False)
    given.store.is_full = True
    with pytest.raises(StorageExhausted):
        await given.audit_log.flush()
    given.store.is_full = False
    given.record("three")
    await given.audit_log.flush()

    assert given.store.requests == ["one", "two", "three"]


async def test_a_disk_that_stays_full_does_not_fill_the_memory() -> None:
    """The registry would die of unwritten records."""
    given = Given()
    given.store.is_full = True
    for number in range(4):
        given.record(f"{number}.1", f"{number}.2")
        with pytest.raises(StorageExhausted):
            await given.audit_log.flush()
    given.store.is_full = False
    await given.audit_log.flush()

    assert len(given.store.records) == WAITING + 1
    assert given.store.requests[-1] == "audit-log"


async def test_records_lost_at_the_end_are_counted() -> None:
    """An audit that stops early would look as if nothing had happened."""
    given = Given()
    given.store.is_full = True
    given.record("one", "two", "three", "four")
    given.record("guess", is_proven=False)

    assert await given.audit_log.close() == 5
    given.store.is_full = False
    assert await given.audit_log.close() == 0


async def test_losses_of_very_many_accounts_are_bounded() -> None:
    """Each branch that a trust lets in has its own name; together they must not fill the memory."""
    given = Given()
    given.store.too_much = [Trimmed(f"trusts/ci/{n}", 1) for n in range(REPORTED_TOGETHER + 1)]
    for _ in range(REPORTED_TOGETHER + 1):
        await given.audit_log.keep()
    await given.audit_log.flush()

    told = [record.decision.facts.get("account") for record in given.store.records.values()]
    assert f"trusts/ci/{REPORTED_TOGETHER - 1}" in told


async def test_early_deletions_are_recorded_at_the_end_too() -> None:
    """The registry may stop between two turns."""
    given = Given()
    given.store.too_much = [Trimmed("puller", 5000)]
    await given.audit_log.keep()
    await given.audit_log.close()

    (told,) = (record.decision for record in given.store.records.values())
    assert told.facts == {"records": "5000", "account": "puller"}


async def test_old_records_are_deleted_once_a_minute() -> None:
    """The disk would fill, or be searched for old records all the time."""
    given = Given()
    for _ in range(3):
        await given.audit_log.keep()
    given.clock.forward(minutes=1)
    await given.audit_log.keep()

    assert given.store.pruned == [
        given.clock.now - timedelta(minutes=1) - KEPT,
        given.clock.now - KEPT,
    ]


async def test_many_old_records_are_deleted_turn_by_turn() -> None:
    """A busy registry would write faster than it deletes."""
    given = Given()
    given.store.more = True
    for _ in range(3):
        await given.audit_log.keep()

    assert len(given.store.pruned) == 3


async def test_an_account_never_drives_out_records_of_others() -> None:
    """An attacker with any login could hide what others did."""
    given = Given()
    given.record("a push")
    for number in range(100):
        noise = Decision(f"noise {number}", Outcome.GRANTED, "puller")
        given.audit_log.record(noise)
    await given.audit_log.flush()

    assert given.store.requests[:2] == ["a push", "noise 97"]


async def test_early_deletions_are_recorded_once_all_are_done() -> None:
    """An audit that was cut would look as if it never held more."""
    given = Given()
    given.store.too_much = [Trimmed("puller", 5000), Trimmed("puller", 12), Trimmed("other", 1)]
    for _ in range(5):
        await given.audit_log.keep()

    told = [record.decision for record in given.store.records.values()]
    assert [(one.outcome, one.facts) for one in told] == [
        (Outcome.LOST, {"records": "5012", "account": "puller"}),
        (Outcome.LOST, {"records": "1", "account": "other"}),
    ]
    assert "5012 records of puller were removed" in told[0].message
