"""What the tests of the client side share."""

import os
from collections.abc import Iterator
from pathlib import Path

import pytest

from tests.client.registry import FakeRegistry, serving


@pytest.fixture(autouse=True)
def environment(monkeypatch: pytest.MonkeyPatch, tmp_path: Path) -> None:
    """Without credentials, proxies or configuration other than the test's own."""
    for name in os.environ:
        if name.startswith(("ACRUX_", "DOCKER_", "REGISTRY_", "XDG_")) or "proxy" in name.lower():
            monkeypatch.delenv(name)
    monkeypatch.setenv("HOME", str(tmp_path))


@pytest.fixture
def registry() -> Iterator[FakeRegistry]:
    """A registry with token authentication, on a socket."""
    with serving(FakeRegistry()) as registry:
        yield registry
