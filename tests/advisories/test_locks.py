"""Deletions and overwrites that a policy forbade."""

import json

import pytest

from tests.http.caller import Answer, Caller
from tests.images import image

FIRST, SECOND = image(b"first"), image(b"second")


async def lock(admin: Caller, path: str, **switches: bool) -> None:
    """Set attributes of team/app, or of something in it."""
    answer = await admin.call(
        "PATCH", f"/acr/v1/team/app{path}", body=json.dumps(switches).encode()
    )
    assert answer.status == 200, answer.body


async def is_as_before(admin: Caller) -> bool:
    """Whether v1 still points to the first image."""
    return (await admin.pull("team/app", "v1")).body == FIRST.manifest


DELETIONS = {
    "the tag": "/v2/team/app/manifests/v1",
    "the tag, at ACR's API": "/acr/v1/team/app/_tags/v1",
    "the manifest below it": f"/v2/team/app/manifests/{FIRST.digest}",
    "the repository": "/acr/v1/team/app",
}
LOCKS = {
    "the tag may not be deleted": ("/_tags/v1", "deleteEnabled"),
    "the tag may not be written": ("/_tags/v1", "writeEnabled"),
    "the manifest may not be deleted": (f"/_manifests/{FIRST.digest}", "deleteEnabled"),
    "the manifest may not be written": (f"/_manifests/{FIRST.digest}", "writeEnabled"),
    "the repository may not be written": ("", "writeEnabled"),
}
# acr-protocol.md §5.5: a tag and its manifest are locked independently.
ALLOWED = {
    (lock, deletion)
    for lock in LOCKS
    for deletion in DELETIONS
    if "manifest may" in lock and "tag" in deletion
}


@pytest.mark.parametrize("deletion", DELETIONS)
@pytest.mark.parametrize("locked", LOCKS)
async def test_cve_2026_41888_what_is_locked_is_deleted_by_no_route(
    admin: Caller, locked: str, deletion: str
) -> None:
    """distribution forgot `delete.enabled` on one route; here one function decides for all."""
    await admin.push("team/app", "v1", FIRST)
    path, switch = LOCKS[locked]
    await lock(admin, path, **{switch: False})

    answer = await admin.call("DELETE", DELETIONS[deletion])

    if (locked, deletion) in ALLOWED:
        assert answer.status == 202
    else:
        assert (answer.status, answer.code) == (405, "REGISTRY_DISALLOWED_OPERATION")
        assert await is_as_before(admin)


async def overwrite(admin: Caller, how: str) -> Answer:
    """Point v1 to the second image."""
    if how == "by tag":
        return await admin.put_manifest("team/app", "v1", SECOND.manifest, SECOND.media_type)
    reference = {"in the query": str(SECOND.digest), "beside another tag": "v2"}[how]
    return await admin.call(
        "PUT",
        f"/v2/team/app/manifests/{reference}?tag=v1",
        headers={"Content-Type": SECOND.media_type},
        body=SECOND.manifest,
    )


@pytest.mark.parametrize("how", ["by tag", "in the query", "beside another tag"])
@pytest.mark.parametrize("path", ["/_tags/v1", ""])
async def test_cve_2026_31801_what_may_not_be_written_is_not_overwritten(
    admin: Caller, path: str, how: str
) -> None:
    """In zot, the right to create sufficed to overwrite `latest`; here the write itself decides."""
    await admin.push("team/app", "v1", FIRST)
    await admin.push("team/app", "other", SECOND)
    await lock(admin, path, writeEnabled=False)

    answer = await overwrite(admin, how)

    assert (answer.status, answer.code) == (405, "REGISTRY_DISALLOWED_OPERATION")
    assert await is_as_before(admin)
    assert (await admin.pull("team/app", "v2")).status == 404


async def test_cve_2026_41888_deletions_succeed_if_nothing_is_locked(admin: Caller) -> None:
    """Otherwise a registry that deletes nothing at all would pass the tests above."""
    await admin.push("team/app", "v1", FIRST)
    await admin.push("team/app", "v2", FIRST)
    await lock(admin, "/_tags/v2", deleteEnabled=False)

    answer = await admin.call("DELETE", "/v2/team/app/manifests/v1")

    assert answer.status == 202
    assert (await admin.pull("team/app", "v2")).status == 200
