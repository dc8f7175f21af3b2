"""oras: the Python client pushes, pulls, lists and deletes artifacts."""

from pathlib import Path

import pytest
from oras.client import OrasClient
from oras.oci import Subject

from acrux.domain.content.media_types import OCI_MANIFEST
from tests.running import RunningRegistry
from tests.wire.connection import MEBIBYTE, Connection, pattern


@pytest.fixture
def oras(registry: RunningRegistry) -> OrasClient:
    """A client that sends a user name and password."""
    client = OrasClient(hostname=registry.host, insecure=True, auth_backend="basic")
    client.auth.set_basic_auth("acrux", registry.password)
    return client


@pytest.fixture
def oras_with_token(registry: RunningRegistry) -> OrasClient:
    """A client that was given an access token.

    By itself it requests the scope of its first request and never another: its first push to
    any registry with scoped tokens fails with a 401.
    """
    connection = Connection(registry.port)
    connection.login("acrux", registry.password)
    connection.close()
    client = OrasClient(hostname=registry.host, insecure=True, auth_backend="token")
    client.auth.set_token_auth(connection.authorization["Authorization"].removeprefix("Bearer "))
    return client


def write(folder: Path, **contents: bytes) -> list[str]:
    """Write files with these names and contents, and return their paths."""
    for name, content in contents.items():
        (folder / name).write_bytes(content)
    return [str(folder / name) for name in contents]


def push(oras: OrasClient, target: str, *files: str, **options: object) -> Subject:
    """Push the files as an artifact, and return the subject that another artifact can name."""
    pushed = oras.push(
        target, files=list(files), disable_path_validation=True, quiet=True, **options
    )
    digest = pushed.headers["Docker-Content-Digest"]
    return Subject(OCI_MANIFEST, digest, len(pushed.request.body))


def pull(oras: OrasClient, target: str, folder: Path) -> dict[str, bytes]:
    """The files of an artifact: names and contents."""
    files = [Path(file) for file in oras.pull(target, outdir=str(folder))]
    return {file.name: file.read_bytes() for file in files}


@pytest.mark.parametrize("client", ["oras", "oras_with_token"])
@pytest.mark.parametrize("chunked", [False, True], ids=["whole", "chunked"])
def test_files_come_back_as_they_were_pushed(
    request: pytest.FixtureRequest,
    registry: RunningRegistry,
    tmp_path: Path,
    client: str,
    *,
    chunked: bool,
) -> None:
    """Charts, models, policies: a registry holds more than images."""
    oras = request.getfixturevalue(client)
    contents = {"small": client.encode(), "large": b"".join(pattern(3)) + client.encode()}
    target = f"{registry.host}/{client}/files:{chunked}"

    push(oras, target, *write(tmp_path, **contents), do_chunked=chunked, chunk_size=MEBIBYTE)

    assert pull(oras, target, tmp_path / "back") == contents


def test_tags_are_listed(oras: OrasClient, registry: RunningRegistry, tmp_path: Path) -> None:
    """All of them, or as many as requested."""
    files = write(tmp_path, file=b"tagged")
    target = f"{registry.host}/oras/tags"
    for tag in ("a", "b", "c", "d", "e"):
        push(oras, f"{target}:{tag}", *files)

    assert oras.get_tags(target) == ["a", "b", "c", "d", "e"]
    assert oras.get_tags(target, N=3) == ["a", "b", "c"]


def test_an_artifact_names_the_one_it_belongs_to(
    oras: OrasClient, registry: RunningRegistry, tmp_path: Path
) -> None:
    """Signatures and bills of materials are found through their subject."""
    target = f"{registry.host}/oras/subject"
    subject = push(oras, f"{target}:v1", *write(tmp_path, program=b"signed"))

    signature = push(oras, f"{target}:v1-sig", *write(tmp_path, sig=b"by me"), subject=subject)
    found = oras.do_request(f"{registry.url}/v2/oras/subject/referrers/{subject.digest}").json()

    assert [entry["digest"] for entry in found["manifests"]] == [signature.digest]


def test_a_deleted_tag_is_gone_and_the_others_stay(
    oras: OrasClient, registry: RunningRegistry, tmp_path: Path
) -> None:
    """It deletes the manifest that the tag points to."""
    target = f"{registry.host}/oras/deleted"
    push(oras, f"{target}:v1", *write(tmp_path, file=b"one"))
    push(oras, f"{target}:v2", *write(tmp_path, file=b"two"))

    assert oras.delete_tag(f"{target}:v1", "v1")

    assert oras.get_tags(target) == ["v2"]
    assert pull(oras, f"{target}:v2", tmp_path / "back") == {"file": b"two"}


def test_files_are_pushed_and_pulled_over_https(
    secure_registry: RunningRegistry, ca_file: Path, tmp_path: Path
) -> None:
    """With the CA file that the registry prints."""
    host = f"localhost:{secure_registry.port}"
    oras = OrasClient(hostname=host, tls_verify=str(ca_file), auth_backend="basic")
    oras.auth.set_basic_auth("acrux", secure_registry.password)

    push(oras, f"{host}/oras/secure:v1", *write(tmp_path, file=b"secure"))

    assert pull(oras, f"{host}/oras/secure:v1", tmp_path / "back") == {"file": b"secure"}
