"""Replace worker processes that die, and relieve those that are outdated."""

import signal
from collections.abc import Callable, Iterator
from contextlib import suppress
from dataclasses import dataclass, field
from typing import Final, Protocol

FIRST_PAUSE: Final = 0.1  # seconds from the first death to the replacement; then twice as long
LONGEST_PAUSE: Final = 30.0
LONG_LIFE: Final = 60.0  # seconds after which a worker has proved itself: pauses begin anew
START_SECONDS: Final = 120.0  # a worker that is not ready by then will never be

# A worker says that it is ready a moment before its socket listens.
OVERLAP: Final = 0.5
# Whoever leaves may finish what it answers, be it a push that takes all night.
LEAVE_SECONDS: Final = 24 * 60 * 60.0
# But not so many of them that reload after reload fills the memory.
LEAVING_PER_WORKER: Final = 4


class Process(Protocol):
    """What is used of `multiprocessing.Process`."""

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
    """Writes one line of the log."""

    def __call__(self, event: str, /, **values: object) -> None: ...


class CannotStart(Exception):
    """A worker died before it was ready for the first time; the text says how."""


@dataclass(slots=True)
class Backoff:
    """How long to wait before the next attempt, in seconds."""

    _next: float = FIRST_PAUSE

    def after(self, lived: float) -> float:
        """The pause after a life of so many seconds."""
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
    """A worker that has been relieved: asked to end at `ask`, killed at `kill`."""

    worker: Worker
    ask: float
    kill: float
    asked: bool = False


@dataclass(slots=True)
class Slot:
    """The place of one worker: who serves in it, and who is starting to."""

    number: int
    serving: Worker | None = None
    coming: Worker | None = None
    due: float = 0.0
    backoff: Backoff = field(default_factory=Backoff)


class Supervisor:
    """Holds `count` workers; `step` does what is due, and is to be called at `next_due`.

    `spawn` starts the process of a number, and may raise OSError. `started` is called once all
    have been ready for the first time; until then a death raises CannotStart.
    """

    def __init__(
        self,
        count: int,
        spawn: Callable[[int], Process],
        tell: Tell,
        clock: Callable[[], float],
        started: Callable[[], None],
    ) -> None:
        self._slots = [Slot(number) for number in range(count)]
        self._spawn = spawn
        self._tell = tell
        self._clock = clock
        self._started: Callable[[], None] | None = started
        self._generation = 0
        self._leaving: list[Leaving] = []

    def relieve_all(self) -> None:
        """Replace every worker, one after another; each finishes what it answers."""
        self._generation += 1

    def ready(self, pid: int) -> None:
        """The worker of this process serves from now on, in place of the one before it."""
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
        self._bury()
        self._end_those_who_leave()
        for slot in self._slots:
            self._end_who_never_starts(slot)
            if self._wants_another(slot):
                self._try_to_spawn(slot)

    def next_due(self) -> float:
        """Seconds until something may be due, if nothing happens before."""
        dues = [slot.due for slot in self._slots if not slot.serving and not slot.coming]
        dues += [leaving.kill if leaving.asked else leaving.ask for leaving in self._leaving]
        return max(0.0, min([due - self._clock() for due in dues] + [1.0]))

    def sentinels(self) -> list[int]:
        """What becomes readable where a process ends."""
        return [worker.process.sentinel for worker in self._workers()]

    def stop(self, seconds: float) -> None:
        """End all: each has so many seconds for what it answers, then it is killed."""
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

    def _bury(self) -> None:
        self._leaving = [one for one in self._leaving if one.worker.process.exitcode is None]
        for slot in self._slots:
            if slot.coming and slot.coming.process.exitcode is not None:
                dead, slot.coming = slot.coming, None
                self._mourn(slot, dead)
            if slot.serving and slot.serving.process.exitcode is not None:
                dead, slot.serving = slot.serving, None
                self._mourn(slot, dead)

    def _mourn(self, slot: Slot, dead: Worker) -> None:
        how = describe(dead.process.exitcode)
        if self._started:
            raise CannotStart(how)
        lived = self._clock() - dead.born
        pause = slot.backoff.after(lived)
        slot.due = self._clock() + pause
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
        outdated = slot.serving.generation < self._generation
        return outdated and not any(other.coming for other in self._slots)

    def _try_to_spawn(self, slot: Slot) -> None:
        born = self._clock()
        try:
            process = self._spawn(slot.number)
        except OSError as failed:
            if self._started:
                raise CannotStart(str(failed)) from failed
            pause = slot.backoff.after(0.0)
            slot.due = born + pause
            self._tell("worker-not-started", worker=slot.number + 1, reason=failed,
                       tried_again_in_seconds=round(pause, 1))  # fmt: skip
        else:
            slot.coming = Worker(process, self._generation, born)

    def _end_who_never_starts(self, slot: Slot) -> None:
        if slot.coming and self._clock() > slot.coming.born + START_SECONDS:
            slot.coming.process.kill()

    def _relieve(self, worker: Worker) -> None:
        now = self._clock()
        self._leaving.append(Leaving(worker, now + OVERLAP, now + LEAVE_SECONDS))
        for leaving in self._leaving[: -LEAVING_PER_WORKER * len(self._slots)]:
            leaving.kill = now

    def _end_those_who_leave(self) -> None:
        for leaving in self._leaving:
            process = leaving.worker.process
            if not leaving.asked and self._clock() >= leaving.ask:
                # Connections that it has not accepted yet are reset now, unless
                # net.ipv4.tcp_migrate_req hands them to another worker (ip-sysctl).
                leaving.asked = True
                process.terminate()
            if self._clock() >= leaving.kill:
                self._tell("worker-killed", pid=process.pid, reason="it was relieved long ago")
                leaving.kill = self._clock() + LEAVE_SECONDS
                process.kill()


def describe(exitcode: int | None) -> str:
    """How a process ended, from what `multiprocessing` says of it."""
    if exitcode is None or exitcode >= 0:
        return f"exit code {exitcode}"
    with suppress(ValueError):
        return f"signal {signal.Signals(-exitcode).name}"
    return f"signal {-exitcode}"
