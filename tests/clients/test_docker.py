"""docker: a daemon started by the test logs in, pushes and pulls."""

import base64
import json
import re
import subprocess
from collections.abc import Iterator
from dataclasses import dataclass
from datetime import UTC, datetime, timedelta
from pathlib import Path

import pytest

from acrux.domain.access.token import TOKEN_USER
from tests.clients.layouts import gzip_image
from tests.dockerd import client, docker_daemon
from tests.openid_provider import provider
from tests.running import RunningRegistry, acrux, running, write_layout
from tests.tools import require_tool


@dataclass(frozen=True)
class Docker:
    """A docker command that talks to its own daemon, and the folder of its configuration."""

    command: tuple[str, ...]
    folder: Path

    def run(self, *arguments: str, stdin: str = "") -> "subprocess.CompletedProcess[str]":
        """Run a docker command and wait for it."""
        return subprocess.run(
            [*self.command, *arguments], input=stdin, capture_output=True, text=True,
            timeout=180, check=False,
        )  # fmt: skip

    def must(self, *arguments: str, stdin: str = "") -> str:
        """Run a docker command that must succeed, and return its output."""
        done = self.run(*arguments, stdin=stdin)
        assert done.returncode == 0, done.stderr
        return done.stdout


@pytest.fixture(scope="module")
def docker(tmp_path_factory: pytest.TempPathFactory) -> Iterator[Docker]:
    """A daemon from Debian, without its own network."""
    folder = tmp_path_factory.mktemp("docker")
    with docker_daemon(folder) as host:
        config = folder / "config"
        yield Docker((client(), "--config", str(config), "-H", host), config)


def load(docker: Docker, name: str, tmp_path: Path) -> None:
    """Load an image with this name into the daemon."""
    archive = tmp_path / "image.tar"
    layout = write_layout(tmp_path / "layout", gzip_image(name), "v1")
    skopeo = [require_tool("skopeo", package="skopeo"), "--insecure-policy"]
    subprocess.run(
        [*skopeo, "copy", f"oci:{layout}:v1", f"docker-archive:{archive}:{name}"],
        check=True, capture_output=True, timeout=60,
    )  # fmt: skip
    docker.must("load", "-i", str(archive))


def test_docker_logs_in_pushes_and_pulls(
    docker: Docker, registry: RunningRegistry, tmp_path: Path
) -> None:
    """The client that everyone has."""
    name = f"{registry.host}/docker/app:v1"
    load(docker, name, tmp_path)

    docker.must("login", registry.host, "-u", "acrux", "--password-stdin", stdin=registry.password)
    docker.must("push", name)
    docker.must("rmi", name)
    docker.must("pull", name)

    assert "/hello" in docker.must("inspect", name)
    docker.must("logout", registry.host)


def test_docker_uses_what_acrux_login_keeps(
    docker: Docker, registry: RunningRegistry, tmp_path: Path
) -> None:
    """The refresh token is where docker's client looks for it, and is gone after the logout."""
    name, home = f"{registry.host}/docker/login:v1", {"DOCKER_CONFIG": str(docker.folder)}
    login = {"ACRUX_USERNAME": "acrux", "ACRUX_PASSWORD": registry.password}
    load(docker, name, tmp_path)

    logged_in = acrux("login", registry.host, **login, **home)
    docker.must("push", name)
    docker.must("rmi", name)
    docker.must("pull", name)
    logged_out = acrux("logout", registry.host, **home)
    docker.must("rmi", name)

    assert (logged_in.returncode, logged_out.returncode) == (0, 0)
    assert docker.run("pull", name).returncode != 0


def test_acrux_uses_what_docker_login_keeps(docker: Docker, registry: RunningRegistry) -> None:
    """docker requests a refresh token, gets none, and so keeps the password, which lasts."""
    docker.must("login", registry.host, "-u", "acrux", "--password-stdin", stdin=registry.password)
    kept = json.loads((docker.folder / "config.json").read_text())["auths"][registry.host]
    assert base64.b64decode(kept["auth"]).decode() == f"acrux:{registry.password}"
    assert "identitytoken" not in kept

    called = acrux("api", f"{registry.host}/v2/_catalog", DOCKER_CONFIG=str(docker.folder))
    logged_out = acrux("logout", registry.host, DOCKER_CONFIG=str(docker.folder))

    assert (called.returncode, logged_out.returncode) == (0, 0)
    assert json.loads((docker.folder / "config.json").read_text())["auths"] == {}


def another_time(shift: str) -> tuple[str, ...]:
    """The command that starts a program with its clock shifted, in the same process."""
    faketime = require_tool("faketime", package="faketime")
    told = subprocess.run(
        [faketime, "-f", shift, "printenv", "LD_PRELOAD"],
        check=True, capture_output=True, text=True, timeout=60,
    )  # fmt: skip
    return ("env", f"LD_PRELOAD={told.stdout.strip()}", f"FAKETIME={shift}")


@pytest.mark.parametrize("later", ["+4h", "+40d"])
def test_docker_pulls_long_after_its_login(docker: Docker, tmp_path: Path, later: str) -> None:
    """Cron jobs, swarm nodes and pull secrets outlive every token."""
    data_dir = tmp_path / "data"
    with running(data_dir) as registry:
        name = f"{registry.host}/docker/lasting:v1"
        load(docker, name, tmp_path)
        password = registry.password
        docker.must("login", registry.host, "-u", "acrux", "--password-stdin", stdin=password)
        docker.must("push", name)
        docker.must("rmi", name)
        port = str(registry.port)

    with running(data_dir, "--port", port, wrapper=another_time(later)):
        docker.must("pull", name)

    docker.must("logout", registry.host)
    assert datetime.fromisoformat(last_time(registry.log)) > datetime.now(UTC) + timedelta(hours=3)


def last_time(log: Path) -> str:
    """The time in the last line of the registry's log."""
    return str(re.findall(r"^timestamp=(\S+)", log.read_text(), re.MULTILINE)[-1])


def test_docker_logs_in_with_the_token_of_a_trusted_issuer(
    docker: Docker, registry: RunningRegistry, tmp_path: Path
) -> None:
    """A workflow pushes without a stored secret, and continues while its provider is down."""
    name = f"{registry.host}/org/app:v1"
    with provider() as issuer:
        done = acrux(
            "trust", "create", "oidc", "-n", "docker", "--issuer", issuer.issuer,
            "--audience", registry.host, "--claim", "repository=org/*",
            "--allow", "{repository}", "content/read", "content/write",
            "--data-dir", str(registry.data_dir),
        )  # fmt: skip
        assert done.returncode == 0, done.stderr
        token = issuer.token(aud=registry.host)
        docker.must("login", registry.host, "-u", TOKEN_USER, "--password-stdin", stdin=token)

    load(docker, name, tmp_path)
    docker.must("push", name)
    docker.must("rmi", name)
    docker.must("pull", name)
    docker.must("tag", name, f"{registry.host}/org/other:v1")
    refused = docker.run("push", f"{registry.host}/org/other:v1")

    assert refused.returncode != 0
    docker.must("logout", registry.host)


def test_docker_is_refused_with_a_wrong_password(docker: Docker, registry: RunningRegistry) -> None:
    """A login that accepts anything is worse than none."""
    refused = docker.run("login", registry.host, "-u", "acrux", "--password-stdin", stdin="wrong")

    assert refused.returncode != 0
    assert "unauthorized" in refused.stderr.lower()


def test_docker_without_a_login_cannot_pull(docker: Docker, registry: RunningRegistry) -> None:
    """Nothing is open by default."""
    docker.run("logout", registry.host)

    assert docker.run("pull", f"{registry.host}/docker/app:v1").returncode != 0
