"""The document's curl commands, exactly as they are written."""

import json
import subprocess
from pathlib import Path

import pytest

from tests.images import Image
from tests.running import RunningRegistry, running
from tests.tools import require_tool

# The document's own lines, with `https://` if there is a certificate, and `http://` if not.
WALK = """
set -eu
export registry="{host}"
export scope="repository:hello-world:pull"
curl {options} -sS -v {scheme}://$registry/v2/hello-world/manifests/latest > step1.body 2> step1.log
export acr_credential=$(echo -n '{username}:{password}' | base64)
curl {options} -sS -v -H "Authorization: Basic $acr_credential" \
  "{scheme}://$registry/oauth2/token?service=$registry&scope=$scope" > step2.body 2> step2.log
export acr_access_token=$(sed 's/.*"access_token":"\\([^"]*\\)".*/\\1/' step2.body)
curl {options} -sS -v -H "Authorization: Bearer $acr_access_token" \
  {scheme}://$registry/v2/hello-world/manifests/latest > step3.body 2> step3.log
"""


def walk(registry: RunningRegistry, folder: Path, *, options: str = "") -> None:
    """Run the document's lines in a shell."""
    require_tool("curl", package="curl")
    scheme, _, host = registry.url.partition("://")
    script = WALK.format(
        host=host, scheme=scheme, username="acrux", password=registry.password, options=options
    )
    subprocess.run(["bash", "-c", script], cwd=folder, check=True, timeout=60)


def check(folder: Path, registry: RunningRegistry) -> None:
    """Check that every step answered as the document says."""
    steps = [(folder / f"step{number}.log").read_text() for number in (1, 2, 3)]
    assert " 401 " in status_line(steps[0])
    challenge = (
        f'Bearer realm="{registry.url}/oauth2/token",service="{registry.host}",'
        'scope="repository:hello-world:pull"'
    )
    assert challenge in steps[0]
    assert json.loads((folder / "step1.body").read_text()) == {
        "errors": [
            {
                "code": "UNAUTHORIZED",
                "message": "authentication required",
                "detail": [{"Type": "repository", "Name": "hello-world", "Action": "pull"}],
            }
        ]
    }
    assert " 200 " in status_line(steps[1])
    assert json.loads((folder / "step2.body").read_text())["access_token"].count(".") == 2
    assert " 200 " in status_line(steps[2])


def status_line(log: str) -> str:
    """The status line of curl's verbose output, with a space after it."""
    return next(line for line in log.splitlines() if line.startswith("< HTTP/")) + " "


def test_the_document_works_over_http(
    registry: RunningRegistry, hello_world: Image, tmp_path: Path
) -> None:
    """This is the purpose of the registry."""
    walk(registry, tmp_path)

    check(tmp_path, registry)
    assert (tmp_path / "step3.body").read_bytes() == hello_world.manifest


def test_the_document_works_over_https_with_a_certificate_of_our_own(tmp_path: Path) -> None:
    """The document writes https, and nobody should have to buy a certificate to try it."""
    with running(tmp_path / "data", "--tls-self-signed", "--sample") as registry:
        ca = next(
            line.split()[1]
            for line in registry.log.read_text().splitlines()
            if line.startswith("CA ")
        )
        walk(registry, tmp_path, options=f"--cacert {ca}")

        check(tmp_path, registry)


@pytest.mark.parametrize("tls", [False, True])
def test_the_three_commands_that_the_first_start_prints_do_the_walk(
    tmp_path: Path, *, tls: bool
) -> None:
    """New users copy them."""
    require_tool("curl", package="curl")
    arguments = ("--sample", "--tls-self-signed") if tls else ("--sample",)
    with running(tmp_path / "data", *arguments) as registry:
        lines = [line.strip() for line in registry.log.read_text().splitlines()]
        [encode] = [line for line in lines if line.startswith("acr_credential=")]
        encode = encode.replace("PASSWORD", registry.password)
        printed = [line for line in lines if line.startswith("curl ")]
        assert len(printed) == 3

        done = [
            subprocess.run(
                ["bash", "-c", f"{encode}\n{command}"],
                capture_output=True, text=True, timeout=60, check=True,
            )
            for command in printed
        ]  # fmt: skip

    statuses = [status_line(step.stderr.rpartition("> Host")[2]).split()[2] for step in done]
    assert statuses == ["401", "200", "200"]
    assert json.loads(done[2].stdout)["schemaVersion"] == 2
