"""A store that refuses: without rights, bucket or room, or because of the clock."""

import os
import shutil
import subprocess
import tempfile
from collections.abc import Callable, Iterator
from contextlib import closing, contextmanager
from pathlib import Path
from typing import Any

import pytest

from tests import object_servers
from tests.faketime import faked
from tests.object_servers import S3_KEYS, Program
from tests.running import RunningRegistry, acrux, free_port, running, until
from tests.tools import missing
from tests.wire.connection import MEBIBYTE, Connection, Reply

pytestmark = pytest.mark.xdist_group("bad store")  # one server for all tests

STORAGE = ("--storage", "s3://refusing/registry", "--workers", "1")
GUEST = {"AWS_ACCESS_KEY_ID": "guest", "AWS_SECRET_ACCESS_KEY": "of the guest"}
BLOB = b"survives"


class Refusing(Program):
    """A server of S3 with a bucket that the user `guest` owns, until that is changed."""

    def __init__(self, program: str, folder: Path) -> None:
        self.bucket = folder / "buckets" / "refusing"
        self.bucket.mkdir(parents=True)
        for name in ("attributes", "users"):
            (folder / name).mkdir()
        port = free_port()
        super().__init__(
            [program, "--port", f"127.0.0.1:{port}", "--iam-dir", str(folder / "users"),
             "--iam-cache-disable", "posix", "--sidecar", str(folder / "attributes"),
             str(self.bucket.parent)],
            port,
            ROOT_ACCESS_KEY=S3_KEYS["AWS_ACCESS_KEY_ID"],
            ROOT_SECRET_KEY=S3_KEYS["AWS_SECRET_ACCESS_KEY"],
        )  # fmt: skip
        self._program = program
        self.create_guest()
        self.give_to("guest")

    @property
    def variables(self) -> dict[str, Any]:
        """The variables that name the server and the user."""
        return {
            **GUEST,
            "AWS_ENDPOINT_URL": f"http://127.0.0.1:{self.port}",
            "AWS_ALLOW_HTTP": "true",
            "AWS_REGION": "us-east-1",
        }

    def create_guest(self) -> None:
        """Let the user in."""
        self._admin("create-user", "--access", GUEST["AWS_ACCESS_KEY_ID"], "--secret",
                    GUEST["AWS_SECRET_ACCESS_KEY"], "--role", "user")  # fmt: skip

    def delete_guest(self) -> None:
        """Let the user in no more."""
        self._admin("delete-user", "--access", GUEST["AWS_ACCESS_KEY_ID"])

    def give_to(self, user: str) -> None:
        """Let another user own the bucket, and nobody else use it."""
        self._admin("change-bucket-owner", "--bucket", self.bucket.name, "--owner", user)

    def _admin(self, *words: str) -> None:
        keys = ("--access", S3_KEYS["AWS_ACCESS_KEY_ID"],
                "--secret", S3_KEYS["AWS_SECRET_ACCESS_KEY"])  # fmt: skip
        done = subprocess.run(
            [self._program, "admin", *keys, "--endpoint-url", f"http://127.0.0.1:{self.port}",
             *words],
            capture_output=True, text=True, timeout=60, check=False,
        )  # fmt: skip
        assert done.returncode == 0, done.stdout + done.stderr


@pytest.fixture(scope="module")
def server(tmp_path_factory: pytest.TempPathFactory) -> Iterator[Refusing]:
    """The server."""
    program = object_servers.versitygw(tmp_path_factory)
    with tempfile.TemporaryDirectory() as folder:
        server = Refusing(program, Path(folder))
        try:
            yield server
        finally:
            server.kill()


@contextmanager
def without_rights(server: Refusing, _: Path) -> Iterator[None]:
    """Somebody else owns the bucket."""
    server.give_to(S3_KEYS["AWS_ACCESS_KEY_ID"])
    try:
        yield
    finally:
        server.give_to("guest")


@contextmanager
def unknown(server: Refusing, _: Path) -> Iterator[None]:
    """The key of the user was withdrawn."""
    server.delete_guest()
    try:
        yield
    finally:
        server.create_guest()


@contextmanager
def without_a_bucket(server: Refusing, _: Path) -> Iterator[None]:
    """Somebody has removed the bucket."""
    away = server.bucket.with_name("away")
    server.bucket.rename(away)
    try:
        yield
    finally:
        away.rename(server.bucket)


@contextmanager
def with_a_wrong_clock(_: Refusing, clock: Path) -> Iterator[None]:
    """The clock of the node is 20 minutes ahead."""
    clock.write_text("+20m\n")
    try:
        yield
    finally:
        clock.write_text("+0\n")


Spoil = Callable[[Refusing, Path], Any]

SPOILT = [
    (without_rights, "right to read, write, list and delete"),
    (unknown, "the credentials are wrong"),
    (without_a_bucket, "no such bucket"),
    (with_a_wrong_clock, "clock is wrong"),
]


@pytest.mark.parametrize(("spoil", "said"), SPOILT)
def test_a_store_that_refuses_ends_the_start_in_one_line(
    server: Refusing, tmp_path: Path, spoil: Spoil, said: str
) -> None:
    """The first push would fail instead, and nobody would know why."""
    clock = tmp_path / "clock"
    clock.write_text("+0\n")
    with spoil(server, clock):
        done = acrux("serve", "--port", "0", "--data-dir", str(tmp_path / "data"), *STORAGE,
                     **server.variables, **faked(clock))  # fmt: skip

    assert (done.returncode, done.stdout) == (2, "")
    [line] = done.stderr.splitlines()
    assert said in line
    assert GUEST["AWS_SECRET_ACCESS_KEY"] not in line


@contextmanager
def serving(server: Refusing, folder: Path) -> Iterator[tuple[RunningRegistry, Connection]]:
    """A registry with a blob, and a connection that may do everything."""
    (folder / "clock").write_text("+0\n")
    with (
        running(folder / "data", *STORAGE, **server.variables, **faked(folder / "clock")) as one,
        closing(Connection(one.port)) as connection,
    ):
        connection.login("acrux", one.password)
        connection.push_blob(BLOB)
        yield one, connection


@pytest.fixture(scope="module")
def folder(tmp_path_factory: pytest.TempPathFactory) -> Path:
    """Where the data directory of the registry is, and its clock."""
    return tmp_path_factory.mktemp("refused")


@pytest.fixture(scope="module")
def node(server: Refusing, folder: Path) -> Iterator[tuple[RunningRegistry, Connection]]:
    """A registry that runs through all that its store does."""
    with serving(server, folder) as started:
        yield started


def readiness(registry: RunningRegistry) -> Reply:
    """What a balancer is told."""
    with closing(Connection(registry.port)) as connection:
        return connection.call("GET", "/readyz")


@pytest.mark.parametrize(("spoil", "said"), SPOILT)
def test_while_the_store_refuses_blobs_are_503_and_then_all_goes_on(
    server: Refusing,
    node: tuple[RunningRegistry, Connection],
    folder: Path,
    spoil: Spoil,
    said: str,
) -> None:
    """A 404 would make clients forget content that is there, a 401 their password."""
    registry, connection = node
    path = f"/v2/app/blobs/{connection.push_blob(BLOB)}"
    with spoil(server, folder / "clock"):
        pull = connection.call("GET", path)
        push = connection.call("PATCH", connection.start_upload(), b"abc")
        ready = readiness(registry)
    until(lambda: readiness(registry).status == 200)
    after = connection.call("GET", path)
    again = connection.call("PATCH", connection.start_upload(), b"abc")

    assert (pull.status, push.status, ready.status) == (503, 503, 503)
    assert pull.header("Retry-After")
    assert push.header("Retry-After")
    assert said in ready.body.decode()
    assert (after.body, again.status) == (BLOB, 202)


@pytest.fixture
def small_disk(server: Refusing) -> Iterator[None]:
    """A disk of 16 MiB below the bucket."""
    if os.geteuid() != 0:
        missing("a small disk takes root to mount")
    mount = ["mount", "-t", "tmpfs", "-o", "size=16m", "tmpfs", str(server.bucket)]
    subprocess.run(mount, check=True)
    try:
        yield
    finally:
        subprocess.run(["umount", "--lazy", str(server.bucket)], check=True)
        shutil.rmtree(server.bucket / "registry", ignore_errors=True)


@pytest.mark.usefixtures("small_disk")
def test_while_the_store_is_full_pulls_work(server: Refusing, tmp_path: Path) -> None:
    """A full disk must not look as if content were lost."""
    with serving(server, tmp_path) as (_, connection):
        path = f"/v2/app/blobs/{connection.push_blob(BLOB)}"
        location = connection.start_upload()
        pushed = connection.call("PATCH", location, os.urandom(MEBIBYTE) * 24)
        pulled = connection.call("GET", path)

    assert (pushed.status, pushed.header("Retry-After")) == (507, "5"), pushed.body
    assert pulled.body == BLOB
