"""P10: one, two and three equal nodes on PostgreSQL and an object store."""

from collections.abc import Callable, Iterator, Sequence
from dataclasses import dataclass
from functools import partial
from pathlib import Path
from typing import Final
from urllib.parse import unquote, urlsplit

from bench.cluster.backends import BUCKET
from bench.cluster.costs import Meter
from bench.cluster.nodes import CORES, NODES, PUSHED, TAGS, Cluster, fill
from bench.cluster.rounds import Loads, on_each
from bench.content import HOT, MANIFEST, TAG, Content, digest_of
from bench.figures import Sample
from bench.load import PUSHES, SCRIPT, Load, Unit
from bench.plan import Aim, Case, Round, Workload
from bench.processes import BenchError
from bench.pushing import time_images
from bench.scenario import Scenario
from bench.servers import Acrux, AcruxPlan
from bench.wire import Connection
from bench.workloads.manifests import url

ONE, TWO, THREE = LIMITED = ("one node", "two nodes", "three nodes")
FREE, FREE_TWO = "one, unlimited", "two, unlimited"
SQLITE, STORE = "SQLite, unlimited", "the store itself"

BY_DIGEST, BY_TAG, LIST = "manifest by digest", "manifest by tag", "tags/list"
TOKEN, SMALL, LARGE = "token", "blob of 64 KiB", "blob of 100 MB"
REDIRECTED, DISTANT = "blob, redirected", "blob of 100 MB, a store at 100 MB/s"
PUSH, PUSH_ALONE, IMAGE = "manifest push", "manifest push, 1 connection", "image push"

CONNECTIONS: Final = 8  # to each node
LARGE_CONNECTIONS: Final = 2
MOST_SECONDS: Final = 3
CLIENTS: Final = 4  # for each node, of whole images
IMAGES_EACH: Final = 3


@dataclass(frozen=True, kw_only=True)
class Work:
    """What a node is asked for."""

    path: str
    authorization: str
    unit: Unit = "requests/s"
    connections: int = CONNECTIONS
    script: Path = SCRIPT
    lines: Path | None = None

    def load(self, seconds: int, node: Acrux) -> Load:
        """The load on a node."""
        headers = {"Authorization": self.authorization, "Accept": MANIFEST}
        if self.script is PUSHES:
            headers["Content-Type"] = MANIFEST
        return Load(
            url=url(node, self.path), connections=self.connections, seconds=seconds,
            headers=headers, unit=self.unit, script=self.script, lines=self.lines,
        )  # fmt: skip


class Stage:
    """The cluster and, beside it, one registry on SQLite and files, filled alike."""

    def __init__(self, scenario: Scenario) -> None:
        self._processes = scenario.processes
        self._seconds = min(scenario.scale.seconds, MOST_SECONDS)
        self.content = Content(scenario.content.small, scenario.content.large, ())
        self.cluster = Cluster(scenario.processes, scenario.folder / "cluster")
        fill(self.cluster.nodes[0], self.content)
        plan = AcruxPlan(folder=scenario.folder / "sqlite", settings={"workers": 1})
        self.sqlite = plan.start(scenario.processes)
        fill(self.sqlite, self.content)
        self.template = scenario.folder / "manifest"
        self.template.write_bytes(self.content.manifest("NUMBER"))

    def close(self) -> None:
        """End all of its processes."""
        self.cluster.close()
        self._processes.end(self.sqlite.process)

    def case(self, name: str, work: Work, *, sqlite: Work | None = None) -> Case:
        """A case on one, two and three limited nodes, on unlimited ones, and on SQLite."""
        loads: Loads = partial(work.load, self._seconds)
        rounds = self.on_nodes(
            lambda nodes: on_each(self._processes, self.cluster.meter, nodes, loads)
        )
        if sqlite is not None:
            meter = Meter({"node": [self.sqlite.process]}, lambda: 0)
            alone: Loads = partial(sqlite.load, self._seconds)
            rounds[SQLITE] = on_each(self._processes, meter, [self.sqlite], alone)
        return Case(name, work.unit, rounds)

    def on_nodes(self, make: Callable[[Sequence[Acrux]], Round]) -> dict[str, Round]:
        """Rounds on one, two and three limited nodes, and on one and two without a limit."""
        nodes = self.cluster.nodes
        sizes = dict(zip(LIMITED, range(1, NODES + 1), strict=True))
        return {
            **{name: self.limited(CORES, make(nodes[:size])) for name, size in sizes.items()},
            FREE: self.limited(None, make(nodes[:1])),
            FREE_TWO: self.limited(None, make(nodes[:2])),
        }

    def limited(self, cores: float | None, measure: Round) -> Round:
        """The round with this limit for each node."""

        def limited() -> Sample:
            self.cluster.limit(cores)
            return measure()

        return limited

    def through(self, work: Work, node: Acrux, address: str) -> dict[str, Round]:
        """Rounds of a blob through this unlimited node, and from the store itself."""
        meter = self.cluster.meter
        direct = Load(
            url=address, connections=work.connections, seconds=self._seconds, unit=work.unit
        )
        proxied = on_each(self._processes, meter, [node], partial(work.load, self._seconds))
        return {
            FREE: self.limited(None, proxied),
            STORE: on_each(self._processes, meter, [node], lambda _: direct),
        }

    def redirections(self, work: Work) -> dict[str, Round]:
        """Rounds of a node that redirects, limited and not."""
        measure = on_each(
            self._processes, self.cluster.meter, [self.cluster.redirecting],
            partial(work.load, self._seconds),
        )  # fmt: skip
        return {ONE: self.limited(CORES, measure), FREE: self.limited(None, measure)}

    def images(self, nodes: Sequence[Acrux]) -> Round:
        """A round of small images, pushed to all of these nodes."""
        return partial(
            self.cluster.meter.measured,
            partial(
                time_images, nodes, [f"{PUSHED}-images"], CLIENTS * len(nodes), IMAGES_EACH
            ),
        )  # fmt: skip


def cases(scenario: Scenario) -> Iterator[Case]:
    """Reads, blobs and pushes."""
    stage = Stage(scenario)
    yield from _reads(stage)
    yield from _blobs(stage)
    yield from _pushes(stage)
    stage.close()


def _reads(stage: Stage) -> Iterator[Case]:
    digest = digest_of(stage.content.manifest(HOT))
    node, sqlite = stage.cluster.nodes[0], stage.sqlite
    scope = f"repository:{HOT}:pull,metadata_read"
    for name, path in (
        (BY_DIGEST, f"/v2/{HOT}/manifests/{digest}"),
        (BY_TAG, f"/v2/{HOT}/manifests/{TAG}"),
        (LIST, f"/v2/{HOT}/tags/list?n={TAGS}"),
    ):
        works = [
            Work(path=path, authorization=f"Bearer {one.token_for(scope)}")
            for one in (node, sqlite)
        ]
        yield stage.case(name, works[0], sqlite=works[1])
    works = [
        Work(path=one.token_path(HOT, "pull"), authorization=one.basic) for one in (node, sqlite)
    ]
    yield stage.case(TOKEN, works[0], sqlite=works[1])


def _blobs(stage: Stage) -> Iterator[Case]:
    nodes, content = stage.cluster.nodes, stage.content
    bearer = f"Bearer {nodes[0].token(HOT, 'pull')}"
    small = Work(path=f"/v2/{HOT}/blobs/{content.small.digest}", authorization=bearer)
    yield stage.case(SMALL, small)
    path = f"/v2/{HOT}/blobs/{content.large.digest}"
    large = Work(path=path, authorization=bearer, unit="MB/s", connections=LARGE_CONNECTIONS)
    cluster, case = stage.cluster, stage.case(LARGE, large)
    address = _redirected(cluster.redirecting, path, bearer)
    key = urlsplit(address).path.removeprefix(f"/{BUCKET}/")
    direct = stage.through(large, nodes[0], address)[STORE]
    yield Case(case.name, case.unit, {**case.rounds, STORE: direct})
    distant = stage.through(large, cluster.distant, cluster.behind_line.address(unquote(key)))
    yield Case(DISTANT, "MB/s", distant)
    redirected = Work(path=path, authorization=bearer)
    yield Case(REDIRECTED, "requests/s", stage.redirections(redirected))


def _pushes(stage: Stage) -> Iterator[Case]:
    node, sqlite = stage.cluster.nodes[0], stage.sqlite
    for name, connections in ((PUSH, CONNECTIONS), (PUSH_ALONE, 1)):
        works = [
            Work(
                path=f"/v2/{PUSHED}/manifests/",
                lines=stage.template,
                script=PUSHES,
                authorization=f"Bearer {one.token(PUSHED, 'pull', 'push')}",
                connections=connections,
            )
            for one in (node, sqlite)
        ]
        yield stage.case(name, works[0], sqlite=works[1])
    yield Case(IMAGE, "images/s", stage.on_nodes(stage.images))


def _redirected(node: Acrux, path: str, bearer: str) -> str:
    with Connection(node.port) as connection:
        answer = connection.ask("GET", path, {"Authorization": bearer})
    for line in answer.head.decode().splitlines():
        name, _, value = line.partition(": ")
        if name.lower() == "location":
            return value
    raise BenchError(f"{node.name} answered {answer.status} instead of a redirect")


_READS = (BY_DIGEST, BY_TAG, LIST, TOKEN, SMALL, LARGE)

WORKLOAD = Workload(
    "P10",
    "equal nodes on PostgreSQL and an object store",
    f"Each node has one worker, and {CORES} of a core, so that the database, the store and the "
    "load have the rest of the machine. “Unlimited” nodes share its cores with all of them. Each "
    f"node is loaded by a program of its own, over {CONNECTIONS} connections "
    f"({LARGE_CONNECTIONS} for 100 MB). “SQLite” is one registry with one worker and files. “The "
    "store itself” is versitygw, asked for the same object; “a store at 100 MB/s” is behind a line "
    "of that rate. A redirected blob is only its redirect. A push of a manifest is one request; an "
    "image has 11 blobs. PostgreSQL has its defaults, and syncs.",
    cases,
    (
        *(Aim(cell=(case, TWO), relative_to=[(case, ONE)], at_least=1.7) for case in _READS),
        *(
            Aim(cell=(case, FREE), relative_to=[(case, SQLITE)], at_least=0.5)
            for case in (BY_DIGEST, BY_TAG)
        ),
        *(
            Aim(cell=(case, FREE), relative_to=[(case, STORE)], at_least=0.8)
            for case in (DISTANT, LARGE)
        ),
    ),
)
