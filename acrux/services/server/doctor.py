"""Examine the server that answers, and its machine."""

import asyncio
from collections.abc import Awaitable, Callable, Sequence
from contextlib import suppress
from datetime import datetime
from typing import Final, TypeAlias

from msgspec import Struct

from acrux.domain.server.findings import Finding, failed, skipped
from acrux.ports.clock import Clock

SECONDS: Final = 20.0  # that a caller waits at most
KEPT_SECONDS: Final = 10.0  # for which an answer is good

Tell: TypeAlias = Callable[[str, Finding], None]
Examine: TypeAlias = Callable[[Tell], Awaitable[None]]


class Report(Struct, frozen=True):
    """What the checks found, by name and in order, and when they began."""

    at: datetime
    findings: tuple[tuple[str, Finding], ...]


class _Run(Struct):
    """The checks as they are carried out; `found` grows meanwhile."""

    at: datetime
    ends: float  # in ticks; a run that is over is good until then
    found: dict[str, Finding]
    task: asyncio.Task[None]


class Doctor:
    """Carries out the checks of `names`, once at a time, however many ask.

    `examine` is given what to call with each finding. Who asks while the checks run, or within
    KEPT_SECONDS of their begin, gets the same report. After `seconds`, that is what was found until
    then: a file system that hangs holds one check, and no caller. `ticks` is a clock in seconds.
    """

    def __init__(
        self,
        names: Sequence[str],
        examine: Examine,
        clock: Clock,
        ticks: Callable[[], float],
        seconds: float = SECONDS,
    ) -> None:
        self._names = names
        self._examine = examine
        self._clock = clock
        self._ticks = ticks
        self._seconds = seconds
        self._run: _Run | None = None

    async def report(self) -> Report:
        """What the checks find now, or found a moment ago."""
        run = self._run
        if run is None or (run.task.done() and self._ticks() >= run.ends):
            run = self._run = self._begin()
        await asyncio.wait({run.task}, timeout=self._seconds)
        if run.task.done():
            run.task.result()  # raises what no check should
        return Report(run.at, tuple(self._findings(run)))

    def _begin(self) -> _Run:
        found: dict[str, Finding] = {}
        task = asyncio.ensure_future(self._examine(found.__setitem__))
        return _Run(self._clock(), self._ticks() + KEPT_SECONDS, found, task)

    def _findings(self, run: _Run) -> list[tuple[str, Finding]]:
        found = list(run.found.items())
        left = [name for name in self._names if name not in run.found]
        if not left:
            return found
        late, *others = left
        hangs = failed(
            f"it has not ended after {self._seconds:.0f} s",
            "look for a disk, a database or an object store that does not answer",
        )
        waits = skipped(f"waits for the check {late!r}")
        return [*found, (late, hangs.finding), *((name, waits.finding) for name in others)]

    async def close(self) -> None:
        """Forget a run that has not ended."""
        if self._run is not None:
            self._run.task.cancel()
            with suppress(asyncio.CancelledError):
                await self._run.task
