"""P3: GET of a small blob, of a large one, and of a part of it."""

from collections.abc import Iterator
from functools import partial

from bench.content import HOT, LARGE_BYTES, SMALL_BYTES, Blob
from bench.household import BenchError
from bench.load import Load, Unit
from bench.peers import BARE, NGINX, V3
from bench.plan import Aim, Case, Round, Work
from bench.stage import ACRUX, Stage
from bench.works.manifests import bearer, probe, url

SMALL, LARGE, PART = "64 KiB, 32", "100 MB, 4", "50 MB of 100 MB (Range), 4"
FIRST, LAST = 10_000_000, 59_999_999


def cases(stage: Stage) -> Iterator[Case]:
    """A small blob by many connections; a large one, whole and in part, by few."""
    content = stage.content
    yield Case(SMALL, "requests/s", _rounds(stage, content.small, 32, "requests/s", SMALL_BYTES))
    yield Case(LARGE, "MB/s", _rounds(stage, content.large, 4, "MB/s", LARGE_BYTES))
    part = {"Range": f"bytes={FIRST}-{LAST}"}
    rounds = _rounds(stage, content.large, 4, "MB/s", LAST - FIRST + 1, part)
    yield Case(PART, "MB/s", rounds)


def _rounds(
    stage: Stage,
    blob: Blob,
    connections: int,
    unit: Unit,
    size: int,
    more: dict[str, str] | None = None,
) -> dict[str, Round]:
    rounds: dict[str, Round] = {}
    path = f"/v2/{HOT}/blobs/{blob.digest}"
    for name, server in stage.file_servers.items():
        if more and name == BARE:
            continue  # knows no Range
        headers = {**bearer(server, HOT), **(more or {})}
        if (sent := probe(server, "GET", path, headers)) != size:
            raise BenchError(f"{name} sends {sent} bytes of a blob instead of {size}")
        load = Load(
            url=url(server, path), connections=connections, seconds=stage.scale.seconds,
            headers=headers, unit=unit,
        )  # fmt: skip
        rounds[name] = partial(load.run, stage.household)
    return rounds


WORK = Work(
    "P3",
    "GET blob",
    "nginx reads files and looks at no token; the bare application knows no Range.",
    cases,
    (
        Aim(of=(SMALL, ACRUX), to=[(SMALL, V3)], at_least=8),
        Aim(of=(LARGE, ACRUX), to=[(LARGE, V3), (LARGE, NGINX)], at_least=1.05),
        Aim(of=(PART, ACRUX), to=[(LARGE, ACRUX)], at_least=0.95),
    ),
)
