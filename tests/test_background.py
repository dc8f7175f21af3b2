"""Repeated failures are reported without flooding the log."""

import asyncio
import errno
import os

from acrux.background import BackgroundTask, BackgroundTasks, Failures
from acrux.errors import StorageExhausted, StorageReadOnly
from acrux.http.request_log import REPORTED_EVERY
from tests.http.conftest import Lines


def told(failure: Exception, *, minutes: int) -> list[dict[str, object]]:
    """The log lines of a task that fails like this twice a second."""
    lines, ticks = Lines(), [0.0]
    failures = Failures("audit-log", lines, lambda: ticks[0])
    for _ in range(minutes * 120):
        failures.tell(failure)
        ticks[0] += REPORTED_EVERY / 120
    return lines.lines


def test_a_full_disk_is_one_line_a_minute_that_counts_the_failures() -> None:
    """A traceback twice a second would fill the rest of the disk."""
    words = "the disk is full"

    lines = told(StorageExhausted(words), minutes=3)

    assert lines == [
        {"event": "audit-log", "problem": words, "failures": count} for count in (1, 120, 120)
    ]


def test_an_unexpected_failure_is_reported_as_rarely() -> None:
    """Background tasks fail as often as they run."""
    assert [line["failures"] for line in told(ValueError("a bug"), minutes=2)] == [1, 120]


def test_what_the_system_refuses_is_one_line_without_a_traceback() -> None:
    """Once no descriptor is left, every task that looks at a file fails."""
    refused = OSError(errno.EMFILE, os.strerror(errno.EMFILE), "keys/signing")

    assert told(refused, minutes=1) == [
        {"event": "audit-log", "problem": str(refused), "failures": 1}
    ]
    assert told(TimeoutError(), minutes=1) == [
        {"event": "audit-log", "problem": "TimeoutError()", "failures": 1}
    ]


async def test_what_a_read_only_file_system_refuses_keeps_nobody_from_starting() -> None:
    """One line reports it, whichever tasks it affects."""
    lines = Lines()

    async def write() -> None:
        raise StorageReadOnly("read-only")

    running = BackgroundTasks(
        [BackgroundTask(name, 60, write, at_start=True) for name in ("htpasswd", "audit-log")],
        lines,
    )
    await running.start()
    await running.stop()

    assert lines.lines == [{"event": "read-only", "problem": "read-only", "failures": 1}]


async def test_what_a_full_disk_refuses_keeps_nobody_from_starting() -> None:
    """What the registry holds is served, and deletions make room again."""
    lines = Lines()

    async def note() -> None:
        raise StorageExhausted("full")

    running = BackgroundTasks([BackgroundTask("settings", 60, note, at_start=True)], lines)
    await running.rehearse()
    await running.start()
    await running.stop()

    assert lines.lines == [{"event": "settings", "problem": "full", "failures": 1}]


async def test_runs_are_counted_with_those_that_failed_and_the_last_that_did_not() -> None:
    """A task that has failed all night is seen nowhere else: it keeps being tried."""
    attempts, has_tried_thrice = 0, asyncio.Event()

    async def work() -> None:
        nonlocal attempts
        attempts += 1
        if attempts == 1:
            raise StorageExhausted("full")
        if attempts == 3:
            has_tried_thrice.set()

    task = BackgroundTask("collection", 0, work)
    running = BackgroundTasks([task], Lines(), now=lambda: 1700.0)
    assert task.runs.succeeded_at == 0

    await running.start()
    await has_tried_thrice.wait()
    await running.stop()

    assert task.runs.work.failures == 1
    assert task.runs.work.count >= 3
    assert task.runs.succeeded_at == 1700.0
