"""Three nodes are one registry: each answers with what any acknowledged."""

import os
from collections.abc import Iterator
from contextlib import closing, contextmanager
from pathlib import Path

import pytest

from acrux.domain.content.digest import Digest
from tests.cluster.cluster import STORAGE, Cluster
from tests.images import Image, image
from tests.running import RunningRegistry, acrux, running
from tests.wire.connection import Connection

pytestmark = pytest.mark.xdist_group("cluster")


def test_what_one_node_took_every_node_serves(nodes: Cluster) -> None:
    """A pull right after a push would fail, depending on the node it is sent to."""
    for number, pushing in enumerate(nodes.nodes):
        pushed = image(b"layer of node %d" % number)
        with closing(nodes.connect(pushing)) as connection:
            connection.push_image(pushed, f"v{number}")

        for node in nodes.nodes:
            with closing(nodes.connect(node)) as connection:
                assert serves(connection, f"v{number}", pushed)


def serves(connection: Connection, tag: str, pushed: Image) -> bool:
    """Whether the manifest and all its blobs are there, byte by byte."""
    found = connection.call("GET", f"/v2/app/manifests/{tag}").body == pushed.manifest
    return found and all(
        connection.call("GET", f"/v2/app/blobs/{Digest.of(blob)}").body == blob
        for blob in pushed.blobs
    )


def test_a_token_of_one_node_opens_every_node(nodes: Cluster) -> None:
    """A load balancer sends each request of a client to another node."""
    with closing(nodes.connect(nodes.nodes[0])) as connection:
        token = connection.authorization
    for node in nodes.nodes:
        with closing(Connection(node.port, token)) as connection:
            assert connection.call("GET", "/v2/_catalog").status == 200


def test_an_upload_wanders_over_all_nodes(nodes: Cluster) -> None:
    """Each of its requests may reach another node, and no node is special."""
    content = os.urandom(300_000)
    parts = [content[:100_000], content[100_000:200_000], content[200_000:]]
    with closing(nodes.connect(nodes.nodes[0])) as connection:
        token = connection.authorization
    with closing(Connection(nodes.nodes[2].port, token)) as connection:
        location = connection.start_upload()
    for node, part in zip(nodes.nodes, parts, strict=True):
        with closing(Connection(node.port, token)) as connection:
            reply = connection.call("PATCH", location, part)
            assert reply.status == 202, reply.body
            location = reply.header("Location")
    with closing(Connection(nodes.nodes[1].port, token)) as connection:
        reply = connection.call("PUT", f"{location}&digest={Digest.of(content)}")

    assert reply.status == 201, reply.body


@contextmanager
def logged_in(registry: RunningRegistry, password: str) -> Iterator[Connection]:
    """A connection to a registry that clients call by its own address."""
    with closing(Connection(registry.port)) as connection:
        connection.login("acrux", password)
        yield connection


def test_an_embedded_registry_moves_to_a_cluster_and_back(tmp_path: Path, nodes: Cluster) -> None:
    """A team starts with one process, and must not change registries when it grows."""
    pushed = image(b"from the first day")
    with running(tmp_path / "first", "--workers", "1") as registry:
        password = registry.password
        with logged_in(registry, password) as connection:
            connection.push_image(pushed, "v1")
    nodes.database.execute("CREATE DATABASE moved")
    (tmp_path / "url").write_text(nodes.database.url("moved"))
    there = ("--database-file", str(tmp_path / "url"), "--storage", STORAGE + "-moved",
             "--master-key-file", str(nodes.folder / "master-key"))  # fmt: skip
    to_there = [word.replace("--", "--to-", 1) if word.startswith("--") else word for word in there]

    away = acrux("migrate", "--data-dir", str(tmp_path / "first"), "--to-data-dir",
                 str(tmp_path / "node"), *to_there, **nodes.variables)  # fmt: skip
    assert away.returncode == 0, away.stderr
    with (
        running(tmp_path / "node", "--workers", "1", *there, **nodes.variables) as registry,
        logged_in(registry, password) as connection,
    ):
        assert serves(connection, "v1", pushed)
    back = acrux("migrate", "--data-dir", str(tmp_path / "node"), *there[:2], *there[4:],
                 "--to-data-dir", str(tmp_path / "second"), **nodes.variables)  # fmt: skip
    assert back.returncode == 0, back.stderr
    with (
        running(tmp_path / "second", "--workers", "1") as registry,
        logged_in(registry, password) as connection,
    ):
        assert serves(connection, "v1", pushed)
