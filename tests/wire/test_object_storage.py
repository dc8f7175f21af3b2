"""Two registries on one database and one bucket: resume, fail, recover."""

import json
import os
import subprocess
from collections.abc import Callable, Iterator
from contextlib import ExitStack, closing
from pathlib import Path
from typing import Any

import pytest

from acrux.domain.content.digest import Digest
from tests import object_servers
from tests.images import Image, image
from tests.object_servers import Versity
from tests.running import RunningRegistry, acrux, running, until, write_layout
from tests.tools import require_tool
from tests.wire.connection import MEBIBYTE, Connection, pattern, push_pattern, sha256_of
from tests.wire.memory import ALLOWED_GROWTH, Watch

BUCKET = "wire"
STORAGE = f"s3://{BUCKET}/registry"
LAYER = os.urandom(12 << 20)  # more than one part
LARGE = 512  # MiB, eight times what a transfer may take of memory


@pytest.fixture(scope="module")
def server(tmp_path_factory: pytest.TempPathFactory) -> Iterator[Versity]:
    """A server of S3 with a bucket."""
    with object_servers.running("versitygw", tmp_path_factory) as server:
        assert isinstance(server, Versity)
        server.make(BUCKET)
        yield server


@pytest.fixture(scope="module")
def registries(
    server: Versity, tmp_path_factory: pytest.TempPathFactory
) -> Iterator[tuple[RunningRegistry, RunningRegistry]]:
    """Two of them, of which the second redirects pulls of blobs."""
    data_dir = tmp_path_factory.mktemp("objects") / "data"
    arguments = ("--storage", STORAGE, "--workers", "1")
    with ExitStack() as ending:
        first, second = (
            ending.enter_context(running(data_dir, *arguments, *more, **variables(server)))
            for more in ((), ("--storage-redirect",))
        )
        first.passwords["password"] = second.passwords["password"] = first.password
        yield first, second


def variables(server: Versity) -> dict[str, Any]:
    """The variables that name the server, for a process."""
    return dict(server.variables)


Connect = Callable[[RunningRegistry], Connection]


@pytest.fixture
def connect() -> Iterator[Connect]:
    """Opens connections with a token for everything."""
    with ExitStack() as ending:

        def connected(registry: RunningRegistry) -> Connection:
            connection = ending.enter_context(closing(Connection(registry.port)))
            connection.login("acrux", registry.password)
            return connection

        yield connected


def is_ready(registry: RunningRegistry) -> bool:
    """Whether the registry says that it is ready."""
    with closing(Connection(registry.port)) as connection:
        return connection.call("GET", "/readyz").status == 200


def skopeo(*arguments: str) -> None:
    """Run skopeo."""
    tool = require_tool("skopeo", package="skopeo")
    done = subprocess.run(
        [tool, "--insecure-policy", *arguments], capture_output=True, text=True, timeout=120,
        check=False,
    )  # fmt: skip
    assert done.returncode == 0, done.stderr


def push(registry: RunningRegistry, folder: Path, name: str, content: Image) -> None:
    """Push an image with skopeo."""
    source = write_layout(folder, content, "v1")
    skopeo("copy", "--dest-tls-verify=false", "--dest-creds", f"acrux:{registry.password}",
           f"oci:{source}:v1", f"docker://{registry.host}/{name}")  # fmt: skip


def test_an_upload_that_began_at_one_node_goes_on_at_the_other(
    registries: tuple[RunningRegistry, RunningRegistry], connect: Connect
) -> None:
    """A balancer sends each request to any node, and nodes come and go during a push."""
    first, second = map(connect, registries)
    content, digest = LAYER, Digest.of(LAYER)
    location = first.start_upload()

    assert first.call("PATCH", location, content[:7_000_000]).status == 202
    begun = second.call("GET", location)
    assert begun.header("Range") == "0-6999999"
    assert second.call("PATCH", location, content[7_000_000:]).status == 202
    assert first.call("PUT", f"{location}&digest={digest}").status == 201

    assert first.call("GET", f"/v2/app/blobs/{digest}").body == content
    part = first.call("GET", f"/v2/app/blobs/{digest}", b"", Range="bytes=5000000-5000009")
    assert (part.status, part.body) == (206, content[5_000_000:5_000_010])


def test_a_large_blob_passes_through_in_flat_memory(
    registries: tuple[RunningRegistry, RunningRegistry], connect: Connect
) -> None:
    """A node that held layers whole would be killed by a few pulls at once."""
    registry, connection = registries[0], connect(registries[0])
    digest = Digest("sha256", sha256_of(pattern(LARGE)))
    connection.call("GET", "/v2/")

    def push() -> None:
        push_pattern(connection, digest, LARGE)

    pulled = []

    def pull() -> None:
        response = connection.begin("GET", f"/v2/app/blobs/{digest}")
        pulled.append(sha256_of(iter(lambda: response.read(MEBIBYTE), b"")))

    grown = [Watch(registry).during(push), Watch(registry).during(pull)]

    assert pulled == [digest.encoded]
    assert max(grown) < ALLOWED_GROWTH, [growth // MEBIBYTE for growth in grown]


@pytest.mark.parametrize("place", [0, 1], ids=["through", "redirected"])
def test_skopeo_pushes_and_pulls(
    registries: tuple[RunningRegistry, RunningRegistry], tmp_path: Path, place: int
) -> None:
    """A store that only our own tests can use is no store."""
    registry = registries[place]
    push(registry, tmp_path / "source", f"skopeo:v{place}", image(LAYER, b"a small layer"))

    skopeo("copy", "--src-tls-verify=false", "--src-creds", f"acrux:{registry.password}",
           f"docker://{registry.host}/skopeo:v{place}", f"dir:{tmp_path / 'back'}")  # fmt: skip

    manifest = json.loads((tmp_path / "back" / "manifest.json").read_bytes())
    for blob in (manifest["config"], *manifest["layers"]):  # skopeo has compressed the layers
        content = (tmp_path / "back" / blob["digest"].removeprefix("sha256:")).read_bytes()
        assert str(Digest.of(content)) == blob["digest"]


def test_curl_follows_the_redirect_with_its_range_and_without_its_token(
    registries: tuple[RunningRegistry, RunningRegistry], server: Versity, connect: Connect
) -> None:
    """The store would refuse a second credential, and should never see it."""
    first, second = registries
    content = b"read in parts"
    path = f"/v2/app/blobs/{connect(first).push_blob(content)}"
    curl = require_tool("curl", package="curl")
    answer = connect(second).call("GET", path)
    head = connect(second).call("HEAD", path)
    with closing(Connection(second.port)) as unknown:
        nobody = unknown.call("GET", path)

    done = subprocess.run(
        [curl, "-sSL", "-v", "-u", f"acrux:{second.password}", "-r", "5-6", second.url + path],
        capture_output=True, text=True, timeout=60, check=True,
    )  # fmt: skip

    assert answer.status == 307
    assert answer.header("Location").startswith(f"{server.variables['AWS_ENDPOINT_URL']}/{BUCKET}/")
    assert answer.header("Cache-Control") == "no-store"
    assert (head.status, head.header("Content-Length")) == (200, str(len(content)))
    assert nobody.status == 401
    assert done.stdout == "in"
    assert done.stderr.lower().count("> authorization:") == 1


def test_while_the_store_is_down_answers_say_so_and_afterwards_all_is_there(
    registries: tuple[RunningRegistry, RunningRegistry], server: Versity, connect: Connect
) -> None:
    """A 404 would make clients and mirrors forget content that is there."""
    registry = registries[0]
    content, connection = b"survives", connect(registry)
    path = f"/v2/app/blobs/{connection.push_blob(content)}"
    location = connection.start_upload()
    server.kill()
    try:
        pull = connection.call("GET", path)
        patch = connect(registry).call("PATCH", location, b"abc")
        was_ready = is_ready(registry)
    finally:
        server.start()

    for answer in (pull, patch):
        assert answer.status == 503
        assert answer.header("Retry-After")
    assert not was_ready
    assert connect(registry).call("GET", path).body == content
    assert connect(registry).call("PATCH", location, b"abc").header("Range") == "0-2"
    until(lambda: is_ready(registry))


def test_commands_work_on_the_store(
    registries: tuple[RunningRegistry, RunningRegistry], server: Versity
) -> None:
    """An operator checks, frees and counts as with files, and is told what is different."""
    data_dir = str(registries[0].data_dir)
    environment = variables(server)

    check = acrux("check", "--deep", "--data-dir", data_dir, "-o", "json", **environment)
    collected = acrux("gc", "run", "--data-dir", data_dir, **environment)
    backup = acrux("backup", f"{data_dir}-backup", "--data-dir", data_dir, **environment)
    doctor = acrux("doctor", "--data-dir", data_dir, "-o", "json", **environment)

    assert check.returncode == 0, check.stdout + check.stderr
    assert collected.returncode == 0, collected.stderr
    assert backup.returncode == 2
    assert f"are in {STORAGE}, which this command does not copy" in backup.stderr
    found = {one["name"]: one["status"] for one in json.loads(doctor.stdout)["checks"]}
    assert found["object-store"] == "ok"


def test_a_stop_in_the_middle_of_transfers_ends_in_good_order(
    server: Versity, tmp_path: Path
) -> None:
    """The client library aborts a process that ends while one of its calls is under way."""
    arguments = ("--storage", f"{STORAGE}-stop", "--workers", "1", "--stop-seconds", "2")
    with (
        running(tmp_path / "data", *arguments, **variables(server)) as registry,
        closing(Connection(registry.port)) as connection,
    ):
        connection.login("acrux", registry.password)
        path = f"/v2/app/blobs/{connection.push_blob(LAYER)}"
        location = connection.start_upload()
        with closing(connection.raw()) as pulling, closing(connection.raw()) as pushing:
            pulling.sendall(connection.head("GET", path))
            assert pulling.recv(12) == b"HTTP/1.1 200"
            pushing.sendall(connection.head("PATCH", location, Content_Length=str(len(LAYER))))
            pushing.sendall(LAYER[: 7 << 20])

            assert registry.stop() == 0

    assert "abort" not in registry.log.read_text().lower()


@pytest.mark.parametrize(
    ("storage", "variables", "complaint"),
    [
        ("s3://missing/registry", {}, "no such bucket"),
        (STORAGE, {"AWS_SECRET_ACCESS_KEY": "a wrong secret"}, "credentials"),
        (STORAGE, {"AWS_ENDPOINT_URL": "http://127.0.0.1:9"}, "cannot be reached"),
        (STORAGE, {"AWS_ALLOW_HTTP": "no"}, "AWS_ALLOW_HTTP"),
        ("s3://user:a wrong secret@bucket/x", {}, "must be s3://BUCKET/PREFIX"),
    ],
)
def test_a_store_that_cannot_be_used_stops_the_start_with_one_line_and_no_secret(
    server: Versity, tmp_path: Path, storage: str, variables: dict[str, str], complaint: str
) -> None:
    """The first push would fail instead, and nobody would know why."""
    environment = {**server.variables, **variables}

    done = acrux("serve", "--port", "0", "--data-dir", str(tmp_path / "data"), "--storage",
                 storage, **environment)  # fmt: skip

    assert done.returncode == 2
    (line,) = done.stderr.strip().splitlines()
    assert complaint in line
    assert environment["AWS_SECRET_ACCESS_KEY"] not in line


def test_a_registry_does_not_start_with_another_storage_than_before(
    server: Versity, tmp_path: Path
) -> None:
    """All its content would be reported as missing, and collected copies as leftovers."""
    data_dir = tmp_path / "data"
    with running(data_dir, "--storage", f"{STORAGE}-other", "--workers", "1", **variables(server)):
        pass

    done = acrux("serve", "--port", "0", "--data-dir", str(data_dir), **server.variables)

    assert done.returncode == 2
    assert f"are {STORAGE}-other, and not files in the data directory" in done.stderr
    with running(data_dir, "--storage-moved", "--workers", "1"):
        pass
