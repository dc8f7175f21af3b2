"""What is missing or damaged in the store: never linked, never served, healed by a push."""

import sqlite3
from contextlib import closing
from pathlib import Path

import pytest

from acrux.domain.digest import Digest
from acrux.domain.media_types import OCI_MANIFEST
from acrux.settings import Settings
from tests.http.caller import Caller
from tests.images import image

LAYER = b"a layer" * 100
IMAGE = image(LAYER)
PATH = f"/v2/app/blobs/{Digest.of(LAYER)}"
MANIFEST = "/v2/app/manifests/v1"


def file_of(settings: Settings, content: bytes) -> Path:
    """Where a blob lies."""
    (file,) = (settings.data_dir / "blobs").rglob(Digest.of(content).encoded)
    return file


def damage(settings: Settings, statement: str) -> None:
    """Change what the database holds behind the registry's back."""
    with closing(sqlite3.connect(settings.data_dir / "registry.sqlite")) as database:
        database.execute(statement)
        database.commit()


async def push_blobs(admin: Caller) -> None:
    """Push what the image consists of, beside its manifest."""
    for blob in IMAGE.blobs:
        await admin.push_blob("app", blob)


@pytest.mark.parametrize("left", [None, b"", LAYER[:-1], LAYER + b"x"])
async def test_what_is_not_there_whole_is_neither_mounted_nor_named_by_a_manifest(
    admin: Caller, settings: Settings, left: bytes | None
) -> None:
    """A copy would succeed without its content."""
    await push_blobs(admin)
    file = file_of(settings, LAYER)
    file.unlink()
    if left is not None:
        file.write_bytes(left)

    mount = {"mount": str(Digest.of(LAYER)), "from": "app"}
    mounted = await admin.call("POST", "/v2/copy/blobs/uploads/", query=mount)
    put = await admin.put_manifest("app", "v1", IMAGE.manifest, OCI_MANIFEST)

    assert mounted.status == 202
    assert (put.status, put.code) == (400, "MANIFEST_BLOB_UNKNOWN")
    assert str(Digest.of(LAYER)) in put.body.decode()
    await admin.push_blob("app", LAYER)
    mounted = await admin.call("POST", "/v2/copy/blobs/uploads/", query=mount)
    assert mounted.status == 201
    assert (await admin.put_manifest("app", "v1", IMAGE.manifest, OCI_MANIFEST)).status == 201


async def test_a_link_with_another_size_is_put_right_by_a_push(
    admin: Caller, settings: Settings
) -> None:
    """Its blob would be missing for ever, however often it is pushed."""
    await push_blobs(admin)
    damage(settings, "UPDATE blob_links SET size = size + 1")
    assert (await admin.call("HEAD", PATH)).status == 404

    await admin.push_blob("app", LAYER)

    assert (await admin.call("GET", PATH)).body == LAYER


@pytest.mark.parametrize("reference", ["v1", str(IMAGE.digest)])
@pytest.mark.parametrize(
    "change", ["content = CAST(' ' AS BLOB) || content", "content = 'text'", "content = x''"]
)
async def test_a_manifest_whose_bytes_were_altered_is_missing_until_it_is_pushed_again(
    admin: Caller, settings: Settings, change: str, reference: str
) -> None:
    """Other content would be served under the digest that somebody trusts."""
    path = f"/v2/app/manifests/{reference}"
    await push_blobs(admin)
    await admin.put_manifest("app", "v1", IMAGE.manifest, OCI_MANIFEST)
    assert (await admin.call("GET", path)).status == 200
    altered = f"UPDATE manifests SET {change}, annotations = '{{}}'"  # noqa: S608 -- the test's own
    damage(settings, altered)

    for method in ("GET", "HEAD"):
        assert (await admin.call(method, path)).status == 404
    assert (await admin.put_manifest("app", "v1", IMAGE.manifest, OCI_MANIFEST)).status == 201

    assert (await admin.call("GET", path)).body == IMAGE.manifest


async def test_a_small_blob_with_other_bytes_is_missing_until_it_is_pushed_again(
    admin: Caller, settings: Settings
) -> None:
    """A disk that rots gives other bytes of the same length."""
    await push_blobs(admin)
    file_of(settings, LAYER).write_bytes(LAYER[::-1])

    assert (await admin.call("GET", PATH)).status == 404
    assert (await admin.call("HEAD", PATH)).status == 404
    assert (await admin.put_manifest("app", "v1", IMAGE.manifest, OCI_MANIFEST)).status == 400
    await admin.push_blob("app", LAYER)

    assert (await admin.call("GET", PATH)).body == LAYER


@pytest.mark.parametrize("method", ["GET", "HEAD"])
async def test_a_blob_that_cannot_be_opened_is_never_said_to_be_missing(
    admin: Caller, settings: Settings, method: str
) -> None:
    """A client takes a 404 for the truth, and a mirror deletes what it believes is gone."""
    await push_blobs(admin)
    file = file_of(settings, LAYER)
    file.unlink()
    file.symlink_to(file)  # an error of its own: ELOOP

    answer = await admin.call(method, PATH)

    assert answer.status == 503
    assert method == "HEAD" or answer.code == "UNSUPPORTED"
