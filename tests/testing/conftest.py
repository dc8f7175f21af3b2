"""What starts registries, once for all tests of this folder."""

from collections.abc import Iterator
from pathlib import Path

import pytest

from acrux.testing.registry import Registries, Registry


@pytest.fixture(scope="session")
def registries(tmp_path_factory: pytest.TempPathFactory) -> Iterator[Registries]:
    """With a cache of templates of their own, which is empty at first."""
    with pytest.MonkeyPatch.context() as environment:
        environment.setenv("XDG_CACHE_HOME", str(tmp_path_factory.mktemp("cache")))
        with Registries() as started:
            yield started


@pytest.fixture
def registry(registries: Registries) -> Iterator[Registry]:
    """An empty registry on http."""
    with registries.start() as started:
        yield started


@pytest.fixture
def layout(tmp_path: Path) -> Path:
    """A folder for a layout."""
    return tmp_path / "layout"
