"""Whatever fails: what was acknowledged is there, and what was deleted stays deleted."""

import json
from collections.abc import Callable, Iterator, Sequence
from contextlib import AbstractContextManager, closing, contextmanager
from operator import gt
from pathlib import Path
from typing import Final

import pytest

from acrux.domain.content.digest import Digest
from tests.clients import go_tools, test_crane
from tests.clients.test_docker import Docker
from tests.cluster import collecting
from tests.cluster.clients import Client, DockerDaemon, GoContainerRegistry, Oras, Skopeo
from tests.cluster.cluster import Cluster, cluster
from tests.cluster.storm import Going, Loading, Pushing, going
from tests.cluster.test_faults import OF_THE_DATABASE, OF_THE_STORE, PATIENCE, ready
from tests.crash.load import check_cancelled, check_password
from tests.crash.promises import losses, over_http
from tests.dockerd import client, docker_daemon
from tests.running import until
from tests.wire.connection import Connection

pytestmark = pytest.mark.xdist_group("cluster")

CRANE: Final = "github.com/google/go-containerregistry/cmd/crane"
LOADS: Final = 2
MORE: Final = 3  # attempts of the clients, after which something else fails


@pytest.fixture
def nodes(tmp_path_factory: pytest.TempPathFactory) -> Iterator[Cluster]:
    """Three nodes that collect all the time, for this test alone, which stops them."""
    with cluster(tmp_path_factory, "--gc-grace-seconds", "0", "--gc-interval-seconds", "1") as made:
        yield made


@pytest.fixture
def clients(
    nodes: Cluster, tmp_path: Path, tmp_path_factory: pytest.TempPathFactory
) -> Iterator[list[Client]]:
    """The real clients, which call the balancer."""
    registry = nodes.registry()
    program = go_tools.built_once(tmp_path_factory, CRANE, go_tools.SOURCES)
    crane = test_crane.logged_in(
        program, tmp_path / "config", registry.host, "acrux", registry.password
    )
    with docker_daemon(tmp_path) as host:
        config = tmp_path / "docker-config"
        docker = Docker((client(), "--config", str(config), "-H", host), config)
        yield [
            Skopeo(registry, tmp_path / "skopeo"),
            GoContainerRegistry(registry, tmp_path / "crane", crane),
            Oras(registry, tmp_path / "oras"),
            DockerDaemon(registry, tmp_path / "dockerd", docker),
        ]


def weather(nodes: Cluster) -> Iterator[AbstractContextManager[object]]:
    """What fails, one after another; each is over when its block ends."""
    for number in range(3):
        yield without(nodes, number)
    yield rolling(nodes)
    for fault in (*OF_THE_DATABASE.values(), *OF_THE_STORE.values()):
        yield fault(nodes)
    yield nodes.objects.answering(503, share=50)
    yield nodes.objects.cutting(after=100_000)


@contextmanager
def without(nodes: Cluster, number: int) -> Iterator[None]:
    """A node is killed, and later another one takes its place."""
    nodes.nodes[number].kill()
    try:
        yield
    finally:
        nodes.replace(number)


@contextmanager
def rolling(nodes: Cluster) -> Iterator[None]:
    """Each node is stopped in good order, and another one takes its place."""
    for number, node in enumerate(nodes.nodes):
        assert node.stop() == 0
        nodes.replace(number)
    yield


def fails(
    fault: AbstractContextManager[object], threads: Sequence[Going], is_felt: Callable[[], bool]
) -> None:
    """Let it fail until it is felt; then wait until each client succeeds again."""
    with fault:
        until(is_felt, PATIENCE)
    succeeded = [thread.succeeded for thread in threads]
    until(lambda: all(map(gt, (thread.succeeded for thread in threads), succeeded)), PATIENCE)


def attempts(threads: Sequence[Going]) -> int:
    """How often the clients have tried anything."""
    return sum(thread.succeeded + thread.failed for thread in threads)


def test_what_was_acknowledged_is_there_whatever_failed(
    nodes: Cluster, clients: list[Client]
) -> None:
    """Nobody pushes again what a registry said it has."""
    pushing = [Pushing(one) for one in clients]
    loading = [Loading(nodes.registry(), number) for number in range(LOADS)]
    threads = [*pushing, *loading]
    with going(threads):
        for fault in weather(nodes):
            enough = attempts(threads) + MORE
            fails(fault, threads, lambda enough=enough: attempts(threads) >= enough)  # type: ignore[misc]
        fails(nodes.objects.hanging(), threads, lambda: 200 not in ready(nodes))

    assert [wrong for thread in threads for wrong in thread.wrong] == []
    assert any(one.deleted for one in pushing)
    for one in pushing:
        check_client(nodes, one)
    for load in loading:
        check_load(nodes, load)
    assert nodes.told("check", "--deep")["findings"] == []
    nodes.stop()
    collecting.collect_later(nodes)
    assert collecting.untagged(nodes) == 0
    assert collecting.blobs(nodes) == collecting.blobs_of_tags(nodes)
    assert collecting.stored(nodes) == collecting.copies_in_use(nodes)


def check_client(nodes: Cluster, pushing: Pushing) -> None:
    """Check that what it pushed is there on every node, and what it deleted on none."""
    client = pushing.client
    assert pushing.digests
    assert {tag: client.pull(tag) for tag in pushing.digests} == pushing.digests
    for node in nodes.nodes:
        with closing(nodes.connect(node)) as connection:
            look = over_http(connection)
            path = f"/v2/{client.repository}/manifests"
            found = {tag: look(f"{path}/{tag}") for tag in pushing.digests}
            assert {tag: content and str(Digest.of(content)) for tag, content in found.items()} == (
                pushing.digests
            )
            for manifest in found.values():
                check_blobs(connection, client.repository, manifest or b"")
            assert [tag for tag in pushing.deleted if look(f"{path}/{tag}") is not None] == []


def check_blobs(connection: Connection, repository: str, manifest: bytes) -> None:
    """Check that all blobs of an image are there, by their digests."""
    read = json.loads(manifest)
    for blob in (read["config"], *read["layers"]):
        reply = connection.call("GET", f"/v2/{repository}/blobs/{blob['digest']}")
        assert (reply.status, str(Digest.of(reply.body))) == (200, blob["digest"])


def check_load(nodes: Cluster, loading: Loading) -> None:
    """Check the ledger on every node, after all uploads that were open were ended."""
    load = loading.load
    load.log_in()
    load.close_again(201)
    load.go_on(is_kept=True)
    check_cancelled(load)
    check_password(nodes.registry(), load.ledger)
    load.connection.close()
    for node in nodes.nodes:
        with closing(nodes.connect(node)) as connection:
            assert losses(over_http(connection), load.ledger.at()) == []
