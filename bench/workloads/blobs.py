"""P3: GET of a small blob, of a large one, and of a part of it."""

from collections.abc import Iterator
from functools import partial

from bench.content import HOT, LARGE_BYTES, SMALL_BYTES, Blob
from bench.load import Load, Unit
from bench.peers import BASELINE, NGINX, V3
from bench.plan import Aim, Case, Round, Workload
from bench.processes import BenchError
from bench.scenario import ACRUX, Scenario
from bench.workloads.manifests import bearer, probe, url

SMALL, LARGE, PART = "64 KiB, 32", "100 MB, 4", "50 MB of 100 MB (Range), 4"
FIRST, LAST = 10_000_000, 59_999_999


def cases(scenario: Scenario) -> Iterator[Case]:
    """A small blob by many connections; a large one, whole and in part, by few."""
    content = scenario.content
    yield Case(SMALL, "requests/s", _rounds(scenario, content.small, 32, "requests/s", SMALL_BYTES))
    yield Case(LARGE, "MB/s", _rounds(scenario, content.large, 4, "MB/s", LARGE_BYTES))
    part = {"Range": f"bytes={FIRST}-{LAST}"}
    rounds = _rounds(scenario, content.large, 4, "MB/s", LAST - FIRST + 1, part)
    yield Case(PART, "MB/s", rounds)


def _rounds(
    scenario: Scenario,
    blob: Blob,
    connections: int,
    unit: Unit,
    size: int,
    more: dict[str, str] | None = None,
) -> dict[str, Round]:
    rounds: dict[str, Round] = {}
    path = f"/v2/{HOT}/blobs/{blob.digest}"
    for name, server in scenario.file_servers.items():
        if more and name == BASELINE:
            continue  # does not support Range
        headers = {**bearer(server, HOT), **(more or {})}
        if (sent := probe(server, "GET", path, headers)) != size:
            raise BenchError(f"{name} sends {sent} bytes of a blob instead of {size}")
        load = Load(
            url=url(server, path), connections=connections, seconds=scenario.scale.seconds,
            headers=headers, unit=unit,
        )  # fmt: skip
        rounds[name] = partial(load.run, scenario.processes)
    return rounds


WORKLOAD = Workload(
    "P3",
    "GET blob",
    "nginx reads files and checks no token. The baseline does not support Range.",
    cases,
    (
        Aim(cell=(SMALL, ACRUX), relative_to=[(SMALL, V3)], at_least=8),
        Aim(cell=(LARGE, ACRUX), relative_to=[(LARGE, V3), (LARGE, NGINX)], at_least=1.05),
        Aim(cell=(PART, ACRUX), relative_to=[(LARGE, ACRUX)], at_least=0.95),
    ),
)
