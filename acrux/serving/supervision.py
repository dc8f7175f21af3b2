"""Replace worker processes that die, and relieve those that are outdated."""

import signal
from collections.abc import Callable, Iterator
from contextlib import suppress
from dataclasses import dataclass, field
from typing import Final, Protocol

FIRST_PAUSE: Final = 0.1  # seconds from the first death to the replacement; then it doubles
LONGEST_PAUSE: Final = 30.0
LONG_LIFE: Final = 60.0  # seconds after which a worker has proved itself: the pause is reset
START_SECONDS: Final = 120.0  # a worker that is not ready by then never will be

# A worker that is replaced accepts no more connections. On those that it has, the first request may
# still be on its way, or the next answer says that it will be closed, so that no request is lost.
OVERLAP: Final = 2.0
# If a worker is missing for longer, the others get the connections that would wait for it.
LONGEST_WAIT: Final = 1.0
# A replaced worker may finish its requests, even a push that takes all night.
LEAVE_SECONDS: Final = 24 * 60 * 60.0
# But repeated reloads must not fill the memory with workers that are leaving.
LEAVING_PER_WORKER: Final = 4


class Process(Protocol):
    """The part of `multiprocessing.Process` that is used here."""

    @property
    def pid(self) -> int | None: ...
    @property
    def exitcode(self) -> int | None: ...
    @property
    def sentinel(self) -> int: ...
    def terminate(self) -> None: ...
    def kill(self) -> None: ...
    def join(self, timeout: float | None = None) -> None: ...


class Tell(Protocol):
    """Writes one log line."""

    def __call__(self, event: str, /, **values: object) -> None: ...


class CannotStart(Exception):
    """A worker died before all were ready for the first time; the text says how."""


@dataclass(slots=True)
class Backoff:
    """How long to wait before the next attempt, in seconds."""

    _next: float = FIRST_PAUSE

    def after(self, lived: float) -> float:
        """The pause after a worker that lived for this long, both in seconds."""
        pause = FIRST_PAUSE if lived >= LONG_LIFE else self._next
        self._next = min(2 * pause, LONGEST_PAUSE)
        return pause


@dataclass(slots=True)
class Worker:
    """A process that was started, and what it was started with."""

    process: Process
    generation: int
    born: float


@dataclass(slots=True)
class Leaving:
    """A worker that has been replaced: asked to stop at `ask`, killed at `kill`."""

    worker: Worker
    ask: float
    kill: float
    asked: bool = False


@dataclass(slots=True)
class Slot:
    """The place of one worker: the process that serves, and the one that is starting."""

    number: int
    serving: Worker | None = None
    coming: Worker | None = None
    due: float = 0.0
    backoff: Backoff = field(default_factory=Backoff)


class Supervisor:
    """Keeps `count` workers running. Call `step` when a worker ends or `next_due` has passed.

    `spawn` starts the worker of a number, and may raise OSError. `drain` asks a worker to accept no
    more connections and to close each after its next answer. `abandon` is told the number of a
    worker that will be missing for long. `started` is called once, when all have become ready for
    the first time; until then a death raises CannotStart.
    """

    def __init__(  # noqa: PLR0913 -- one of each
        self,
        count: int,
        spawn: Callable[[int], Process],
        tell: Tell,
        clock: Callable[[], float],
        *,
        started: Callable[[], None] = lambda: None,
        drain: Callable[[Process], None] = lambda _: None,
        abandon: Callable[[int], None] = lambda _: None,
    ) -> None:
        self._slots = [Slot(number) for number in range(count)]
        self._spawn = spawn
        self._drain = drain
        self._abandon = abandon
        self._tell = tell
        self._clock = clock
        self._started: Callable[[], None] | None = started
        self._generation = 0
        self._leaving: list[Leaving] = []

    def relieve_all(self) -> None:
        """Replace every worker, one after another; each finishes its requests."""
        self._generation += 1

    def ready(self, pid: int) -> None:
        """Let the worker of this process serve from now on, in place of its predecessor."""
        for slot in self._slots:
            if slot.coming and slot.coming.process.pid == pid:
                if slot.serving:
                    self._relieve(slot.serving)
                slot.serving, slot.coming = slot.coming, None
        if self._started and all(slot.serving for slot in self._slots):
            self._started()
            self._started = None

    def step(self) -> None:
        """Do what is due. Raises CannotStart."""
        self._reap()
        self._stop_replaced()
        for slot in self._slots:
            self._kill_if_never_ready(slot)
            if self._wants_another(slot):
                self._try_to_spawn(slot)

    def next_due(self) -> float:
        """The seconds until something may be due, if nothing happens before."""
        dues = [slot.due for slot in self._slots if not slot.serving and not slot.coming]
        dues += [leaving.kill if leaving.asked else leaving.ask for leaving in self._leaving]
        return max(0.0, min([due - self._clock() for due in dues] + [1.0]))

    def sentinels(self) -> list[int]:
        """File descriptors that become readable when a process ends."""
        return [worker.process.sentinel for worker in self._workers()]

    def stop(self, seconds: float) -> None:
        """Stop all workers. After `seconds`, those that still answer requests are killed."""
        asked = {id(leaving.worker) for leaving in self._leaving if leaving.asked}
        workers = list(self._workers())
        for worker in workers:
            if id(worker) not in asked:
                worker.process.terminate()
        deadline = self._clock() + seconds
        for worker in workers:
            worker.process.join(max(0.0, deadline - self._clock()))
            if worker.process.exitcode is None:
                self._tell("worker-killed", pid=worker.process.pid, reason="stop_seconds")
                worker.process.kill()
                worker.process.join()

    def _workers(self) -> Iterator[Worker]:
        for slot in self._slots:
            yield from filter(None, (slot.serving, slot.coming))
        yield from (leaving.worker for leaving in self._leaving)

    def _reap(self) -> None:
        self._leaving = [one for one in self._leaving if one.worker.process.exitcode is None]
        for slot in self._slots:
            if slot.coming and slot.coming.process.exitcode is not None:
                dead, slot.coming = slot.coming, None
                self._note_death(slot, dead)
            if slot.serving and slot.serving.process.exitcode is not None:
                dead, slot.serving = slot.serving, None
                self._note_death(slot, dead)

    def _note_death(self, slot: Slot, dead: Worker) -> None:
        how = describe(dead.process.exitcode)
        if self._started:
            raise CannotStart(how)
        lived = self._clock() - dead.born
        pause = self._put_off(slot, lived)
        self._tell(
            "worker-died",
            worker=slot.number + 1,
            pid=dead.process.pid,
            how=how,
            lived_seconds=round(lived, 1),
            replaced_in_seconds=round(pause, 1),
        )

    def _wants_another(self, slot: Slot) -> bool:
        if slot.coming or self._clock() < slot.due:
            return False
        if slot.serving is None:
            return True
        is_outdated = slot.serving.generation < self._generation
        is_relieving = any(other.coming for other in self._slots) or any(
            not leaving.asked for leaving in self._leaving
        )
        return is_outdated and not is_relieving

    def _try_to_spawn(self, slot: Slot) -> None:
        born = self._clock()
        try:
            process = self._spawn(slot.number)
        except OSError as failed:
            if self._started:
                raise CannotStart(failed.strerror or str(failed)) from failed
            pause = self._put_off(slot, 0.0)
            self._tell("worker-not-started", worker=slot.number + 1, reason=failed,
                       tried_again_in_seconds=round(pause, 1))  # fmt: skip
        else:
            slot.coming = Worker(process, self._generation, born)

    def _put_off(self, slot: Slot, lived: float) -> float:
        """Try again after a pause, which is returned, in seconds."""
        pause = slot.backoff.after(lived)
        slot.due = self._clock() + pause
        if pause > LONGEST_WAIT and not slot.serving and not slot.coming:
            self._abandon(slot.number)
        return pause

    def _kill_if_never_ready(self, slot: Slot) -> None:
        if slot.coming and self._clock() > slot.coming.born + START_SECONDS:
            slot.coming.process.kill()

    def _relieve(self, worker: Worker) -> None:
        self._drain(worker.process)
        now = self._clock()
        self._leaving.append(Leaving(worker, now + OVERLAP, now + LEAVE_SECONDS))
        for leaving in self._leaving[: -LEAVING_PER_WORKER * len(self._slots)]:
            leaving.kill = now

    def _stop_replaced(self) -> None:
        for leaving in self._leaving:
            process = leaving.worker.process
            if not leaving.asked and self._clock() >= leaving.ask:
                leaving.asked = True
                process.terminate()
            if self._clock() >= leaving.kill:
                self._tell("worker-killed", pid=process.pid, reason="it was replaced long ago")
                leaving.kill = self._clock() + LEAVE_SECONDS
                process.kill()


def describe(exitcode: int | None) -> str:
    """How a process ended, from its `multiprocessing` exit code."""
    if exitcode is None or exitcode >= 0:
        return f"exit code {exitcode}"
    with suppress(ValueError):
        return f"signal {signal.Signals(-exitcode).name}"
    return f"signal {-exitcode}"
