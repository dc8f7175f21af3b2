"""Dead workers are replaced, outdated ones relieved: with a fake clock."""

import signal
from dataclasses import dataclass, field

import pytest

from acrux.serving.supervision import (
    LEAVE_SECONDS,
    LEAVING_PER_WORKER,
    LONGEST_PAUSE,
    OVERLAP,
    START_SECONDS,
    CannotStart,
    Process,
    Supervisor,
    describe,
)


@dataclass(eq=False)
class FakeProcess:
    """A process that lives until it is asked to exit; a `busy` one exits only when killed."""

    pid: int
    busy: bool = False
    exitcode: int | None = None
    drained: bool = False
    asked: int = 0
    sentinel: int = -1

    def terminate(self) -> None:
        """Count the request, and exit unless busy."""
        self.asked += 1
        if not self.busy:
            self.exitcode = -signal.SIGTERM

    def kill(self) -> None:
        """Exit."""
        self.exitcode = -signal.SIGKILL

    def join(self, timeout: float | None = None) -> None:
        """Do nothing."""


@dataclass
class Stage:
    """A supervisor, its processes in the order of their start, and its clock."""

    count: int
    now: float = 1000.0
    processes: list[FakeProcess] = field(default_factory=list)
    told: list[tuple[str, dict[str, object]]] = field(default_factory=list)
    failing: bool = False
    started: int = 0
    abandoned: list[int] = field(default_factory=list)

    def __post_init__(self) -> None:
        self.supervisor = Supervisor(
            self.count, self._spawn, self._tell, lambda: self.now,
            started=self._start, drain=self._drain, abandon=self.abandoned.append,
        )  # fmt: skip

    def _spawn(self, number: int) -> FakeProcess:
        if self.failing:
            raise OSError(11, "Resource temporarily unavailable")
        self.processes.append(FakeProcess(100 + len(self.processes)))
        return self.processes[-1]

    def _drain(self, process: Process) -> None:
        assert isinstance(process, FakeProcess)
        process.drained = True

    def _tell(self, event: str, /, **values: object) -> None:
        self.told.append((event, values))

    def _start(self) -> None:
        self.started += 1

    def ready(self) -> "Stage":
        """Let everything that is due happen, and every worker become ready."""
        self.supervisor.step()
        for process in self.processes:
            if process.exitcode is None:
                self.supervisor.ready(process.pid)
        return self

    def pass_time(self, seconds: float) -> None:
        """Let time pass, and everything that is due happen."""
        self.now += seconds
        self.supervisor.step()

    def alive(self) -> list[FakeProcess]:
        """The processes that live."""
        return [process for process in self.processes if process.exitcode is None]


def pauses(stage: Stage) -> list[object]:
    """The pauses that were reported."""
    return [values["replaced_in_seconds"] for event, values in stage.told if event == "worker-died"]


def test_a_worker_that_dies_again_and_again_is_replaced_more_and_more_slowly() -> None:
    """The registry continues, and the machine has time for other work."""
    stage = Stage(2).ready()
    for _ in range(10):
        stage.processes[-1].kill()
        stage.supervisor.step()
        stage.pass_time(stage.supervisor.next_due())
        while len(stage.alive()) < 2:
            stage.pass_time(stage.supervisor.next_due() + 0.001)
        stage.ready()

    assert pauses(stage) == [0.1, 0.2, 0.4, 0.8, 1.6, 3.2, 6.4, 12.8, 25.6, LONGEST_PAUSE]
    assert stage.processes[0].exitcode is None


def test_connections_wait_for_a_worker_that_is_soon_replaced_and_for_no_other() -> None:
    """Of two workers, one that never starts would let half of all clients wait for ever."""
    stage = Stage(2).ready()
    abandoned = []
    for _ in range(6):
        stage.processes[-1].kill()
        stage.supervisor.step()
        abandoned.append(stage.abandoned[:])
        stage.pass_time(LONGEST_PAUSE)
        stage.ready()

    assert abandoned == [[], [], [], [], [1], [1, 1]]


def test_connections_wait_for_the_replacement_that_is_starting() -> None:
    """It shares them with the worker that it replaces."""
    stage = Stage(1).ready()
    stage.supervisor.relieve_all()
    stage.supervisor.step()
    for _ in range(6):
        stage.processes[-1].kill()
        stage.supervisor.step()
        stage.pass_time(LONGEST_PAUSE)

    assert len(pauses(stage)) == 6
    assert stage.abandoned == []


def test_a_worker_that_lived_for_a_minute_is_replaced_at_once() -> None:
    """Whatever killed the ones before it is over."""
    stage = Stage(1).ready()
    for lived in (1.0, 1.0, 61.0, 1.0):
        stage.pass_time(lived)
        stage.processes[-1].kill()
        stage.supervisor.step()
        stage.pass_time(1.0)
        stage.ready()

    assert pauses(stage) == [0.1, 0.2, 0.1, 0.2]


def test_a_death_is_reported_in_one_line_with_its_cause_and_what_follows() -> None:
    """The search for the cause begins there."""
    stage = Stage(1).ready()
    stage.now += 12.34
    stage.processes[0].kill()
    stage.supervisor.step()

    assert stage.told == [
        (
            "worker-died",
            {
                "worker": 1,
                "pid": 100,
                "how": "signal SIGKILL",
                "lived_seconds": 12.3,
                "replaced_in_seconds": 0.1,
            },
        )
    ]


def test_a_death_before_all_were_ready_for_the_first_time_ends_the_start() -> None:
    """A mistake must not look like a registry that is about to answer."""
    stage = Stage(2)
    stage.supervisor.step()
    stage.supervisor.ready(stage.processes[0].pid)
    stage.processes[1].exitcode = 3

    with pytest.raises(CannotStart, match="exit code 3"):
        stage.supervisor.step()
    assert stage.started == 0


def test_it_has_started_once_all_workers_are_ready() -> None:
    """It is reported once, however often workers are replaced."""
    stage = Stage(2).ready()
    stage.processes[0].kill()
    stage.pass_time(0)
    stage.pass_time(1)
    stage.ready()

    assert stage.started == 1
    assert len(stage.alive()) == 2


def test_a_process_that_cannot_be_made_is_tried_again() -> None:
    """If the machine has no more processes or memory, it may have some later."""
    stage = Stage(1).ready()
    stage.processes[0].kill()
    stage.failing = True
    for _ in range(20):
        stage.pass_time(LONGEST_PAUSE)
    stage.failing = False
    stage.pass_time(LONGEST_PAUSE)

    assert len(stage.alive()) == 1
    assert {event for event, _ in stage.told} == {"worker-died", "worker-not-started"}


def test_a_worker_that_never_gets_ready_is_replaced() -> None:
    """A worker that hangs while it starts would leave its place empty."""
    stage = Stage(1).ready()
    stage.processes[0].kill()
    stage.pass_time(0)
    stage.pass_time(1)
    stage.pass_time(START_SECONDS + 1)
    stage.pass_time(0)
    stage.pass_time(1)

    assert [process.exitcode for process in stage.processes] == [-9, -9, None]


def test_workers_are_relieved_one_after_another_once_their_successor_is_ready() -> None:
    """At no moment do fewer of them answer, and memory is never needed twice."""
    stage = Stage(2).ready()
    stage.supervisor.relieve_all()
    counts = []
    for _ in range(12):
        stage.pass_time(1)
        counts.append(len(stage.alive()))
        stage.ready()

    assert min(counts) == 2
    assert max(counts) == 3
    assert [process.pid for process in stage.alive()] == [102, 103]
    assert [process.drained for process in stage.processes] == [True, True, False, False]


def test_a_relieved_worker_tells_its_clients_before_it_is_asked_to_stop() -> None:
    """A client whose idle connection is closed may be sending just then."""
    stage = Stage(1).ready()
    first = stage.processes[0]
    stage.supervisor.relieve_all()
    stage.pass_time(0)
    stage.ready()
    stage.pass_time(OVERLAP - 0.1)
    told, asked = first.drained, first.asked
    stage.pass_time(0.1)

    assert (told, asked) == (True, 0)
    assert first.asked == 1


def test_a_successor_that_cannot_start_takes_nobodys_place() -> None:
    """A registry that serves continues, whatever the new certificate does to the new worker."""
    stage = Stage(1).ready()
    stage.supervisor.relieve_all()
    for _ in range(5):
        stage.pass_time(LONGEST_PAUSE)
        stage.processes[-1].exitcode = 1 if len(stage.processes) > 1 else None
        stage.pass_time(0)

    assert stage.alive() == [stage.processes[0]]
    assert stage.processes[0].asked == 0


def test_a_relieved_worker_has_a_day_to_finish_what_it_answers_and_is_asked_once() -> None:
    """A push may take all night, and a second signal would only do harm."""
    stage = Stage(1).ready()
    first = stage.processes[0]
    first.busy = True
    stage.supervisor.relieve_all()
    stage.pass_time(0)
    stage.ready()
    stage.pass_time(LEAVE_SECONDS - 1)
    late = first.exitcode
    stage.pass_time(2)

    assert late is None
    assert first.exitcode == -signal.SIGKILL
    assert first.asked == 1


def test_the_oldest_of_many_relieved_workers_are_stopped() -> None:
    """Repeated reloads beside endless pushes would fill the memory."""
    stage = Stage(1).ready()
    for _ in range(3 * LEAVING_PER_WORKER):
        stage.processes[-1].busy = True
        stage.supervisor.relieve_all()
        stage.pass_time(1)
        stage.ready()
        stage.pass_time(1)

    assert len(stage.alive()) == LEAVING_PER_WORKER + 1


def test_a_stop_asks_each_worker_once_and_kills_those_that_do_not_exit() -> None:
    """A stop always finishes, whatever a worker does."""
    stage = Stage(2).ready()
    stage.processes[0].busy = True
    stage.supervisor.relieve_all()
    stage.pass_time(1)
    stage.ready()
    stage.pass_time(1)

    stage.supervisor.stop(0)

    assert stage.alive() == []
    assert all(process.asked <= 1 for process in stage.processes)
    assert ("worker-killed", {"pid": 100, "reason": "stop_seconds"}) in stage.told


@pytest.mark.parametrize(
    ("exitcode", "said"),
    [(0, "exit code 0"), (1, "exit code 1"), (-9, "signal SIGKILL"), (-99, "signal 99")],
)
def test_how_a_process_ended_is_reported_in_words(exitcode: int, said: str) -> None:
    """Nobody reads -9 as a word."""
    assert describe(exitcode) == said
