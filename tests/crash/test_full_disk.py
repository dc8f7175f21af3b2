"""A full disk: an error, and no acknowledged content is lost."""

import os
import subprocess
from collections.abc import Iterator
from pathlib import Path

import pytest

from acrux.domain.content.digest import Digest
from tests.images import image
from tests.running import RunningRegistry, acrux, renew, running
from tests.tools import missing
from tests.wire.connection import MEBIBYTE, Connection

DISK_MEBIBYTES = 24


@pytest.fixture
def small_disk(tmp_path: Path) -> Iterator[Path]:
    """A disk that is soon full."""
    folder = tmp_path / "disk"
    folder.mkdir()
    if os.geteuid() != 0:
        missing("a small disk takes root to mount")
    options = f"size={DISK_MEBIBYTES}m"
    subprocess.run(["mount", "-t", "tmpfs", "-o", options, "tmpfs", str(folder)], check=True)
    yield folder
    subprocess.run(["umount", "--lazy", str(folder)], check=True)


def refused(connection: Connection, registry: RunningRegistry) -> bytes:
    """Push a blob that does not fit, in both ways, and return it."""
    content = os.urandom(MEBIBYTE) * (DISK_MEBIBYTES + 8)
    digest = Digest.of(content)
    for body in (content, iter([content])):  # the second one does not say how long it is
        whole = connection.call("POST", f"/v2/app/blobs/uploads/?digest={digest}", body)
        assert whole.status == 507, whole.body
        assert b"full" in whole.body
        connection.close()
    return content


def test_a_push_that_does_not_fit_is_507_and_the_registry_goes_on(small_disk: Path) -> None:
    """An operator frees space; no restart is needed."""
    with running(small_disk / "data", "--workers", "1") as registry:
        connection = Connection(registry.port)
        connection.login("acrux", registry.password)
        kept = connection.push_blob(os.urandom(MEBIBYTE))

        content = refused(connection, registry)

        assert connection.call("GET", f"/v2/app/blobs/{kept}").status == 200
        gone = connection.call("GET", f"/v2/app/blobs/{Digest.of(content)}")
        assert gone.status == 404
        connection.push_image(image(b"fits again"), "v1")
        connection.close()


def test_a_registry_starts_on_a_full_disk_and_serves_what_it_holds(small_disk: Path) -> None:
    """Machines must be able to pull although somebody restarted the registry."""
    with running(small_disk / "data", "--workers", "1") as registry:
        password = registry.password
        connection = Connection(registry.port)
        connection.login("acrux", password)
        kept = connection.push_blob(os.urandom(MEBIBYTE))
        with (small_disk / "filler").open("wb", buffering=0) as file:
            fill(file.fileno())
        connection.close()
        registry.kill()

    with running(small_disk / "data", "--workers", "1") as registry:
        connection = Connection(registry.port)
        connection.login("acrux", password)
        assert connection.call("GET", f"/v2/app/blobs/{kept}").status == 200
        content = os.urandom(4 * MEBIBYTE)
        path = f"/v2/app/blobs/uploads/?digest={Digest.of(content)}"
        assert connection.call("POST", path, content).status == 507
        connection.close()


def test_everything_but_a_push_works_on_a_full_disk(small_disk: Path) -> None:
    """Only a deletion makes room, and the revocation of a leaked key cannot wait for it."""
    with running(small_disk / "data", "--workers", "1") as registry:
        connection = Connection(registry.port)
        connection.login("acrux", registry.password)
        assert connection.call("GET", "/readyz").status == 200
        small = image(b"to be deleted")
        connection.push_image(small, "v1")
        with (small_disk / "filler").open("wb", buffering=0) as file:
            fill(file.fileno())

        ready = connection.call("GET", "/readyz")
        assert (ready.status, b"full" in ready.body) == (503, True)
        deleted = connection.call("DELETE", f"/v2/app/manifests/{Digest.of(small.manifest)}")
        assert deleted.status == 202, deleted.body
        rotated = acrux("key", "rotate", "--now", "--data-dir", str(registry.data_dir))
        assert rotated.returncode == 0, rotated.stderr
        revoked = acrux(
            "key", "revoke", "-n", "ES256-0001", "--yes", "--data-dir", str(registry.data_dir)
        )
        assert revoked.returncode == 0, revoked.stderr
        connection.login("acrux", renew(registry.data_dir))
        for size in (1, 4096, 300_000):
            content = os.urandom(size)
            path = f"/v2/app/blobs/uploads/?digest={Digest.of(content)}"
            assert connection.call("POST", path, content).status == 507

        (small_disk / "filler").unlink()
        connection.push_blob(b"fits again")
        assert connection.call("GET", "/readyz").status == 200
        connection.close()


@pytest.mark.parametrize("request_", ["POST", "PATCH", "PUT"])
def test_a_push_that_says_it_does_not_fit_is_refused_before_it_is_sent(
    small_disk: Path, request_: str
) -> None:
    """Half a disk of bytes need not travel, and what is there already is not counted twice."""
    with running(small_disk / "data", "--workers", "1") as registry:
        connection = Connection(registry.port)
        connection.login("acrux", registry.password)
        path, digest = connection.start_upload(), Digest.of(b"any")
        kept = connection.call("PATCH", path, bytes(DISK_MEBIBYTES * MEBIBYTE * 2 // 5))
        paths = {
            "POST": f"/v2/app/blobs/uploads/?digest={digest}",
            "PATCH": kept.header("Location"),
            "PUT": f"{kept.header('Location')}&digest={digest}",
        }
        length = DISK_MEBIBYTES * MEBIBYTE * 3 // 5

        with connection.raw() as waiting:
            head = connection.head(request_, paths[request_], Content_Length=str(length))
            waiting.sendall(head)
            answer = waiting.recv(65536)
        again = connection.call("PATCH", path, bytes(DISK_MEBIBYTES * MEBIBYTE * 2 // 5))

        assert answer.startswith(b"HTTP/1.1 507"), answer
        assert f"too full for these {length} bytes".encode() in answer
        assert again.status == 202, again.body
        connection.close()


def test_the_bytes_of_a_push_that_was_too_large_are_removed(small_disk: Path) -> None:
    """Nobody may come back for it, and others would have no room."""
    with running(small_disk / "data", "--workers", "1") as registry:
        connection = Connection(registry.port)
        connection.login("acrux", registry.password)
        started = connection.call("POST", "/v2/app/blobs/uploads/")
        content = os.urandom(MEBIBYTE) * (DISK_MEBIBYTES + 8)

        refused_ = connection.call("PATCH", started.header("Location"), iter([content]))

        assert refused_.status == 507
        connection.close()
        found = [path.stat().st_size for path in (registry.data_dir / "uploads").iterdir()]
        assert found == [0]


def test_a_registry_whose_log_takes_nothing_says_where_it_listens_and_answers(
    tmp_path: Path,
) -> None:
    """The log is often on the full disk, and whoever starts the registry waits for that line."""
    log_nowhere = ("sh", "-c", 'exec "$@" 2>/dev/full', "sh")
    with running(tmp_path / "data", "--workers", "1", wrapper=log_nowhere) as registry:
        connection = Connection(registry.port)
        connection.login("acrux", registry.password)
        kept = connection.push_blob(b"layer")
        assert connection.call("GET", f"/v2/app/blobs/{kept}").status == 200
        connection.close()


def test_what_was_acknowledged_before_the_disk_was_full_survives_a_kill_after_it(
    small_disk: Path,
) -> None:
    """A failed write must not damage the database."""
    acknowledged: list[Digest] = []
    with running(small_disk / "data", "--workers", "1") as registry:
        password = registry.password
        connection = Connection(registry.port)
        connection.login("acrux", password)
        statuses = set()
        while len(acknowledged) < 10_000:
            content = os.urandom(200_000)
            digest = Digest.of(content)
            reply = connection.call("POST", f"/v2/app/blobs/uploads/?digest={digest}", content)
            statuses.add(reply.status)
            if reply.status != 201:
                break
            acknowledged.append(digest)
        # Fill the last free bytes in smaller and smaller steps.
        filler = small_disk / "filler"
        with filler.open("wb", buffering=0) as file:
            fill(file.fileno())
        for number in range(20):
            tiny = number.to_bytes(4, "big")
            digest = Digest.of(tiny)
            reply = connection.call("POST", f"/v2/app/blobs/uploads/?digest={digest}", tiny)
            statuses.add(reply.status)
            if reply.status == 201:
                acknowledged.append(digest)
        connection.close()
        registry.kill()

    filler.unlink()
    assert statuses <= {201, 507}
    assert 507 in statuses
    with running(small_disk / "data", "--workers", "1") as registry:
        connection = Connection(registry.port)
        connection.login("acrux", password)
        for digest in acknowledged:
            reply = connection.call("GET", f"/v2/app/blobs/{digest}")
            assert reply.status == 200
            assert Digest.of(reply.body) == digest
        connection.close()


def fill(descriptor: int) -> None:
    """Write until nothing more fits."""
    size = MEBIBYTE
    while size:
        try:
            os.write(descriptor, bytes(size))
        except OSError:
            size //= 2
