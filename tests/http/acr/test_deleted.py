"""What was deleted, over HTTP: /acr/v1/_deleted (acr-protocol.md §5.1)."""

import json
from urllib.parse import parse_qs

import pytest

from acrux.domain.content.digest import Digest
from acrux.domain.content.policies.soft_delete import SoftDeletePolicy
from tests.http.caller import HOST, Answer, Caller
from tests.images import Image, image, index

APP, NEXT = image(b"layer"), image(b"next")
NOON = "2026-11-21T12:00:00.000000Z"
WEEK_LATER = "2026-11-28T12:00:00.000000Z"
DELETED = "/acr/v1/_deleted"


@pytest.fixture
async def user(stranger: Caller) -> Caller:
    """The administrator of a registry that keeps what is deleted for seven days."""
    await stranger.registry.services.policies.create(SoftDeletePolicy(repositories="*"))
    return await stranger.login(
        "repository:*:*,deleted_read,deleted_restore",
        "registry:catalog:*",
        "registry:deleted_catalog:*",
    )


async def restore(
    caller: Caller, of: Image, body: object = None, repository: str = "team/app", **query: str
) -> Answer:
    """Restore a manifest as az does."""
    return await caller.call(
        "POST",
        f"{DELETED}/{repository}/_manifests/{of.digest}",
        query=query,
        headers={"Content-Type": "application/json"},
        body=b"" if body is None else json.dumps(body).encode(),
    )


async def deleted(user: Caller, *tags: str, of: Image = APP) -> None:
    """Push an image to team/app and delete it."""
    for tag in tags:
        assert (await user.push("team/app", tag, of)).status == 201
    answer = await user.call("DELETE", f"/v2/team/app/manifests/{of.digest}")
    assert answer.status == 202


async def test_deleted_manifests_and_tags_are_listed_as_az_reads_them(user: Caller) -> None:
    """az acr manifest list-deleted, and list-deleted-tags."""
    await deleted(user, "v1")

    manifests = await user.call("GET", f"{DELETED}/team/app/_manifests")
    tags = await user.call("GET", f"{DELETED}/team/app/_tags")

    about = {"registry": HOST, "imageName": "team/app"}
    [manifest] = manifests.json["manifests"]
    assert manifests.json == {**about, "manifests": [manifest]}
    assert manifest["digest"] == str(APP.digest)
    assert (manifest["deletedAt"], manifest["expiresAfter"]) == (NOON, WEEK_LATER)
    times = {"deletedAt": NOON, "expiresAfter": WEEK_LATER}
    assert tags.json == {**about, "tags": [{"tag": "v1", "digest": str(APP.digest), **times}]}
    catalog = await user.call("GET", f"{DELETED}/_catalog")
    assert catalog.json == {"repositories": ["team/app"]}


async def test_listings_continue_where_their_links_say(user: Caller) -> None:
    """az follows the query of the link, and splits it at every = (acr-protocol.md §7.5)."""
    for number in range(3):
        await deleted(user, "v1", of=image(f"layer {number}".encode()))

    for listing in ("_manifests", "_tags"):
        found, query = [], {"n": "1"}
        while True:
            answer = await user.call("GET", f"{DELETED}/team/app/{listing}", query=query)
            found += [one["digest"] for one in answer.json[listing[1:]]]
            link = answer.header("Link")
            if link is None:
                break
            path, _, text = link.removeprefix("<").removesuffix('>; rel="next"').partition("?")
            assert path == f"{DELETED}/team%2Fapp/{listing}"
            query = {name: one for name, [one] in parse_qs(text, keep_blank_values=True).items()}
            assert set(query) == {"n", "last", "orderby"}
        assert len(set(found)) == 3


async def test_a_restored_manifest_is_shown_and_can_be_pulled(user: Caller) -> None:
    """az acr manifest restore."""
    await deleted(user, "v1", "v2")

    answer = await restore(user, APP, {"tag": "v1"}, force="False")

    assert (answer.status, answer.json["manifest"]["tags"]) == (200, ["v1"])
    assert (await user.pull("team/app", "v1")).body == APP.manifest
    assert (await user.pull("team/app", "v2")).status == 404
    assert (await user.call("GET", f"/v2/team/app/blobs/{Digest.of(APP.blobs[-1])}")).status == 200


async def test_a_deleted_image_can_be_pushed_again(user: Caller) -> None:
    """At ACR that is refused."""
    await deleted(user, "v1")

    assert (await user.push("team/app", "v1", APP)).status == 201
    assert (await user.pull("team/app", "v1")).body == APP.manifest


async def test_a_deleted_repository_can_be_pushed_to_and_restored_from(user: Caller) -> None:
    """At ACR a push restores all of it."""
    await user.push("team/app", "v1", APP)
    assert (await user.call("DELETE", "/acr/v1/team/app")).status == 202
    await user.push("team/app", "v1", NEXT)

    listed = await user.call("GET", "/v2/team/app/tags/list")
    taken = await restore(user, APP, {"tag": "v1"})
    moved = await restore(user, APP, {"tag": "v1"}, force="True")

    assert listed.json["tags"] == ["v1"]
    assert (taken.status, moved.status) == (409, 200)
    assert "force" in taken.json["errors"][0]["message"]
    assert (await user.pull("team/app", "v1")).body == APP.manifest


async def test_an_index_comes_back_with_what_it_lists(user: Caller) -> None:
    """At ACR its children do not."""
    await user.push("team/app", str(APP.digest), APP)
    whole = index(APP)
    await user.push("team/app", "v1", whole)
    for one in (whole, APP):
        await user.call("DELETE", f"/v2/team/app/manifests/{one.digest}")

    answer = await restore(user, whole)

    assert answer.json["manifest"]["tags"] == ["v1"]
    assert (await user.pull("team/app", str(APP.digest))).status == 200


@pytest.mark.parametrize(
    ("body", "query", "status", "word"),
    [
        (b"[]", "", 400, "JSON object"),
        (b"{", "", 400, "JSON object"),
        (b"\xff", "", 400, "JSON object"),
        (b"[" * 4000, "", 400, "JSON object"),
        (b'{"tag":1}', "", 400, "tag"),
        (b'{"tag":"no/tag"}', "", 400, "a tag is"),
        (b'{"tag":"v1"}', "force=maybe", 400, "True or False"),
        (b" " * 5000, "", 413, ""),
        (b"", "", 404, "list the deleted"),
        (b'{"tag":"v1"}', "force=", 404, "list the deleted"),
    ],
)
async def test_a_bad_request_to_restore_is_refused_in_words(
    user: Caller, body: bytes, query: str, status: int, word: str
) -> None:
    """It must never be answered with 500."""
    await deleted(user, "v1")
    path = f"{DELETED}/team/app/_manifests/{NEXT.digest}"

    answer = await user.call("POST", path, query=query, body=body)

    assert answer.status == status
    assert word in answer.json["errors"][0]["message"]


@pytest.mark.parametrize(
    ("path", "status"),
    [
        ("unknown/_manifests", 404),
        ("unknown/_tags", 404),
        ("team/app/_manifests?orderby=timedesc", 400),
        ("team/app/_tags?n=many", 400),
        ("UPPER/_tags", 404),
        ("team/app", 404),
    ],
)
async def test_a_bad_listing_is_refused(user: Caller, path: str, status: int) -> None:
    """Nor here."""
    await deleted(user, "v1")

    assert (await user.call("GET", f"{DELETED}/{path}")).status == status


async def test_empty_listings_are_null(user: Caller) -> None:
    """As the other listings of /acr/v1 are."""
    await user.push("team/app", "v1", APP)
    await user.push("team/app", "v2", APP)
    await user.call("DELETE", "/acr/v1/team/app/_tags/v1")

    assert (await user.call("GET", f"{DELETED}/team/app/_manifests")).json["manifests"] is None


class TestRights:
    """Who may see and restore what was deleted."""

    async def test_all_of_a_repository_does_not_include_what_was_deleted(
        self, stranger: Caller
    ) -> None:
        """A build server with `*` would show secrets that were removed."""
        answer = await stranger.token("repository:team/app:*")
        caller = await stranger.login("repository:*:*", "registry:catalog:*")

        assert answer.status == 200
        refused = await caller.call("GET", f"{DELETED}/team/app/_manifests")
        assert refused.status == 401
        challenge = refused.header("WWW-Authenticate") or ""
        assert 'scope="repository:team/app:deleted_read"' in challenge

    async def test_who_may_push_and_delete_may_not_restore(self, user: Caller) -> None:
        """Rights that were given before soft delete existed must not grow."""
        await deleted(user, "v1")
        accounts = user.registry.services.accounts
        created = await accounts.create("ci-team", "_repositories_admin")
        password = created.passwords[0].value
        assert password is not None
        ci = Caller(user.registry, "ci-team", password.reveal())
        asked = "repository:team/app:pull,push,delete,deleted_read,deleted_restore"
        ci = await ci.login(asked, "registry:deleted_catalog:*")

        answers = [
            await restore(ci, APP, {"tag": "v1"}),
            await ci.call("GET", f"{DELETED}/team/app/_tags"),
            await ci.call("GET", f"{DELETED}/_catalog"),
        ]
        assert [answer.status for answer in answers] == [401] * 3

    async def test_a_scope_map_can_give_the_right_for_a_team(self, user: Caller) -> None:
        """At ACR only owners of the registry have it."""
        await deleted(user, "v1")
        await user.push("other", "v1", APP)
        await user.call("DELETE", "/acr/v1/other")
        services = user.registry.services
        kinds = ("deleted/read", "deleted/restore")
        permissions = tuple(f"repositories/team/*/{kind}" for kind in kinds)
        await services.scope_maps.create("undelete", permissions)
        created = await services.accounts.create("helper", "undelete")
        password = created.passwords[0].value
        assert password is not None
        helper = Caller(user.registry, "helper", password.reveal())
        helper = await helper.login(
            "registry:deleted_catalog:*",
            "repository:team/app:deleted_read,deleted_restore",
            "repository:other:deleted_read,deleted_restore",
        )

        catalog = await helper.call("GET", f"{DELETED}/_catalog")
        assert catalog.json == {"repositories": ["team/app"]}
        assert (await restore(helper, APP, {"tag": "v1"})).status == 200
        assert (await restore(helper, APP, {"tag": "v1"}, repository="other")).status == 401
