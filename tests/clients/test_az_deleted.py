"""az: what was deleted is listed and restored, with an ARM that knows the registry."""

import json
import ssl
from collections.abc import Iterator
from contextlib import contextmanager
from datetime import datetime, timedelta
from http.server import BaseHTTPRequestHandler, ThreadingHTTPServer
from pathlib import Path
from typing import ClassVar

import pytest
from azure.containerregistry import ContainerRegistryClient

from tests.client.doctor.certificates import DAY, certify
from tests.clients.test_az import (
    CLOUD,
    CONFIGURATION,
    LOGIN_SERVER,
    SUFFIX,
    Az,
    printed_ca_file,
    tunnels_to,
)
from tests.clients.test_azure_sdk import BasicCredentials
from tests.running import acrux, environment, running
from tests.servers import serving
from tests.tools import require_tool

DAYS = 9
SUBSCRIPTION = "00000000-0000-0000-0000-000000000001"
KIND = "Microsoft.ContainerRegistry/registries"
ID = f"/subscriptions/{SUBSCRIPTION}/resourceGroups/group/providers/{KIND}/myreg"
# az that is logged in as the machine that it runs on: its token comes from MSI_ENDPOINT.
PROFILE = {
    "installationId": SUBSCRIPTION,
    "subscriptions": [
        {
            "id": SUBSCRIPTION,
            "name": "test",
            "state": "Enabled",
            "isDefault": True,
            "tenantId": SUBSCRIPTION,
            "environmentName": "AcrTest",
            "user": {
                "name": "systemAssignedIdentity",
                "type": "servicePrincipal",
                "assignedIdentityInfo": "MSI",
            },
        }
    ],
}
RESOURCE = {"id": ID, "name": "myreg", "type": KIND, "location": "here"}
REGISTRY = {
    **RESOURCE,
    "sku": {"name": "Premium"},
    "properties": {
        "loginServer": LOGIN_SERVER,
        "policies": {"softDeletePolicy": {"retentionDays": DAYS, "status": "enabled"}},
    },
}


class Arm(BaseHTTPRequestHandler):
    """What az asks Azure: for a token, where the registry is, and how many days it keeps."""

    answers: ClassVar = {
        "/token": {"access_token": "x", "token_type": "Bearer", "expires_on": "4102444800"},
        f"/subscriptions/{SUBSCRIPTION}/resources": {"value": [RESOURCE]},
        ID: REGISTRY,
    }

    def do_GET(self) -> None:
        """Answer by the path."""
        answer = json.dumps(self.answers.get(self.path.partition("?")[0])).encode()
        self.rfile.read(int(self.headers.get("Content-Length", 0)))
        self.send_response(404 if answer == b"null" else 200)
        self.send_header("Content-Type", "application/json")
        self.send_header("Content-Length", str(len(answer)))
        self.end_headers()
        self.wfile.write(answer)

    def do_POST(self) -> None:
        """As a GET."""
        self.do_GET()

    def log_message(self, *_: object) -> None:
        """Nothing."""


@contextmanager
def azure(certificate: Path) -> Iterator[tuple[int, int]]:
    """The ports of ARM, with this certificate, and of the endpoint of tokens."""
    here = ("127.0.0.1", 0)
    with ThreadingHTTPServer(here, Arm) as arm, ThreadingHTTPServer(here, Arm) as tokens:
        context = ssl.SSLContext(ssl.PROTOCOL_TLS_SERVER)
        context.load_cert_chain(certificate)
        arm.socket = context.wrap_socket(arm.socket, server_side=True)
        with serving(arm), serving(tokens):
            yield arm.server_port, tokens.server_port


@pytest.fixture(scope="module")
def az(tmp_path_factory: pytest.TempPathFactory) -> Iterator[Az]:
    """az with an account, and a registry that keeps what is deleted."""
    program = require_tool("az", package="azure-cli")
    folder = tmp_path_factory.mktemp("az")
    (folder / "clouds.config").write_text(CLOUD)
    (folder / "config").write_text(CONFIGURATION)
    (folder / "azureProfile.json").write_text(json.dumps(PROFILE))
    certificate, bundle = certify(folder, name=f"arm{SUFFIX}", end=DAY), folder / "bundle.pem"
    options = ("--workers", "1", "--tls-self-signed", "--login-server", LOGIN_SERVER)
    with azure(certificate) as (arm, tokens), running(folder / "data", *options) as registry:
        acrux(
            "config", "soft-delete", "update", "--status", "enabled", "--days", str(DAYS),
            "--data-dir", str(folder / "data"),
        )  # fmt: skip
        ca_file = printed_ca_file(registry)
        bundle.write_bytes(Path(ca_file).read_bytes() + certificate.read_bytes())
        with tunnels_to(registry.port, arm=arm) as tunnels:
            variables = environment(
                AZURE_CONFIG_DIR=str(folder),
                REQUESTS_CA_BUNDLE=str(bundle),
                https_proxy=tunnels.url,
                MSI_ENDPOINT=f"http://127.0.0.1:{tokens}/token",
            )
            with ContainerRegistryClient(
                LOGIN_SERVER,
                per_call_policies=[BasicCredentials(registry)],
                connection_verify=ca_file,
                proxies={"https": tunnels.url},
            ) as client:
                yield Az(program, variables, registry.password, client)


def test_what_was_deleted_is_listed_and_restored(az: Az) -> None:
    """The steps of Azure's own page about soft delete."""
    digest = az.push("team/app", "deleted", "v1", "v2")
    az.push("team/app", "kept", "v3")
    az.repository("delete", "--image", "team/app:v1", "--yes")

    assert "team/app" in az.repository("list-deleted")
    [manifest] = az.manifest("list-deleted", "team/app")
    tags = az.manifest("list-deleted-tags", "team/app")
    [tag] = az.manifest("list-deleted-tags", "team/app:v2")
    assert (manifest["digest"], tag["digest"]) == (digest, digest)
    assert [one["tag"] for one in tags] == ["v1", "v2"]
    deleted, expires = (datetime.fromisoformat(tag[key]) for key in ("deletedAt", "expiresAfter"))
    assert expires - deleted == timedelta(days=DAYS)

    az.manifest("restore", "team/app:v1", "--yes")

    assert az.repository("show", "--image", "team/app:v1")["digest"] == digest
    assert az.manifest("list-deleted", "team/app") == []
    assert [one["tag"] for one in az.manifest("list-deleted-tags", "team/app")] == ["v2"]


def test_of_several_the_one_deleted_last_is_restored(az: Az) -> None:
    """az takes the last one of the list."""
    digests = [az.push("several", f"number {number}", "v1") for number in range(2)]
    for digest in digests:
        az.must("manifest", "delete", "-r", "myreg", "-n", f"several@{digest}", "--yes")
    tagged = az.push("several", "number 2", "v1")
    az.repository("untag", "--image", "several:v1")
    az.manifest("restore", "several:v1", "--yes")

    assert az.repository("show", "--image", "several:v1")["digest"] == tagged


def test_a_tag_that_is_taken_needs_force(az: Az) -> None:
    """az prints why, and how."""
    digest = az.push("forced", "deleted", "v1")
    az.repository("delete", "--repository", "forced", "--yes")
    az.push("forced", "another", "v1")

    refused = az.run("manifest", "restore", "-r", "myreg", "-n", "forced:v1", "-d", digest, "--yes")
    az.manifest("restore", "forced:v1", "-d", digest, "--force", "--yes")

    assert refused.returncode != 0
    assert "with force to move it" in refused.stderr
    assert az.repository("show", "--image", "forced:v1")["digest"] == digest
