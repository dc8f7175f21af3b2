"""The memory in which processes count, whatever happens to them."""

import os
import signal
from collections.abc import Callable, Iterator
from contextlib import contextmanager, suppress

import pytest

from acrux.adapters.metrics.board import HALF_BYTES, HEADER, Board
from acrux.adapters.metrics.families import FAMILIES, Kind, Values

COUNTER = ("acrux_logins_throttled_total",)
GAUGE = ("acrux_workers",)
SUMMARY = ("acrux_task_run_seconds", "collection")
LATEST = ("acrux_task_last_success_timestamp_seconds", "collection")


def counted(number: float) -> Values:
    """What a process has counted."""
    return {COUNTER: [number], GAUGE: [1], SUMMARY: [number, number / 2], LATEST: [number]}


@contextmanager
def child(do: Callable[[], None]) -> Iterator[int]:
    """A forked process that does this, and lives until the block ends or somebody kills it."""
    told, tell = os.pipe()
    pid = os.fork()
    if not pid:
        try:
            do()
            os.write(tell, b"!")
            signal.pause()
        finally:
            os._exit(1)
    os.close(tell)
    try:
        assert os.read(told, 1) == b"!"
        yield pid
    finally:
        os.close(told)
        with suppress(ProcessLookupError):
            end(pid)


def end(pid: int) -> None:
    """Kill a child."""
    os.kill(pid, signal.SIGKILL)
    with suppress(ChildProcessError):
        os.waitpid(pid, 0)


def test_the_values_of_all_processes_are_added() -> None:
    """Whichever worker is asked, it answers for all."""
    board = Board(3)
    own = board.claim()
    own.write(counted(1))

    with child(lambda: board.claim().write(counted(10))):
        assert board.read(own.number) == {
            COUNTER: [11], GAUGE: [2], SUMMARY: [11, 5.5], LATEST: [10],
        }  # fmt: skip


def test_a_process_that_was_killed_still_counts_and_takes_no_memory_any_more() -> None:
    """A counter that falls looks like a restart: Prometheus would add up far too much."""
    board = Board(2)
    with child(lambda: board.claim().write(counted(10))) as pid:
        end(pid)

        assert board.read() == {COUNTER: [10], SUMMARY: [10, 5], LATEST: [10]}


def test_a_successor_goes_on_from_where_its_predecessor_was_killed() -> None:
    """Otherwise each death would leave a place behind, and a worker may die every 30 seconds."""
    board = Board(1)
    for _ in range(5):
        with child(lambda: board.claim().write(counted(10))) as pid:
            end(pid)

    own = board.claim()
    own.write(counted(1))
    own.write(counted(2))

    assert own.number == 0
    assert board.read(own.number) == {COUNTER: [52], GAUGE: [1], SUMMARY: [52, 26], LATEST: [10]}


def test_a_process_that_is_killed_while_it_writes_leaves_what_it_wrote_before() -> None:
    """Half of a state is none."""
    board = Board(1)
    slot = board.claim()
    slot.write(counted(1))
    slot.write(counted(2))

    torn = HEADER.pack(3, 100, 12345) + b"half of"
    os.pwrite(board._descriptor, torn, HALF_BYTES)  # noqa: SLF001 -- as a cut write leaves it

    assert board.read(slot.number)[COUNTER] == [2]


def test_a_board_without_a_free_place_says_so() -> None:
    """A worker that counts nowhere must show up in the log."""
    board = Board(1)

    with child(lambda: board.claim().write(counted(1))), pytest.raises(OSError, match="all 1 pl"):
        board.claim()


def test_a_board_that_nobody_wrote_to_is_empty() -> None:
    """A scrape before the first worker has started must not fail."""
    assert Board(5).read() == {}


def test_only_a_gauge_ends_with_its_process() -> None:
    """The kinds decide that; a new one must choose."""
    ending = {kind for kind in Kind if not kind.outlives_its_process}

    assert ending == {Kind.GAUGE}


def test_the_largest_possible_state_fits_into_its_half() -> None:
    """A worker whose state did not fit would overwrite that of another."""
    board = Board(2)
    slot = board.claim()
    longest, most_routes, most_statuses = "/management/v1/" + "x" * 60, 250, 25
    buckets = [1e15 + 0.5] * 15
    values: Values = {
        ("acrux_http_request_duration_seconds", f"{longest}{route}", "DELETE"): buckets
        for route in range(most_routes)
    }
    for route in range(most_routes):
        for status in range(most_statuses):
            key = ("acrux_http_requests_total", f"{longest}{route}", "DELETE", f"{status:03}")
            values[key] = [10**15]

    slot.write(values)

    assert board.read(slot.number) == values


def test_every_name_follows_the_conventions() -> None:
    """Dashboards and rules of others rely on them: https://prometheus.io/docs/practices/naming/."""
    for name, family in FAMILIES.items():
        assert name.startswith(("acrux_", "process_"))
        assert name.endswith("_total") == (family.kind is Kind.COUNTER)
        assert family.meaning.endswith(".")
