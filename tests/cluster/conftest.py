"""Three nodes behind a balancer, and what the tests of other folders take for one registry."""

from collections.abc import Iterator
from contextlib import closing
from pathlib import Path

import pytest

from tests.cluster.cluster import Cluster, cluster
from tests.conformance.conftest import OPTIONS, program, repository, second_repository
from tests.running import RunningRegistry
from tests.wire.connection import Connection

__all__ = ["program", "repository", "second_repository"]


@pytest.fixture(scope="session")
def nodes(tmp_path_factory: pytest.TempPathFactory) -> Iterator[Cluster]:
    """Three nodes, set up as the checklist needs it; webhooks may reach this machine."""
    with cluster(tmp_path_factory, *OPTIONS, "--webhook-network", "127.0.0.0/8") as made:
        yield made


@pytest.fixture(scope="session")
def registry(nodes: Cluster) -> RunningRegistry:
    """The balancer on http, as clients see it."""
    return nodes.registry()


@pytest.fixture(scope="session")
def secure_registry(nodes: Cluster) -> RunningRegistry:
    """The balancer on https."""
    return nodes.registry(secure=True)


@pytest.fixture(scope="session")
def ca_file(nodes: Cluster) -> Path:
    """What the balancer's certificate was issued by."""
    return nodes.front.ca


@pytest.fixture
def connection(registry: RunningRegistry) -> Iterator[Connection]:
    """A connection to the balancer, with a token for everything."""
    with closing(Connection(registry.port)) as connection:
        connection.login("acrux", registry.password)
        yield connection
