"""Missing or damaged content: never linked or served, healed by a push."""

import json
import sqlite3
from contextlib import closing
from pathlib import Path

import pytest

from acrux.domain.content.digest import Digest
from acrux.domain.content.media_types import OCI_INDEX, OCI_MANIFEST
from acrux.http.request_log import Damage
from acrux.settings import Settings
from tests.http.caller import Caller
from tests.http.conftest import Lines
from tests.images import image
from tests.tools import blob_file

LAYER = b"a layer" * 100
IMAGE = image(LAYER)
PATH = f"/v2/app/blobs/{Digest.of(LAYER)}"
MANIFEST = "/v2/app/manifests/v1"


def file_of(settings: Settings, content: bytes) -> Path:
    """The file of a blob that was pushed once."""
    return blob_file(settings.data_dir, Digest.of(content))


def damage(settings: Settings, statement: str) -> None:
    """Change the database behind the registry's back."""
    with closing(sqlite3.connect(settings.data_dir / "registry.sqlite")) as database:
        database.execute(statement)
        database.commit()


async def push_blobs(admin: Caller) -> None:
    """Push the blobs of the image, but not its manifest."""
    for blob in IMAGE.blobs:
        await admin.push_blob("app", blob)


@pytest.mark.parametrize("left", [None, b"", LAYER[:-1], LAYER + b"x"])
async def test_an_incomplete_blob_is_neither_mounted_nor_accepted_in_a_manifest(
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


async def test_a_blob_with_a_wrong_size_is_repaired_by_a_push(
    admin: Caller, settings: Settings
) -> None:
    """Its blob would stay missing, however often it is pushed."""
    await push_blobs(admin)
    damage(settings, "UPDATE blobs SET size = size + 1")
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
    """Other content would be served under a digest that somebody trusts."""
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


@pytest.mark.parametrize("reference", ["v1", str(IMAGE.digest)])
async def test_a_manifest_whose_media_type_alone_was_altered_is_missing_until_it_is_pushed_again(
    admin: Caller, settings: Settings, reference: str
) -> None:
    """A client would read an image as an index; the signature says nothing about the type."""
    path = f"/v2/app/manifests/{reference}"
    await push_blobs(admin)
    await admin.put_manifest("app", "v1", IMAGE.manifest, OCI_MANIFEST)
    assert (await admin.call("GET", path)).status == 200
    damage(settings, f"UPDATE manifests SET media_type = '{OCI_INDEX}'")  # noqa: S608 -- our own

    for method in ("GET", "HEAD"):
        assert (await admin.call(method, path)).status == 404
    assert (await admin.put_manifest("app", "v1", IMAGE.manifest, OCI_MANIFEST)).status == 201

    healed = await admin.call("GET", path)
    assert (healed.body, healed.header("Content-Type")) == (IMAGE.manifest, OCI_MANIFEST)


async def test_a_manifest_that_states_no_type_is_served_as_what_it_was_pushed_as(
    admin: Caller,
) -> None:
    """The specification lets an image leave it out: this must not look like damage."""
    unstated = {**json.loads(IMAGE.manifest)}
    del unstated["mediaType"]
    await push_blobs(admin)

    put = await admin.put_manifest("app", "v1", json.dumps(unstated).encode(), OCI_MANIFEST)

    assert put.status == 201
    assert (await admin.call("GET", MANIFEST)).header("Content-Type") == OCI_MANIFEST


def told(log: Lines) -> list[dict[str, object]]:
    """The damage that was logged."""
    return [line for line in log.lines if line["event"] == "damaged"]


@pytest.mark.parametrize("method", ["GET", "HEAD"])
@pytest.mark.parametrize("left", [None, b"", LAYER[:-1], LAYER + b"x"])
async def test_an_incomplete_blob_is_logged(
    admin: Caller, settings: Settings, log: Lines, left: bytes | None, method: str
) -> None:
    """Nobody checks the disk because one client is told that a layer is missing."""
    await push_blobs(admin)
    file = file_of(settings, LAYER)
    file.unlink()
    if left is not None:
        file.write_bytes(left)

    for _ in range(3):
        assert (await admin.call(method, PATH)).status == 404

    digest = str(Digest.of(LAYER))
    assert told(log) == [
        {"event": "damaged", "kind": "blob", "repository": "app", "digest": digest, "times": 1}
    ]


async def test_a_small_blob_with_other_bytes_is_logged(
    admin: Caller, settings: Settings, log: Lines
) -> None:
    """It is found when it is read."""
    await push_blobs(admin)
    file_of(settings, LAYER).write_bytes(LAYER[::-1])

    assert (await admin.call("GET", PATH)).status == 404

    assert [line["digest"] for line in told(log)] == [str(Digest.of(LAYER))]


@pytest.mark.parametrize("change", ["content = x''", f"media_type = '{OCI_INDEX}'"])
async def test_a_damaged_manifest_is_logged(
    admin: Caller, settings: Settings, log: Lines, change: str
) -> None:
    """By its digest, even if it was requested by a tag."""
    await push_blobs(admin)
    await admin.put_manifest("app", "v1", IMAGE.manifest, OCI_MANIFEST)
    damage(settings, f"UPDATE manifests SET {change}")  # noqa: S608 -- the test's own

    assert (await admin.call("GET", MANIFEST)).status == 404

    digest = str(IMAGE.digest)
    assert told(log) == [
        {"event": "damaged", "kind": "manifest", "repository": "app", "digest": digest, "times": 1}
    ]


async def test_content_that_was_never_there_is_not_logged(admin: Caller, log: Lines) -> None:
    """Every push begins with such a request."""
    await push_blobs(admin)

    for path in (MANIFEST, f"/v2/app/blobs/{Digest.of(b'nowhere')}"):
        assert (await admin.call("HEAD", path)).status == 404

    assert told(log) == []


def test_damage_is_logged_once_a_minute_with_a_count(log: Lines) -> None:
    """A hundred nodes that pull a damaged image would fill the log."""
    ticks = [0.0]
    damage = Damage("blob", log, lambda: ticks[0])
    for second in range(0, 121, 10):
        ticks[0] = float(second)
        damage.tell("app", "sha256:0")

    assert [line["times"] for line in told(log)] == [1, 6, 6]


async def test_a_small_blob_with_other_bytes_is_missing_until_it_is_pushed_again(
    admin: Caller, settings: Settings
) -> None:
    """A failing disk returns other bytes of the same length."""
    await push_blobs(admin)
    file_of(settings, LAYER).write_bytes(LAYER[::-1])

    assert (await admin.call("GET", PATH)).status == 404
    assert (await admin.call("HEAD", PATH)).status == 404
    assert (await admin.put_manifest("app", "v1", IMAGE.manifest, OCI_MANIFEST)).status == 400
    await admin.push_blob("app", LAYER)

    assert (await admin.call("GET", PATH)).body == LAYER


@pytest.mark.parametrize("method", ["GET", "HEAD"])
async def test_a_blob_that_cannot_be_opened_is_never_reported_missing(
    admin: Caller, settings: Settings, method: str
) -> None:
    """A client believes a 404, and a mirror deletes what it believes is gone."""
    await push_blobs(admin)
    file = file_of(settings, LAYER)
    file.unlink()
    file.symlink_to(file)  # fails with ELOOP

    answer = await admin.call(method, PATH)

    assert answer.status == 503
    assert method == "HEAD" or answer.code == "UNSUPPORTED"
