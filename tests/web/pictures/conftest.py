"""The registry of the pictures, and a browser that visits it."""

import json
from collections.abc import Iterator
from pathlib import Path

import pytest

from tests.faketime import faked
from tests.running import acrux, free_port, running
from tests.web.pictures.story import HOST, Story


@pytest.fixture(scope="module")
def story(tmp_path_factory: pytest.TempPathFactory) -> Iterator[Story]:
    """The registry, filled; its clock stands still."""
    folder = tmp_path_factory.mktemp("pictures")
    clock, port = folder / "clock", str(free_port())
    clock.write_text("2026-11-01 09:00:00")
    variables = {**faked(clock), "TZ": "UTC"}
    with running(
        folder / "data", "--workers", "1", "--port", port, "--trusted-proxy", "127.0.0.1",
        "--login-server", HOST, "--login-server", f"localhost:{port}",
        "--login-server", f"127.0.0.1:{port}", **variables,
    ) as registry:  # fmt: skip
        registry.passwords["password"] = _renewed(registry.data_dir, **variables)
        story = Story(registry, clock.write_text)
        story.tell()
        yield story


def _renewed(data_dir: Path, **variables: str) -> str:
    # At the registry's time: to it, a password of today would be one of the future.
    done = acrux(
        "credential", "renew", "--data-dir", str(data_dir), "--password-name", "password",
        "--output", "json", **variables,
    )  # fmt: skip
    return str(json.loads(done.stdout)["passwords"][0]["value"])
