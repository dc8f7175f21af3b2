"""azcontainerregistry: the Go SDK, unmodified, over TLS."""

import json
import subprocess
from pathlib import Path

import pytest

from tests.clients import go_tools
from tests.running import RunningRegistry, environment


@pytest.mark.timeout(go_tools.BUILD_SECONDS)
def test_every_promise_of_the_go_sdk_is_kept(
    secure_registry: RunningRegistry, ca_file: Path, tmp_path: Path
) -> None:
    """Operators and controllers are written with it; the promises are in go/*_test.go."""
    module = go_tools.module(tmp_path)
    variables = environment(
        REGISTRY_URL=f"https://localhost:{secure_registry.port}",
        REGISTRY_PASSWORD=secure_registry.password,
        SSL_CERT_FILE=str(ca_file),
    )

    done = subprocess.run(
        ["go", "test", "-count=1", "-json", "."], cwd=module, env=variables, capture_output=True,
        text=True, timeout=go_tools.BUILD_SECONDS, check=False,
    )  # fmt: skip

    events = [json.loads(line) for line in done.stdout.splitlines()]
    ended = [event["Action"] for event in events if "Test" in event and "Elapsed" in event]
    told = "".join(event.get("Output", "") for event in events)
    assert done.returncode == 0, told + done.stderr
    assert set(ended) == {"pass"}, told
    assert len(ended) >= 8
