"""What one worker acknowledged, every worker serves from then on."""

import json
from collections.abc import Iterator

import pytest

from acrux.domain.content.digest import Digest
from tests.images import Image, image
from tests.running import RunningRegistry
from tests.wire.connection import Connection


@pytest.fixture
def readers(registry: RunningRegistry, connection: Connection) -> Iterator[list[Connection]]:
    """Connections with the same token, to every worker."""
    connections = [Connection(registry.port) for _ in range(8)]
    for reader in connections:
        reader.authorization = connection.authorization
    yield connections
    for reader in connections:
        reader.close()


def push(connection: Connection, tag: str, number: int) -> Image:
    """Push a unique image under the tag."""
    pushed = image(b"layer %d" % number)
    connection.push_image(pushed, tag)
    return pushed


def test_a_moved_tag_never_returns_its_former_manifest(
    connection: Connection, readers: list[Connection]
) -> None:
    """A deployment would start the previous version, and nobody would know why."""
    for number in range(10):
        pushed = push(connection, "moving", number)

        found = {reader.call("GET", "/v2/app/manifests/moving").body for reader in readers}
        assert found == {pushed.manifest}


def test_a_deleted_manifest_is_gone_on_every_worker(
    connection: Connection, readers: list[Connection]
) -> None:
    """Content that was deleted because it leaked must not be pulled again."""
    for number in range(10, 15):
        pushed = push(connection, "leaked", number)
        path = f"/v2/app/manifests/{Digest.of(pushed.manifest)}"
        assert {reader.call("GET", path).status for reader in readers} == {200}

        assert connection.call("DELETE", path).status == 202

        assert {reader.call("GET", path).status for reader in readers} == {404}
        assert {r.call("GET", "/v2/app/manifests/leaked").status for r in readers} == {404}


def test_a_blob_deleted_from_a_repository_is_gone_from_it_on_every_worker(
    connection: Connection, readers: list[Connection]
) -> None:
    """CVE-2026-35172: a cache gave access to a blob that was no longer linked."""
    digest = connection.push_blob(b"given up")
    path = f"/v2/app/blobs/{digest}"
    assert {reader.call("GET", path).status for reader in readers} == {200}

    assert connection.call("DELETE", path).status == 202

    assert {reader.call("GET", path).status for reader in readers} == {404}


def test_a_lock_holds_on_every_worker_at_once(
    connection: Connection, readers: list[Connection]
) -> None:
    """Content that is locked against reading could still be read."""
    push(connection, "locked", 20)
    path = "/v2/app/manifests/locked"
    assert {reader.call("GET", path).status for reader in readers} == {200}
    for enabled, expected in ((False, 405), (True, 200)):
        change = json.dumps({"readEnabled": enabled}).encode()

        reply = connection.call("PATCH", "/acr/v1/app/_tags/locked", change)

        assert reply.status == 200, reply.body
        assert {reader.call("GET", path).status for reader in readers} == {expected}
