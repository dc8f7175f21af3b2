"""The documented commands: a copy of a busy registry, and its restoration."""

import json
import os
import re
import shutil
import subprocess
from concurrent.futures import ThreadPoolExecutor
from pathlib import Path
from threading import Event, Semaphore

import pytest

from acrux.domain.content.digest import Digest
from tests.images import Image, image
from tests.running import ROOT, STOP_SECONDS, acrux, running
from tests.tools import missing
from tests.wire.connection import MEBIBYTE, Connection

PUSHERS = 2
BEFORE = 6  # images before the copy is made, and as many during it


def printed() -> list[str]:
    """The blocks of commands in docs/how-to/backup-and-restore.md."""
    text = (ROOT / "docs" / "how-to" / "backup-and-restore.md").read_text(encoding="utf-8")
    found: list[str] = re.findall(r"```sh\n(.*?)```", text, re.DOTALL)
    return found


def run(commands: str, **variables: Path) -> None:
    """Run commands as if they were pasted; raise CalledProcessError if they fail."""
    if shutil.which("sqlite3") is None:
        missing("sqlite3 is not installed: apt-get install sqlite3")
    named = {name: str(path) for name, path in variables.items()}
    subprocess.run(
        ["sh", "-uc", commands], env={**os.environ, **named}, check=True, timeout=STOP_SECONDS
    )


class Pusher:
    """A client that logs in and pushes another image, again and again."""

    def __init__(self, port: int, password: str, repository: str) -> None:
        self.pushed: list[Image] = []
        self.repository = repository
        self.acknowledged = Semaphore(0)
        self._connection = Connection(port)
        self._password = password

    def push_until(self, done: Event) -> None:
        """Continue until `done` is set."""
        while not done.is_set():
            self._connection.login("acrux", self._password)
            self._push(image(os.urandom(MEBIBYTE // 4), os.urandom(100)))
            self.acknowledged.release()
        self._connection.close()

    def _push(self, new: Image) -> None:
        for blob in new.blobs:
            self._connection.push_blob(blob, self.repository)
        path = f"/v2/{self.repository}/manifests/v{len(self.pushed)}"
        put = self._connection.call("PUT", path, new.manifest, Content_Type=new.media_type)
        assert put.status == 201, put.body
        self.pushed.append(new)


def copied_while_pushed(data: Path, copy: Path) -> tuple[dict[str, list[Image]], str, str]:
    """Copy a busy registry; return what must be in the copy, and the passwords of two accounts."""
    with running(data, "--workers", "2") as registry:
        password = registry.password
        at = ("--data-dir", str(data))
        made = acrux("token", "create", "-n", "ci-team", "--scope-map", "_repositories_pull", *at,
                     "--output", "json")  # fmt: skip
        other = json.loads(made.stdout)["credentials"]["passwords"][0]["value"]
        pushers = [Pusher(registry.port, password, f"app{n}") for n in range(PUSHERS)]
        done = Event()
        with ThreadPoolExecutor(PUSHERS) as threads:
            pushing = [threads.submit(pusher.push_until, done) for pusher in pushers]
            wait_for(pushers)
            there = {pusher.repository: [*pusher.pushed] for pusher in pushers}
            try:
                run(printed()[0], DATA=data, COPY=copy)
                wait_for(pushers)
            finally:
                done.set()
            for future in pushing:
                future.result()
    return there, password, other


def wait_for(pushers: list[Pusher]) -> None:
    """Wait until each has pushed a few more."""
    for pusher in pushers:
        for _ in range(BEFORE):
            assert pusher.acknowledged.acquire(timeout=STOP_SECONDS)


def everything(connection: Connection) -> dict[str, dict[str, bytes]]:
    """All manifests by digest, of each repository, after every blob was pulled and checked."""
    found: dict[str, dict[str, bytes]] = {}
    for repository in json.loads(connection.call("GET", "/v2/_catalog").body)["repositories"]:
        manifests = found.setdefault(repository, {})
        tags = json.loads(connection.call("GET", f"/v2/{repository}/tags/list?n=1000").body)["tags"]
        for tag in tags:
            reply = connection.call("GET", f"/v2/{repository}/manifests/{tag}")
            digest = reply.header("Docker-Content-Digest")
            manifests[digest] = pulled(connection, repository, "manifests", digest)
            document = json.loads(reply.body)
            for descriptor in (document["config"], *document["layers"]):
                pulled(connection, repository, "blobs", descriptor["digest"])
    return found


def pulled(connection: Connection, repository: str, kind: str, digest: str) -> bytes:
    """The content under the digest, after a check that it matches."""
    reply = connection.call("GET", f"/v2/{repository}/{kind}/{digest}")
    assert reply.status == 200, (digest, reply.body)
    assert str(Digest.of(reply.body)) == digest
    return reply.body


def test_a_copy_of_a_busy_registry_becomes_one_that_holds_everything_and_knows_everybody(
    tmp_path: Path,
) -> None:
    """A backup that was never restored is not a backup."""
    data, copy, new = (tmp_path / name for name in ("data", "copy", "new"))
    there, password, other = copied_while_pushed(data, copy)

    run(printed()[1], COPY=copy, NEW=new)

    for file in (copy, new, copy / "registry.sqlite", new / "registry.sqlite"):
        assert not file.stat().st_mode & 0o077, file  # holds hashes or secrets
    with running(new, "--workers", "1") as registry:
        for name, old in (("acrux", password), ("ci-team", other)):
            connection = Connection(registry.port)
            connection.login(name, old)
            connection.close()
        connection = Connection(registry.port)
        connection.login("acrux", password)
        found = everything(connection)
        for repository, images in there.items():
            assert {str(image.digest) for image in images} <= found[repository].keys()
        connection.push_blob(b"goes on")
        connection.close()


def test_a_copy_is_not_restored_over_an_existing_registry(tmp_path: Path) -> None:
    """A -wal file beside another database would destroy it."""
    new = tmp_path / "new"
    new.mkdir()
    copy = tmp_path / "copy"
    copy.mkdir()
    for name in ("registry.sqlite", "secrets", "blobs"):
        (copy / name).touch()

    with pytest.raises(subprocess.CalledProcessError):
        run(printed()[1], COPY=copy, NEW=new)
    assert list(new.iterdir()) == []


def test_a_copy_without_its_secrets_says_so_at_the_start(tmp_path: Path) -> None:
    """Every password would be refused without explanation."""
    data, copy, new = (tmp_path / name for name in ("data", "copy", "new"))
    with running(data, "--workers", "1"):
        run(printed()[0], DATA=data, COPY=copy)
    run(printed()[1], COPY=copy, NEW=new)
    shutil.rmtree(new / "secrets")

    refused = acrux("serve", "--port", "0", "--data-dir", str(new))

    assert refused.returncode == 2
    assert "secrets/pepper is missing" in refused.stderr
    assert "restore it from the same backup" in refused.stderr
