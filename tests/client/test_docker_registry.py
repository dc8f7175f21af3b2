"""The client side against Debian's docker-registry, with tokens."""

from collections.abc import Iterator
from dataclasses import dataclass
from pathlib import Path

import httpx2
import pytest
from click.testing import CliRunner
from cryptography.hazmat.primitives.serialization import Encoding

from acrux.cli.main import cli
from acrux.client.auth import RegistryAuth
from acrux.client.errors import TokenRefused
from acrux.domain.access.credential import Credential, Secret
from tests.client.flow import ALICE
from tests.client.registry import serving
from tests.client.token_server import ISSUER, SERVICE, TokenServer
from tests.peer_registries import distribution
from tests.tools import require_tool


@dataclass
class DockerRegistry:
    """A running docker-registry, and the server that issues its tokens."""

    url: str
    tokens: TokenServer

    def auth(self, credential: Credential = ALICE) -> RegistryAuth:
        """Its authentication: its realm is on another port, which is explicitly allowed."""
        return RegistryAuth(self.url, credential, allowed_realm_hosts={self.tokens.host})


@pytest.fixture
def docker_registry(tmp_path: Path) -> Iterator[DockerRegistry]:
    """docker-registry on a free port, with its own token server."""
    program = require_tool("docker-registry", package="docker-registry")
    with serving(TokenServer()) as tokens:
        assert isinstance(tokens, TokenServer)
        bundle = tmp_path / "bundle.pem"
        bundle.write_bytes(tokens.certificate.public_bytes(Encoding.PEM))
        with distribution(
            program, tmp_path, realm=f"{tokens.url}/token", service=SERVICE, issuer=ISSUER,
            rootcertbundle=str(bundle),
        ) as url:  # fmt: skip
            yield DockerRegistry(url, tokens)


def test_registry_auth_walks_through_docker_registry(docker_registry: DockerRegistry) -> None:
    """All other registries descend from it: what works there works nearly everywhere."""
    with httpx2.Client(base_url=docker_registry.url, auth=docker_registry.auth()) as client:
        ping = client.get("/v2/")
        catalog = client.get("/v2/_catalog")
        missing = client.get("/v2/hello/manifests/latest")
        started = client.post("/v2/hello/blobs/uploads/")
        streamed = client.patch(started.headers["Location"], content=iter([b"lay", b"er"]))

    assert (ping.status_code, ping.json()) == (200, {})
    assert (catalog.status_code, catalog.json()) == (200, {"repositories": []})
    assert missing.status_code == 404
    assert missing.json()["errors"][0]["code"] == "MANIFEST_UNKNOWN"
    assert (started.status_code, streamed.status_code) == (202, 202)
    assert len(docker_registry.tokens.asked) == 4


async def test_registry_auth_is_async_as_well(docker_registry: DockerRegistry) -> None:
    """The flow is written once, and the registry must not notice what drives it."""
    async with httpx2.AsyncClient(auth=docker_registry.auth()) as client:
        response = await client.get(f"{docker_registry.url}/v2/_catalog")

    assert response.json() == {"repositories": []}


def test_a_wrong_password_is_reported(docker_registry: DockerRegistry) -> None:
    """The user sees the token server's own words."""
    auth = docker_registry.auth(Credential("alice", Secret("looking-glass")))

    with pytest.raises(TokenRefused, match="401 Unauthorized: wrong password"):
        httpx2.get(f"{docker_registry.url}/v2/", auth=auth)


def test_the_commands_walk_through_docker_registry(docker_registry: DockerRegistry) -> None:
    """The commands are for any registry, not only for acrux."""
    host, realm = docker_registry.url.removeprefix("http://"), docker_registry.tokens.host
    login = ("-u", "alice", "--password-stdin", "--allow-realm", realm)

    def acrux(*arguments: str) -> tuple[int, str]:
        result = CliRunner().invoke(cli, arguments, input="wonderland\n")
        return result.exit_code, result.stdout

    challenge = acrux("auth", "challenge", f"{host}/v2/hello/manifests/1")
    catalog = acrux("api", *login, f"{host}/v2/_catalog")
    missing = acrux("api", *login, "--registry", host, "/v2/hello/manifests/1")
    token = acrux("auth", "token", "--registry", host, "--scope", "repository:a:pull", *login)

    assert "repository:hello:pull" in challenge[1]
    assert catalog == (0, '{"repositories":[]}\n')
    assert missing[0] == 1
    assert "MANIFEST_UNKNOWN" in missing[1]
    assert (token[0], token[1].count(".")) == (0, 2)


def test_login_keeps_what_this_registry_takes(
    docker_registry: DockerRegistry, tmp_path: Path
) -> None:
    """Its token server has no refresh tokens: the password is stored, as docker login does."""
    host, realm = docker_registry.url.removeprefix("http://"), docker_registry.tokens.host
    command = ("login", host, "-u", "alice", "--password-stdin", "--allow-realm", realm)

    wrong = CliRunner().invoke(cli, command, input="looking-glass\n")
    right = CliRunner().invoke(cli, command, input="wonderland\n")
    catalog = CliRunner().invoke(cli, ["api", "--allow-realm", realm, f"{host}/v2/_catalog"])

    assert (wrong.exit_code, right.exit_code) == (1, 0)
    assert f"stored unencrypted in {tmp_path}/.docker/config.json" in right.stderr
    assert catalog.stdout == '{"repositories":[]}\n'
