"""What a round takes of each part: processor time, and statements of the database."""

import os
import time
from collections.abc import Callable, Iterator, Mapping, Sequence
from contextlib import suppress
from pathlib import Path
from typing import Final

from bench.figures import Sample
from bench.processes import Process

LOAD: Final = "load"
STATEMENTS: Final = "statements"

_TICKS: Final = os.sysconf("SC_CLK_TCK")


class Meter:
    """Measures rounds. `parts` are the processes of each part; `statements` counts them."""

    def __init__(
        self, parts: Mapping[str, Sequence[Process]], statements: Callable[[], int]
    ) -> None:
        self._parts = parts
        self._statements = statements

    def measured(self, act: Callable[[], Sample]) -> Sample:
        """The sample of `act`, with what one of its units cost.

        Processor time is in microseconds for each request, megabyte or image, as the value counts.
        """
        before, began = self._read(), time.perf_counter()
        sample = act()
        seconds, after = time.perf_counter() - began, self._read()
        units = sample.value * seconds
        if not units:
            return sample
        costs = {name: (after[name] - before[name]) / units for name in before}
        return Sample(sample.value, sample.p50, sample.p99, sample.failures, costs)

    def _read(self) -> dict[str, float]:
        taken = {
            name: sum(_microseconds(process.pid) for process in processes)
            for name, processes in self._parts.items()
        }
        own = sum(os.times()[:4]) * 1e6  # with the clients that have ended
        return {**taken, LOAD: own, STATEMENTS: self._statements()}


def _microseconds(pid: int) -> float:
    # Of the process and its children, those that have ended included.
    pids = [pid]
    for one in pids:
        pids += _children(one)
    return sum(map(_ticks, pids)) / _TICKS * 1e6


def _children(pid: int) -> Iterator[int]:
    with suppress(FileNotFoundError, ProcessLookupError):  # it has ended
        for task in Path(f"/proc/{pid}/task").iterdir():
            yield from map(int, (task / "children").read_text().split())


def _ticks(pid: int) -> int:
    with suppress(FileNotFoundError, ProcessLookupError):  # it has ended
        fields = Path(f"/proc/{pid}/stat").read_text().rpartition(")")[2].split()
        return sum(map(int, fields[11:15]))  # utime, stime, and those of its children: proc(5)
    return 0
