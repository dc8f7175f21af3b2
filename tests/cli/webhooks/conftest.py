"""A registry for commands."""

from pathlib import Path

import pytest

from tests.cli.policies.typed import Terminal


@pytest.fixture
def terminal(tmp_path: Path) -> Terminal:
    """An empty registry, which is not running."""
    return Terminal(tmp_path)
