"""Listings over HTTP: end-8 and the catalog."""

import pytest

from acrux.bootstrap.application import Registry
from tests.http.caller import Answer, Caller
from tests.images import image

APP = image(b"layer")


async def follow(caller: Caller, path: str, key: str) -> list[str]:
    """All items of a listing, page by page."""
    found: list[str] = []
    while path:
        answer = await caller.call("GET", path)
        assert answer.status == 200
        found += answer.json[key]
        path = next_page(answer)
    return found


def next_page(answer: Answer) -> str:
    """The URL of the next page, empty on the last one."""
    link = answer.header("Link")
    if link is None:
        return ""
    assert link.startswith("<")
    assert link.endswith('>; rel="next"')
    return link.removeprefix("<").removesuffix('>; rel="next"')


async def test_tags_are_listed_in_byte_order(admin: Caller) -> None:
    """The specification calls this order lexical."""
    for tag in ("b", "a", "B", "_", "10", "9"):
        await admin.push("app", tag, APP)

    answer = await admin.call("GET", "/v2/app/tags/list")

    assert answer.json == {"name": "app", "tags": ["10", "9", "B", "_", "a", "b"]}
    assert answer.header("Link") is None


@pytest.mark.parametrize("items", [1, 2, 3, 5, 6, 7, 1000, 5000])
async def test_pages_follow_each_other_and_hold_each_tag_once(admin: Caller, items: int) -> None:
    """A page that repeats or omits a tag breaks every mirror."""
    tags = [f"v{number}" for number in range(6)]
    for tag in tags:
        await admin.push("team/app", tag, APP)

    assert await follow(admin, f"/v2/team/app/tags/list?n={items}", "tags") == tags


async def test_a_request_for_no_items_gets_an_empty_page_without_a_link(admin: Caller) -> None:
    """n=0 must end, not go on for ever."""
    await admin.push("app", "v1", APP)

    answer = await admin.call("GET", "/v2/app/tags/list?n=0")

    assert answer.json["tags"] == []
    assert answer.header("Link") is None


async def test_a_page_may_begin_after_a_tag_that_is_not_there(admin: Caller) -> None:
    """It may have been deleted meanwhile."""
    for tag in ("a", "c"):
        await admin.push("app", tag, APP)

    assert (await admin.call("GET", "/v2/app/tags/list?last=b")).json["tags"] == ["c"]


@pytest.mark.parametrize("n", ["-1", "x", "1.5", "%20", "", "9" * 30])
async def test_an_invalid_count_is_refused(admin: Caller, n: str) -> None:
    """-1 read past the end in two registries."""
    await admin.push("app", "v1", APP)

    assert (await admin.call("GET", f"/v2/app/tags/list?n={n}")).status == 400


async def test_every_parameter_of_a_link_has_an_equals_sign(admin: Caller) -> None:
    """`az` splits parameters there."""
    for tag in ("a", "b"):
        await admin.push("app", tag, APP)

    answer = await admin.call("GET", "/v2/app/tags/list?n=1")

    assert answer.header("Link") == '</v2/app/tags/list?last=a&n=1&orderby=>; rel="next"'


async def test_a_repository_without_a_manifest_is_unknown(admin: Caller) -> None:
    """A repository that holds only blobs has nothing to list."""
    await admin.push_blob("app", b"blob")

    for name in ("app", "nowhere"):
        answer = await admin.call("GET", f"/v2/{name}/tags/list")
        assert (answer.status, answer.code) == (404, "NAME_UNKNOWN")


async def test_tags_may_be_listed_with_pull_or_with_metadata_read(
    admin: Caller, stranger: Caller
) -> None:
    """ACR requires the second, most clients hold only the first: its users' complaint no. 1."""
    await admin.push("app", "v1", APP)

    for action in ("pull", "metadata_read"):
        caller = await stranger.login(f"repository:app:{action}")
        assert (await caller.call("GET", "/v2/app/tags/list")).status == 200
    refused = await (await stranger.login("repository:app:push")).call("GET", "/v2/app/tags/list")
    assert 'scope="repository:app:metadata_read,pull"' in (refused.header("WWW-Authenticate") or "")


@pytest.mark.parametrize("scope_map", ["_repositories_push", "_repositories_pull"])
@pytest.mark.parametrize("how", ["password", "token", "narrowed token"])
async def test_who_may_list_because_everybody_may_sees_what_everybody_sees(
    admin: Caller, registry: Registry, scope_map: str, how: str
) -> None:
    """Without the right to list, an account would see every private name."""
    for name in ("private", "public/app"):
        await admin.push(name, "v1", APP)
    await registry.services.scope_maps.create("public", ("repositories/public/*/content/read",))
    await registry.services.accounts.let_anonymous("public")
    account = await registry.services.accounts.create("somebody", scope_map)
    assert account.passwords[0].value is not None
    caller = Caller(registry, "somebody", account.passwords[0].value.reveal())
    if how == "password":
        caller.authorization = caller.basic
    else:
        caller = await caller.login(*(["repository:public/app:pull"] if "narrowed" in how else []))

    for path in ("/v2/_catalog", "/acr/v1/_catalog"):
        answer = await caller.call("GET", path)
        assert answer.status == 200
        assert answer.json["repositories"] == ["public/app"]


async def test_the_catalog_lists_repositories_that_hold_a_manifest(admin: Caller) -> None:
    """Nothing to pull, nothing to list."""
    for name in ("b", "a/b", "a"):
        await admin.push(name, "v1", APP)
    await admin.push_blob("only/a/blob", b"blob")

    assert (await admin.call("GET", "/v2/_catalog")).json == {"repositories": ["a", "a/b", "b"]}
    assert await follow(admin, "/v2/_catalog?n=1", "repositories") == ["a", "a/b", "b"]
