"""Two registries on one PostgreSQL and one directory: each answers with what any acknowledged."""

import base64
import json
from collections.abc import Iterator
from pathlib import Path

import pytest

from acrux.domain.content.digest import Digest
from tests import postgresql
from tests.images import Image, image
from tests.postgresql import PostgreSql
from tests.running import RunningRegistry, acrux, running, until
from tests.wire.connection import Connection

pytestmark = pytest.mark.xdist_group("two nodes")  # one server for all tests

MOVING = "/v2/app/manifests/moving"
PULL = "repository:app:pull"


@pytest.fixture(scope="module")
def server() -> Iterator[PostgreSql]:
    """A PostgreSQL that these tests may kill."""
    with postgresql.running() as server:
        yield server


@pytest.fixture(scope="module")
def url(server: PostgreSql) -> str:
    """Its database, which is still empty."""
    server.execute("CREATE DATABASE nodes")
    return server.url("nodes")


@pytest.fixture(scope="module")
def nodes(
    tmp_path_factory: pytest.TempPathFactory, url: str
) -> Iterator[tuple[RunningRegistry, RunningRegistry]]:
    """Two registries. The URL is in a file, as its password would be."""
    folder: Path = tmp_path_factory.mktemp("nodes")
    (folder / "url").write_text(f"{url}\n")
    settings = ("--workers", "1", "--shared-storage", "--database-file", str(folder / "url"))
    with (
        running(folder / "data", *settings) as one,
        running(folder / "data", *settings) as other,
    ):
        renewed = acrux(
            "credential", "renew", "--data-dir", str(folder / "data"), "--database", url,
            "--password-name", "password", "--output", "json",
        )  # fmt: skip
        assert renewed.returncode == 0, renewed.stderr
        values = {one["name"]: one["value"] for one in json.loads(renewed.stdout)["passwords"]}
        for node in (one, other):
            node.passwords["password"] = values["password"]
        yield one, other


@pytest.fixture
def connections(nodes: tuple[RunningRegistry, RunningRegistry]) -> Iterator[list[Connection]]:
    """A connection to each node, with a token for everything."""
    connections = [Connection(node.port) for node in nodes]
    for node, connection in zip(nodes, connections, strict=True):
        connection.login("acrux", node.password)
    yield connections
    for connection in connections:
        connection.close()


def push(connection: Connection, tag: str, number: int) -> Image:
    """Push a unique image under the tag."""
    pushed = image(b"layer %d" % number)
    connection.push_image(pushed, tag)
    return pushed


def test_a_tag_that_one_node_moves_is_moved_on_the_other(connections: list[Connection]) -> None:
    """A deployment would start the previous version, depending on the node it is sent to."""
    for number in range(20):
        pushed = push(connections[number % 2], "moving", number)

        for connection in connections:
            for _ in range(2):  # the second answer is cached
                assert connection.call("GET", MOVING).body == pushed.manifest


def test_what_one_node_deletes_is_gone_on_the_other(connections: list[Connection]) -> None:
    """Content that was deleted because it leaked could still be pulled."""
    one, other = connections
    for number in range(20, 25):
        path = f"/v2/app/manifests/{push(one, 'leaked', number).digest}"
        assert [other.call("GET", path).status for _ in range(3)] == [200] * 3

        assert one.call("DELETE", path).status == 202

        assert other.call("GET", path).status == 404


def test_a_blob_that_one_node_took_is_served_by_the_other(connections: list[Connection]) -> None:
    """A pull right after a push would fail, depending on the node it is sent to."""
    one, other = connections
    for number in range(5):
        digest = one.push_blob(b"blob %d" % number)

        assert other.call("GET", f"/v2/app/blobs/{digest}").body == b"blob %d" % number


def test_an_upload_goes_on_at_the_other_node(connections: list[Connection]) -> None:
    """A push through a load balancer would fail at its second request."""
    one, other = connections
    location = one.start_upload()
    path, _, state = location.partition("?")
    appended = other.call("PATCH", f"{path}?{state}", b"in three requests")
    ended = one.call(
        "PUT", f"{appended.header('Location')}&digest={Digest.of(b'in three requests')}"
    )

    assert (appended.status, ended.status) == (202, 201)


@pytest.fixture
def leaked(nodes: tuple[RunningRegistry, RunningRegistry], url: str) -> Iterator[list[Connection]]:
    """A connection to each node, with the password of the account `leaked`."""
    made = acrux("token", "create", "-n", "leaked", "--scope-map", "_repositories_pull",
                 *place(nodes[0], url), "-o", "json")  # fmt: skip
    assert made.returncode == 0, made.stderr
    password = json.loads(made.stdout)["credentials"]["passwords"][0]["value"]
    encoded = base64.b64encode(f"leaked:{password}".encode()).decode()
    connections = [Connection(node.port) for node in nodes]
    for connection in connections:
        connection.authorization = {"Authorization": f"Basic {encoded}"}
    yield connections
    for connection in connections:
        connection.close()


def place(node: RunningRegistry, url: str) -> tuple[str, ...]:
    """The options with which a command works on the registry."""
    return ("--data-dir", str(node.data_dir), "--database", url)


def test_an_account_that_is_disabled_is_refused_by_both(
    nodes: tuple[RunningRegistry, RunningRegistry],
    connections: list[Connection],
    leaked: list[Connection],
    url: str,
) -> None:
    """Whoever has a password or a token that leaked would use it at the node that nobody told."""
    push(connections[0], "seen", 40)
    path = "/v2/app/manifests/seen"
    logins = [(one, f"/oauth2/token?service=127.0.0.1:{one.port}&scope={PULL}") for one in leaked]
    tokens = [json.loads(one.call("GET", token).body)["access_token"] for one, token in logins]
    for one, token in zip(connections, tokens, strict=True):
        one.authorization = {"Authorization": f"Bearer {token}"}
    for _ in range(2):  # the second answer is cached
        assert [one.call("GET", path).status for one in connections] == [200, 200]

    disable = ("token", "update", "-n", "leaked", "--status", "disabled")
    disabled = acrux(*disable, *place(nodes[0], url))
    assert disabled.returncode == 0, disabled.stderr

    assert [one.call("GET", token).status for one, token in logins] == [401, 401]
    # Half a second, on a machine that is not busy.
    until(lambda: [one.call("GET", path).status for one in connections] == [401, 401], 5)


def test_while_the_server_restarts_nothing_wrong_is_said_and_afterwards_all_goes_on(
    nodes: tuple[RunningRegistry, RunningRegistry],
    connections: list[Connection],
    server: PostgreSql,
) -> None:
    """A client would delete what a 404 denies, or each node would have to be restarted."""
    one, other = connections
    pushed = push(one, "restart", 50)
    path = "/v2/app/manifests/restart"
    token = f"/oauth2/token?service=127.0.0.1:{one.port}&scope={PULL}"
    basic = f"Basic {base64.b64encode(f'acrux:{nodes[0].password}'.encode()).decode()}"
    assert [other.call("GET", path).status for _ in range(3)] == [200] * 3

    server.kill()
    try:
        refused = [
            *(connection.call("GET", path) for connection in connections),
            one.call("PUT", path, pushed.manifest, Content_Type=pushed.media_type),
            other.call("DELETE", path),
            one.call("GET", "/v2/app/tags/list"),
            other.call("GET", "/readyz"),
            one.call("GET", token, Authorization=basic),
        ]
        alive = [connection.call("GET", "/livez").status for connection in connections]
    finally:
        server.start()

    assert [reply.status for reply in refused] == [503] * len(refused)
    assert all(reply.header("Retry-After") for reply in refused[:4])
    assert alive == [200, 200]
    assert [connection.call("GET", path).body for connection in connections] == [
        pushed.manifest,
        pushed.manifest,
    ]
    push(other, "restart", 51)
    assert one.call("GET", "/readyz").status == 200


def test_a_node_that_is_killed_harms_no_other(
    nodes: tuple[RunningRegistry, RunningRegistry], connections: list[Connection], url: str
) -> None:
    """Whatever it had begun would be half there, or block the others."""
    settings = ("--workers", "1", "--shared-storage", "--database", url)
    with running(nodes[0].data_dir, *settings) as third:
        connection = Connection(third.port)
        connection.login("acrux", nodes[0].password)
        pushed = push(connection, "survives", 60)
        location = connection.start_upload()
        third.kill()
        connection.close()

    one, other = connections
    assert one.call("GET", "/v2/app/manifests/survives").body == pushed.manifest
    assert other.call("PATCH", location, b"goes on").status == 202
    push(other, "survives", 61)
