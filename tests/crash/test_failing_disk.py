"""A failing disk, and no free descriptors: stored content is never a 404."""

import http.client
import json
import re
import resource
from collections.abc import Iterator
from contextlib import contextmanager
from pathlib import Path

import pytest

from acrux.domain.content.digest import Digest
from tests.crash.load import first_password, starting
from tests.crash.power import end
from tests.images import image
from tests.running import RunningRegistry
from tests.tools import blob_file, require_tool
from tests.wire.connection import Connection, Reply

SMALL = b"a small layer" * 100
LARGE = bytes(range(256)) * 65536  # 16 MiB
IMAGE = image(SMALL, LARGE)
MANIFEST = "/v2/app/manifests/v1"
CONTENT = b"new"

PATIENCE = 10_000  # requests, while one waits for a line of the log

ONLY_STANDARD = 3  # no descriptors other than the three that every process has


@pytest.fixture
def registry(tmp_path: Path) -> Iterator[RunningRegistry]:
    """A registry with one worker."""
    with starting(tmp_path / "data", "--workers", "1") as registry:
        yield registry


def holding(registry: RunningRegistry) -> Connection:
    """A client that has pushed the image."""
    connection = Connection(registry.port)
    connection.login("acrux", first_password(registry))
    for blob in IMAGE.blobs:
        connection.push_blob(blob)
    put = connection.call("PUT", MANIFEST, IMAGE.manifest, Content_Type=IMAGE.media_type)
    assert put.status == 201, put.body
    return connection


@contextmanager
def exhausted(registry: RunningRegistry) -> Iterator[None]:
    """In this block a worker cannot open anything: as under `ulimit -n` with all in use."""
    _, worker = registry.worker_pids()
    before = resource.prlimit(worker, resource.RLIMIT_NOFILE)
    resource.prlimit(worker, resource.RLIMIT_NOFILE, (ONLY_STANDARD, before[1]))
    try:
        yield
    finally:
        resource.prlimit(worker, resource.RLIMIT_NOFILE, before)


def is_told(reply: Reply) -> bool:
    """Whether it is a 503 with the registry's envelope."""
    (error,) = json.loads(reply.body)["errors"]
    return reply.status == 503 and bool(error["message"]) and "now" in error["message"]


def test_without_a_descriptor_nothing_that_is_there_is_404_and_no_upload_is_lost(
    registry: RunningRegistry,
) -> None:
    """A client takes a 404 for the truth, and a 500 for a fault of the registry."""
    connection = holding(registry)
    location = connection.start_upload()
    closing = connection.start_upload()
    assert connection.call("PATCH", closing, CONTENT).status == 202
    digest = Digest.of(CONTENT)
    with exhausted(registry):
        for blob in IMAGE.blobs:
            path = f"/v2/app/blobs/{Digest.of(blob)}"
            assert is_told(connection.call("GET", path))
            assert is_told(connection.call("GET", path, Range="bytes=1-"))
            assert connection.call("HEAD", path).status in {200, 503}
        assert connection.call("GET", MANIFEST, Accept=IMAGE.media_type).status == 200
        for method, path, body in (
            ("POST", "/v2/app/blobs/uploads/", b""),
            ("POST", f"/v2/app/blobs/uploads/?digest={digest}", CONTENT),
            ("PATCH", location, CONTENT),
            ("PUT", f"{location}&digest={digest}", CONTENT),
            ("PUT", f"{closing}&digest={digest}", b""),
        ):
            reply = connection.call(method, path, body)
            assert is_told(reply), (method, path, reply)
    for blob in IMAGE.blobs:
        assert connection.call("GET", f"/v2/app/blobs/{Digest.of(blob)}").body == blob
    assert connection.call("PUT", f"{location}&digest={digest}", CONTENT).status == 201
    assert "Traceback" not in registry.log.read_text()
    connection.close()


def faulty(path: Path, calls: str, which: str) -> tuple[str, ...]:
    """A command that runs another one and makes its calls on `path` fail, as on a broken disk."""
    fault = f"inject={calls}:error=EIO:when={which}"
    strace = require_tool("strace", "strace")
    return (strace, "-f", "-qq", "-o", "/dev/null", "-P", str(path), "-e", fault)


def filled(data: Path) -> str:
    """Push the image to a registry in this folder, and return the administrator's password."""
    with starting(data, "--workers", "1") as registry:
        holding(registry).close()
        return first_password(registry)


def client_of(registry: RunningRegistry, password: str) -> Connection:
    """A client of the administrator."""
    connection = Connection(registry.port)
    connection.login("acrux", password)
    return connection


@pytest.mark.parametrize("blob", [SMALL, LARGE], ids=["small", "large"])
def test_a_blob_that_cannot_be_opened_is_503(tmp_path: Path, blob: bytes) -> None:
    """A mirror deletes what it believes is gone."""
    data = tmp_path / "data"
    password = filled(data)
    broken = faulty(blob_file(data, Digest.of(blob)), "openat", "1+")
    with starting(data, "--workers", "1", wrapper=broken) as registry:
        connection = client_of(registry, password)

        for _ in range(2):
            assert is_told(connection.call("GET", f"/v2/app/blobs/{Digest.of(blob)}"))
        logged(registry, connection, "event=storage", "Input/output error")
        assert "Traceback" not in registry.log.read_text()
        connection.close()
        end(registry)


def test_an_answer_that_the_disk_cuts_short_never_looks_whole(tmp_path: Path) -> None:
    """The client, and readers of the log, must see that bytes are missing."""
    data = tmp_path / "data"
    password = filled(data)
    broken = faulty(blob_file(data, Digest.of(LARGE)), "preadv,preadv2", "3+")
    with starting(data, "--workers", "1", wrapper=broken) as registry:
        connection = client_of(registry, password)

        response = connection.begin("GET", f"/v2/app/blobs/{Digest.of(LARGE)}")
        assert response.status == 200
        with response, pytest.raises((http.client.IncompleteRead, ConnectionError)) as cut:
            response.read()

        connection.close()
        assert connection.call("GET", f"/v2/app/blobs/{Digest.of(SMALL)}").body == SMALL
        id_ = response.headers["X-Ms-Correlation-Request-Id"]
        line = logged(registry, connection, "event=request", id_)
        sent = re.search(r" sent=(\d+) ", line)
        assert sent is not None
        assert int(sent[1]) < len(LARGE)
        if isinstance(cut.value, http.client.IncompleteRead):
            assert len(cut.value.partial) <= int(sent[1])
        assert "cut=" in line
        assert "Traceback" not in registry.log.read_text()
        connection.close()
        end(registry)


def logged(registry: RunningRegistry, connection: Connection, *words: str) -> str:
    """The line with these words, once it is there: the log is written asynchronously."""
    for _ in range(PATIENCE):
        for line in registry.log.read_text().splitlines():
            if all(word in line for word in words):
                return line
        connection.call("GET", "/livez")
    raise AssertionError(f"no line with {words}")
