"""Whatever fails: what was acknowledged is there, and what was deleted stays deleted."""

from collections.abc import Callable, Iterator, Sequence
from contextlib import AbstractContextManager, ExitStack, closing
from pathlib import Path
from typing import Final

import pytest

from tests.clients import go_tools, test_crane
from tests.clients.test_docker import Docker
from tests.cluster import collecting
from tests.cluster.clients import (
    Client,
    DockerDaemon,
    FailedError,
    GoContainerRegistry,
    Oras,
    Skopeo,
)  # fmt: skip
from tests.cluster.cluster import Cluster, cluster
from tests.cluster.storm import Going, Loading, Pushing, going
from tests.cluster.test_faults import OF_THE_DATABASE, OF_THE_STORE, PATIENCE, ready
from tests.crash.load import check_cancelled, check_password
from tests.crash.promises import losses, over_http
from tests.dockerd import client, docker_daemon
from tests.running import until

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
    """What fails, one after another; it is over when the block ends."""
    for number in range(3):
        with ExitStack() as ending:
            ending.callback(nodes.replace, number)
            yield ending
    for fault in (*OF_THE_DATABASE.values(), *OF_THE_STORE.values()):
        yield fault(nodes)
    yield nodes.objects.answering(503, share=50)
    yield nodes.objects.cutting(after=100_000)


def test_what_was_acknowledged_is_there_whatever_failed(
    nodes: Cluster, clients: list[Client]
) -> None:
    """Nobody pushes again what a registry said it has."""
    pushing, loading = [Pushing(one) for one in clients], [
        Loading(nodes.registry(), number) for number in range(LOADS)
    ]
    threads: list[Going] = [*pushing, *loading]
    with going(threads):
        for fault in weather(nodes):
            until(lambda: grows(threads), PATIENCE)
