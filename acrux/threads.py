"""The threads that do an event loop's blocking work."""

import asyncio
import os
from collections.abc import Callable
from contextlib import suppress
from queue import SimpleQueue
from threading import Thread
from typing import Any, Final

# As many as `concurrent.futures` would start: most of the work waits for a disk.
MOST_THREADS: Final = min(32, (os.cpu_count() or 1) + 4)


class Threads:
    """Up to MOST_THREADS threads, each started when all others are busy.

    They do what the loop's own executor does, for two thirds of its processor time or less: a push
    of a blob hands over work three times. Use it on the loop. The threads never hold up an exit.
    """

    def __init__(self, loop: asyncio.AbstractEventLoop) -> None:
        self._loop = loop
        self._waiting: SimpleQueue[tuple[Callable[[], Any], asyncio.Future[Any]]] = SimpleQueue()
        self._started = 0
        self._under_way = 0

    def start(self, work: Callable[[], Any]) -> asyncio.Future[Any]:
        """Do `work` in a thread; return what will hold its result, or what it raised.

        Work that waits is done even if its caller is cancelled. Raises RuntimeError if the system
        allows no further thread.
        """
        if self._started < min(self._under_way + 1, MOST_THREADS):
            Thread(target=self._run, name="acrux-thread", daemon=True).start()
            self._started += 1
        self._under_way += 1
        caller = self._loop.create_future()
        self._waiting.put((work, caller))
        return caller

    def _run(self) -> None:
        while True:
            self._do(*self._waiting.get())

    def _do(self, work: Callable[[], Any], caller: asyncio.Future[Any]) -> None:
        result: object = None
        failure: BaseException | None = None
        try:
            result = work()
        except BaseException as raised:  # noqa: BLE001 -- whatever it raised, the caller waits
            failure = raised
        if isinstance(failure, StopIteration):  # no future takes it
            failure = RuntimeError("the work raised StopIteration")
        with suppress(RuntimeError):  # the loop has been closed: nobody waits any more
            self._loop.call_soon_threadsafe(self._settle, caller, result, failure)

    def _settle(
        self, caller: asyncio.Future[Any], result: object, failure: BaseException | None
    ) -> None:
        self._under_way -= 1
        if caller.done():  # cancelled meanwhile
            return
        if failure is None:
            caller.set_result(result)
        else:
            caller.set_exception(failure)
