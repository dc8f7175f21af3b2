"""azure-containerregistry: exchange, refresh token, access token, call."""

import io
import time
from collections.abc import Iterator
from pathlib import Path
from typing import Any

import httpx2
import pytest
from azure.containerregistry import ContainerRegistryClient
from azure.core.credentials import AccessToken
from azure.core.exceptions import ClientAuthenticationError
from azure.core.pipeline import PipelineRequest
from azure.core.pipeline.policies import SansIOHTTPPolicy

from tests.images import Image
from tests.openid_provider import provider
from tests.running import RunningRegistry, acrux, running
from tests.wire.connection import pattern


class AllowHttp(SansIOHTTPPolicy[Any, Any]):
    """Allows the SDK to use http (acr-protocol.md §7.1)."""

    def on_request(self, request: PipelineRequest[Any]) -> None:
        """Mark a request before it is sent."""
        request.context["enforce_https"] = False


class OurToken:
    """A credential that returns a refresh token of the registry instead of an Entra ID token."""

    def __init__(self, registry: RunningRegistry) -> None:
        answer = httpx2.post(
            f"{registry.url}/oauth2/token",
            data={"grant_type": "password", "service": registry.host, "access_type": "offline",
                  "username": "acrux", "password": registry.password},
        )  # fmt: skip
        self._token: str = answer.json()["refresh_token"]

    def get_token(self, *_scopes: str, **_options: Any) -> AccessToken:
        """Return the token, whatever is requested."""
        return AccessToken(self._token, int(time.time()) + 3600)


class TokenOfAnIssuer:
    """A credential that returns the token of an external issuer, as Entra ID's does."""

    def __init__(self, token: str) -> None:
        self._token = token

    def get_token(self, *_scopes: str, **_options: Any) -> AccessToken:
        """Return the token, whatever is requested."""
        return AccessToken(self._token, int(time.time()) + 300)


@pytest.fixture
def client(registry: RunningRegistry) -> Iterator[ContainerRegistryClient]:
    """The SDK's client with its own authentication."""
    with ContainerRegistryClient(
        registry.url, OurToken(registry), per_call_policies=[AllowHttp()]
    ) as client:
        yield client


def test_the_sdk_gets_its_tokens_by_itself(
    client: ContainerRegistryClient, hello_world: Image
) -> None:
    """Ask, exchange, redeem, call: four requests an operation, all sent by the SDK."""
    assert "hello-world" in list(client.list_repository_names())
    properties = client.get_manifest_properties("hello-world", "latest")
    assert properties.digest == str(hello_world.digest)


def test_the_sdk_uploads_each_chunk_twice_and_it_arrives_once(
    client: ContainerRegistryClient,
) -> None:
    """It first sends every 4 MiB without credentials, and must be able to read the 401."""
    content = b"".join(pattern(9))

    digest, size = client.upload_blob("sdk/tokens", io.BytesIO(content))
    downloaded = b"".join(client.download_blob("sdk/tokens", digest))

    assert size == len(content)
    assert downloaded == content


def test_the_sdk_without_a_credential_reads_what_anonymous_callers_may(tmp_path: Path) -> None:
    """Public images need no account, and cannot be changed without one."""
    with running(tmp_path / "data", "--sample") as registry:
        data_dir = ("--data-dir", str(registry.data_dir))
        done = acrux("update", "--anonymous-pull-enabled", "true", *data_dir)
        assert done.returncode == 0, done.stderr
        with ContainerRegistryClient(registry.url, None, per_call_policies=[AllowHttp()]) as client:
            assert list(client.list_repository_names()) == ["hello-world"]
            tags = [tag.name for tag in client.list_tag_properties("hello-world")]
            assert tags == ["latest"]
            assert client.get_manifest("hello-world", "latest").manifest["schemaVersion"] == 2
            with pytest.raises(ClientAuthenticationError):
                client.delete_repository("hello-world")


def test_the_sdk_without_a_credential_is_refused(registry: RunningRegistry) -> None:
    """Nothing is open to anonymous callers by default."""
    with (
        ContainerRegistryClient(registry.url, None, per_call_policies=[AllowHttp()]) as client,
        pytest.raises(ClientAuthenticationError),
    ):
        list(client.list_repository_names())


def test_the_sdk_walks_with_the_token_of_a_trusted_issuer(registry: RunningRegistry) -> None:
    """No part is our own: the SDK exchanges whatever its credential returns."""
    content = b"".join(pattern(1))
    with provider() as issuer:
        done = acrux(
            "trust", "create", "oidc", "-n", "sdk", "--issuer", issuer.issuer,
            "--audience", registry.host, "--claim", "repository=org/*",
            "--allow", "{repository}", "content/read", "content/write", "metadata/read",
            "--data-dir", str(registry.data_dir),
        )  # fmt: skip
        assert done.returncode == 0, done.stderr
        credential = TokenOfAnIssuer(issuer.token(aud=registry.host))
        with ContainerRegistryClient(
            registry.url, credential, per_call_policies=[AllowHttp()]
        ) as client:
            digest, _ = client.upload_blob("org/app", io.BytesIO(content))
            downloaded = b"".join(client.download_blob("org/app", digest))
            with pytest.raises(ClientAuthenticationError):
                client.upload_blob("org/other", io.BytesIO(content))

    assert downloaded == content
