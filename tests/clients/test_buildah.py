"""buildah: manifest lists are created, pushed whole and pulled."""

import json
from pathlib import Path

import pytest

from acrux.domain.content.media_types import DOCKER_LIST, DOCKER_MANIFEST, OCI_INDEX, OCI_MANIFEST
from tests.clients.layouts import gzip_image
from tests.clients.test_podman import run
from tests.running import RunningRegistry, write_layout
from tests.tools import require_tool
from tests.wire.connection import Connection, Reply

ARCHITECTURES = ("amd64", "arm64")


@pytest.fixture
def buildah(tmp_path: Path) -> list[str]:
    """buildah with its own store."""
    return [
        require_tool("buildah", package="buildah"),
        "--root", str(tmp_path / "root"), "--runroot", str(tmp_path / "runroot"),
        "--storage-driver", "vfs",
    ]  # fmt: skip


def access(registry: RunningRegistry) -> tuple[str, ...]:
    """How buildah reaches the registry."""
    return ("--tls-verify=false", "--creds", f"acrux:{registry.password}")


def get(registry: RunningRegistry, path: str) -> Reply:
    """The registry's own answer."""
    connection = Connection(registry.port)
    connection.login("acrux", registry.password)
    reply = connection.call("GET", path)
    connection.close()
    return reply


def make_list(buildah: list[str], folder: Path, name: str) -> None:
    """Create a manifest list with this name, and one image for each architecture."""
    run(buildah, "manifest", "create", name)
    for architecture in ARCHITECTURES:
        image = gzip_image(f"for {architecture}", architecture)
        layout = write_layout(folder / architecture, image, "v1")
        run(buildah, "manifest", "add", name, f"oci:{layout}:v1")


@pytest.mark.parametrize(
    ("form", "list_type", "image_type"),
    [("oci", OCI_INDEX, OCI_MANIFEST), ("v2s2", DOCKER_LIST, DOCKER_MANIFEST)],
)
def test_a_list_is_pushed_with_all_its_images(
    registry: RunningRegistry,
    buildah: list[str],
    tmp_path: Path,
    form: str,
    list_type: str,
    image_type: str,
) -> None:
    """Images for many platforms are published this way."""
    make_list(buildah, tmp_path, "platforms")

    run(buildah, "manifest", "push", "--all", "--format", form, *access(registry), "platforms",
        f"docker://{registry.host}/buildah/{form}:v1")  # fmt: skip

    pulled = get(registry, f"/v2/buildah/{form}/manifests/v1")
    entries = json.loads(pulled.body)["manifests"]
    assert pulled.header("Content-Type") == list_type
    assert [entry["platform"]["architecture"] for entry in entries] == list(ARCHITECTURES)
    for entry in entries:
        image = get(registry, f"/v2/buildah/{form}/manifests/{entry['digest']}")
        assert (image.status, image.header("Content-Type")) == (200, image_type)


@pytest.mark.parametrize("architecture", ARCHITECTURES)
def test_a_pull_takes_the_image_of_the_requested_platform(
    registry: RunningRegistry, buildah: list[str], tmp_path: Path, architecture: str
) -> None:
    """One name works on every machine."""
    name = f"{registry.host}/buildah/by-{architecture}:v1"
    make_list(buildah, tmp_path, "platforms")
    run(buildah, "manifest", "push", "--all", *access(registry), "platforms", f"docker://{name}")

    image_id = run(buildah, "pull", *access(registry), "--arch", architecture, f"docker://{name}")

    described = json.loads(run(buildah, "inspect", "--type", "image", image_id.strip()))
    assert described["OCIv1"]["architecture"] == architecture


def test_a_pushed_list_is_read_changed_and_pushed_again(
    registry: RunningRegistry, buildah: list[str], tmp_path: Path
) -> None:
    """Each builder adds its own platform to the existing list."""
    name = f"{registry.host}/buildah/grown:v1"
    make_list(buildah, tmp_path, "platforms")
    run(buildah, "manifest", "push", "--all", *access(registry), "platforms", f"docker://{name}")
    layout = write_layout(tmp_path / "third", gzip_image("for riscv64", "riscv64"), "v1")

    run(buildah, "manifest", "create", "grown")
    run(buildah, "manifest", "add", "--all", *access(registry), "grown", f"docker://{name}")
    run(buildah, "manifest", "add", "grown", f"oci:{layout}:v1")
    run(buildah, "manifest", "push", "--all", *access(registry), "grown", f"docker://{name}")

    entries = json.loads(get(registry, "/v2/buildah/grown/manifests/v1").body)["manifests"]
    assert {entry["platform"]["architecture"] for entry in entries} == {*ARCHITECTURES, "riscv64"}
