"""A share of a core for a process and its children, by the kernel's control groups."""

import os
import time
from contextlib import suppress
from pathlib import Path
from typing import Final

from bench.processes import BenchError

LEAST_MICROSECONDS: Final = 1000  # that the kernel accepts as a share of a period
LONGEST_MICROSECONDS: Final = 100_000
_PLACES: Final = (Path("/sys/fs/cgroup/cpu"), Path("/sys/fs/cgroup"))
_END_SECONDS: Final = 5.0


class Share:
    """A control group. Processes that start in it together have so many cores, or no limit."""

    def __init__(self, name: str) -> None:
        self._folder = _root() / f"acrux-bench-{os.getpid()}-{name}"
        try:
            self._folder.mkdir()
        except OSError as error:
            raise BenchError(
                f"P10 limits each node to a share of a core, but {self._folder.parent} cannot be"
                f" written ({error.strerror}): run it as root, with the cpu controller"
            ) from None

    def enter(self, *command: str) -> list[str]:
        """The command that starts this one within the group."""
        entered = 'echo $$ >"$0" && exec "$@"'
        return ["sh", "-c", entered, str(self._folder / "cgroup.procs"), *command]

    def limit(self, cores: float | None) -> None:
        """From now on at most so many cores together; None is no limit."""
        quota = LEAST_MICROSECONDS  # and the shortest period: who waits for a share waits briefly
        period = LONGEST_MICROSECONDS if cores is None else int(quota / cores)
        if (self._folder / "cpu.max").exists():
            allowed = "max" if cores is None else str(quota)
            (self._folder / "cpu.max").write_text(f"{allowed} {period}")
        else:
            (self._folder / "cpu.cfs_quota_us").write_text("-1")
            (self._folder / "cpu.cfs_period_us").write_text(str(period))
            (self._folder / "cpu.cfs_quota_us").write_text(str(-1 if cores is None else quota))

    def remove(self) -> None:
        """Remove the group, whose processes have ended."""
        deadline = time.monotonic() + _END_SECONDS
        while self._folder.exists() and time.monotonic() < deadline:
            with suppress(OSError):  # busy until its last process is gone
                self._folder.rmdir()
            time.sleep(0.01)


def _root() -> Path:
    for place in _PLACES:  # version 1 has a hierarchy of its own for the processor
        if (place / "cgroup.procs").exists():
            return place
    raise BenchError("P10 needs control groups (cgroups) with the cpu controller, as root")
