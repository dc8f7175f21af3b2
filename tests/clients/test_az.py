"""az: Azure's own command line, without an Azure account, against acrux."""

import json
import socketserver
import subprocess
from collections.abc import Iterator, Mapping
from contextlib import contextmanager
from dataclasses import dataclass
from socket import SHUT_WR, create_connection, socket
from threading import Thread
from typing import Any

import pytest
from azure.containerregistry import ContainerRegistryClient

from acrux.domain.content.digest import Digest
from tests.clients.layouts import gzip_image
from tests.clients.test_azure_sdk import BasicCredentials, push
from tests.running import RunningRegistry, environment, running
from tests.servers import serving
from tests.tools import require_tool

SUFFIX = ".acr.test"
LOGIN_SERVER = f"myreg{SUFFIX}"
# A cloud as `az cloud register` writes it. With -u and -p, az never calls its endpoints.
CLOUD = f"""
[AcrTest]
endpoint_active_directory = https://aad{SUFFIX}
endpoint_active_directory_graph_resource_id = https://graph{SUFFIX}/
endpoint_active_directory_resource_id = https://arm{SUFFIX}/
endpoint_management = https://arm{SUFFIX}
endpoint_resource_manager = https://arm{SUFFIX}
suffix_acr_login_server_endpoint = {SUFFIX}
"""
CONFIGURATION = """
[cloud]
name = AcrTest
[core]
collect_telemetry = false
"""


class Tunnels(socketserver.ThreadingTCPServer):
    """A proxy instead of DNS: it leads the login server's name to `port`, `others` to theirs."""

    daemon_threads = True

    def __init__(self, port: int, others: Mapping[str, int]) -> None:
        super().__init__(("127.0.0.1", 0), Tunnel)
        self.ports = {LOGIN_SERVER: port, **others}

    @property
    def url(self) -> str:
        """The value of https_proxy."""
        return f"http://127.0.0.1:{self.server_address[1]}"


class Tunnel(socketserver.StreamRequestHandler):
    """One connection through the proxy (RFC 9110 §9.3.6)."""

    server: Tunnels

    def handle(self) -> None:
        """Answer CONNECT, then pass bytes in both directions."""
        target = self.rfile.readline().split()[1].decode().removesuffix(":443")
        while self.rfile.readline().strip():
            pass
        if target not in self.server.ports:
            self.wfile.write(b"HTTP/1.1 403 Forbidden\r\nContent-Length: 0\r\n\r\n")
            return
        with create_connection(("127.0.0.1", self.server.ports[target])) as there:
            self.wfile.write(b"HTTP/1.1 200 OK\r\n\r\n")
            back = Thread(target=pump, args=(there, self.connection))
            back.start()
            pump(self.connection, there)
            back.join()


def pump(source: socket, destination: socket) -> None:
    """Pass bytes on until the source ends or the destination is gone."""
    try:
        while received := source.recv(65536):
            destination.sendall(received)
        destination.shutdown(SHUT_WR)
    except OSError:
        pass  # one of the two hung up: its peer reads the end of the stream


@contextmanager
def tunnels_to(port: int, **others: int) -> Iterator[Tunnels]:
    """Run the proxy until the block ends; `others` are ports of hosts of the same cloud."""
    hosts = {f"{name}{SUFFIX}": other for name, other in others.items()}
    with Tunnels(port, hosts) as tunnels, serving(tunnels):
        yield tunnels


@dataclass(frozen=True)
class Az:
    """The command, and another client that can push."""

    program: str
    variables: dict[str, str]
    password: str
    client: ContainerRegistryClient

    def run(self, *arguments: str) -> "subprocess.CompletedProcess[str]":
        """Run `az acr ARGUMENTS` as the administrator and wait for it."""
        return subprocess.run(
            [self.program, "acr", *arguments, "-u", "acrux", "-p", self.password],
            env=self.variables, stdin=subprocess.DEVNULL, capture_output=True, text=True,
            timeout=120, check=False,
        )  # fmt: skip

    def must(self, *arguments: str) -> str:
        """Run a command that must succeed, and return its output."""
        done = self.run(*arguments)
        assert done.returncode == 0, done.stderr
        return done.stdout

    def repository(self, verb: str, *arguments: str) -> Any:
        """The output of `az acr repository VERB`, parsed as JSON."""
        printed = self.must("repository", verb, "-n", "myreg", *arguments)
        return json.loads(printed) if printed.strip() else None

    def manifest(self, verb: str, name: str, *arguments: str) -> Any:
        """The output of `az acr manifest VERB`, parsed as JSON."""
        printed = self.must("manifest", verb, "-r", "myreg", "-n", name, *arguments)
        return json.loads(printed) if printed.strip() else None

    def push(self, repository: str, text: str, *tags: str) -> str:
        """Push an image under each tag and return its digest."""
        return push(self.client, repository, gzip_image(text), *tags)


@pytest.fixture(scope="module")
def az(tmp_path_factory: pytest.TempPathFactory) -> Iterator[Az]:
    """az that knows one cloud, and a registry with a name in that cloud."""
    program = require_tool("az", package="azure-cli")
    folder = tmp_path_factory.mktemp("az")
    (folder / "clouds.config").write_text(CLOUD)
    (folder / "config").write_text(CONFIGURATION)
    options = ("--workers", "1", "--tls-self-signed", "--login-server", LOGIN_SERVER)
    with running(folder / "data", *options) as registry, tunnels_to(registry.port) as tunnels:
        ca_file = printed_ca_file(registry)
        variables = environment(
            AZURE_CONFIG_DIR=str(folder), REQUESTS_CA_BUNDLE=ca_file, https_proxy=tunnels.url
        )
        with ContainerRegistryClient(
            LOGIN_SERVER,
            per_call_policies=[BasicCredentials(registry)],
            connection_verify=ca_file,
            proxies={"https": tunnels.url},
        ) as client:
            yield Az(program, variables, registry.password, client)


def printed_ca_file(registry: RunningRegistry) -> str:
    """The CA file that the registry printed when it started."""
    lines = registry.log.read_text().splitlines()
    return next(line.split()[1] for line in lines if line.startswith("CA "))


def test_repositories_and_tags_are_listed(az: Az) -> None:
    """The first command that a user types."""
    az.push("listed/app", "listed", "b", "a")

    detailed = az.repository(
        "show-tags", "--repository", "listed/app", "--detail", "--orderby", "time_desc"
    )

    assert "listed/app" in az.repository("list")
    assert az.repository("show-tags", "--repository", "listed/app") == ["a", "b"]
    assert az.repository("show-tags", "--repository", "listed/app", "--top", "1") == ["a"]
    assert [tag["name"] for tag in detailed] == ["a", "b"]


def test_a_locked_image_cannot_be_untagged_or_deleted(az: Az) -> None:
    """The steps of Azure's own page about locking images."""
    az.push("locked", "released", "v1")
    switches = ("--write-enabled", "--delete-enabled")
    image = ("--image", "locked:v1")

    locked = az.repository(
        "update", *image, *(part for name in switches for part in (name, "false"))
    )
    untagged = az.run("repository", "untag", "-n", "myreg", *image)
    deleted = az.run("repository", "delete", "-n", "myreg", *image, "--yes")
    az.repository("update", *image, *(part for name in switches for part in (name, "true")))
    az.repository("untag", *image)

    assert locked["changeableAttributes"] == {
        "deleteEnabled": False, "listEnabled": True, "readEnabled": True, "writeEnabled": False,
    }  # fmt: skip
    for refused in (untagged, deleted):
        assert refused.returncode != 0
        assert "The operation is disallowed" in refused.stderr
    assert az.repository("show", "--repository", "locked")["tagCount"] == 0


def test_manifests_are_listed_and_shown_byte_for_byte(az: Az) -> None:
    """Users check a digest against the output."""
    digest = az.push("shown", "shown", "v1")

    (listed,) = az.manifest("list-metadata", "shown")
    raw = az.must("manifest", "show", "-r", "myreg", "-n", "shown:v1", "--raw")

    assert (listed["digest"], listed["tags"]) == (digest, ["v1"])
    assert digest in {str(Digest.of(text.encode())) for text in (raw, raw.rstrip("\n"))}
    assert az.repository("show", "--image", "shown:v1")["digest"] == digest
    assert az.manifest("list-referrers", "shown:v1")["manifests"] == []


def test_an_image_is_deleted_with_all_its_tags(az: Az) -> None:
    """az warns of every tag that is deleted too, so it must find them."""
    az.push("deleted", "deleted", "v1", "v2")
    kept = az.push("deleted", "kept", "v3")

    az.repository("delete", "--image", "deleted:v1", "--yes")

    assert az.repository("show-tags", "--repository", "deleted") == ["v3"]
    assert [each["digest"] for each in az.manifest("list-metadata", "deleted")] == [kept]


def test_a_deleted_repository_is_gone(az: Az) -> None:
    """A deleted repository is named, and can no longer be shown."""
    digest = az.push("gone/app", "gone", "v1")

    told = az.repository("delete", "--repository", "gone/app", "--yes")

    assert told == {"manifestsDeleted": [digest], "tagsDeleted": ["v1"]}
    assert "gone/app" not in az.repository("list")
    shown = az.run("repository", "show", "-n", "myreg", "--repository", "gone/app")
    assert shown.returncode == 3
    assert "repository name not known to registry" in shown.stderr


def test_a_wrong_password_lists_nothing(az: Az) -> None:
    """A command that accepts any password is worse than none."""
    stranger = Az(az.program, az.variables, "wrong", az.client)

    refused = stranger.run("repository", "list", "-n", "myreg")

    assert refused.returncode != 0
    assert not refused.stdout
