"""P1: GET and HEAD of a manifest by tag, with a bearer token."""

import time
from collections.abc import Iterator, Mapping
from functools import partial

from bench import content, peers
from bench.content import HOT, TAG
from bench.figures import Sample, percentile
from bench.load import Load
from bench.plan import Aim, Case, Round, Workload
from bench.scenario import ACRUX, Scenario, Start
from bench.servers import Server
from bench.wire import Connection, UnexpectedAnswer

PATH = f"/v2/{HOT}/manifests/{TAG}"
MANY_CONNECTIONS = 32


def cases(scenario: Scenario) -> Iterator[Case]:
    """GET and HEAD of one hot repository, GET of many repositories, over TLS, and after a start."""
    for connections in scenario.scale.connections:
        yield Case(_get(connections), "requests/s", _gets(scenario, scenario.readers, connections))
    if peers.find("ab"):
        for connections in scenario.scale.connections:
            yield Case(_head(connections), "requests/s", _heads(scenario, connections))
    yield Case(f"GET, many repositories, {MANY_CONNECTIONS}", "requests/s", _many(scenario))
    yield Case(
        f"GET, TLS, {MANY_CONNECTIONS}",
        "requests/s",
        _gets(scenario, scenario.over_tls, MANY_CONNECTIONS),
    )
    colds = {name: partial(_cold, scenario, start) for name, start in scenario.starts.items()}
    yield Case("GET, each of many once after a start, 1", "requests/s", colds)


def probe(server: Server, method: str, path: str, headers: Mapping[str, str]) -> int:
    """The size of an answer to this request. Raises UnexpectedAnswer if it is not a success."""
    with Connection(server.port, tls=server.tls) as connection:
        answer = connection.ask(method, path, headers)
    if answer.status not in (200, 206):
        raise UnexpectedAnswer(f"{server.name}: {answer.status} for {method} {path}")
    return len(answer.body)


def url(server: Server, path: str) -> str:
    """The whole address of a path."""
    return f"{'https' if server.tls else 'http'}://127.0.0.1:{server.port}{path}"


def bearer(server: Server, repository: str) -> dict[str, str]:
    """The header with a token to pull from the repository."""
    return {"Authorization": f"Bearer {server.token(repository, 'pull')}"}


def _gets(scenario: Scenario, servers: Mapping[str, Server], connections: int) -> dict[str, Round]:
    return {
        name: partial(_load(scenario, server, "GET", connections).run, scenario.processes)
        for name, server in servers.items()
    }


def _heads(scenario: Scenario, connections: int) -> dict[str, Round]:
    curve = scenario.folder / "ab.csv"
    return {
        name: partial(
            _load(scenario, server, "HEAD", connections).run_head, scenario.processes, curve
        )
        for name, server in scenario.readers.items()
    }


def _load(scenario: Scenario, server: Server, method: str, connections: int) -> Load:
    headers = {**bearer(server, HOT), "Accept": content.MANIFEST}  # v2.8 has none without
    probe(server, method, PATH, headers)
    return Load(
        url=url(server, PATH), connections=connections, seconds=scenario.scale.seconds,
        headers=headers,
    )  # fmt: skip


def _many(scenario: Scenario) -> dict[str, Round]:
    rounds: dict[str, Round] = {}
    for name, server in scenario.readers.items():
        lines = scenario.folder / f"many-{name}.txt"
        lines.write_text(
            "".join(
                f"/v2/{repository}/manifests/{TAG} Bearer {server.token(repository, 'pull')}\n"
                for repository in scenario.content.repositories
            )
        )
        load = Load(
            url=url(server, "/"), connections=MANY_CONNECTIONS, seconds=scenario.scale.seconds,
            lines=lines,
        )  # fmt: skip
        rounds[name] = partial(load.run, scenario.processes)
    return rounds


def _cold(scenario: Scenario, start: Start) -> Sample:
    # One client that requests nothing twice, and so finds every cache of the server empty.
    server = start()
    try:
        tokens = {name: server.token(name, "pull") for name in scenario.content.repositories}
        with Connection(server.port) as connection:
            return _ask_each(connection, tokens)
    finally:
        scenario.processes.end(server.process)


def _ask_each(connection: Connection, tokens: Mapping[str, str]) -> Sample:
    times, failures, began = [], 0, time.perf_counter()
    for repository, token in tokens.items():
        asked = time.perf_counter()
        headers = {"Authorization": f"Bearer {token}", "Accept": content.MANIFEST}
        answer = connection.ask("GET", f"/v2/{repository}/manifests/{TAG}", headers)
        failures += answer.status != 200
        times.append((time.perf_counter() - asked) * 1000)
    rate = len(times) / (time.perf_counter() - began)
    return Sample(rate, percentile(times, 50), percentile(times, 99), failures)


def _get(connections: int) -> str:
    return f"GET, {connections}"


def _head(connections: int) -> str:
    return f"HEAD, {connections}"


def _aims(case: str) -> Iterator[Aim]:
    yield Aim(cell=(case, ACRUX), relative_to=[(case, peers.V3)], at_least=4)
    yield Aim(cell=(case, ACRUX), relative_to=[(case, peers.BASELINE)], at_least=0.8)


WORKLOAD = Workload(
    "P1",
    "manifest by tag, bearer token",
    "The number in a case is how many connections are used; they are kept open. “Many "
    "repositories” goes through 200 (quick: 50), each with a token of its own.",
    cases,
    (*_aims("GET, 32"), *_aims("HEAD, 32"), *_aims("GET, many repositories, 32")),
)
