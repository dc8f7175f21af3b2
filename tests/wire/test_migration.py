"""acrux migrate on a real registry, killed in the middle, and what starts afterwards."""

import json
import os
import signal
import subprocess
import sys
from pathlib import Path

import pytest

from acrux.domain.content.digest import Digest
from tests.images import Image, image
from tests.running import ROOT, acrux, environment, running, until
from tests.wire.connection import Connection

IMAGES = 80


@pytest.fixture
def master_key(tmp_path: Path) -> Path:
    """The file of a master key."""
    path = tmp_path / "master-key"
    path.write_text("0f" * 32)
    path.chmod(0o600)
    return path


@pytest.fixture
def pushed(tmp_path: Path, master_key: Path) -> tuple[str, dict[str, Image]]:
    """The administrator's password, and images of a registry that has been stopped."""
    data = tmp_path / "old"
    with running(data, "--workers", "1") as registry:
        password = registry.password
        connection = Connection(registry.port)
        connection.login("acrux", password)
        made = {f"v{number}": image(os.urandom(50_000)) for number in range(IMAGES)}
        for tag, one in made.items():
            connection.push_image(one, tag)
        connection.close()
        in_use = acrux("migrate", "--data-dir", str(data), "--to-data-dir", str(tmp_path / "new"))
    assert in_use.returncode == 2
    assert "stop acrux serve" in in_use.stderr
    return password, made


def copied(folder: Path) -> int:
    """How many blobs have arrived."""
    return sum(1 for _ in folder.glob("blobs/sha256/*/*"))


@pytest.mark.parametrize("part", [0.1, 0.6])
def test_a_migration_that_is_killed_goes_on_and_all_of_it_verifies(
    tmp_path: Path, master_key: Path, pushed: tuple[str, dict[str, Image]], part: float
) -> None:
    """A machine is restarted in the middle of the night in which a team moves."""
    password, images = pushed
    new = tmp_path / "new"
    words = ("migrate", "--data-dir", str(tmp_path / "old"), "--to-data-dir", str(new),
             "--to-master-key-file", str(master_key))  # fmt: skip
    process = subprocess.Popen(
        [sys.executable, "-m", "acrux", *words],
        cwd=ROOT, env=environment(), stdout=subprocess.DEVNULL, stderr=subprocess.DEVNULL,
    )  # fmt: skip
    try:
        until(lambda: copied(new) >= IMAGES * part or process.poll() is not None)
    finally:
        process.kill()
        process.wait()
    at = ("--data-dir", str(new), "--master-key-file", str(master_key))
    assert process.returncode == -signal.SIGKILL, "it had ended already"
    early = acrux("serve", "--port", "0", *at)
    done = acrux(*words, "--output", "json")
    checked = acrux("check", "--deep", "--rate", "0", *at)

    assert (early.returncode, "run the same acrux migrate again" in early.stderr) == (2, True)
    assert done.returncode == 0, done.stderr
    assert json.loads(done.stdout)["blobs"] == len(blobs(images))
    assert f"acrux serve --data-dir {new} --master-key-file {master_key}" in done.stderr
    assert checked.returncode == 0, checked.stdout
    with running(new, "--workers", "1", "--master-key-file", str(master_key)) as registry:
        connection = Connection(registry.port)
        connection.login("acrux", password)
        for tag, one in images.items():
            assert connection.call("GET", f"/v2/app/manifests/{tag}").body == one.manifest
        for blob in blobs(images):
            assert connection.call("GET", f"/v2/app/blobs/{Digest.of(blob)}").body == blob
        connection.close()


def blobs(images: dict[str, Image]) -> set[bytes]:
    """All blobs of the images."""
    return {blob for one in images.values() for blob in one.blobs}
