"""Content and settings that the wrong people could reach."""

import dataclasses
import re
from pathlib import Path

import pytest

from acrux.bootstrap.application import Registry, build
from acrux.domain.content.digest import Digest
from acrux.http.access import guard
from acrux.settings import Settings
from tests.http.caller import Caller, basic
from tests.http.conftest import HandClock, Lines
from tests.images import image

BLOB = b"not for everybody"
DIGEST = Digest.of(BLOB)
NOWHERE = "sha256:" + 64 * "0"
PARTS = {
    "repository": "private/app",
    "reference": "v1",
    "digest": str(DIGEST),
    "upload": "00000000-0000-4000-8000-000000000000",
    "tag": "v1",
}


async def test_cve_2026_35172_a_blob_that_was_deleted_stays_deleted(admin: Caller) -> None:
    """A cache of distribution served a deleted blob; here each request checks the link."""
    for repository in ("team/app", "team/other"):
        await admin.push_blob(repository, BLOB)
        assert (await admin.call("GET", f"/v2/{repository}/blobs/{DIGEST}")).status == 200

    deleted = await admin.call("DELETE", f"/v2/team/app/blobs/{DIGEST}")

    assert deleted.status == 202
    for method in ("GET", "HEAD"):
        assert (await admin.call(method, f"/v2/team/app/blobs/{DIGEST}")).status == 404
        assert (await admin.call(method, f"/v2/team/other/blobs/{DIGEST}")).status == 200


@pytest.mark.parametrize(
    ("source", "status"), [("&from=private/app", 401), ("", 202), ("&from=nowhere", 401)]
)
async def test_cve_2024_39897_a_mount_needs_the_right_to_read(
    stranger: Caller, admin: Caller, source: str, status: int
) -> None:
    """zot mounted any blob whose digest was known; here an unreadable blob looks missing."""
    await admin.push_blob("private/app", BLOB)
    pusher = await stranger.login("repository:team/app:pull,push")

    mount = await pusher.call("POST", f"/v2/team/app/blobs/uploads/?mount={DIGEST}{source}")
    nowhere = await pusher.call("POST", f"/v2/team/app/blobs/uploads/?mount={NOWHERE}{source}")

    assert mount.status == nowhere.status == status
    assert {name for name, _ in mount.headers} == {name for name, _ in nowhere.headers}
    assert (await pusher.call("GET", f"/v2/team/app/blobs/{DIGEST}")).status == 404


async def test_cve_2024_39897_a_right_on_a_source_without_the_blob_is_not_enough(
    stranger: Caller, admin: Caller
) -> None:
    """The permission must be on a repository that holds the blob, not on any other."""
    await admin.push_blob("private/app", BLOB)
    await admin.push_blob("team/public", b"something else")
    pusher = await stranger.login("repository:team/app:pull,push", "repository:team/public:pull")

    for source in ("&from=team/public", ""):
        answer = await pusher.call("POST", f"/v2/team/app/blobs/uploads/?mount={DIGEST}{source}")

        assert answer.status == 202


@pytest.mark.parametrize("method", ["GET", "PATCH", "PUT", "DELETE"])
async def test_cve_2026_32589_an_upload_belongs_to_its_repository(
    admin: Caller, stranger: Caller, method: str
) -> None:
    """In Quay, an upload's id was enough to continue it from anywhere; here the answer is 404."""
    begun = await admin.call("POST", "/v2/private/app/blobs/uploads/")
    location = (begun.header("Location") or "").replace("/v2/private/app/", "/v2/team/app/")
    pusher = await stranger.login("repository:team/app:pull,push")

    answer = await pusher.call(
        method, f"{location}{'&' if '?' in location else '?'}digest={DIGEST}", body=BLOB
    )

    assert (answer.status, answer.code) == (404, "BLOB_UPLOAD_UNKNOWN")
    assert (await admin.call("GET", begun.header("Location") or "")).header("Range") == "0-0"


def _endpoints(registry: Registry) -> list[tuple[str, str]]:
    return [
        (method, re.sub(r"{(\w+)}", lambda part: PARTS.get(part[1], "anything"), row.path))
        for row in registry.rows
        for method, endpoint in row.methods.items()
        if endpoint.requires is not guard.public
    ]


@pytest.mark.parametrize("credential", [None, basic("", ""), basic("acrux", ""), "Bearer x"])
async def test_cve_2026_27771_nobody_reads_what_is_private(
    admin: Caller, credential: str | None
) -> None:
    """Gitea served private images to everyone for years; here each route checks, each time."""
    await admin.push("private/app", "v1", image(BLOB))
    nobody = Caller(admin.registry, "", "")
    nobody.authorization = credential
    endpoints = _endpoints(admin.registry)

    answers = [
        await nobody.call(method, path, peer=f"192.0.2.{number}")  # so that no test has to wait
        for number, (method, path) in enumerate(endpoints)
    ]

    assert len(endpoints) > 20
    assert {answer.status for answer in answers} == {401}


async def test_cve_2022_46463_a_list_shows_nothing_to_nobody(admin: Caller) -> None:
    """Harbor listed more to everyone than its users expected; here a list needs a token."""
    await admin.push("private/app", "v1", image(BLOB))
    nobody = Caller(admin.registry, "", "")

    answers = [
        await nobody.call("GET", path)
        for path in ("/v2/_catalog", "/acr/v1/_catalog", "/v2/private/app/tags/list")
    ]

    assert [answer.status for answer in answers] == [401, 401, 401]
    assert all(b"v1" not in answer.body for answer in answers)


@pytest.mark.parametrize("path", ["", "/_tags/v1", "/_manifests/DIGEST"])
async def test_cve_2022_31666_attributes_of_another_repository_are_out_of_reach(
    admin: Caller, stranger: Caller, path: str
) -> None:
    """In Harbor an object's id sufficed to change it; here the repository's permission decides."""
    pushed = image(BLOB)
    for repository in ("private/app", "team/app"):
        await admin.push(repository, "v1", pushed)
    owner = await stranger.login("repository:team/app:*")
    path = path.replace("DIGEST", str(pushed.digest))

    calls = [("GET", b""), ("PATCH", b'{"deleteEnabled": false}'), ("DELETE", b"")]
    for method, body in calls:
        if (method, path) != ("DELETE", f"/_manifests/{pushed.digest}"):  # a route of /v2
            answer = await owner.call(method, f"/acr/v1/private/app{path}", body=body)
            assert answer.status == 401
    assert (await owner.call("GET", f"/acr/v1/team/app{path}")).status == 200


@pytest.mark.parametrize("actions", ["pull", "pull,push", "pull,push,delete", "metadata_read"])
async def test_ghsa_hw28_333w_qxp3_attributes_are_changed_by_their_own_right_alone(
    admin: Caller, stranger: Caller, actions: str
) -> None:
    """Harbor let maintainers edit beyond their role; here each permission stands alone."""
    pushed = image(BLOB)
    await admin.push("team/app", "v1", pushed)
    caller = await stranger.login(f"repository:team/app:{actions}")

    for path in ("", "/_tags/v1", f"/_manifests/{pushed.digest}"):
        answer = await caller.call(
            "PATCH", f"/acr/v1/team/app{path}", body=b'{"writeEnabled": false}'
        )
        assert answer.status == 401
        assert "metadata_write" in (answer.header("WWW-Authenticate") or "")


@pytest.mark.parametrize("name", ["acru", "acruxx", "acrux ", "ACRUX", "robot$acrux", "acrux\0"])
async def test_harbor_23681_an_account_is_identified_by_its_whole_name(
    stranger: Caller, name: str
) -> None:
    """Harbor recognised robots by a prefix of their name, which others could use too."""
    answer = await Caller(stranger.registry, name, stranger.password).token("repository:x:pull")

    assert answer.status == 401


@pytest.mark.parametrize("other", ["team/app2", "team/app/below", "team", "team/ap", "eam/app"])
async def test_harbor_23675_a_right_is_on_the_whole_name_of_a_repository(
    admin: Caller, stranger: Caller, other: str
) -> None:
    """A permission on `team/app` does not cover names that begin or end alike."""
    await admin.push(other, "v1", image(BLOB))
    caller = await stranger.login("repository:team/app:pull,push,delete")

    assert (await caller.pull(other, "v1")).status == 401


async def test_cve_2026_4404_no_password_is_known_beforehand(
    settings: Settings, clock: HandClock, log: Lines, tmp_path: Path
) -> None:
    """Harbor's admin had a well-known password; here each registry generates two, of 256 bits."""
    found = []
    for name in ("one", "two"):
        registry = build(settings.replace(data_dir=tmp_path / name), clock, log)
        await registry.lifespan.open()
        created = await registry.services.accounts.create_administrator("acrux")
        assert created is not None
        found += [password.value.reveal() for password in created.passwords if password.value]
        for guess in ("", "acrux", "admin", "password", "Harbor12345"):
            assert (
                await Caller(registry, "acrux", guess).token("registry:catalog:*")
            ).status == 401
        await registry.lifespan.close()

    assert len(set(found)) == 4
    assert all(len(set(password)) > 16 and len(password) >= 43 for password in found)
    named = [field.name for field in dataclasses.fields(Settings) if "password" in field.name]
    assert named == ["admin_password_file"]  # whoever deploys chooses what is in it
    assert Settings().admin_password_file is None


async def test_ghsa_c9p4_xwr9_rfhx_a_password_that_was_renewed_stops_at_once(
    stranger: Caller,
) -> None:
    """In zot, a user who left a group kept its rights; here each token holds current rights."""
    assert (await stranger.token("registry:catalog:*")).status == 200

    await stranger.registry.services.accounts.renew_password("acrux", "password")

    assert (await stranger.token("registry:catalog:*")).status == 401
    answer = await stranger.call("GET", "/v2/_catalog", headers={"Authorization": stranger.basic})
    assert answer.status == 401
