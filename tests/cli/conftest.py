"""A registry that runs, which commands reach at its URL and on its data directory."""

from collections.abc import Iterator
from pathlib import Path

import pytest

from acrux.client.auth import RegistryAuth
from acrux.domain.access.credential import Credential, Secret
from tests.cli.places import Place
from tests.postgresql import server
from tests.running import RunningRegistry, running

__all__ = ["server"]


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
