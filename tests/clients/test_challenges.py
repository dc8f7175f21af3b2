"""Clients that ask for what the challenge names, with the least rights that are enough."""

import subprocess
from pathlib import Path

import pytest

from tests.clients.layouts import gzip_image
from tests.running import RunningRegistry, acrux, write_layout
from tests.tools import require_tool
from tests.wire.connection import Connection


@pytest.fixture
def reader(registry: RunningRegistry, tmp_path: Path) -> str:
    """`NAME:PASSWORD` of an account that may only pull challenge/app, which has the tag v1."""
    skopeo = require_tool("skopeo", package="skopeo")
    source = write_layout(tmp_path / "source", gzip_image("a file"), "v1")
    subprocess.run(
        [skopeo, "--insecure-policy", "copy", "--dest-tls-verify=false", "--dest-creds",
         f"acrux:{registry.password}", f"oci:{source}:v1",
         f"docker://{registry.host}/challenge/app:v1"], check=True,
    )  # fmt: skip
    data_dir = ("--data-dir", str(registry.data_dir))
    acrux("token", "delete", "-n", "puller", "--yes", *data_dir)
    created = acrux(
        "token", "create", "-n", "puller", "--repository", "challenge/app", "content/read",
        *data_dir,
    )  # fmt: skip
    assert created.returncode == 0, created.stderr
    row = next(line for line in created.stdout.splitlines() if line.startswith("password1"))
    return f"puller:{row.split()[1]}"


def test_skopeo_lists_tags_with_the_right_to_pull_alone(
    registry: RunningRegistry, reader: str
) -> None:
    """It asks again for what the challenge names, once."""
    skopeo = require_tool("skopeo", package="skopeo")
    listed = subprocess.run(
        [skopeo, "list-tags", "--tls-verify=false", "--creds", reader,
         f"docker://{registry.host}/challenge/app"],
        capture_output=True, text=True, timeout=60, check=False,
    )  # fmt: skip

    assert listed.returncode == 0, listed.stderr
    assert '"v1"' in listed.stdout


@pytest.mark.parametrize("who", ["an account", "nobody"])
def test_acrux_api_lists_tags_with_the_right_to_pull_alone(
    registry: RunningRegistry, reader: str, tmp_path: Path, who: str
) -> None:
    """As Renovate and Dependabot do; anonymous callers have what our own recipe gives them."""
    data_dir = ("--data-dir", str(registry.data_dir))
    name, _, password = reader.partition(":")
    login = {"ACRUX_USERNAME": name, "ACRUX_PASSWORD": password} if who == "an account" else {}
    if who == "nobody":
        acrux("update", "--anonymous-repository", "challenge/*", "content/read", *data_dir)
    try:
        listed = acrux(
            "api",
            f"{registry.url}/v2/challenge/app/tags/list",
            DOCKER_CONFIG=str(tmp_path),
            **login,
        )
    finally:
        acrux("update", "--anonymous-pull-enabled", "false", *data_dir)

    assert listed.returncode == 0, listed.stderr
    assert '"v1"' in listed.stdout


def test_the_challenge_itself_is_enough(registry: RunningRegistry, reader: str) -> None:
    """Word by word, as a library does that knows nothing of ACR."""
    name, _, password = reader.partition(":")
    connection = Connection(registry.port)
    refused = connection.call("GET", "/v2/challenge/app/tags/list")
    connection.close()
    challenge = refused.header("WWW-Authenticate") or ""

    assert 'scope="repository:challenge/app:metadata_read,pull"' in challenge
    taken = acrux(
        "auth", "token", "--registry", registry.url, "--scope",
        "repository:challenge/app:metadata_read,pull",
        ACRUX_USERNAME=name, ACRUX_PASSWORD=password,
    )  # fmt: skip
    assert taken.returncode == 0, taken.stderr
