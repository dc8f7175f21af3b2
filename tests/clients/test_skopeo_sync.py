"""skopeo sync: whole repositories in, out and across."""

import json
from collections.abc import Iterator
from pathlib import Path

import pytest

from acrux.domain.content.digest import Digest
from tests.clients.layouts import gzip_image, write_index
from tests.clients.test_skopeo import skopeo
from tests.running import RunningRegistry, running, write_layout


@pytest.fixture
def mirror(tmp_path: Path) -> Iterator[RunningRegistry]:
    """A second registry."""
    with running(tmp_path / "mirror", "--workers", "1") as registry:
        yield registry


def source(registry: RunningRegistry) -> tuple[str, ...]:
    """How skopeo reads from the registry."""
    return ("--src-tls-verify=false", "--src-creds", f"acrux:{registry.password}")


def destination(registry: RunningRegistry) -> tuple[str, ...]:
    """How skopeo writes to the registry."""
    return ("--dest-tls-verify=false", "--dest-creds", f"acrux:{registry.password}")


def raw(registry: RunningRegistry, name: str) -> str:
    """The manifest of an image in the registry."""
    access = ("--tls-verify=false", "--creds", f"acrux:{registry.password}")
    return skopeo("inspect", "--raw", *access, f"docker://{registry.host}/{name}")


def digest(registry: RunningRegistry, name: str) -> str:
    """The digest of an image in the registry."""
    return str(Digest.of(raw(registry, name).encode()))


def push(registry: RunningRegistry, folder: Path, repository: str, *tags: str) -> dict[str, str]:
    """Push one image for each tag; return their digests."""
    for tag in tags:
        layout = write_layout(folder / tag, gzip_image(f"{repository}:{tag}"), "v1")
        there = f"docker://{registry.host}/{repository}:{tag}"
        skopeo("copy", *destination(registry), f"oci:{layout}:v1", there)
    return {tag: digest(registry, f"{repository}:{tag}") for tag in tags}


def test_a_repository_is_mirrored_to_another_registry(
    registry: RunningRegistry, mirror: RunningRegistry, tmp_path: Path
) -> None:
    """A second site holds what the first one holds."""
    pushed = push(registry, tmp_path, "sync/app", "v1", "v2", "v3")

    skopeo("sync", "--src", "docker", "--dest", "docker", *source(registry), *destination(mirror),
           f"{registry.host}/sync/app", f"{mirror.host}/mirrored")  # fmt: skip

    assert {tag: digest(mirror, f"mirrored/app:{tag}") for tag in pushed} == pushed


def test_a_repository_is_carried_across_on_a_disk(
    registry: RunningRegistry, mirror: RunningRegistry, tmp_path: Path
) -> None:
    """Some networks are not connected to any other."""
    pushed = push(registry, tmp_path, "sync/carried", "v1", "v2")
    disk = tmp_path / "disk"
    disk.mkdir()

    skopeo("sync", "--src", "docker", "--dest", "dir", *source(registry),
           f"{registry.host}/sync/carried", str(disk))  # fmt: skip
    skopeo("sync", "--src", "dir", "--dest", "docker", *destination(mirror),
           str(disk), f"{mirror.host}/arrived")  # fmt: skip

    assert {tag: digest(mirror, f"arrived/carried:{tag}") for tag in pushed} == pushed


def test_an_index_is_mirrored_whole(
    registry: RunningRegistry, mirror: RunningRegistry, tmp_path: Path
) -> None:
    """Every platform, byte for byte: deployments pin digests."""
    index = write_index(tmp_path / "index", ("amd64", "arm64"))
    skopeo("copy", "--all", *destination(registry), f"oci:{index}:v1",
           f"docker://{registry.host}/sync/platforms:v1")  # fmt: skip

    skopeo("sync", "--all", "--preserve-digests", "--src", "docker", "--dest", "docker",
           *source(registry), *destination(mirror),
           f"{registry.host}/sync/platforms:v1", f"{mirror.host}/mirrored")  # fmt: skip

    assert raw(mirror, "mirrored/platforms:v1") == raw(registry, "sync/platforms:v1")
    for entry in json.loads(raw(mirror, "mirrored/platforms:v1"))["manifests"]:
        assert raw(mirror, f"mirrored/platforms@{entry['digest']}")
