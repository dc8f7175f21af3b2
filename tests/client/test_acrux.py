"""The caller's side against acrux itself, as a process of its own."""

import json
from collections.abc import Iterator

import httpx2
import pytest

from acrux.client.auth import RegistryAuth
from acrux.domain.credential import Credential, Secret
from tests.running import RunningRegistry, acrux, running


@pytest.fixture(scope="module")
def served(tmp_path_factory: pytest.TempPathFactory) -> Iterator[RunningRegistry]:
    """A registry on http."""
    with running(tmp_path_factory.mktemp("client") / "data", "--workers", "1") as registry:
        yield registry


async def test_registry_auth_walks_through_acrux(served: RunningRegistry) -> None:
    """The README's ten lines."""
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
    """What a new user types after `./scripts/serve`, with the token's signature verified."""
    login = {"ACRUX_USERNAME": "acrux", "ACRUX_PASSWORD": served.password}
    path = f"{served.host}/v2/hello-world/manifests/latest"
    scope = "repository:hello-world:pull"

    challenge = acrux("auth", "challenge", path, "--output", "json", **login)
    token = acrux("auth", "token", "--registry", served.host, "--scope", scope, **login)
    keys = f"{served.url}/.well-known/jwks.json"
    inspected = acrux(
        "auth", "inspect", token.stdout.strip(), "--jwks", keys, "--output", "json", **login
    )
    called = acrux("api", "-v", path, **login)

    assert json.loads(challenge.stdout)["scope"] == scope
    shown = json.loads(inspected.stdout)
    assert shown["signature"] == "good (ES256)"
    assert shown["claims"]["access"] == [
        {"type": "repository", "name": "hello-world", "actions": ["pull"]}
    ]
    assert (called.returncode, "MANIFEST_UNKNOWN" in called.stdout) == (1, True)
    assert served.password not in called.stderr
    assert "* Call it with Bearer" in called.stderr


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
