"""A registry with content."""

from pathlib import Path

import pytest

from tests.adapters.backup.registries import Original


@pytest.fixture
def original(tmp_path: Path) -> Original:
    """A registry with a few blobs."""
    original = Original(tmp_path / "data")
    for _ in range(5):
        original.push()
    return original
