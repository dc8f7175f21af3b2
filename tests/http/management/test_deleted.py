"""What was deleted, under /management/v1: what `acrux deleted` does."""

import pytest

from acrux.domain.content.policies.soft_delete import SoftDeletePolicy
from tests.http.caller import Caller
from tests.http.management.test_management import ROOT, Manager
from tests.images import image

APP, NEXT = image(b"layer"), image(b"next")
OF_APP = {"repository": "team/app"}


@pytest.fixture
async def manager(stranger: Caller) -> Manager:
    """The administrator of a registry in which team/app was deleted, and an image before."""
    await stranger.registry.services.policies.create(SoftDeletePolicy(repositories="*"))
    pusher = await stranger.login("repository:*:*")
    await pusher.push("team/app", "v1", APP)
    await pusher.push("team/app", "v2", NEXT)
    await pusher.call("DELETE", f"/v2/team/app/manifests/{APP.digest}")
    await pusher.call("DELETE", "/acr/v1/team/app")
    document = (await stranger.call("GET", f"{ROOT}/openapi.json")).json
    return Manager(await stranger.login("registry:management:*", "repository:*:*"), document)


async def test_what_was_deleted_is_listed_in_pages(manager: Manager) -> None:
    """A program sees what a person sees."""
    repositories = await manager.ok("GET", "/deleted")
    first = await manager.call("GET", "/deleted/manifests", **OF_APP, n="1")
    manifests = await manager.ok("GET", "/deleted/manifests", **OF_APP)
    tags = await manager.ok("GET", "/deleted/tags", **OF_APP)

    assert repositories == {"value": ["team/app"]}
    assert "repository=team%2Fapp" in (first.header("Link") or "")
    digests = sorted(str(one.digest) for one in (APP, NEXT))
    assert [one["digest"] for one in manifests["value"]] == digests
    assert [one["tag"] for one in tags["value"]] == ["v1", "v2"]
    assert tags["value"][0]["expiresAfter"] == "2026-11-28T12:00:00Z"


async def test_a_repository_and_then_a_manifest_are_restored(manager: Manager) -> None:
    """A digest says that only the manifest is meant."""
    await manager.ok("POST", "/deleted/restore", OF_APP)
    of_manifest = {**OF_APP, "digest": str(APP.digest), "tag": "v3"}
    await manager.ok("POST", "/deleted/restore", of_manifest)

    for tag, pushed in (("v2", NEXT), ("v3", APP)):
        assert (await manager.caller.pull("team/app", tag)).body == pushed.manifest


async def test_what_is_purged_cannot_be_restored(manager: Manager) -> None:
    """One manifest, and then the rest."""
    of_manifest = {**OF_APP, "digest": str(APP.digest)}
    await manager.ok("POST", "/deleted/purge", of_manifest)
    assert (await manager.refusal("POST", "/deleted/restore", of_manifest))[0] == 404
    await manager.ok("POST", "/deleted/purge", OF_APP)
    assert (await manager.refusal("POST", "/deleted/restore", OF_APP))[0] == 404
    assert (await manager.refusal("POST", "/deleted/purge", OF_APP))[0] == 404
    assert await manager.ok("GET", "/deleted") == {"value": []}


@pytest.mark.parametrize(
    ("path", "body", "word"),
    [
        ("/deleted/restore", {}, "repository"),
        ("/deleted/restore", {**OF_APP, "tag": "v1"}, "digest"),
        ("/deleted/restore", {**OF_APP, "force": True}, "digest"),
        ("/deleted/restore", {**OF_APP, "digest": "sha256:0"}, "digest"),
        ("/deleted/restore", {"repository": "NO"}, "repository"),
        ("/deleted/purge", {**OF_APP, "tag": "v1"}, "tag"),
    ],
)
async def test_a_bad_request_is_refused_in_words(
    manager: Manager, path: str, body: object, word: str
) -> None:
    """The message names what is wrong."""
    status, message = await manager.refusal("POST", path, body)

    assert status == 400
    assert word in message


async def test_a_listing_needs_a_repository(manager: Manager) -> None:
    """The message says how to name it."""
    status, message = await manager.refusal("GET", "/deleted/manifests")

    assert (status, "?repository=" in message) == (400, True)
