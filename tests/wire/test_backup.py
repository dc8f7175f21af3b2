"""The commands of backups: a copy of a busy registry, and its restoration."""

import json
import os
import shutil
import subprocess
import sys
from collections.abc import Callable
from concurrent.futures import ThreadPoolExecutor
from pathlib import Path
from threading import Event, Semaphore

import pytest

from acrux.cli.main import main
from acrux.domain.content.digest import Digest
from tests.images import Image, image
from tests.running import ROOT, STOP_SECONDS, acrux, environment, running
from tests.wire.connection import MEBIBYTE, Connection

# Runs a command: its exit code, and what it writes to standard error.
Typed = Callable[..., tuple[int, str]]

PUSHERS = 2
BEFORE = 6  # images before the copy is made, and as many during it


def run(*words: str | Path) -> None:
    """Run a command that must succeed."""
    done = acrux(*map(str, words))
    assert done.returncode == 0, done.stderr


@pytest.fixture
def passphrase(tmp_path: Path) -> Path:
    """The file of a passphrase."""
    file = tmp_path / "passphrase"
    file.write_text("correct horse battery staple\n")
    return file


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


def copied_while_pushed(
    data: Path, copy: Path, passphrase: Path
) -> tuple[dict[str, list[Image]], str, str]:
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
                run("backup", copy, "--passphrase-file", passphrase, *at)
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


@pytest.mark.parametrize("name", ["copy", "copy.tar"])
def test_a_copy_of_a_busy_registry_becomes_one_that_holds_everything_and_knows_everybody(
    tmp_path: Path, passphrase: Path, name: str
) -> None:
    """A backup that was never restored is not a backup."""
    data, copy, new = (tmp_path / one for one in ("data", name, "new"))
    there, password, other = copied_while_pushed(data, copy, passphrase)

    run("backup", "verify", copy, "--passphrase-file", passphrase)
    run("restore", copy, "--data-dir", new, "--passphrase-file", passphrase)

    for file in (copy, new, new / "registry.sqlite", new / "secrets" / "pepper"):
        assert not file.stat().st_mode & 0o077, file  # holds hashes or secrets
    with running(new, "--workers", "1") as registry:
        for account, old in (("acrux", password), ("ci-team", other)):
            connection = Connection(registry.port)
            connection.login(account, old)
            connection.close()
        connection = Connection(registry.port)
        connection.login("acrux", password)
        found = everything(connection)
        for repository, images in there.items():
            assert {str(image.digest) for image in images} <= found[repository].keys()
        connection.push_blob(b"goes on")
        connection.close()


def test_a_copy_without_its_secrets_says_so_at_the_start(tmp_path: Path) -> None:
    """Every password would be refused without explanation."""
    data, copy, new = (tmp_path / name for name in ("data", "copy", "new"))
    with running(data, "--workers", "1"):
        made = acrux("backup", str(copy), "--data-dir", str(data))
    restored = acrux("restore", str(copy), "--data-dir", str(new))

    refused = acrux("serve", "--port", "0", "--data-dir", str(new))

    assert "the secrets are not in this backup" in made.stderr
    assert "the secrets were not restored" in restored.stderr
    assert refused.returncode == 2
    assert "secrets/pepper is missing" in refused.stderr
    assert "restore it from the same backup" in refused.stderr


def test_a_copy_goes_through_a_pipe(tmp_path: Path, passphrase: Path) -> None:
    """Another machine has the disk for it."""
    data, new = tmp_path / "data", tmp_path / "new"
    with running(data, "--workers", "1") as registry:
        connection = Connection(registry.port)
        connection.login("acrux", registry.password)
        connection.push_blob(b"content")
        connection.close()
        acrux_, with_passphrase = f"{sys.executable} -m acrux", f"--passphrase-file {passphrase}"
        backup = f"{acrux_} backup - --data-dir {data} {with_passphrase}"
        restore = f"{acrux_} restore - --data-dir {new} {with_passphrase}"
        piped = subprocess.run(
            ["sh", "-c", f"{backup} | {restore}"],
            cwd=ROOT, env=environment(), check=False, timeout=STOP_SECONDS, capture_output=True,
        )  # fmt: skip

    assert piped.returncode == 0, piped.stderr
    assert [path.read_bytes() for path in (new / "blobs").rglob("*") if path.is_file()] == [
        b"content"
    ]


@pytest.mark.parametrize(
    ("words", "code", "message"),
    [
        ("backup {data} --data-dir {data}", 2, "neither empty nor holds backups"),
        ("backup {file} --data-dir {data}", 2, "neither a folder nor the name of a file that ends"),
        ("backup {file}/below --data-dir {data}", 2, "Not a directory"),
        ("backup {data}/below --data-dir {data}", 2, "is in the data directory"),
        ("backup {new}.tar.gz --data-dir {data}", 2, "acrux backup - | gzip"),
        ("backup verfy --data-dir {data}", 2, "Did you mean 'verify'"),
        ("backup {new}", 2, "there is no registry in acrux-data"),
        ("backup {new} --data-dir {data} --secrets encrypt", 2, "needs --passphrase-file"),
        ("backup {new} --data-dir {data} --passphrase-file missing", 2, "missing: No such file"),
        ("backup {new} --data-dir {data} --passphrase-file {file}", 2, "has 0 characters"),
        ("backup verify missing", 2, "missing: No such file"),
        ("backup verify {data}", 1, "there is no backup in"),
        ("backup verify {file}", 1, "is no backup"),
        ("restore {file} --data-dir {data}", 1, "is no backup"),
        ("restore {copy} --data-dir {data}", 2, "is not empty"),
        ("restore {copy} --data-dir {file}", 2, "File exists"),
        ("restore {copy} --data-dir {new} --passphrase-file {words}", 2, "holds no secrets"),
    ],
)
def test_what_cannot_be_done_is_refused_in_words(
    given: dict[str, Path], words: str, code: int, message: str, typed: Typed
) -> None:
    """You would have to guess."""
    ended, said = typed(*words.format(**given).split())

    assert ended == code, said
    assert message in said
    assert {path.name for path in given["data"].parent.iterdir()} <= {*given, "data.log"}


@pytest.fixture
def typed(monkeypatch: pytest.MonkeyPatch, capsys: pytest.CaptureFixture[str]) -> Typed:
    """What a command ends with and says, in this process: each start of another takes a second."""

    def run_here(*words: str) -> tuple[int, str]:
        monkeypatch.setattr(sys, "argv", ["acrux", *words])
        with pytest.raises(SystemExit) as ended:
            main()
        assert isinstance(ended.value.code, int)
        return ended.value.code, capsys.readouterr().err

    return run_here


@pytest.fixture(scope="module")
def given(tmp_path_factory: pytest.TempPathFactory) -> dict[str, Path]:
    """A registry, its backup without secrets, an empty file, and one with a passphrase."""
    folder = tmp_path_factory.mktemp("given")
    paths = {name: folder / name for name in ("data", "copy", "file", "words", "new")}
    with running(paths["data"], "--workers", "1"):
        run("backup", paths["copy"], "--data-dir", paths["data"], "--secrets", "exclude")
    paths["file"].touch()
    paths["words"].write_text("correct horse battery staple\n")
    return paths


def test_a_full_disk_leaves_the_previous_backup(given: dict[str, Path], tmp_path: Path) -> None:
    """It is the usual end of a backup."""
    data, copy = tmp_path / "data", tmp_path / "copy"
    shutil.copytree(given["data"], data)
    shutil.copytree(given["copy"], copy)
    before = (copy / "backup.json").read_bytes()
    # No file may grow beyond 64 KiB: as on a full disk, for all that is written from now on.
    limited = f"ulimit -f 64; exec {sys.executable} -m acrux backup {copy} --data-dir {data}"

    done = subprocess.run(
        ["bash", "-c", limited], cwd=ROOT, env=environment(), check=False, timeout=STOP_SECONDS,
        capture_output=True, text=True,
    )  # fmt: skip

    assert done.returncode == 1, done.stderr
    assert "full" in done.stderr or "no room" in done.stderr
    assert (copy / "backup.json").read_bytes() == before
    run("backup", "verify", copy)
