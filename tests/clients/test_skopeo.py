"""skopeo copies both ways: OCI and docker's formats, many platforms."""

import json
import subprocess
from pathlib import Path

import pytest

from acrux.domain.content.digest import Digest
from acrux.domain.content.media_types import DOCKER_MANIFEST, OCI_INDEX, OCI_MANIFEST
from tests.clients.layouts import gzip_image, write_index
from tests.running import RunningRegistry, write_layout
from tests.tools import require_tool


def skopeo(*arguments: str) -> str:
    """Run skopeo and return its output."""
    tool = require_tool("skopeo", package="skopeo")
    done = subprocess.run(
        [tool, "--insecure-policy", *arguments], capture_output=True, text=True, timeout=120,
        check=False,
    )  # fmt: skip
    assert done.returncode == 0, done.stderr
    return done.stdout


def manifest_type(folder: Path) -> str:
    """The media type of a layout's only manifest."""
    (entry,) = json.loads((folder / "index.json").read_text())["manifests"]
    media_type: str = entry["mediaType"]
    return media_type


@pytest.mark.parametrize(("form", "media_type"), [("oci", OCI_MANIFEST), ("v2s2", DOCKER_MANIFEST)])
def test_an_image_is_copied_there_and_back(
    registry: RunningRegistry, tmp_path: Path, form: str, media_type: str
) -> None:
    """The pulled image is the one that was pushed."""
    source = write_layout(tmp_path / "source", gzip_image("a file"), "v1")
    there = f"docker://{registry.host}/skopeo/{form}:v1"
    credentials = f"acrux:{registry.password}"

    skopeo("copy", "--format", form, "--dest-tls-verify=false", "--dest-creds", credentials,
           f"oci:{source}:v1", there)  # fmt: skip
    raw = skopeo("inspect", "--raw", "--tls-verify=false", "--creds", credentials, there)
    skopeo("copy", "--src-tls-verify=false", "--src-creds", credentials, there,
           f"dir:{tmp_path / 'back'}")  # fmt: skip

    assert json.loads(raw)["mediaType"] == media_type
    back = (tmp_path / "back" / "manifest.json").read_bytes()
    assert back == raw.encode()
    layers = json.loads(raw)["layers"]
    for layer in layers:
        content = (tmp_path / "back" / layer["digest"].removeprefix("sha256:")).read_bytes()
        assert str(Digest.of(content)) == layer["digest"]


def test_an_index_of_two_platforms_is_copied_whole(
    registry: RunningRegistry, tmp_path: Path
) -> None:
    """Most images that people pull are for many platforms."""
    source = write_index(tmp_path / "source", ("amd64", "arm64"))
    there = f"docker://{registry.host}/skopeo/platforms:v1"
    credentials = f"acrux:{registry.password}"

    skopeo("copy", "--all", "--dest-tls-verify=false", "--dest-creds", credentials,
           f"oci:{source}:v1", there)  # fmt: skip
    skopeo("copy", "--all", "--src-tls-verify=false", "--src-creds", credentials, there,
           f"oci:{tmp_path / 'back'}:v1")  # fmt: skip

    assert manifest_type(tmp_path / "back") == OCI_INDEX
    sent = {file.name for file in (source / "blobs" / "sha256").iterdir()}
    assert sent == {file.name for file in (tmp_path / "back" / "blobs" / "sha256").iterdir()}


def test_tags_are_listed_and_an_image_is_deleted(registry: RunningRegistry, tmp_path: Path) -> None:
    """skopeo requests only pull when it lists."""
    source = write_layout(tmp_path / "source", gzip_image("to delete"), "v1")
    there = f"docker://{registry.host}/skopeo/deleted"
    credentials = f"acrux:{registry.password}"
    for tag in ("v1", "v2"):
        skopeo("copy", "--dest-tls-verify=false", "--dest-creds", credentials,
               f"oci:{source}:v1", f"{there}:{tag}")  # fmt: skip

    listed = skopeo("list-tags", "--tls-verify=false", "--creds", credentials, there)
    skopeo("delete", "--tls-verify=false", "--creds", credentials, f"{there}:v1")

    assert json.loads(listed)["Tags"] == ["v1", "v2"]
    tool = require_tool("skopeo", package="skopeo")
    gone = subprocess.run(
        [tool, "inspect", "--tls-verify=false", "--creds", credentials, f"{there}:v1"],
        capture_output=True, text=True, timeout=60, check=False,
    )  # fmt: skip
    assert gone.returncode != 0


def test_login_takes_the_right_password_and_no_other(
    registry: RunningRegistry, tmp_path: Path
) -> None:
    """A login that accepts anything is worse than none."""
    tool = require_tool("skopeo", package="skopeo")
    outcomes = [
        subprocess.run(
            [tool, "login", "--tls-verify=false", "--authfile", str(tmp_path / "auth.json"),
             "-u", "acrux", "-p", password, registry.host],
            capture_output=True, text=True, timeout=60, check=False,
        ).returncode
        for password in (registry.password, "wrong")
    ]  # fmt: skip

    assert outcomes[0] == 0
    assert outcomes[1] != 0


def test_an_image_is_copied_over_https(
    secure_registry: RunningRegistry, ca_file: Path, tmp_path: Path
) -> None:
    """Go accepts a certificate that acrux generated."""
    certificates = tmp_path / "certificates"
    certificates.mkdir()
    (certificates / "ca.crt").write_bytes(ca_file.read_bytes())
    source = write_layout(tmp_path / "source", gzip_image("secure"), "v1")
    host = f"localhost:{secure_registry.port}"

    skopeo("copy", "--dest-cert-dir", str(certificates), "--dest-creds",
           f"acrux:{secure_registry.password}", f"oci:{source}:v1",
           f"docker://{host}/skopeo/secure:v1")  # fmt: skip
