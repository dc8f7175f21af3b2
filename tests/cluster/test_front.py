"""Through the balancer, each request reaches another node, and no answer is an old one."""

import pytest

from tests.cluster.cluster import Cluster
from tests.cluster.front import SERVED_BY
from tests.images import image
from tests.receiver import receiving
from tests.running import until
from tests.wire.connection import Connection, Reply

pytestmark = pytest.mark.xdist_group("cluster")

MOVES = 20
EVENTS = 12


def every_node(nodes: Cluster, connection: Connection, path: str) -> list[Reply]:
    """The answer of each node, which the balancer asks one after another."""
    replies = [connection.call("GET", path) for _ in nodes.nodes]
    assert len({reply.header(SERVED_BY) for reply in replies}) == len(nodes.nodes)
    return replies


def test_a_tag_that_was_moved_is_moved_at_once(nodes: Cluster, connection: Connection) -> None:
    """A deployment right after a push would start the version before, or find nothing."""
    for number in range(MOVES):
        pushed = image(b"moved %d times" % number)
        connection.push_image(pushed, "moving", "front")
        for reference in ("moving", pushed.digest):
            replies = every_node(nodes, connection, f"/v2/front/manifests/{reference}")
            assert [reply.body for reply in replies] == [pushed.manifest] * 3


def test_an_account_that_is_disabled_is_refused_at_every_node(
    nodes: Cluster, connection: Connection
) -> None:
    """Whoever has its token would go on pulling through the nodes that nobody told."""
    connection.push_image(image(b"not for everybody"), "v1", "front/secret")
    made = nodes.told("token", "create", "-n", "leaked", "--scope-map", "_repositories_pull")
    connection.login("leaked", made["credentials"]["passwords"][0]["value"])
    path = "/v2/front/secret/manifests/v1"
    for _ in range(2):  # the second answers are cached
        assert [reply.status for reply in every_node(nodes, connection, path)] == [200] * 3

    nodes.command("token", "update", "-n", "leaked", "--status", "disabled")

    def statuses() -> list[int]:
        return [reply.status for reply in every_node(nodes, connection, path)]

    until(lambda: statuses() == [401] * 3, 5)  # half a second, on a machine that is not busy
    with pytest.raises(AssertionError, match="UNAUTHORIZED"):
        connection.login("leaked", made["credentials"]["passwords"][0]["value"])


def test_one_node_delivers_what_all_of_them_record(nodes: Cluster, connection: Connection) -> None:
    """A receiver would deploy each push three times, and in another order."""
    pushed, tags = image(b"told once"), [f"v{number}" for number in range(EVENTS)]
    with receiving() as receiver:
        nodes.command("webhook", "create", "-n", "deploy", "--actions", "push",
                      "--uri", f"http://localhost:{receiver.port}/hook")  # fmt: skip
        for tag in tags:
            connection.push_image(pushed, tag, "front/told")
        receiver.wait_for(EVENTS)
        nodes.command("webhook", "delete", "-n", "deploy", "--yes")

        assert receiver.actions == [("push", tag) for tag in tags]
