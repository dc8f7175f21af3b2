"""P8: from the command to the first answer."""

import time
from collections.abc import Callable, Iterator, Mapping, Sequence
from contextlib import suppress
from functools import partial
from itertools import count
from pathlib import Path

from bench import peers
from bench.figures import Sample
from bench.peers import V2, V3, distribution_command
from bench.plan import Aim, Case, Workload
from bench.processes import free_port
from bench.scenario import ACRUX, Scenario
from bench.servers import AcruxPlan, environment
from bench.wire import Connection, UnexpectedAnswer

FIRST, LATER = "first start, in an empty folder", "later start"
PATIENCE_SECONDS = 30

Start = Callable[[Path], Sample]


def cases(scenario: Scenario) -> Iterator[Case]:
    """The first start makes keys, the admin user and tables; later ones find them."""
    starts: dict[str, Start] = {ACRUX: partial(_start_acrux, scenario)}
    starts |= {
        name: partial(_start_distribution, scenario, name) for name in (V3, V2) if peers.find(name)
    }
    yield Case(
        FIRST,
        "s",
        {name: partial(_in_new_folder, scenario, start) for name, start in starts.items()},
    )
    for name, start in starts.items():
        start(scenario.folder / f"later-{name}")
    yield Case(
        LATER,
        "s",
        {name: partial(start, scenario.folder / f"later-{name}") for name, start in starts.items()},
    )


def _in_new_folder(scenario: Scenario, start: Start) -> Sample:
    folders = (scenario.folder / f"first-{number}" for number in count())
    return start(next(folder for folder in folders if not folder.exists()))


def _start_acrux(scenario: Scenario, folder: Path) -> Sample:
    plan = AcruxPlan(folder=folder)
    return _time(scenario, ACRUX, plan.command, plan.port, plan.environ)


def _start_distribution(scenario: Scenario, name: str, folder: Path) -> Sample:
    port = free_port()
    command = distribution_command(name, folder, scenario.key, port)
    return _time(scenario, name, command, port, environment())


def _time(
    scenario: Scenario, name: str, command: Sequence[str], port: int, environ: Mapping[str, str]
) -> Sample:
    began = time.perf_counter()
    process = scenario.processes.start(name, command, environ)
    try:
        while time.perf_counter() - began < PATIENCE_SECONDS:
            with suppress(OSError, UnexpectedAnswer), Connection(port) as connection:
                connection.ask("GET", "/v2/", {})
                return Sample(time.perf_counter() - began)
            time.sleep(0.002)
        return Sample(PATIENCE_SECONDS, failures=1)
    finally:
        scenario.processes.end(process)


WORKLOAD = Workload(
    "P8",
    "from the command to the first answer",
    "The answer to `GET /v2/`.",
    cases,
    (Aim(cell=(FIRST, ACRUX), at_most=1), Aim(cell=(LATER, ACRUX), at_most=1)),
    needs_wrk=False,
)
