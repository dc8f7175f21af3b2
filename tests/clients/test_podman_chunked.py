"""podman with zstd:chunked: of a layer, only the files that the machine lacks are fetched."""

import io
import random
import re
import subprocess
import tarfile
from collections.abc import Iterator
from dataclasses import dataclass
from pathlib import Path
from tempfile import TemporaryDirectory

import pytest

from tests.running import environment, running
from tests.tools import require_tool

FILE_BYTES = 256 * 1024


@dataclass(frozen=True)
class Store:
    """A store of images that fetches layers in parts where it can."""

    conf: Path

    def run(self, program: str, *arguments: str) -> str:
        """Run podman or buildah on the store, and return what it printed."""
        done = subprocess.run(
            [require_tool(program, package=program), *arguments],
            env=environment(CONTAINERS_STORAGE_CONF=str(self.conf)), capture_output=True,
            text=True, timeout=120, check=False,
        )  # fmt: skip
        assert done.returncode == 0, done.stderr
        return done.stdout.strip()

    def podman(self, *arguments: str) -> str:
        """Run podman, without what it wants of a desktop."""
        return self.run(
            "podman", "--cgroup-manager", "cgroupfs", "--events-backend", "file", *arguments
        )

    def push_chunked(self, folder: Path, name: str, *access: str) -> None:
        """Push an image whose one layer holds the files of the folder."""
        container = self.run("buildah", "from", "scratch")
        self.run("buildah", "copy", container, str(folder), "/")
        image_id = self.run("buildah", "commit", "--rm", container)
        self.podman(
            "push", *access, "--compression-format", "zstd:chunked", image_id, f"docker://{name}"
        )

    def files(self, name: str, folder: Path) -> dict[str, bytes]:
        """The files of an image that was pulled."""
        archive = folder / "exported.tar"
        container = self.podman("create", name, "/none")
        self.podman("export", "--output", str(archive), container)
        return dict(_files(archive.read_bytes()))


def _files(archive: bytes) -> Iterator[tuple[str, bytes]]:
    with tarfile.open(fileobj=io.BytesIO(archive)) as opened:
        for member in opened:
            file = opened.extractfile(member)
            if file is not None and member.name.startswith("file"):
                yield member.name, file.read()


@pytest.fixture
def store(tmp_path: Path) -> Iterator[Store]:
    """A store on overlay, the only driver that puts a layer together."""
    conf = tmp_path / "storage.conf"
    # podman accepts a runroot of at most 50 characters.
    with TemporaryDirectory(prefix="acrux-") as runroot:
        conf.write_text(
            f"""
            [storage]
            driver = "overlay"
            graphroot = "{tmp_path}/root"
            runroot = "{runroot}"
            [storage.options]
            pull_options = {{enable_partial_images = "true"}}
            """
        )
        yield Store(conf)


def noise(seed: int) -> bytes:
    """Bytes that nothing compresses."""
    return random.Random(seed).randbytes(FILE_BYTES)


def write(folder: Path, content: dict[str, bytes]) -> Path:
    """Write the files into a new folder."""
    folder.mkdir()
    for name, text in content.items():
        (folder / name).write_bytes(text)
    return folder


def sent_in_parts(log: str) -> int:
    """How many bytes of blobs went out in answers 206, by the registry's log."""
    sent = re.findall(r"path=/v2/chunked/app/blobs/\S+ status=206 \S+ \S+ sent=(\d+)", log)
    return sum(map(int, sent))


def test_podman_fetches_only_the_files_of_a_chunked_layer_that_it_lacks(
    store: Store, tmp_path: Path
) -> None:
    """They lie apart in the layer, and come in one request of several ranges."""
    first = {f"file{number}": noise(number) for number in range(8)}
    second = first | {f"file{number}": noise(100 + number) for number in (1, 3, 5)}
    with running(tmp_path / "data") as registry:
        access = ("--tls-verify=false", "--creds", f"acrux:{registry.password}")
        name = f"{registry.host}/chunked/app"
        store.push_chunked(write(tmp_path / "first", first), f"{name}:v1", *access)
        store.push_chunked(write(tmp_path / "second", second), f"{name}:v2", *access)
        store.podman("rmi", "--all", "--force")

        store.podman("pull", *access, f"{name}:v1")
        store.podman("pull", *access, f"{name}:v2")
        registry.stop()  # the log is whole

    assert 8 + 3 <= sent_in_parts(registry.log.read_text()) / FILE_BYTES < 8 + 4
    assert store.files(f"{name}:v2", tmp_path) == second
