"""Carry out works one after another, and leave nothing behind."""

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
from bench.household import ENDING, BenchError, Household, held
from bench.plan import Cell, Work, measure
from bench.report import CaseResult, Results, WorkResult
from bench.stage import Scale, Stage
from bench.wire import UnexpectedAnswer

REFUSED, INTERRUPTED = 1, 130
FAILURES = (BenchError, UnexpectedAnswer, OSError)


def perform(works: Sequence[Work], scale: Scale, *, is_quick: bool) -> Results:
    """The results of these works. One that fails says why, and leaves the others be.

    However it ends, every process that it started has ended, and its folder is removed. Raises
    KeyboardInterrupt where it is told to stop.
    """
    with interruptible(), _folder() as folder, Household(folder) as household:
        results = Results(
            date=datetime.now(UTC).strftime("%Y-%m-%d %H:%M UTC"),
            is_quick=is_quick,
            rounds=scale.rounds,
            machine=machine.describe(folder),
            versions=machine.versions(),
            missing=machine.missing(),
        )
        stage = Stage(household, folder, scale)
        for work in works:
            results.works.append(_carry_out(work, stage))
        return results


def tell(text: str) -> None:
    """Say what happens now, on standard error."""
    sys.stderr.write(f"bench: {text}\n")


def guarded(work: Callable[[], None]) -> int:
    """Carry this out and return the exit code; a failure is one line on standard error."""
    try:
        work()
    except FAILURES as error:
        tell(str(error))
        return REFUSED
    except KeyboardInterrupt:
        tell("interrupted: all that was started has ended, and nothing is left behind")
        return INTERRUPTED
    return 0


def _carry_out(work: Work, stage: Stage) -> WorkResult:
    tell(f"{work.name}, {work.title}")
    cases: list[CaseResult] = []
    figures: dict[Cell, Figure] = {}
    failure = None
    try:
        for case in work.cases(stage):
            servers = dict(measure(case, stage.scale, stage.household.rest, tell))
            cases.append(CaseResult(case.name, case.unit, servers))
            figures |= {(case.name, server): figure for server, figure in servers.items()}
    except FAILURES as error:
        failure = str(error)
        tell(f"{work.name} failed: {failure}")
    verdicts = [aim.judge(figures) for aim in work.aims]
    return WorkResult(work.name, work.title, work.note, cases, verdicts, failure)


@contextmanager
def interruptible() -> Iterator[None]:
    """Let every signal that ends a run be a KeyboardInterrupt; none disturbs the clearing up."""
    before = {kind: signal.signal(kind, _interrupt) for kind in ENDING}
    try:
        yield
    finally:
        for kind, handler in before.items():
            signal.signal(kind, handler)


def _interrupt(*_: object) -> None:
    for kind in ENDING:
        signal.signal(kind, signal.SIG_IGN)
    raise KeyboardInterrupt


@contextmanager
def _folder() -> Iterator[Path]:
    folder = Path(tempfile.mkdtemp(prefix="acrux-bench-"))
    try:
        yield folder
    finally:
        with held():
            shutil.rmtree(folder, ignore_errors=True)
