"""A jump of the clock causes nothing that cannot be undone."""

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
    """A wall clock, the elapsed time, and the reports."""

    def __init__(self) -> None:
        self.wall = HandClock()
        self.ticks = 1000.0
        self.told: list[timedelta] = []
        self.steady = SteadyClock(self.wall, lambda: self.ticks, self.told.append)

    def passes(self, time: timedelta) -> None:
        """Let time pass, on the wall clock too."""
        self.ticks += time.total_seconds()
        self.wall.now += time


def test_a_clock_that_runs_as_time_passes_is_followed_exactly() -> None:
    """Whatever is old must go when it is due."""
    given = Given()
    for _ in range(50):
        given.passes(timedelta(hours=7))
        assert given.steady() == given.wall.now
    assert given.told == []


def test_a_jump_ahead_ages_nothing_and_is_reported_once() -> None:
    """Otherwise 400 days of audit records would be deleted in a second."""
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


def test_a_jump_back_is_reported_and_followed_and_the_return_is_not_a_jump() -> None:
    """Nothing becomes older by it, and afterwards everything is as it was."""
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
    """A machine that was off for a month keeps its audit log no longer than usual."""
    given = Given()
    given.steady.resume(given.wall.now - FAR)
    given.steady()
    given.passes(BELIEVED_AFTER - timedelta(seconds=1))
    assert given.steady() < given.wall.now - FAR / 2
    given.passes(timedelta(seconds=1))
    assert given.steady() == given.wall.now


def test_a_restart_while_the_clock_is_wrong_ages_nothing() -> None:
    """Operators who see a wrong time restart things."""
    given = Given()
    mark = given.wall.now
    given.wall.now += FAR
    given.steady.resume(mark)
    assert given.steady() == mark


def test_records_have_the_time_of_the_wall_clock_unless_it_jumped_back() -> None:
    """An operator who corrects a clock wants to see that; nothing may be old when created."""
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
    """The audit log is what explains afterwards what happened."""
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
    """A jump must not stop the pruning for as long as it went ahead."""
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


def test_a_command_takes_what_was_due_when_it_started() -> None:
    """`acrux gc run` would leave what was deleted within the last minute."""
    given = Given()
    given.steady.resume(given.wall.now - timedelta(minutes=1))

    assert given.steady() < given.wall.now
    assert given.steady.lenient() == given.wall.now


def test_a_jump_ages_nothing_for_a_lenient_clock_either() -> None:
    """Images that were deleted a minute ago could not be restored any more."""
    given = Given()
    right = given.steady()
    given.wall.now += FAR

    assert given.steady.lenient() - right <= timedelta(seconds=HASTE)
