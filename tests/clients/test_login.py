"""After `acrux login`, other programs can pull and push."""

import json
import subprocess
from collections.abc import Iterator
from pathlib import Path

import pytest
from oras.client import OrasClient

from acrux.domain.access.token import TOKEN_USER
from tests.clients.layouts import gzip_image
from tests.running import RunningRegistry, acrux, write_layout
from tests.tools import require_tool


@pytest.fixture
def config(registry: RunningRegistry, tmp_path: Path) -> Iterator[Path]:
    """docker's configuration after `acrux login`."""
    folder = tmp_path / "docker"
    home = {"HOME": str(tmp_path), "DOCKER_CONFIG": str(folder)}
    login = {"ACRUX_USERNAME": "acrux", "ACRUX_PASSWORD": registry.password}
    done = acrux("login", registry.host, **login, **home)
    assert done.returncode == 0, done.stderr
    assert registry.password not in (folder / "config.json").read_text()
    yield folder / "config.json"
    assert acrux("logout", registry.host, **home).returncode == 0


def run(*command: str, stdin: str = "") -> str:
    """Run a command, wait for it and return its output."""
    done = subprocess.run(
        command, input=stdin, capture_output=True, text=True, timeout=120, check=False
    )
    assert done.returncode == 0, done.stderr
    return done.stdout


def test_skopeo_copies_there_and_back(
    registry: RunningRegistry, config: Path, tmp_path: Path
) -> None:
    """It reads docker's configuration, and sends the refresh token in a form."""
    skopeo = (require_tool("skopeo", package="skopeo"), "--insecure-policy")
    source = write_layout(tmp_path / "source", gzip_image("login"), "v1")
    there, auth = f"docker://{registry.host}/login/skopeo:v1", ("--authfile", str(config))

    run(*skopeo, "copy", *auth, "--dest-tls-verify=false", f"oci:{source}:v1", there)
    raw = run(*skopeo, "inspect", *auth, "--tls-verify=false", "--raw", there)

    assert json.loads(raw)["layers"]


def test_podman_lists_tags(registry: RunningRegistry, config: Path, tmp_path: Path) -> None:
    """podman shares its code with skopeo, but not the commands."""
    podman = require_tool("podman", package="podman")
    skopeo = (require_tool("skopeo", package="skopeo"), "--insecure-policy")
    source = write_layout(tmp_path / "source", gzip_image("login"), "v1")
    name, auth = f"{registry.host}/login/podman:v1", ("--authfile", str(config))
    run(*skopeo, "copy", *auth, "--dest-tls-verify=false", f"oci:{source}:v1", f"docker://{name}")

    found = run(podman, "search", *auth, "--tls-verify=false", "--list-tags",
                f"{registry.host}/login/podman")  # fmt: skip

    assert "v1" in found


def test_oras_pushes_and_pulls(registry: RunningRegistry, config: Path, tmp_path: Path) -> None:
    """The Python client reads only `auth`, in which docker leaves the password empty."""
    (tmp_path / "file").write_bytes(b"content")
    target = f"{registry.host}/login/oras:v1"
    oras = OrasClient(hostname=registry.host, insecure=True, auth_backend="basic")

    oras.push(
        target, files=[str(tmp_path / "file")], config_path=str(config),
        disable_path_validation=True, quiet=True,
    )  # fmt: skip
    (back,) = oras.pull(target, config_path=str(config), outdir=str(tmp_path / "back"))

    assert Path(back).read_bytes() == b"content"


def test_an_exposed_token_is_a_password(registry: RunningRegistry, tmp_path: Path) -> None:
    """Users without docker or its file pipe the token on, as with `az acr login`."""
    skopeo = require_tool("skopeo", package="skopeo")
    login = {"ACRUX_USERNAME": "acrux", "ACRUX_PASSWORD": registry.password}

    exposed = acrux("login", registry.host, "--expose-token", "--output", "json",
                    **login, HOME=str(tmp_path))  # fmt: skip
    said = run(
        skopeo, "login", "--tls-verify=false", "--authfile", str(tmp_path / "auth.json"),
        "-u", TOKEN_USER, "--password-stdin", registry.host,
        stdin=json.loads(exposed.stdout)["accessToken"],
    )  # fmt: skip

    assert "Login Succeeded" in said
