"""One registry of two workers on a socket, shared by the tests of a file."""

import shutil
from collections.abc import Iterator
from pathlib import Path

import pytest

from tests.running import RunningRegistry, running
from tests.wire.connection import Connection


@pytest.fixture(scope="module")
def registry(tmp_path_factory: pytest.TempPathFactory) -> Iterator[RunningRegistry]:
    """A registry that answers."""
    data_dir: Path = tmp_path_factory.mktemp("wire") / "data"
    with running(data_dir, "--workers", "2") as registry:
        yield registry
    shutil.rmtree(data_dir)  # pytest would keep it to the end of the run: more than a gibibyte


@pytest.fixture
def connection(registry: RunningRegistry) -> Iterator[Connection]:
    """A connection to it, with a token for everything."""
    connection = Connection(registry.port)
    connection.login("acrux", registry.password)
    yield connection
    connection.close()
