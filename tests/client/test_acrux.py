"""The client side against acrux itself, as a separate process."""

import json
from collections.abc import Iterator
from datetime import timedelta
from pathlib import Path

import httpx2
import pytest

from acrux.cli.registry import on_registry
from acrux.client.auth import RegistryAuth
from acrux.client.login import RefreshToken, SubjectToken
from acrux.domain.access.credential import Credential, Secret
from acrux.domain.access.trust import ClaimRule, Trust
from tests.openid_provider import provider
from tests.running import RunningRegistry, acrux, running


@pytest.fixture(scope="module")
def served(tmp_path_factory: pytest.TempPathFactory) -> Iterator[RunningRegistry]:
    """A registry over http."""
    with running(tmp_path_factory.mktemp("client") / "data", "--workers", "1") as registry:
        yield registry


def login(served: RunningRegistry) -> dict[str, str]:
    """The environment variables with the administrator's login."""
    return {"ACRUX_USERNAME": "acrux", "ACRUX_PASSWORD": served.password}


async def test_registry_auth_walks_through_acrux(served: RunningRegistry) -> None:
    """The ten lines of docs/how-to/client.md."""
    auth = RegistryAuth(served.url, Credential("acrux", Secret(served.password)))
    with httpx2.Client(base_url=served.url, auth=auth) as client:
        missing = client.get("/v2/hello-world/manifests/latest")
        started = client.post("/v2/hello-world/blobs/uploads/")
        streamed = client.patch(started.headers["Location"], content=iter([b"lay", b"er"]))
    async with httpx2.AsyncClient(base_url=served.url, auth=auth) as async_client:
        catalog = await async_client.get("/v2/_catalog")

    assert missing.json()["errors"][0]["code"] == "MANIFEST_UNKNOWN"
    assert (started.status_code, streamed.status_code) == (202, 202)
    assert catalog.status_code == 200


def test_the_commands_walk_through_acrux(served: RunningRegistry) -> None:
    """What a new user types after `./scripts/serve`; the token's signature is verified too."""
    path = f"{served.host}/v2/hello-world/manifests/latest"
    scope = "repository:hello-world:pull"

    challenge = acrux("auth", "challenge", path, "--output", "json", **login(served))
    token = acrux("auth", "token", "--registry", served.host, "--scope", scope, **login(served))
    keys = f"{served.url}/.well-known/jwks.json"
    inspected = acrux(
        "auth", "inspect", token.stdout.strip(), "--jwks", keys, "--output", "json", **login(served)
    )
    called = acrux("api", "-v", path, **login(served))

    assert json.loads(challenge.stdout)["scope"] == scope
    shown = json.loads(inspected.stdout)
    assert shown["signature"] == "good (ES256)"
    assert shown["claims"]["access"] == [
        {"type": "repository", "name": "hello-world", "actions": ["pull"]}
    ]
    assert (called.returncode, "MANIFEST_UNKNOWN" in called.stdout) == (1, True)
    assert served.password not in called.stderr
    assert "* Call it with Bearer" in called.stderr


def test_each_way_to_a_token_leads_through_acrux(served: RunningRegistry) -> None:
    """Forms, refresh tokens, exchange: the registry and the client follow the same documents."""
    password = Credential("acrux", Secret(served.password))
    asked = RegistryAuth(served.url, password, offline=True, post=True)
    with httpx2.Client(base_url=served.url) as client:
        first = client.get("/v2/_catalog", auth=asked)
        second = client.get("/v2/hello-world/tags/list", auth=asked)
    token = acrux("auth", "token", "--registry", served.host, "--offline", **login(served))
    refresh_token = Secret(token.stdout.strip())
    by_token = [
        httpx2.get(f"{served.url}/v2/_catalog", auth=RegistryAuth(served.url, each)).status_code
        for each in (
            RefreshToken(refresh_token),
            RefreshToken(refresh_token).as_password,
            SubjectToken(refresh_token),
        )
    ]

    assert (first.status_code, second.status_code) == (200, 404)
    assert by_token == [200, 200, 200]


def test_login_and_logout_lead_through_acrux(served: RunningRegistry, tmp_path: Path) -> None:
    """After the login no password is stored, and after the logout no token."""
    home = {"HOME": str(tmp_path), "DOCKER_CONFIG": str(tmp_path)}
    catalog = f"{served.host}/v2/_catalog"

    logged_in = acrux("login", served.host, **login(served), **home)
    called = acrux("api", catalog, **home)
    logged_out = acrux("logout", served.host, **home)
    refused = acrux("api", catalog, **home)

    assert "a refresh token (expires in 2:59:" in logged_in.stdout
    assert (called.returncode, logged_out.returncode, refused.returncode) == (0, 0, 1)


def test_a_token_of_a_trusted_issuer_logs_in(served: RunningRegistry, tmp_path: Path) -> None:
    """A CI job has a token of its platform, and needs nothing else."""
    home = {"HOME": str(tmp_path), "DOCKER_CONFIG": str(tmp_path)}
    catalog, token = f"{served.host}/v2/_catalog", tmp_path / "token"
    with provider() as issuer:
        trust = Trust(
            name="ci",
            issuer=issuer.issuer,
            audience="acrux",
            rules=(ClaimRule("repository", "org/*"),),
            permissions=("repositories/*/content/read", "repositories/*/metadata/read"),
            lifetime=timedelta(hours=1),
        )
        on_registry(None, {"data_dir": served.data_dir}, lambda to, _: to.trusts.create(trust))
        token.write_text(issuer.token(aud="acrux"))
        logged_in = acrux("login", served.host, "--token-file", str(token), **home)
        called = acrux("api", catalog, **home)
        straight = acrux("api", catalog, "--token-file", str(token), HOME="/nowhere")
        token.write_text(issuer.token(aud="acrux", repository="other/app"))
        stranger = acrux("auth", "exchange", served.host, "--token-file", str(token))

    assert "a refresh token (expires in 0:59:" in logged_in.stdout, logged_in.stderr
    assert (called.returncode, straight.returncode) == (0, 0)
    assert stranger.returncode == 1
    assert "a subject token with 40" in stranger.stderr


def test_the_commands_trust_the_certificates_they_are_told_to(
    tmp_path_factory: pytest.TempPathFactory,
) -> None:
    """Over https nothing is sent to a registry that cannot prove its name."""
    data_dir = tmp_path_factory.mktemp("client") / "data"
    with running(data_dir, "--workers", "1", "--tls-self-signed") as registry:
        challenge = ("auth", "challenge", f"{registry.url}/v2/")

        unknown = acrux(*challenge)
        trusted = acrux(*challenge, "--cacert", str(data_dir / "tls" / "ca.pem"))
        careless = acrux(*challenge, "--insecure")

    assert (unknown.returncode, trusted.returncode, careless.returncode) == (3, 0, 0)
    assert "certificate" in unknown.stderr
