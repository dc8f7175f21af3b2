"""P8: from the command to the first answer."""

import time
from collections.abc import Callable, Iterator, Mapping, Sequence
from contextlib import suppress
from functools import partial
from itertools import count
from pathlib import Path

from bench import peers
from bench.figures import Sample
from bench.household import free_port
from bench.peers import V2, V3, distribution_command
from bench.plan import Aim, Case, Work
from bench.servers import AcruxPlan, environment
from bench.stage import ACRUX, Stage
from bench.wire import Connection, UnexpectedAnswer

FIRST, LATER = "first start, in an empty folder", "later start"
PATIENCE_SECONDS = 30

Start = Callable[[Path], Sample]


def cases(stage: Stage) -> Iterator[Case]:
    """The first start makes keys, the admin user and tables; later ones find them."""
    starts: dict[str, Start] = {ACRUX: partial(_ours, stage)}
    starts |= {name: partial(_other, stage, name) for name in (V3, V2) if peers.find(name)}
    yield Case(FIRST, "s", {name: partial(_anew, stage, start) for name, start in starts.items()})
    for name, start in starts.items():
        start(stage.folder / f"later-{name}")
    yield Case(
        LATER,
        "s",
        {name: partial(start, stage.folder / f"later-{name}") for name, start in starts.items()},
    )


def _anew(stage: Stage, start: Start) -> Sample:
    folders = (stage.folder / f"first-{number}" for number in count())
    return start(next(folder for folder in folders if not folder.exists()))


def _ours(stage: Stage, folder: Path) -> Sample:
    plan = AcruxPlan(folder=folder)
    return _time(stage, ACRUX, plan.command, plan.port, plan.environ)


def _other(stage: Stage, name: str, folder: Path) -> Sample:
    port = free_port()
    command = distribution_command(name, folder, stage.key, port)
    return _time(stage, name, command, port, environment())


def _time(
    stage: Stage, name: str, command: Sequence[str], port: int, environ: Mapping[str, str]
) -> Sample:
    began = time.perf_counter()
    program = stage.household.start(name, command, environ)
    try:
        while time.perf_counter() - began < PATIENCE_SECONDS:
            with suppress(OSError, UnexpectedAnswer), Connection(port) as connection:
                connection.ask("GET", "/v2/", {})
                return Sample(time.perf_counter() - began)
            time.sleep(0.002)
        return Sample(PATIENCE_SECONDS, failures=1)
    finally:
        stage.household.end(program)


WORK = Work(
    "P8",
    "from the command to the first answer",
    "The answer to `GET /v2/`.",
    cases,
    (Aim(of=(FIRST, ACRUX), at_most=1), Aim(of=(LATER, ACRUX), at_most=1)),
    needs_wrk=False,
)
