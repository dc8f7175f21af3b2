"""What an open registry does again and again."""

import asyncio
from collections.abc import Awaitable, Callable, Sequence
from contextlib import suppress
from dataclasses import dataclass

from acrux.http.middleware import Log


@dataclass(frozen=True, slots=True)
class Chore:
    """Something to do every so many seconds; `name` is the event that logs its failure.

    One that is done `at_start` too must succeed there: its failure passes through.
    """

    name: str
    seconds: float
    run: Callable[[], Awaitable[None]]
    at_start: bool = False


class Running:
    """Chores that are done beside the requests, each at its own pace."""

    def __init__(self, chores: Sequence[Chore], log: Log) -> None:
        self._chores = chores
        self._log = log
        self._tasks: list[asyncio.Task[None]] = []

    async def start(self) -> None:
        """Do once what is done at the start, then go on with all."""
        for chore in self._chores:
            if chore.at_start:
                await chore.run()
        self._tasks = [asyncio.create_task(self._repeat(chore)) for chore in self._chores]

    async def stop(self) -> None:
        """Wait until each has stopped. Stopping twice does no harm."""
        while self._tasks:
            task = self._tasks.pop()
            task.cancel()
            with suppress(asyncio.CancelledError):
                await task

    async def _repeat(self, chore: Chore) -> None:
        while True:
            await asyncio.sleep(chore.seconds)
            try:
                await chore.run()
            except Exception:  # noqa: BLE001 -- the next round may go well
                self._log.exception(chore.name)
