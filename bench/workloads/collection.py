"""P9: reads while a million manifests are collected, and how fast their blobs go."""

import asyncio
from collections.abc import Iterator
from dataclasses import dataclass, replace
from functools import cache, partial
from pathlib import Path
from time import perf_counter

from acrux.bootstrap.application import Registry
from acrux.domain.content.names import RepositoryName
from bench import peers
from bench.collector import Collector
from bench.content import digest_of
from bench.figures import Sample
from bench.fill_images import Images, fill_images, tag
from bench.load import Load
from bench.plan import Aim, Case, Round, Workload
from bench.scenario import Scenario
from bench.servers import Acrux, AcruxPlan
from bench.wire import Connection, UnexpectedAnswer
from bench.workloads.manifests import probe, url
from bench.workloads.memory import resident_bytes

FEW, MANY, REST, COLLECTING = "few images", "many images", "at rest", "while collecting"
PART, SPEED, MEMORY = "1,000 images removed", "a repository removed", "memory"
WHOLE = "the large repository removed, all in all"
GET, LIST, HEAD = "GET manifest by tag, 8", "GET tags/list, 8", "HEAD blob, 8"

KEPT = Images(repository="bench/kept", count=1_000, files=1_000)
LARGE = "bench/large"
PART_IMAGES = 1_000
FEW_IMAGES = 10_000
SHARE = 20  # of the images are in a repository that is removed by itself
CONNECTIONS = 8
PAGE = 100
SETTINGS = {"gc_grace_seconds": 0, "gc_interval_seconds": 1}


@dataclass(frozen=True)
class Filled:
    """A data directory with its administrator's password, and the repositories to remove."""

    plan: AcruxPlan
    password: str
    parts: Iterator[Images]
    stored: Iterator[Images]

    def remove_part(self) -> Sample:
        """Remove the next small repository without a server; the seconds that collecting took."""
        images = next(self.parts)

        async def remove(registry: Registry) -> Sample:
            name = RepositoryName.parse(images.repository)
            await registry.services.manifests.delete_repository(name)
            while True:
                began = perf_counter()
                freed = await registry.services.collection.run()
                if freed is not None and freed.copies:
                    return Sample(perf_counter() - began, failures=images.blobs - freed.copies)
                await asyncio.sleep(0.01)  # a clock that has just been started lags a little

        return self.plan.in_process(remove)


@dataclass(frozen=True)
class Served:
    """A running acrux, and its collection."""

    scenario: Scenario
    server: Acrux
    collector: Collector

    def delete(self, repository: str) -> None:
        """Delete a repository. Raises UnexpectedAnswer."""
        with Connection(self.server.port) as connection:
            headers = {"Authorization": self.server.basic}
            answer = connection.ask("DELETE", f"/acr/v1/{repository}", headers)
        if answer.status != 202:
            raise UnexpectedAnswer(f"{answer.status} for the deletion of {repository}")

    def remove(self, repositories: Iterator[Images]) -> Sample:
        """Delete the next repository and wait until its last byte is gone; its blobs/s."""
        images = next(repositories)
        self.collector.resume()
        began = perf_counter()
        self.delete(images.repository)
        self.collector.await_end()
        return Sample(images.blobs / (perf_counter() - began))

    def at_rest(self, measure: Round) -> Sample:
        """Measure while the collection is paused."""
        self.collector.pause()
        return measure()

    def while_collecting(self, measure: Round) -> Sample:
        """Measure beside the collection, which must not end before."""
        self.collector.resume()
        sample = measure()
        return replace(sample, failures=sample.failures + self.collector.is_done())

    def memory(self) -> Sample:
        """The memory of the server, in MB."""
        return Sample(resident_bytes(self.server.process) / 1e6)


def cases(scenario: Scenario) -> Iterator[Case]:
    """A few images among few and many; repositories by themselves; reads beside a large one."""
    images = scenario.scale.collected
    filled = {FEW: _fill(scenario, FEW, FEW_IMAGES, 0)}
    filled[MANY] = _fill(scenario, MANY, images, images // SHARE)
    yield Case(PART, "s", {name: one.remove_part for name, one in filled.items()})
    many = filled[MANY]
    server = many.plan.serve(scenario.processes, many.password)
    served = Served(scenario, server, Collector(many.plan.folder))
    yield Case(SPEED, "blobs/s", {REST: partial(served.remove, many.stored)})
    served.collector.pause()
    before = served.collector.seconds
    served.delete(LARGE)
    for name, measure in _reads(scenario, server):
        yield Case(name, "requests/s", _both(served, measure))
    yield Case(MEMORY, "MB", _both(served, served.memory))
    yield Case(WHOLE, "images/s", {COLLECTING: _whole(served, images, before)})
    scenario.processes.end(server.process)


def _fill(scenario: Scenario, name: str, images: int, stored_images: int) -> Filled:
    rounds = range(scenario.scale.rounds + scenario.scale.is_warm)
    plan = AcruxPlan(
        folder=scenario.folder / f"collection of {name}", name=f"acrux with {name}",
        settings=SETTINGS,
    )  # fmt: skip
    password = plan.prepare()
    parts = [_all_stored(f"bench/part-{number}", PART_IMAGES) for number in rounds]
    stored = [
        _all_stored(f"bench/stored-{number}", stored_images) for number in rounds if stored_images
    ]
    fill_images(plan.folder, KEPT, Images(repository=LARGE, count=images), *parts, *stored)
    return Filled(plan, password, iter(parts), iter(stored))


def _all_stored(repository: str, images: int) -> Images:
    return Images(repository=repository, count=images, files=images)


def _both(served: Served, measure: Round) -> dict[str, Round]:
    return {
        REST: partial(served.at_rest, measure),
        COLLECTING: partial(served.while_collecting, measure),
    }


def _reads(scenario: Scenario, server: Acrux) -> Iterator[tuple[str, Round]]:
    name = KEPT.repository
    token = server.token_for(f"repository:{name}:pull,metadata_read")
    tags = [tag(number) for number in range(KEPT.count)]
    for case, paths in (
        (GET, [f"/v2/{name}/manifests/{one}" for one in tags]),
        (LIST, [f"/v2/{name}/tags/list?n={PAGE}&last={one}" for one in tags[:-PAGE]]),
    ):
        lines = scenario.folder / f"collection {case[:3]}.txt"
        lines.write_text("".join(f"{path} Bearer {token}\n" for path in paths))
        load = _load(scenario, server, "/", token, lines)
        yield case, partial(load.run, scenario.processes)
    if peers.find("ab"):
        path = f"/v2/{name}/blobs/{digest_of(KEPT.config(0))}"
        probe(server, "HEAD", path, {"Authorization": f"Bearer {token}"})
        load = _load(scenario, server, path, token)
        yield HEAD, partial(load.run_head, scenario.processes, scenario.folder / "ab.csv")


def _load(
    scenario: Scenario, server: Acrux, path: str, token: str, lines: Path | None = None
) -> Load:
    return Load(
        url=url(server, path), connections=CONNECTIONS, seconds=scenario.scale.seconds,
        headers={"Authorization": f"Bearer {token}"}, lines=lines,
    )  # fmt: skip


def _whole(served: Served, images: int, before: float) -> Round:
    @cache  # it can be removed once
    def remove() -> Sample:
        served.collector.resume()
        served.collector.await_end()
        return Sample(images / (served.collector.seconds - before))

    return remove


WORKLOAD = Workload(
    "P9",
    "reads during garbage collection",
    "acrux without a grace, with 1,000,000 images (quick: 100,000), each of which has a blob of "
    "1 KiB of its own; “few images” are 10,000. 1,000 images are removed with their files by the "
    "collector alone. “A repository removed” has 50,000 images (quick: 5,000), and the time is "
    "that from its deletion until the last file is gone. Then the large repository is deleted, of "
    "whose blobs there are only rows, and another one is read by 8 connections; “at rest” the "
    "collection is paused. The memory is that of the whole server. The large repository is "
    "removed once, partly beside the reads.",
    cases,
    (
        Aim(cell=(PART, MANY), relative_to=[(PART, FEW)], at_most=1.25),
        Aim(cell=(SPEED, REST), at_least=1000),
        *(
            Aim(cell=(read, COLLECTING), relative_to=[(read, REST)], measure="p99", at_most=2)
            for read in (GET, LIST, HEAD)
        ),
        Aim(cell=(MEMORY, COLLECTING), at_most=200),
    ),
)
