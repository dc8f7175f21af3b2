"""A worker's threads do what blocks, and whoever waits always gets an answer."""

import asyncio
import os
import threading
from collections.abc import Callable, Iterator
from functools import partial

import pytest

from acrux.threads import MOST_THREADS
from acrux.worker import WorkerLoop


@pytest.fixture
def loop() -> Iterator[WorkerLoop]:
    """The event loop of a worker, which has started."""
    reader, writer = os.pipe()
    made = WorkerLoop(writer)
    try:
        yield made
    finally:
        made.close()
        os.close(reader)
        os.close(writer)


def _in_thread(loop: WorkerLoop, work: Callable[[], object]) -> object:
    async def waiting() -> object:
        return await loop.run_in_executor(None, work)

    return loop.run_until_complete(waiting())


def test_the_result_of_work_reaches_its_caller(loop: WorkerLoop) -> None:
    """Also the arguments are passed on, as the event loops of asyncio do."""

    async def waiting() -> tuple[int, bool]:
        own = await loop.run_in_executor(None, threading.get_ident)
        return await loop.run_in_executor(None, max, 3, 7), own != threading.get_ident()

    assert loop.run_until_complete(waiting()) == (7, True)


@pytest.mark.parametrize("failure", [OSError(28, "disk full"), KeyboardInterrupt(), SystemExit(3)])
def test_what_work_raises_reaches_its_caller(loop: WorkerLoop, failure: BaseException) -> None:
    """The thread lives on, whatever it was."""

    def fail() -> None:
        raise failure

    with pytest.raises(type(failure)):
        _in_thread(loop, fail)

    assert _in_thread(loop, lambda: "next") == "next"


def test_an_iterator_that_ends_does_not_leave_its_caller_waiting(loop: WorkerLoop) -> None:
    """A future refuses StopIteration, so that nothing would ever wake the caller."""
    with pytest.raises(RuntimeError, match="StopIteration"):
        _in_thread(loop, partial(next, iter(())))


def test_a_caller_that_was_cancelled_disturbs_nobody(loop: WorkerLoop) -> None:
    """Its work is done all the same: a file that was begun is closed."""
    go_on, done = threading.Event(), threading.Event()

    def work() -> None:
        go_on.wait()
        done.set()

    async def cancelling() -> str:
        waiting = asyncio.ensure_future(loop.run_in_executor(None, work))
        await asyncio.sleep(0)
        waiting.cancel()
        go_on.set()
        return str(await loop.run_in_executor(None, lambda: "next"))

    assert loop.run_until_complete(cancelling()) == "next"
    assert done.wait(10)


def test_work_waits_for_no_other_work_while_there_may_be_more_threads(loop: WorkerLoop) -> None:
    """All of them meet; one more would wait for a thread."""
    meeting = threading.Barrier(MOST_THREADS)

    async def all_at_once() -> list[int]:
        works = [loop.run_in_executor(None, meeting.wait, 10) for _ in range(MOST_THREADS)]
        return list(await asyncio.gather(*works))

    assert sorted(loop.run_until_complete(all_at_once())) == list(range(MOST_THREADS))


def test_there_are_never_more_threads_than_are_needed(loop: WorkerLoop) -> None:
    """One request after the other needs one, and a thousand at once get MOST_THREADS."""
    seen: set[int] = set()

    async def one_by_one() -> None:
        for _ in range(100):
            seen.add(await loop.run_in_executor(None, threading.get_ident))

    async def at_once() -> None:
        works = [loop.run_in_executor(None, threading.get_ident) for _ in range(1000)]
        seen.update(await asyncio.gather(*works))

    loop.run_until_complete(one_by_one())
    assert len(seen) == 1

    loop.run_until_complete(at_once())
    assert len(seen) <= MOST_THREADS


def test_work_that_outlasts_its_loop_ends_in_silence(
    capfd: pytest.CaptureFixture[str],
) -> None:
    """A worker that stops does not wait for a disk that hangs."""
    reader, writer = os.pipe()
    loop, go_on = WorkerLoop(writer), threading.Event()
    ended = threading.Event()

    def work() -> None:
        go_on.wait()
        ended.set()

    async def begin() -> None:
        loop.run_in_executor(None, work)

    loop.run_until_complete(begin())
    loop.close()
    os.close(reader)
    os.close(writer)
    go_on.set()

    assert ended.wait(10)
    assert capfd.readouterr().err == ""
