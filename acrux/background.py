"""Tasks that a running registry repeats in the background."""

import asyncio
import time
from collections.abc import Awaitable, Callable, Sequence
from contextlib import suppress
from dataclasses import dataclass, field

from acrux.errors import RegistryError, StorageExhausted, StorageReadOnly
from acrux.http.request_log import Log, Seldom
from acrux.tally import Work


@dataclass(slots=True)
class Runs:
    """How a task ran; `succeeded_at` is when it last succeeded, in seconds since 1970, or 0."""

    work: Work = field(default_factory=Work)
    succeeded_at: float = 0.0


@dataclass(frozen=True, slots=True)
class BackgroundTask:
    """A task that runs every `seconds`; `name` is the event under which its failures are logged.

    If `at_start` is set, it also runs once at the start. If that run fails, so does the start.
    `runs` counts them.
    """

    name: str
    seconds: float
    run: Callable[[], Awaitable[None]]
    at_start: bool = False
    runs: Runs = field(default_factory=Runs, compare=False)


class Failures:
    """Logs a task's failures with their count, but no more than one line a minute.

    An error that the registry expects, such as a full disk, or that the operating system reports,
    such as too many open files, is logged without a traceback.
    """

    def __init__(self, name: str, log: Log, ticks: Callable[[], float]) -> None:
        self._name = name
        self._log = log
        self._seldom = Seldom(ticks)

    def tell(self, failure: Exception) -> None:
        """Log a failure. Must be called from the `except` block that handles it."""
        failures = self._seldom.times()
        if not failures:
            return
        if isinstance(failure, RegistryError | OSError):
            self._log.warning(self._name, problem=str(failure) or repr(failure), failures=failures)
        else:
            self._log.exception(self._name, failures=failures)


class BackgroundTasks:
    """Runs tasks beside the requests, each at its own interval."""

    def __init__(
        self,
        tasks: Sequence[BackgroundTask],
        log: Log,
        ticks: Callable[[], float] = time.monotonic,
        now: Callable[[], float] = time.time,
    ) -> None:
        self._tasks = tasks
        self._log = log
        self._ticks = ticks
        self._now = now
        self._running: list[asyncio.Task[None]] = []
        self._read_only = Failures("read-only", log, ticks)  # shared: one line for all tasks

    async def start(self) -> None:
        """Run the tasks that are due at the start once, then repeat all of them.

        A read-only file system or a full disk does not prevent the start.
        """
        for task in self._at_start():
            await self._begin(task)
        self._running = [asyncio.create_task(self._repeat(task)) for task in self._tasks]

    async def rehearse(self) -> None:
        """Run the tasks that are due at the start once, to find what would prevent it.

        What cannot be written now would not, and is logged only by the start itself.
        """
        for task in self._at_start():
            with suppress(StorageReadOnly, StorageExhausted):
                await task.run()

    def _at_start(self) -> list[BackgroundTask]:
        return [task for task in self._tasks if task.at_start]

    async def _begin(self, task: BackgroundTask) -> None:
        try:
            await self._run(task)
        except StorageReadOnly as failure:
            self._read_only.tell(failure)
        except StorageExhausted as failure:  # what cannot be noted now is noted later
            Failures(task.name, self._log, self._ticks).tell(failure)

    async def _run(self, task: BackgroundTask) -> None:
        with task.runs.work.measured(Exception):
            await task.run()
        task.runs.succeeded_at = self._now()

    async def stop(self) -> None:
        """Cancel all tasks and wait until they have stopped. Stopping twice does no harm."""
        while self._running:
            task = self._running.pop()
            task.cancel()
            with suppress(asyncio.CancelledError):
                await task

    async def _repeat(self, task: BackgroundTask) -> None:
        failures = Failures(task.name, self._log, self._ticks)
        while True:
            await asyncio.sleep(task.seconds)
            try:
                await self._run(task)
            except StorageReadOnly as failure:
                self._read_only.tell(failure)
            except Exception as failure:  # noqa: BLE001 -- the next run may succeed
                failures.tell(failure)
