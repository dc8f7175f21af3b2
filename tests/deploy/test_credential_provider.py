"""The kubelet's credential provider: pods pull with the token of their service account."""

import json
import subprocess
from collections.abc import Iterator
from pathlib import Path
from typing import Any, Final

import pytest
import yaml

from tests.clients.layouts import gzip_image
from tests.openid_provider import Provider, provider
from tests.running import ROOT, RunningRegistry, acrux, running, write_layout
from tests.tools import require_tool

FOLDER: Final = ROOT / "deploy" / "kubernetes"
PROVIDER: Final = FOLDER / "acrux-credential-provider"
API: Final = "credentialprovider.kubelet.k8s.io/v1"

REPOSITORY: Final = "prod/app"


@pytest.fixture(scope="module")
def cluster() -> Iterator[Provider]:
    """The issuer of a cluster's service account tokens."""
    with provider() as cluster:
        yield cluster


@pytest.fixture(scope="module")
def registry(
    cluster: Provider, tmp_path_factory: pytest.TempPathFactory
) -> Iterator[RunningRegistry]:
    """A registry on https that lets service accounts of the namespace prod pull prod/*."""
    data_dir = tmp_path_factory.mktemp("registry") / "data"
    with running(data_dir, "--workers", "1", "--tls-self-signed") as registry:
        done = acrux(
            "trust", "create", "kubernetes", "-n", "pods", "--issuer", cluster.issuer,
            "--namespace", "prod", "--audience", registry.host,
            "--allow", "prod/*", "content/read", "--data-dir", str(data_dir),
        )  # fmt: skip
        assert done.returncode == 0, done.stderr
        yield registry


def pod_token(cluster: Provider, registry: RunningRegistry, namespace: str = "prod") -> str:
    """The token of a pod's service account, with the claims that Kubernetes writes."""
    return cluster.token(
        aud=[registry.host], sub=f"system:serviceaccount:{namespace}:web",
        repository=None, repository_owner=None, ref=None,
        **{"kubernetes.io": {
            "namespace": namespace,
            "pod": {"name": "web-0", "uid": "c2b0a2a1-0b3a-4d3c-9d0e-0f4f5c1b6a77"},
            "serviceaccount": {"name": "web", "uid": "8d1f6c7e-64e5-4b5a-8f5d-ef6f2a5b8c11"},
        }},
    )  # fmt: skip


def request(image: str, token: str, **more: Any) -> dict[str, Any]:
    """What the kubelet writes, as its Go types are encoded."""
    asked = {
        "kind": "CredentialProviderRequest", "apiVersion": API,
        "image": image, "serviceAccountToken": token, **more,
    }  # fmt: skip
    return {name: value for name, value in asked.items() if value is not None}


def provide(asked: object, *arguments: str, **form: Any) -> "subprocess.CompletedProcess[str]":
    """Run the provider as the kubelet does."""
    require_tool("curl", package="curl")
    return subprocess.run(
        [PROVIDER, *arguments], input=json.dumps(asked, **form), capture_output=True, text=True,
        timeout=60, check=False,
    )  # fmt: skip


def ca(registry: RunningRegistry) -> tuple[str, str]:
    """The options with which the provider trusts the registry."""
    return "--ca-file", str(registry.data_dir / "tls" / "ca.pem")


@pytest.mark.parametrize(
    "form",
    [{"separators": (",", ":")}, {"indent": 2}, {}],
    ids=["as the kubelet", "indented", "spaced"],
)
def test_a_pods_token_becomes_a_credential_for_its_registry(
    registry: RunningRegistry, cluster: Provider, form: dict[str, Any]
) -> None:
    """The kubelet refuses an answer of any other form, and then the pod does not start."""
    asked = request(
        f"{registry.host}/{REPOSITORY}:v1", pod_token(cluster, registry),
        serviceAccountAnnotations={"team": 'a "image":"evil.example.com/x" b'},
    )  # fmt: skip

    done = provide(asked, *ca(registry), **form)

    assert (done.returncode, done.stderr) == (0, "")
    answer = json.loads(done.stdout)
    password = answer["auth"][registry.host].pop("password")
    assert answer == {
        "apiVersion": API,
        "kind": "CredentialProviderResponse",
        "cacheKeyType": "Registry",
        "cacheDuration": "5m",
        "auth": {registry.host: {"username": "00000000-0000-0000-0000-000000000000"}},
    }
    assert password.count(".") == 2
    assert password != asked["serviceAccountToken"]


def test_a_pull_with_the_credential_gets_what_the_trust_gives(
    registry: RunningRegistry, cluster: Provider, tmp_path: Path
) -> None:
    """Pods of prod pull prod/*, and nothing else, without a stored secret."""
    skopeo = require_tool("skopeo", package="skopeo")
    source = write_layout(tmp_path / "layout", gzip_image("pulled"), "v1")
    for name in (REPOSITORY, "other/app"):
        subprocess.run(
            [skopeo, "--insecure-policy", "copy", "-q", "--dest-tls-verify=false", "--dest-creds",
             f"acrux:{registry.password}", f"oci:{source}:v1",
             f"docker://{registry.host}/{name}:v1"], check=True,
        )  # fmt: skip
    asked = request(f"{registry.host}/{REPOSITORY}:v1", pod_token(cluster, registry))
    auth = json.loads(provide(asked, *ca(registry)).stdout)["auth"][registry.host]

    allowed, refused = (
        subprocess.run(
            [skopeo, "inspect", "--tls-verify=false", "--creds",
             f"{auth['username']}:{auth['password']}", f"docker://{registry.host}/{name}:v1"],
            capture_output=True, check=False,
        ) for name in (REPOSITORY, "other/app")
    )  # fmt: skip

    assert allowed.returncode == 0, allowed.stderr
    assert refused.returncode != 0


@pytest.mark.parametrize(
    ("changed", "arguments", "said"),
    [
        ({"apiVersion": "credentialprovider.kubelet.k8s.io/v1beta1"}, (), "of 'credentialprov"),
        ({"apiVersion": None}, (), "is of ''"),
        ({"image": None}, (), "names no image"),
        ({"image": "a b/c"}, (), "names no image"),
        ({"serviceAccountToken": None}, (), "set tokenAttributes"),
        ({"serviceAccountToken": ""}, (), "set tokenAttributes"),
        ({"serviceAccountToken": 'a"&b'}, (), "set tokenAttributes"),
        ({"serviceAccountToken": "not.a.token"}, (), "refused the pod's token (401)"),
        ({"image": "127.0.0.1:1/a"}, (), "https://127.0.0.1:1 does not answer"),
        ({}, ("--ca-file", "/nowhere"), "cannot read '/nowhere'"),
        ({}, ("--cache",), "--cache lacks its value"),
        ({}, ("--cache", "5"), "--cache: '5' is not like"),
        ({}, ("--plain-http", "x"), "unknown argument '--plain-http'"),
    ],
)
def test_what_is_wrong_is_said_in_words(
    registry: RunningRegistry, changed: dict[str, Any], arguments: tuple[str, ...], said: str
) -> None:
    """The kubelet's log is all that whoever looks after the node has."""
    image = f"{registry.host}/{REPOSITORY}:v1"
    asked = request(**{"image": image, "token": "a.b.c", **changed})

    done = provide(asked, *ca(registry), *arguments)

    assert (done.returncode, done.stdout) == (1, "")
    assert "acrux-credential-provider: " in done.stderr
    assert said in done.stderr


def test_a_token_of_another_namespace_gets_nothing(
    registry: RunningRegistry, cluster: Provider
) -> None:
    """A trust lets in whom it names."""
    token = pod_token(cluster, registry, "test")

    done = provide(request(f"{registry.host}/{REPOSITORY}:v1", token), *ca(registry))

    assert (done.returncode, done.stdout) == (1, "")
    assert "refused the pod's token (403)" in done.stderr
    assert token not in done.stderr


def test_a_registry_with_an_unknown_certificate_gets_no_token(
    registry: RunningRegistry, cluster: Provider
) -> None:
    """Whoever answers in its name would log in as the pod."""
    asked = request(f"{registry.host}/{REPOSITORY}:v1", pod_token(cluster, registry))

    done = provide(asked)

    assert (done.returncode, done.stdout) == (1, "")
    assert "does not answer" in done.stderr


def test_the_configuration_has_what_the_kubelet_requires() -> None:
    """The kubelet does not start with a configuration that it does not understand."""
    config = yaml.safe_load((FOLDER / "credential-provider-config.yaml").read_text())
    role, _ = yaml.safe_load_all((FOLDER / "node-audience.yaml").read_text())
    [one] = config["providers"]
    token = one["tokenAttributes"]

    assert config["apiVersion"] == "kubelet.config.k8s.io/v1"
    assert config["kind"] == "CredentialProviderConfig"
    assert (one["name"], one["apiVersion"]) == (PROVIDER.name, API)
    assert one.keys() == {
        "name", "apiVersion", "matchImages", "defaultCacheDuration", "tokenAttributes",
    }  # fmt: skip
    assert token["cacheType"] == "ServiceAccount"
    assert token["requireServiceAccount"] is True
    assert role["rules"][0]["resources"] == [token["serviceAccountTokenAudience"]]
