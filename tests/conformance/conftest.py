"""One registry for the whole checklist, and a repository for each test."""

import hashlib
from collections.abc import Iterator

import pytest

from tests.conformance.program import Program
from tests.running import RunningRegistry, running

# The checklist needs these settings, which are off by default; each setting says why.
OPTIONS = ("--allow-missing-blobs", "--mount-from-account")


@pytest.fixture(scope="session")
def registry(tmp_path_factory: pytest.TempPathFactory) -> Iterator[RunningRegistry]:
    """A registry of two workers: what one of them accepted, the other must know."""
    folder = tmp_path_factory.mktemp("conformance") / "data"
    with running(folder, "--workers", "2", *OPTIONS) as registry:
        yield registry


@pytest.fixture
def program(registry: RunningRegistry) -> Iterator[Program]:
    """A client that behaves like the official program."""
    program = Program(registry)
    yield program
    program.close()


@pytest.fixture
def repository(request: pytest.FixtureRequest) -> str:
    """A repository that no other test uses."""
    return f"conformance/{hashlib.sha256(request.node.nodeid.encode()).hexdigest()[:12]}"


@pytest.fixture
def second_repository(repository: str) -> str:
    """A second repository, to mount from."""
    return f"{repository}/second"
