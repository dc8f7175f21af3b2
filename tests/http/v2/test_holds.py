"""Whose requests keep content for a push: those of a token that may push."""

import pytest

from acrux.adapters.sql.database import Statement
from acrux.adapters.sqlite.database import SqliteDatabase
from acrux.domain.content.digest import Digest
from acrux.domain.content.media_types import OCI_MANIFEST
from acrux.settings import Settings
from tests.http.caller import Caller
from tests.images import image

IMAGE = image(b"a layer")
BLOB = f"/v2/app/blobs/{Digest.of(b'a layer')}"
BY_DIGEST = f"/v2/app/manifests/{IMAGE.digest}"
BY_TAG = "/v2/app/manifests/v1"

_HELD = "SELECT digest FROM holds"


@pytest.fixture(autouse=True)
async def pushed(admin: Caller, settings: Settings) -> None:
    """An image, whose push has ended."""
    await admin.push("app", "v1", IMAGE)
    assert await held(settings) == set()


async def held(settings: Settings) -> set[str]:
    """The digests that are held."""
    # Not with Python's own SQLite: closing a file drops the locks of the other library.
    database = SqliteDatabase(settings.data_dir / "registry.sqlite")
    database.open()
    try:
        return {digest for (digest,) in await database.read(Statement(_HELD, {}))}
    finally:
        database.close()


@pytest.mark.parametrize("path", [BLOB, BY_DIGEST])
async def test_what_a_push_was_told_is_there_is_held(
    stranger: Caller, settings: Settings, path: str
) -> None:
    """It would be collected before the push names it."""
    pusher = await stranger.login("repository:app:pull,push")

    assert (await pusher.call("HEAD", path)).status == 200

    assert await held(settings) == {path.rpartition("/")[2]}


@pytest.mark.parametrize("method", ["GET", "HEAD"])
@pytest.mark.parametrize("path", [BLOB, BY_DIGEST, BY_TAG])
async def test_a_pull_holds_nothing(
    stranger: Caller, settings: Settings, path: str, method: str
) -> None:
    """Each pull would write to the database."""
    puller = await stranger.login("repository:app:pull")
    elsewhere = await stranger.login("repository:app:pull", "repository:other:pull,push")

    for caller in (puller, elsewhere):
        assert (await caller.call(method, path)).status == 200
    basic = {"Authorization": stranger.basic}
    assert (await stranger.call(method, path, headers=basic)).status == 200

    assert await held(settings) == set()


@pytest.mark.parametrize(
    ("method", "path"), [("HEAD", BY_TAG), ("GET", BY_TAG), ("GET", BY_DIGEST), ("GET", BLOB)]
)
async def test_neither_a_tag_nor_a_download_is_held_for_a_pusher(
    stranger: Caller, settings: Settings, method: str, path: str
) -> None:
    """Some clients request to push too whenever they pull."""
    pusher = await stranger.login("repository:app:pull,push")

    assert (await pusher.call(method, path)).status == 200

    assert await held(settings) == set()


async def test_a_mounted_blob_is_held_until_its_manifest_comes(
    admin: Caller, settings: Settings
) -> None:
    """A copy between repositories mounts every layer first."""
    for blob in IMAGE.blobs:
        mount = {"mount": str(Digest.of(blob)), "from": "app"}
        answer = await admin.call("POST", "/v2/copy/blobs/uploads/", query=mount)
        assert answer.status == 201
    assert await held(settings) == {str(Digest.of(blob)) for blob in IMAGE.blobs}

    await admin.put_manifest("copy", "v1", IMAGE.manifest, OCI_MANIFEST)

    assert await held(settings) == set()
