"""While PostgreSQL or the store fails: 503, and nothing that is wrong; afterwards all goes on."""

import base64
import os
from collections.abc import Callable, Iterator
from contextlib import AbstractContextManager, closing, contextmanager, suppress
from dataclasses import dataclass
from http.client import HTTPException
from typing import Final

import pytest

from acrux.domain.content.digest import Digest
from tests.cluster.cluster import Cluster
from tests.images import Image, image
from tests.running import RunningRegistry, until
from tests.wire.connection import Connection, Reply

pytestmark = pytest.mark.xdist_group("cluster")

PATIENCE: Final = 120.0  # seconds, on a machine that is busy


@contextmanager
def postgresql_away(nodes: Cluster, mode: str) -> Iterator[None]:
    """PostgreSQL is stopped, as pg_ctl has the mode."""
    nodes.database.stop(mode)
    try:
        yield
    finally:
        nodes.database.start()


Fault = Callable[[Cluster], AbstractContextManager[None]]

OF_THE_STORE: Final[dict[str, Fault]] = {
    "503": lambda nodes: nodes.objects.answering(503),
    "429": lambda nodes: nodes.objects.answering(429),
    "reset": lambda nodes: nodes.objects.resetting(),
    "cut": lambda nodes: nodes.objects.cutting(after=20),
}
OF_THE_DATABASE: Final[dict[str, Fault]] = {
    mode: lambda nodes, mode=mode: postgresql_away(nodes, mode)  # type: ignore[misc]
    for mode in ("fast", "immediate")
}


@dataclass(frozen=True)
class There:
    """An image that was pushed before the fault, and the requests that a client makes of it."""

    tag: str
    pushed: Image

    def blobs(self, connection: Connection) -> list[Reply]:
        """What needs the store: pulls, and a push."""
        new = os.urandom(1000)
        pulls = [f"/v2/faults/blobs/{Digest.of(blob)}" for blob in self.pushed.blobs]
        upload = f"/v2/faults/blobs/uploads/?digest={Digest.of(new)}"
        return [
            *(connection.call("GET", path) for path in pulls),
            connection.call("POST", upload, new),
        ]

    def others(self, connection: Connection) -> list[Reply]:
        """What needs the database alone: the manifest, tags and the catalog."""
        return [
            connection.call("GET", f"/v2/faults/manifests/{self.tag}"),
            connection.call("GET", f"/v2/faults/manifests/{self.pushed.digest}"),
            connection.call("GET", "/v2/faults/tags/list"),
            connection.call("GET", "/v2/_catalog"),
        ]

    def check(self, connection: Connection) -> None:
        """Check that all of it can be pulled, and pushed again."""
        connection.push_image(self.pushed, self.tag, "faults")
        for path, content in (
            (f"manifests/{self.tag}", self.pushed.manifest),
            *((f"blobs/{Digest.of(blob)}", blob) for blob in self.pushed.blobs),
        ):
            reply = connection.call("GET", f"/v2/faults/{path}")
            assert (reply.status, reply.body) == (200, content), path


@pytest.fixture
def there(request: pytest.FixtureRequest, connection: Connection) -> There:
    """An image of its own for each test, of which a layer is too large for a cache."""
    pushed = image(os.urandom(100), os.urandom(300_000))
    tag = request.node.callspec.id
    connection.push_image(pushed, tag, "faults")
    return There(tag, pushed)


def ready(nodes: Cluster) -> list[int]:
    """What each node answers when it is asked whether it is ready; 0 if it does not answer."""
    return [_ready(node) for node in nodes.nodes]


def _ready(node: RunningRegistry) -> int:
    with closing(Connection(node.port)) as connection, suppress(OSError, HTTPException):
        reply = connection.call("GET", "/readyz")
        assert reply.status == 200 or reply.header("Retry-After")
        return reply.status
    return 0


def are_refused(replies: list[Reply]) -> bool:
    """Whether each says that it is for now; all else would be wrong."""
    return all(reply.status == 503 and reply.header("Retry-After") for reply in replies)


def recovers(nodes: Cluster, there: There, connection: Connection) -> None:
    """Wait until each node is ready, and the balancer knows; then look for the image."""
    until(lambda: ready(nodes) == [200] * 3, PATIENCE)
    until(lambda: connection.call("GET", "/readyz").status == 200, PATIENCE)
    there.check(connection)


@pytest.mark.parametrize("fault", OF_THE_STORE)
def test_a_store_that_fails_is_said_to_fail_and_manifests_are_served(
    nodes: Cluster, there: There, connection: Connection, fault: str
) -> None:
    """A client would believe a 404, push everything again, or log in again after a 401."""
    with OF_THE_STORE[fault](nodes):
        assert are_refused(there.blobs(connection))
        until(lambda: ready(nodes) == [503] * 3, PATIENCE)
        assert [reply.status for reply in there.others(connection)] == [200] * 4
        assert are_refused(there.blobs(connection))

    recovers(nodes, there, connection)


def test_a_store_that_hangs_makes_no_node_ready(nodes: Cluster, connection: Connection) -> None:
    """The balancer would go on sending pushes to where they wait for a minute."""
    hanging = There("hang", image(os.urandom(300_000)))
    connection.push_image(hanging.pushed, "hang", "faults")
    with nodes.objects.hanging():
        until(lambda: ready(nodes) == [503] * 3, PATIENCE)
        connection.close()  # it was idle for as long as the balancer allows
        assert [reply.status for reply in hanging.others(connection)] == [200] * 4

    recovers(nodes, hanging, connection)


@pytest.mark.parametrize("fault", OF_THE_DATABASE)
def test_while_the_database_is_away_all_is_refused_for_now(
    nodes: Cluster, there: There, connection: Connection, fault: str
) -> None:
    """Whoever is told that nothing is there deletes what depends on it."""
    password = base64.b64encode(f"acrux:{nodes.nodes[0].password}".encode()).decode()
    token = f"/oauth2/token?service={nodes.front.hosts[0]}&scope=repository:faults:pull"
    with OF_THE_DATABASE[fault](nodes):
        login = connection.call("GET", token, Authorization=f"Basic {password}")
        assert are_refused([*there.others(connection), *there.blobs(connection), login])
        assert ready(nodes) == [503] * 3

    recovers(nodes, there, connection)
