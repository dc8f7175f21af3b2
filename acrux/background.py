"""What an open registry does again and again."""

import asyncio
import time
from collections.abc import Awaitable, Callable, Sequence
from contextlib import suppress
from dataclasses import dataclass

from acrux.errors import RegistryError, StorageReadOnly
from acrux.http.request_log import Log, Seldom


@dataclass(frozen=True, slots=True)
class BackgroundTask:
    """Something to do every so many seconds; `name` is the event that logs its failure.

    One that is done `at_start` too must succeed there: its failure passes through.
    """

    name: str
    seconds: float
    run: Callable[[], Awaitable[None]]
    at_start: bool = False


class Failures:
    """A task's failures, told seldom, with how many there were.

    What the registry foresaw, such as a full disk, and what the operating system refused, such as
    one more open file, is told in words and without a traceback.
    """

    def __init__(self, name: str, log: Log, ticks: Callable[[], float]) -> None:
        self._name = name
        self._log = log
        self._seldom = Seldom(ticks)

    def tell(self, failure: Exception) -> None:
        """Note one; for use where it is handled."""
        failures = self._seldom.times()
        if not failures:
            return
        if isinstance(failure, RegistryError | OSError):
            self._log.info(self._name, problem=str(failure), failures=failures)
        else:
            self._log.exception(self._name, failures=failures)


class BackgroundTasks:
    """Tasks that are done beside the requests, each at its own pace."""

    def __init__(
        self, tasks: Sequence[BackgroundTask], log: Log, ticks: Callable[[], float] = time.monotonic
    ) -> None:
        self._tasks = tasks
        self._log = log
        self._ticks = ticks
        self._running: list[asyncio.Task[None]] = []
        self._read_only = Failures("read-only", log, ticks)  # of all tasks: one line tells it

    async def start(self) -> None:
        """Do once what is done at the start, then go on with all.

        What cannot be written, as the file system is read-only, is no reason not to start.
        """
        for task in self._tasks:
            if task.at_start:
                await self._begin(task)
        self._running = [asyncio.create_task(self._repeat(task)) for task in self._tasks]

    async def _begin(self, task: BackgroundTask) -> None:
        try:
            await task.run()
        except StorageReadOnly as failure:
            self._read_only.tell(failure)

    async def stop(self) -> None:
        """Wait until each has stopped. Stopping twice does no harm."""
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
                await task.run()
            except StorageReadOnly as failure:
                self._read_only.tell(failure)
            except Exception as failure:  # noqa: BLE001 -- the next round may go well
                failures.tell(failure)
