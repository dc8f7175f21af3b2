"""P7: resident memory, at rest and during many slow transfers."""

import re
from collections.abc import Callable, Iterator
from functools import partial
from pathlib import Path

from bench.content import HOT, LARGE_BYTES, check
from bench.figures import Sample
from bench.plan import Aim, Case, Round, Workload
from bench.processes import Process
from bench.scenario import ACRUX, Scenario, Start
from bench.servers import Server
from bench.wire import Connection

REST, DOWNLOADS, UPLOADS = "at rest", "each slow download", "each slow upload"
STEP_BYTES = 1 << 20
STEPS = 16  # of each transfer; the rest is never sent

_PSS = re.compile(r"^Pss: +(\d+) kB", re.MULTILINE)


def cases(scenario: Scenario) -> Iterator[Case]:
    """A fresh process each time, on a folder that was filled before."""
    starts = scenario.starts
    yield Case(
        REST, "MB", {name: partial(_at_rest, scenario, start) for name, start in starts.items()}
    )
    for case, transfer in ((DOWNLOADS, _download), (UPLOADS, _upload)):
        rounds: dict[str, Round] = {
            name: partial(_transfers, scenario, start, transfer) for name, start in starts.items()
        }
        yield Case(case, "MB", rounds)


def resident_bytes(process: Process) -> int:
    """The memory of a process and its descendants; what they share counts once (PSS)."""
    pids = [process.pid]
    for pid in pids:
        children = Path(f"/proc/{pid}/task/{pid}/children").read_text().split()
        pids += map(int, children)
    return sum(_pss(pid) for pid in pids) * 1024


def _pss(pid: int) -> int:
    found = _PSS.search(Path(f"/proc/{pid}/smaps_rollup").read_text())
    return int(found[1]) if found else 0


def _at_rest(scenario: Scenario, start: Start) -> Sample:
    server = start()
    try:
        with Connection(server.port) as connection:
            connection.ask("GET", "/v2/", {})
        return Sample(resident_bytes(server.process) / 1e6)
    finally:
        scenario.processes.end(server.process)


def _transfers(
    scenario: Scenario,
    start: Start,
    transfer: Callable[[Scenario, Server, Connection], Callable[[], None]],
) -> Sample:
    server, connections = start(), list[Connection]()
    try:
        before = resident_bytes(server.process)
        steps: list[Callable[[], None]] = []
        for _ in range(scenario.scale.transfers):
            connections.append(Connection(server.port))
            steps.append(transfer(scenario, server, connections[-1]))
        peak = before
        for _ in range(STEPS):
            for step in steps:
                step()
            peak = max(peak, resident_bytes(server.process))
        return Sample((peak - before) / 1e6 / scenario.scale.transfers)
    finally:
        for connection in connections:
            connection.close()
        scenario.processes.end(server.process)


def _download(scenario: Scenario, server: Server, connection: Connection) -> Callable[[], None]:
    bearer = {"Authorization": f"Bearer {server.token(HOT, 'pull')}"}
    path = f"/v2/{HOT}/blobs/{scenario.content.large.digest}"
    connection.socket.sendall(connection.head("GET", path, bearer, 0))

    def step() -> None:
        left = STEP_BYTES
        while left > 0:
            left -= len(connection.socket.recv(left)) or left

    return step


def _upload(_stage: Scenario, server: Server, connection: Connection) -> Callable[[], None]:
    bearer = {"Authorization": f"Bearer {server.token(HOT, 'pull', 'push')}"}
    begun = connection.ask("POST", f"/v2/{HOT}/blobs/uploads/", bearer)
    check(begun.status, 202)
    octets = {"Content-Type": "application/octet-stream"}
    head = connection.head("PATCH", begun.location, bearer | octets, LARGE_BYTES)
    connection.socket.sendall(head)
    return partial(connection.socket.sendall, bytes(STEP_BYTES))


WORKLOAD = Workload(
    "P7",
    "resident memory",
    "Of the whole server with its defaults, one worker for each core. Memory that its processes "
    "share counts once. Transfers: 32 at once (quick: 16) of 100 MB, each moved by its client a "
    "MiB at a time. The figure is the most memory that was added, divided by their number.",
    cases,
    (
        Aim(cell=(REST, ACRUX), at_most=150),
        Aim(cell=(DOWNLOADS, ACRUX), at_most=2),
        Aim(cell=(UPLOADS, ACRUX), at_most=2),
    ),
    needs_wrk=False,
)
