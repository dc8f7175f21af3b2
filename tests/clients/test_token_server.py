"""acrux as the token server of distribution: 2.8 by certificate, 3 by key set too."""

import json
import stat
import subprocess
import time
from collections.abc import Iterator
from contextlib import AbstractContextManager
from pathlib import Path

import httpx2
import pytest

from acrux.testing.accounts import Account
from acrux.testing.registry import Registry, registry
from tests.adapters.keys.minting import header_of
from tests.clients import go_tools
from tests.images import image
from tests.peer_registries import distribution
from tests.running import acrux, write_layout
from tests.tools import require_tool

SERVICE = "images"
ISSUER = "https://tokens.example.com"
VERSION_3 = "github.com/distribution/distribution/v3/cmd/registry"


@pytest.fixture
def certifying() -> Iterator[Registry]:
    """A token server whose tokens carry the certificate of their key."""
    settings = {"token_services": [SERVICE], "token_issuer": ISSUER, "token_certificates": True}
    with registry(settings=settings) as tokens:
        yield tokens


@pytest.fixture
def publishing(tmp_path: Path) -> Iterator[Registry]:
    """A token server that keeps its key set in a file."""
    settings = {"token_services": [SERVICE], "key_set_file": str(tmp_path / "jwks.json")}
    with registry(settings=settings) as tokens:
        yield tokens


@pytest.fixture
def layout(tmp_path: Path) -> Path:
    """An image to push."""
    return write_layout(tmp_path / "layout", image(b"a layer"), "1")


def docker_registry() -> str:
    """Debian's version 2.8."""
    return require_tool("docker-registry", package="docker-registry")


@pytest.fixture(scope="session")
def version_3(tmp_path_factory: pytest.TempPathFactory) -> str:
    """The version that go_registry/go.mod names."""
    sources = go_tools.SOURCES.with_name("go_registry")
    return go_tools.built_once(tmp_path_factory, VERSION_3, sources)


def peer(
    program: str, tokens: Registry, folder: Path, issuer: str, **trust: Path
) -> AbstractContextManager[str]:
    """Distribution with storage in the folder, which sends its clients to the token server."""
    paths = {name: str(path) for name, path in trust.items()}
    realm = f"{tokens.url}/oauth2/token"
    return distribution(program, folder, realm=realm, service=SERVICE, issuer=issuer, **paths)


def bundle(tokens: Registry, folder: Path) -> Path:
    """The certificate that the operator of the peer copies once."""
    file = folder / "token-ca.pem"
    done = acrux("key", "export", "--format", "pem", "--file", str(file), *at(tokens))
    assert done.returncode == 0, done.stderr
    return file


def at(tokens: Registry) -> tuple[str, str]:
    """The option that names its data directory."""
    return "--data-dir", str(tokens.data_dir)


def rotate(tokens: Registry) -> None:
    """Sign with a new key from now on."""
    done = acrux("key", "rotate", "--now", *at(tokens))
    assert done.returncode == 0, done.stderr


def skopeo(*arguments: str) -> "subprocess.CompletedProcess[str]":
    """Run skopeo."""
    tool = require_tool("skopeo", package="skopeo")
    return subprocess.run(
        [tool, "--insecure-policy", *arguments], capture_output=True, text=True, timeout=120,
        check=False,
    )  # fmt: skip


def push(account: Account, layout: Path, url: str, tag: str = "1") -> tuple[int, str]:
    """Push the image to the peer: the exit code, and what was said."""
    done = skopeo(
        "copy", "--preserve-digests", "--dest-tls-verify=false",
        "--dest-creds", f"{account.username}:{account.password}",
        f"oci:{layout}:1", f"docker://{url.removeprefix('http://')}/team/app:{tag}",
    )  # fmt: skip
    return done.returncode, done.stderr


def pull(account: Account, url: str, tag: str = "1") -> str:
    """The digest of what the peer has under the tag; empty if it gives nothing."""
    done = skopeo(
        "inspect", "--tls-verify=false", "--creds", f"{account.username}:{account.password}",
        "--format", "{{.Digest}}", f"docker://{url.removeprefix('http://')}/team/app:{tag}",
    )  # fmt: skip
    return done.stdout.strip()


def key_of(token: str) -> str:
    """The id of the key that signed the token."""
    return str(header_of(token)["kid"])


def issued(tokens: Registry, account: Account) -> str:
    """A token for the peer."""
    query = {"service": SERVICE, "scope": "repository:team/app:pull,push"}
    with tokens.client(account) as client:
        return str(client.get("/oauth2/token", params=query).json()["access_token"])


def test_an_image_goes_through_docker_registry_with_tokens_of_acrux(
    certifying: Registry, layout: Path, tmp_path: Path
) -> None:
    """Who already runs distribution gets accounts, scope maps, trusts and an audit log for it."""
    writer = certifying.account("repository:team/app:pull,push")
    reader = certifying.account("repository:team/app:pull")
    stranger = certifying.account("repository:other:pull")
    trust = bundle(certifying, tmp_path)

    with peer(
        docker_registry(), certifying, tmp_path / "peer", ISSUER, rootcertbundle=trust
    ) as url:
        refused = push(reader, layout, url)
        pushed = push(writer, layout, url)
        read, hidden = pull(reader, url), pull(stranger, url)

    assert pushed[0] == 0, pushed[1]
    assert refused[0] != 0
    assert "denied" in refused[1] or "unauthorized" in refused[1], refused[1]
    assert read == str(image(b"a layer").digest)
    assert hidden == ""


def test_docker_registry_follows_a_rotation_without_a_restart(
    certifying: Registry, layout: Path, tmp_path: Path
) -> None:
    """It reads its bundle only when it starts: nobody wants to restart it for each rotation."""
    account = certifying.account("repository:team/app:pull,push")
    trust = bundle(certifying, tmp_path)

    with peer(
        docker_registry(), certifying, tmp_path / "peer", ISSUER, rootcertbundle=trust
    ) as url:
        first = key_of(issued(certifying, account))
        before = push(account, layout, url, "before")
        rotate(certifying)
        second = until_it_differs(certifying, account, first)
        after = push(account, layout, url, "after")

    assert first != second
    assert (before[0], after[0]) == (0, 0), f"{before[1]}{after[1]}"


def until_it_differs(tokens: Registry, account: Account, key: str) -> str:
    """The id of the key that signs instead of this one: a worker notices within a second."""
    deadline = time.monotonic() + 10
    while (now := key_of(issued(tokens, account))) == key and time.monotonic() < deadline:
        time.sleep(0.05)
    return now


@pytest.mark.parametrize("kind", ["jwks", "rootcertbundle"])
def test_version_3_takes_a_key_set_or_the_certificate(
    request: pytest.FixtureRequest, version_3: str, layout: Path, tmp_path: Path, kind: str
) -> None:
    """Its documentation names both, and an operator has one of the two already."""
    tokens: Registry = request.getfixturevalue("publishing" if kind == "jwks" else "certifying")
    trust = tmp_path / "jwks.json" if kind == "jwks" else bundle(tokens, tmp_path)
    issuer = "Azure Container Registry" if kind == "jwks" else ISSUER
    account = tokens.account("repository:team/app:pull,push")

    with peer(version_3, tokens, tmp_path / "peer", issuer, **{kind: trust}) as url:
        pushed, read = push(account, layout, url), pull(account, url)

    assert pushed[0] == 0, pushed[1]
    assert read == str(image(b"a layer").digest)


def test_version_3_follows_a_rotation_when_it_reads_the_key_set_again(
    publishing: Registry, version_3: str, layout: Path, tmp_path: Path
) -> None:
    """The new key is in the file before it signs, so one restart in between is enough."""
    keys = tmp_path / "jwks.json"
    account = publishing.account("repository:team/app:pull,push")
    first = key_of(issued(publishing, account))
    rotate(publishing)
    until_it_differs(publishing, account, first)

    with peer(
        version_3, publishing, tmp_path / "peer", "Azure Container Registry", jwks=keys
    ) as url:
        pushed = push(account, layout, url)

    assert pushed[0] == 0, pushed[1]


def test_the_file_of_keys_holds_a_new_key_as_soon_as_it_is_announced(
    publishing: Registry, tmp_path: Path
) -> None:
    """Ten minutes before it signs, a program that reads the file can know it."""
    file = tmp_path / "jwks.json"
    before = file.read_bytes()
    acrux("key", "rotate", *at(publishing))
    deadline = time.monotonic() + 10
    while file.read_bytes() == before and time.monotonic() < deadline:
        time.sleep(0.05)

    published = httpx2.get(f"{publishing.url}/.well-known/jwks.json").json()
    assert json.loads(file.read_bytes()) == published
    assert len(published["keys"]) == 2
    assert json.loads(acrux("key", "export", *at(publishing)).stdout) == published
    assert stat.S_IMODE(file.stat().st_mode) == 0o644


def test_a_token_for_another_registry_opens_nothing_here(certifying: Registry) -> None:
    """Who runs the other registry sees every token, and must not get more with it than there."""
    account = certifying.account("repository:team/app:pull,push")
    token = issued(certifying, account)

    answer = httpx2.get(
        f"{certifying.url}/v2/team/app/tags/list", headers={"Authorization": f"Bearer {token}"}
    )

    assert answer.status_code == 401
