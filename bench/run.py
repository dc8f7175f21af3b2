"""Run workloads one after another, and leave nothing behind."""

import shutil
import signal
import sys
import tempfile
from collections.abc import Callable, Iterator, Sequence
from contextlib import contextmanager
from datetime import UTC, datetime
from pathlib import Path

from bench import machine
from bench.figures import Figure
from bench.plan import Cell, Workload, measure
from bench.processes import STOP_SIGNALS, BenchError, Processes, deferred_signals
from bench.report import CaseResult, Results, WorkloadResult
from bench.scenario import Scale, Scenario
from bench.wire import UnexpectedAnswer

REFUSED, INTERRUPTED = 1, 130
FAILURES = (BenchError, UnexpectedAnswer, OSError)


def perform(workloads: Sequence[Workload], scale: Scale, *, is_quick: bool) -> Results:
    """The results of these workloads. If one fails, its result says why, and the others still run.

    However it ends, every process that it started is stopped, and its folder is removed. Raises
    KeyboardInterrupt if a signal stops it.
    """
    with interruptible(), _folder() as folder, Processes(folder) as processes:
        results = Results(
            date=datetime.now(UTC).strftime("%Y-%m-%d %H:%M UTC"),
            is_quick=is_quick,
            rounds=scale.rounds,
            machine=machine.describe(folder),
            versions=machine.versions(),
            missing=machine.missing(),
        )
        scenario = Scenario(processes, folder, scale)
        for workload in workloads:
            results.workloads.append(_run_workload(workload, scenario))
        return results


def log(text: str) -> None:
    """Print a line of progress on standard error."""
    sys.stderr.write(f"bench: {text}\n")


def guarded(action: Callable[[], None]) -> int:
    """Run `action` and return the exit code; a failure is one line on standard error."""
    try:
        action()
    except FAILURES as error:
        log(str(error))
        return REFUSED
    except KeyboardInterrupt:
        log("interrupted: every process is stopped, and nothing is left behind")
        return INTERRUPTED
    return 0


def _run_workload(workload: Workload, scenario: Scenario) -> WorkloadResult:
    log(f"{workload.name}, {workload.title}")
    cases: list[CaseResult] = []
    figures: dict[Cell, Figure] = {}
    failure = None
    try:
        for case in workload.cases(scenario):
            servers = dict(measure(case, scenario.scale, scenario.processes.settle, log))
            cases.append(CaseResult(case.name, case.unit, servers))
            figures |= {(case.name, server): figure for server, figure in servers.items()}
    except FAILURES as error:
        failure = str(error)
        log(f"{workload.name} failed: {failure}")
    verdicts = [aim.judge(figures) for aim in workload.aims]
    return WorkloadResult(workload.name, workload.title, workload.note, cases, verdicts, failure)


@contextmanager
def interruptible() -> Iterator[None]:
    """Turn a signal that stops a run into KeyboardInterrupt; no later one disturbs the clean-up."""
    before = {kind: signal.signal(kind, _interrupt) for kind in STOP_SIGNALS}
    try:
        yield
    finally:
        for kind, handler in before.items():
            signal.signal(kind, handler)


def _interrupt(*_: object) -> None:
    for kind in STOP_SIGNALS:
        signal.signal(kind, signal.SIG_IGN)
    raise KeyboardInterrupt


@contextmanager
def _folder() -> Iterator[Path]:
    folder = Path(tempfile.mkdtemp(prefix="acrux-bench-"))
    try:
        yield folder
    finally:
        with deferred_signals():
            shutil.rmtree(folder, ignore_errors=True)
