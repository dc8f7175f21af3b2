"""Registries for real clients: one on http, one on https."""

from collections.abc import Iterator
from pathlib import Path

import pytest

from tests.images import Image, image
from tests.running import RunningRegistry, running
from tests.wire.connection import Connection


@pytest.fixture(scope="session")
def registry(tmp_path_factory: pytest.TempPathFactory) -> Iterator[RunningRegistry]:
    """A registry on http."""
    with running(tmp_path_factory.mktemp("http") / "data", "--workers", "2") as registry:
        yield registry


@pytest.fixture(scope="session")
def secure_registry(tmp_path_factory: pytest.TempPathFactory) -> Iterator[RunningRegistry]:
    """A registry on https, with a certificate that it generated."""
    folder = tmp_path_factory.mktemp("https") / "data"
    with running(folder, "--workers", "2", "--tls-self-signed") as registry:
        yield registry


@pytest.fixture(scope="session")
def ca_file(secure_registry: RunningRegistry) -> Path:
    """The CA file that the registry printed when it started."""
    for line in secure_registry.log.read_text().splitlines():
        if line.startswith("CA "):
            return Path(line.split()[1])
    raise AssertionError("no CA file was printed")


@pytest.fixture(scope="session")
def hello_world(registry: RunningRegistry) -> Image:
    """Push hello-world:latest."""
    hello = image(b"hello")
    connection = Connection(registry.port)
    connection.login("acrux", registry.password)
    connection.push_image(hello, "latest", "hello-world")
    connection.close()
    return hello
