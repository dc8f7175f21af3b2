"""A registry that runs, which commands reach at its URL and on its data directory."""

from collections.abc import Iterator
from pathlib import Path

import pytest

from acrux.client.auth import RegistryAuth
from acrux.domain.access.credential import Credential, Secret
from tests.cli.content.places import APP, OTHER, Place, push, signature
from tests.running import RunningRegistry, running


@pytest.fixture(scope="module")
def served(tmp_path_factory: pytest.TempPathFactory) -> Iterator[RunningRegistry]:
    """A registry over http."""
    with running(tmp_path_factory.mktemp("content") / "data", "--workers", "1") as registry:
        yield registry


@pytest.fixture
def auth(served: RunningRegistry) -> RegistryAuth:
    """The administrator's authentication."""
    return RegistryAuth(served.url, Credential("acrux", Secret(served.password)))


@pytest.fixture(params=["data directory", "url"])
def place(request: pytest.FixtureRequest, served: RunningRegistry, tmp_path: Path) -> Place:
    """Both places at which the registry is."""
    if request.param == "data directory":
        return Place(("--data-dir", str(served.data_dir)))
    return at_url(served, tmp_path)


def at_url(served: RunningRegistry, home: Path) -> Place:
    """The registry at its URL, as the administrator."""
    login = {"ACRUX_USERNAME": "acrux", "ACRUX_PASSWORD": served.password}
    return Place(
        ("--registry", served.host), {"HOME": str(home), "DOCKER_CONFIG": str(home), **login}
    )


@pytest.fixture
def repository(request: pytest.FixtureRequest, served: RunningRegistry, auth: RegistryAuth) -> str:
    """A repository of the test's own: two images, one with two tags, one that is signed."""
    name = "team/" + "".join(one for one in request.node.name.lower() if one.isalnum())
    push(served.url, name, APP, "v1", auth=auth)
    push(served.url, name, OTHER, "v2", "also", auth=auth)
    push(served.url, name, signature(APP), auth=auth)
    return name
