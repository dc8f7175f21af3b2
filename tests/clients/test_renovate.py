"""Renovate, unmodified: an account that may only pull learns of new tags."""

import json
import shutil
import subprocess
from pathlib import Path
from typing import Any

import pytest

from tests.clients.layouts import gzip_image
from tests.clients.npm_packages import INSTALL_SECONDS, installed
from tests.running import RunningRegistry, acrux, environment, write_layout
from tests.tools import require_tool

SOURCES = Path(__file__).parent / "renovate"
REPOSITORY = "renovate/app"


@pytest.fixture
def renovate(tmp_path: Path) -> Path:
    """The program that package-lock.json pins."""
    package = installed(SOURCES, tmp_path, "--omit=optional")
    return package / "node_modules" / "renovate" / "dist" / "renovate.js"


def push(registry: RunningRegistry, ca_file: Path, tag: str, folder: Path) -> str:
    """Push an image of its own under this tag, and return the digest."""
    skopeo = require_tool("skopeo", package="skopeo")
    image = gzip_image(tag)
    layout = write_layout(folder / tag, image, tag)
    certificates = folder / "certificates"
    certificates.mkdir(exist_ok=True)
    shutil.copy(ca_file, certificates / "ca.crt")
    subprocess.run(
        [skopeo, "--insecure-policy", "copy", "--dest-cert-dir", str(certificates), "--dest-creds",
         f"acrux:{registry.password}", f"oci:{layout}:{tag}",
         f"docker://localhost:{registry.port}/{REPOSITORY}:{tag}"],
        check=True, capture_output=True, timeout=60,
    )  # fmt: skip
    return str(image.digest)


def puller(registry: RunningRegistry) -> dict[str, str]:
    """The login of an account that may pull the repository, and nothing else."""
    created = acrux(
        "token", "create", "-n", "renovate", "--repository", REPOSITORY, "content/read",
        "--data-dir", str(registry.data_dir), "--output", "json",
    )  # fmt: skip
    assert created.returncode == 0, created.stderr
    password = json.loads(created.stdout)["credentials"]["passwords"][0]["value"]
    return {"username": "renovate", "password": password}


def looked_up(program: Path, project: Path, **variables: str) -> dict[str, Any]:
    """What Renovate found out about the one dependency of the project's Dockerfile."""
    node = require_tool("node", package="nodejs")
    done = subprocess.run(
        [node, str(program), "--platform=local", "--dry-run=lookup", "--onboarding=false"],
        cwd=project,
        env=environment(LOG_LEVEL="debug", LOG_FORMAT="json", **variables), capture_output=True,
        text=True, timeout=120, check=False,
    )  # fmt: skip
    assert done.returncode == 0, done.stdout[-2000:] + done.stderr
    events = [json.loads(line) for line in done.stdout.splitlines() if line.startswith("{")]
    (found,) = (event["config"] for event in events if event["msg"] == "packageFiles with updates")
    (file,) = found["dockerfile"]
    (dependency,) = file["deps"]
    return dict(dependency)


@pytest.mark.timeout(INSTALL_SECONDS + 300)
def test_renovate_finds_the_newer_tags_and_their_digests(
    secure_registry: RunningRegistry, ca_file: Path, renovate: Path, tmp_path: Path
) -> None:
    """It lists the tags with the right to pull alone, following the challenge to the letter."""
    host = f"localhost:{secure_registry.port}"
    digests = {
        tag: push(secure_registry, ca_file, tag, tmp_path) for tag in ("1.0.0", "1.1.0", "2.0.0")
    }
    project = tmp_path / "project"
    project.mkdir()
    (project / "Dockerfile").write_text(f"FROM {host}/{REPOSITORY}:1.0.0@{digests['1.0.0']}\n")
    (project / "renovate.json").write_text("{}")
    login = {"hostType": "docker", "matchHost": f"https://{host}"} | puller(secure_registry)

    found = looked_up(
        renovate, project, NODE_EXTRA_CA_CERTS=str(ca_file),
        RENOVATE_HOST_RULES=json.dumps([login]), RENOVATE_BASE_DIR=str(tmp_path / "base"),
    )  # fmt: skip

    offered = {update["newValue"]: update["newDigest"] for update in found["updates"]}
    assert offered == {tag: digests[tag] for tag in ("1.1.0", "2.0.0")}, found
