"""Three nodes behind a balancer, and what the tests of other folders take for one registry."""

from collections.abc import Iterator
from pathlib import Path

import pytest

from tests.clients.conftest import hello_world
from tests.cluster.cluster import Cluster, cluster
from tests.conformance.conftest import OPTIONS, program, repository, second_repository
from tests.running import RunningRegistry

__all__ = ["hello_world", "program", "repository", "second_repository"]


@pytest.fixture(scope="session")
def nodes(tmp_path_factory: pytest.TempPathFactory) -> Iterator[Cluster]:
    """Three nodes, set up as the checklist needs it."""
    with cluster(tmp_path_factory, *OPTIONS) as made:
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
