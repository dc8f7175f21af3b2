"""Uploads of real clients succeed although their connections are cut.

Azure's SDK for Python sends a PATCH again, to the same location, if a gateway answers for a
registry that it cannot reach; if the SDK itself loses the connection, it does so only when
configured to.
"""

import io
import os
import random
import subprocess
from pathlib import Path

import pytest
from azure.containerregistry import ContainerRegistryClient

from acrux.domain.content.digest import Digest
from tests.clients.cutting_proxy import Cut, Network, Plan, cutting
from tests.clients.layouts import gzip_image
from tests.clients.test_azure_sdk import BasicCredentials
from tests.running import RunningRegistry, write_layout
from tests.tools import require_tool
from tests.wire.connection import Connection

CHUNK_BYTES = 4 << 20  # the SDK's
CONTENT = os.urandom(2 * CHUNK_BYTES + 1000)
RETRIED = ("HEAD", "GET", "PUT", "DELETE", "PATCH")


def only(method: str, number: int, cut: Cut) -> Plan:
    """Cut this one request."""
    return lambda asked, count: cut if (asked, count) == (method, number) else None


def upload(registry: RunningRegistry, network: Network, content: bytes, repository: str) -> None:
    """Push a blob with the SDK through the network, and check that it arrived byte for byte."""
    with ContainerRegistryClient(
        f"http://{network.host}",
        per_call_policies=[BasicCredentials(registry)],
        retry_backoff_factor=0.01,
    ) as client:
        digest, size = client.upload_blob(repository, io.BytesIO(content), retry_on_methods=RETRIED)
    assert (digest, size) == (str(Digest.of(content)), len(content))
    assert blob(registry, repository, content) == content


def blob(registry: RunningRegistry, repository: str, content: bytes) -> bytes:
    """The content that the registry serves under the digest of this content."""
    connection = Connection(registry.port)
    connection.login("acrux", registry.password)
    reply = connection.call("GET", f"/v2/{repository}/blobs/{Digest.of(content)}")
    connection.close()
    return reply.body


@pytest.mark.parametrize("cut", Cut)
@pytest.mark.parametrize("request_", [("PATCH", 1), ("PATCH", 2), ("PATCH", 3), ("PUT", 1)])
def test_an_upload_of_azures_sdk_succeeds_wherever_its_connection_is_cut(
    registry: RunningRegistry, request_: tuple[str, int], cut: Cut
) -> None:
    """The bytes that had arrived were added twice, and the upload failed only at its end."""
    with cutting(registry.port, only(*request_, cut)) as network:
        upload(registry, network, CONTENT, "cut/sdk")

    assert network.cuts == [(request_[0], cut)]


@pytest.mark.parametrize("seed", range(4))
def test_an_upload_of_azures_sdk_succeeds_if_every_third_request_is_cut(
    registry: RunningRegistry, seed: int
) -> None:
    """A retry can be cut off as easily as the first attempt."""
    chance = random.Random(seed)
    content = chance.randbytes(3 * CHUNK_BYTES + seed)

    def plan(method: str, _: int) -> Cut | None:
        is_cut = method in {"PATCH", "PUT"} and chance.random() < 1 / 3
        return chance.choice([*Cut]) if is_cut else None

    with cutting(registry.port, plan) as network:
        upload(registry, network, content, "cut/often")


@pytest.mark.parametrize("cut", [Cut.IN_THE_BODY, Cut.BEFORE_THE_ANSWER])
@pytest.mark.parametrize("method", ["PATCH", "PUT"])
def test_a_copy_of_skopeo_succeeds_wherever_its_connection_is_cut(
    registry: RunningRegistry, tmp_path: Path, method: str, cut: Cut
) -> None:
    """It repeats the whole copy, and nothing must be in its way."""
    tool, copied = require_tool("skopeo", package="skopeo"), gzip_image(os.urandom(50_000).hex())
    source = write_layout(tmp_path / "source", copied, "v1")
    repository = f"cut/skopeo-{method.lower()}-{cut.name.lower().replace('_', '-')}"

    with cutting(registry.port, only(method, 1, cut)) as network:
        done = subprocess.run(
            [tool, "--insecure-policy", "copy", "--retry-times", "2", "--dest-tls-verify=false",
             "--dest-creds", f"acrux:{registry.password}", f"oci:{source}:v1",
             f"docker://{network.host}/{repository}:v1"],
            capture_output=True, text=True, timeout=120, check=False,
        )  # fmt: skip

    assert done.returncode == 0, done.stderr
    assert network.cuts == [(method, cut)]
    for content in copied.blobs:
        assert blob(registry, repository, content) == content
