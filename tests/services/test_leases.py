"""Work that one process does is extended now and then, and ends when another one takes it."""

from datetime import timedelta

import pytest

from acrux.adapters.sql.leases import SqlLeases
from acrux.adapters.sqlite.database import SqliteDatabase
from acrux.services.leases import HeldLease
from tests.http.conftest import HandClock

MINUTE = timedelta(minutes=1)


@pytest.fixture
def leases(database: SqliteDatabase) -> SqlLeases:
    """Nobody works."""
    return SqlLeases(database)


@pytest.fixture
def held(leases: SqlLeases, clock: HandClock) -> HeldLease:
    """One process."""
    return HeldLease(leases, "work", "one", clock, MINUTE)


@pytest.fixture
def other(leases: SqlLeases, clock: HandClock) -> HeldLease:
    """Another process."""
    return HeldLease(leases, "work", "other", clock, MINUTE)


async def test_only_one_has_it_until_it_is_released(held: HeldLease, other: HeldLease) -> None:
    """Two would do the same work."""
    assert await held.acquire()
    assert not await other.acquire()
    assert not other.is_held

    await held.release()
    assert not held.is_held
    assert await other.acquire()


async def test_many_short_steps_extend_it_once_a_second(
    held: HeldLease, leases: SqlLeases, clock: HandClock
) -> None:
    """Each extension is a commit, for which pushes wait."""
    await held.acquire()
    began = clock()
    ends = []
    for _ in range(5):
        clock.forward(seconds=0.5)
        assert await held.keep()
        lease = await leases.find("work", clock())
        assert lease is not None
        ends.append((lease.expires_at - MINUTE - began).total_seconds())

    assert ends == [0, 1, 1, 2, 2]


async def test_who_was_suspended_for_too_long_learns_that_another_one_took_over(
    held: HeldLease, other: HeldLease, clock: HandClock
) -> None:
    """Both would go on."""
    await held.acquire()
    clock.forward(seconds=MINUTE.total_seconds())
    assert not held.is_held
    assert await other.acquire()

    assert not await held.keep()
