"""@azure/container-registry: the JavaScript SDK, unmodified, over TLS."""

import subprocess
from pathlib import Path

import pytest

from tests.clients.npm_packages import installed
from tests.running import RunningRegistry, environment
from tests.tools import require_tool

SOURCES = Path(__file__).parent / "js"


@pytest.fixture
def package(tmp_path: Path) -> Path:
    """The package of tests, with the SDK pinned in its lock file."""
    return installed(SOURCES, tmp_path)


def test_every_promise_of_the_javascript_sdk_is_kept(
    secure_registry: RunningRegistry, ca_file: Path, package: Path
) -> None:
    """Portals and editor extensions are written with it; the promises are in js/*.mjs."""
    node = require_tool("node", package="nodejs")
    variables = environment(
        REGISTRY_URL=f"https://localhost:{secure_registry.port}",
        REGISTRY_PASSWORD=secure_registry.password,
        NODE_EXTRA_CA_CERTS=str(ca_file),
    )

    done = subprocess.run(
        [node, "--test", "--test-reporter=tap"], cwd=package, env=variables, capture_output=True,
        text=True, timeout=300, check=False,
    )  # fmt: skip

    assert done.returncode == 0, done.stdout
    assert "\n# fail 0\n" in done.stdout
    assert "\n# skipped 0\n" in done.stdout
