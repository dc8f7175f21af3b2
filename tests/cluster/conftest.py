"""Three nodes behind a balancer, for all tests of the folder."""

from collections.abc import Iterator

import pytest

from tests.cluster.cluster import Cluster, cluster


@pytest.fixture(scope="session")
def nodes(tmp_path_factory: pytest.TempPathFactory) -> Iterator[Cluster]:
    """Three nodes. What loses its last reference may be collected at once."""
    with cluster(tmp_path_factory, "--gc-grace-seconds", "0", "--gc-interval-seconds", "1") as made:
        yield made
