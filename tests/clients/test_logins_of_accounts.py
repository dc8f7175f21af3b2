"""Clients that run as programs take the login of an account of acrux.testing."""

import os
import subprocess
from pathlib import Path

from acrux.testing.registry import registry
from tests.images import image
from tests.running import write_layout
from tests.tools import require_tool


def skopeo(folder: Path, *arguments: str) -> "subprocess.CompletedProcess[str]":
    """Run skopeo with the login in the folder."""
    return subprocess.run(
        [require_tool("skopeo", package="skopeo"), "--insecure-policy", *arguments],
        env=os.environ | {"REGISTRY_AUTH_FILE": str(folder / "config.json")},
        capture_output=True, text=True, check=False, timeout=120,
    )  # fmt: skip


def test_skopeo_is_logged_in_as_the_account(tmp_path: Path) -> None:
    """A test of a script runs the script's own programs."""
    with registry() as started:
        account = started.account("repository:app:pull,push")
        source = write_layout(tmp_path / "layout", image(b"layer"), "1")
        allowed, denied = (
            skopeo(
                account.docker_config, "copy", "--dest-tls-verify=false", f"oci:{source}:1",
                f"docker://{started.host}/{name}:1",
            )
            for name in ("app", "other")
        )  # fmt: skip
        tags = started.tags("app"), started.tags("other")

    assert (allowed.returncode, tags) == (0, (["1"], [])), allowed.stderr
    assert denied.returncode != 0
