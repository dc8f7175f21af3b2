"""A clock that jumps takes nothing with it that cannot be undone."""

from collections.abc import AsyncIterator
from datetime import timedelta
from pathlib import Path

import pytest

from acrux.adapters.sql.audit_log import SqlAuditLog
from acrux.adapters.sqlite.database import SqliteDatabase
from acrux.adapters.steady_clock import BELIEVED_AFTER, HASTE, SteadyClock
from acrux.domain.audit.decision import Decision, Outcome, Search
from acrux.services.audit.audit_log import AuditLog, Room
from tests.http.conftest import HandClock

FAR = timedelta(days=400)


class Given:
    """A wall clock, the time that passes, and what was told."""

    def __init__(self) -> None:
        self.wall = HandClock()
        self.ticks = 1000.0
        self.told: list[timedelta] = []
        self.steady = SteadyClock(self.wall, lambda: self.ticks, self.told.append)

    def passes(self, time: timedelta) -> None:
        """Let time pass, on the wall too."""
        self.ticks += time.total_seconds()
        self.wall.now += time


def test_a_clock_that_runs_as_time_passes_is_followed_exactly() -> None:
    """Whatever is old must go when it is due."""
    given = Given()
    for _ in range(50):
        given.passes(timedelta(hours=7))
        assert given.steady() == given.wall.now
    assert given.told == []


def test_a_jump_ahead_ages_nothing_and_is_told_once() -> None:
    """Four hundred days of audit would go in a second."""
    given = Given()
    right = given.steady()
    given.wall.now += FAR
    for _ in range(4):
        given.passes(timedelta(seconds=1))
        assert given.steady() - right <= timedelta(seconds=HASTE * 4)
    given.wall.now -= FAR

    assert given.steady() == right + timedelta(seconds=4)
    assert len(given.told) == 1
    assert given.told[0] > FAR - timedelta(days=1)


def test_a_jump_back_is_told_and_followed_and_the_return_is_no_jump() -> None:
    """Nothing is older for it, and afterwards everything is as it was."""
    given = Given()
    right = given.steady()
    given.wall.now -= FAR
    assert given.steady() == right - FAR
    given.passes(timedelta(seconds=1))
    given.steady()
    given.wall.now += FAR

    assert given.steady() == right + timedelta(seconds=1)
    assert given.told == [-FAR]


def test_a_difference_that_lasts_is_believed() -> None:
    """A machine that was off for a month keeps its audit no month longer."""
    given = Given()
    given.steady.resume(given.wall.now - FAR)
    given.steady()
    given.passes(BELIEVED_AFTER - timedelta(seconds=1))
    assert given.steady() < given.wall.now - FAR / 2
    given.passes(timedelta(seconds=1))
    assert given.steady() == given.wall.now


def test_a_restart_while_the_clock_is_wrong_ages_nothing() -> None:
    """Whoever sees a wrong time restarts things."""
    given = Given()
    mark = given.wall.now
    given.wall.now += FAR
    given.steady.resume(mark)
    assert given.steady() == mark


def test_what_is_noted_has_the_time_of_the_wall_unless_that_jumped_back() -> None:
    """Whoever sets a clock right wants to see that at once, and nothing may be old at birth."""
    given = Given()
    right = given.steady()
    for jump in (FAR, timedelta(minutes=59), timedelta(minutes=-59)):
        given.wall.now += jump
        assert given.steady.noted() == given.wall.now
        given.wall.now -= jump
    given.wall.now -= FAR
    given.passes(timedelta(seconds=7))
    assert given.steady.noted() == right + timedelta(seconds=7)
    given.passes(BELIEVED_AFTER)
    assert given.steady.noted() == given.wall.now


@pytest.fixture
async def database(tmp_path: Path) -> AsyncIterator[SqliteDatabase]:
    """An open database."""
    database = SqliteDatabase(tmp_path / "registry.sqlite")
    database.open()
    yield database
    database.close()


async def test_the_audit_survives_a_clock_that_is_far_ahead_for_a_second(
    database: SqliteDatabase,
) -> None:
    """The audit is what tells afterwards what happened."""
    given, stored = Given(), SqlAuditLog(database)
    audit_log = AuditLog(
        stored, given.wall, "writer", timedelta(days=90), Room(), aged=given.steady
    )
    audit_log.record(Decision("one", Outcome.GRANTED, "acrux"))
    await audit_log.keep()

    given.wall.now += FAR
    given.ticks += 1
    await audit_log.keep()
    given.wall.now -= FAR
    given.ticks += 120
    await audit_log.keep()

    assert len(await stored.search(Search())) == 1


async def test_the_audit_is_pruned_again_after_the_clock_was_far_ahead(
    database: SqliteDatabase,
) -> None:
    """A jump must not end the pruning for as long as it went."""
    given, stored = Given(), SqlAuditLog(database)
    audit_log = AuditLog(
        stored, given.wall, "writer", timedelta(days=90), Room(), aged=given.steady
    )
    audit_log.record(Decision("one", Outcome.GRANTED, "acrux"))
    await audit_log.keep()
    given.wall.now += FAR
    await audit_log.keep()
    given.wall.now -= FAR

    given.passes(timedelta(days=91))
    await audit_log.keep()

    assert await stored.search(Search()) == ()
