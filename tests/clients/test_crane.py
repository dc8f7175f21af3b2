"""crane, of go-containerregistry, which Kubernetes' own tools and many others are made with."""

import json
import subprocess
import tarfile
from collections.abc import Callable
from pathlib import Path

import pytest

from tests.clients import go_tools
from tests.running import RunningRegistry, acrux, environment

pytestmark = pytest.mark.timeout(go_tools.BUILD_SECONDS)

Crane = Callable[..., "subprocess.CompletedProcess[str]"]


@pytest.fixture(scope="session")
def program(tmp_path_factory: pytest.TempPathFactory) -> str:
    """The program."""
    folder = tmp_path_factory.mktemp("crane")
    return go_tools.built(folder, "github.com/google/go-containerregistry/cmd/crane")


def logged_in(program: str, folder: Path, host: str, name: str, password: str) -> Crane:
    """crane with the login of an account."""
    folder.mkdir(exist_ok=True)

    def crane(*words: str) -> "subprocess.CompletedProcess[str]":
        return subprocess.run(
            [program, *words], env=environment(DOCKER_CONFIG=str(folder)), capture_output=True,
            text=True, timeout=60, check=False,
        )  # fmt: skip

    done = crane("auth", "login", host, "-u", name, "-p", password)
    assert done.returncode == 0, done.stderr
    return crane


@pytest.fixture
def layer(tmp_path: Path) -> str:
    """A layer of one file."""
    (tmp_path / "file").write_text("a file")
    with tarfile.open(tmp_path / "layer.tar", "w") as archive:
        archive.add(tmp_path / "file", "file")
    return str(tmp_path / "layer.tar")


@pytest.fixture
def admin(program: str, registry: RunningRegistry, tmp_path: Path) -> Crane:
    """crane, logged in as the admin user."""
    return logged_in(program, tmp_path / "admin", registry.host, "acrux", registry.password)


@pytest.fixture
def image(admin: Crane, registry: RunningRegistry, layer: str) -> str:
    """An image that crane has made and pushed."""
    name = f"{registry.host}/crane/app:v1"
    done = admin("append", "--new_layer", layer, "--new_tag", name)
    assert done.returncode == 0, done.stderr
    return name


def test_crane_copies_tags_validates_and_deletes(
    registry: RunningRegistry, admin: Crane, image: str
) -> None:
    """The image is of docker's media types."""
    copy = f"{registry.host}/crane/copied:v1"
    assert admin("copy", image, copy).returncode == 0
    assert admin("validate", "--remote", copy).returncode == 0
    assert admin("tag", copy, "v2").returncode == 0
    assert (
        admin("digest", f"{registry.host}/crane/copied:v2").stdout == admin("digest", copy).stdout
    )
    assert "crane/copied" in admin("catalog", registry.host).stdout
    digest = admin("digest", copy).stdout.strip()
    assert admin("delete", f"{registry.host}/crane/copied@{digest}").returncode == 0
    assert "MANIFEST_UNKNOWN" in admin("manifest", copy).stderr


def test_crane_lists_tags_with_the_right_to_pull_alone(
    program: str, registry: RunningRegistry, image: str, tmp_path: Path
) -> None:
    """The account may not read metadata, which the challenge names too."""
    data_dir = ("--data-dir", str(registry.data_dir), "--output", "json")
    created = acrux("token", "create", "-n", "crane-puller", "--repository", "crane/app",
                    "content/read", *data_dir)  # fmt: skip
    assert created.returncode == 0, created.stderr
    [password, _] = json.loads(created.stdout)["credentials"]["passwords"]
    puller = logged_in(
        program, tmp_path / "puller", registry.host, "crane-puller", password["value"]
    )

    listed = puller("ls", image.rpartition(":")[0])

    assert (listed.returncode, listed.stdout) == (0, "v1\n"), listed.stderr
    assert puller("tag", image, "v2").returncode != 0


def test_an_index_that_is_filtered_to_nothing_is_taken(
    registry: RunningRegistry, admin: Crane, image: str
) -> None:
    """crane writes `"manifests": null`, which the specification's schema of an index allows not."""
    index, filtered = f"{registry.host}/crane/index:v1", f"{registry.host}/crane/index:none"
    assert admin("index", "append", "-m", image, "-t", index).returncode == 0

    done = admin("index", "filter", index, "--platform", "windows/none", "-t", filtered)

    assert done.returncode == 0, done.stderr
    assert not json.loads(admin("manifest", filtered).stdout)["manifests"]
