"""The threads that do an event loop's blocking work."""

import asyncio
import os
from collections.abc import Callable
from contextlib import suppress
from queue import SimpleQueue
from threading import Thread
from typing import Any, Final

from msgspec import Struct

# As many as `concurrent.futures` would start: most of the work waits for a disk.
MOST_THREADS: Final = min(32, (os.cpu_count() or 1) + 4)


class Outcome(Struct, frozen=True):
    """How work in a thread ended: with a result or a failure."""

    result: Any = None
    failure: BaseException | None = None


def resolve(caller: asyncio.Future[Any], outcome: Outcome) -> None:
    """Give a caller the outcome it waits for, unless it was cancelled; call it on its loop."""
    if caller.done():
        return
    if outcome.failure is None:
        caller.set_result(outcome.result)
    else:
        caller.set_exception(outcome.failure)


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
        outcome = _carry_out(work)
        with suppress(RuntimeError):  # the loop has been closed: nobody waits any more
            self._loop.call_soon_threadsafe(self._end, caller, outcome)

    def _end(self, caller: asyncio.Future[Any], outcome: Outcome) -> None:
        self._under_way -= 1
        resolve(caller, outcome)


def _carry_out(work: Callable[[], Any]) -> Outcome:
    try:
        return Outcome(work())
    except StopIteration:  # no future takes it
        return Outcome(failure=RuntimeError("the work raised StopIteration"))
    except BaseException as failure:  # noqa: BLE001 -- whatever it raised, the caller waits
        return Outcome(failure=failure)
