"""The pages of repositories and tags."""

import pytest

from acrux.adapters.sql.content import metadata_store
from acrux.bootstrap.application import Registry
from tests.http.caller import Caller
from tests.http.conftest import HandClock
from tests.web.content.artifacts import image
from tests.web.content.pages.visiting import Visitor, account

APP = image()
NAMES = ("app", "team/app", "team/web", "team/web/x", "tool")


@pytest.fixture(autouse=True)
async def filled(admin: Caller) -> None:
    """Some repositories."""
    for name in NAMES:
        await admin.push(name, "v1", APP)


async def test_repositories_are_a_tree(owner: Visitor) -> None:
    """A thousand names in a row are no overview."""
    top = await owner.get("/web/")
    team = await owner.get("/web/?below=team")

    assert top.hrefs("/web/repositories/") == ["/web/repositories/app", "/web/repositories/tool"]
    assert "/web/?below=team" in top.hrefs()
    assert "team/" in top.text
    assert "/web/?below=team%2Fweb" in team.hrefs()
    assert "/web/repositories/team/web" in team.hrefs()
    assert "KiB" in team.text  # how large it is


async def test_a_search_finds_a_part_of_a_name_wherever_it_is(owner: Visitor) -> None:
    """Few people know which team something belongs to."""
    page = await owner.get("/web/?contains=APP")

    assert page.hrefs("/web/repositories/") == [
        "/web/repositories/app",
        "/web/repositories/team/app",
    ]
    nothing = await owner.get("/web/?contains=nowhere")
    assert "No repository that you may see has this in its name." in nothing.text


async def test_a_long_search_can_be_continued(
    owner: Visitor, monkeypatch: pytest.MonkeyPatch
) -> None:
    """Among a million names, a page must not wait for the last one."""
    monkeypatch.setattr(metadata_store, "LOOKED_AT", 1)
    monkeypatch.setattr("acrux.web.content.repositories.SEARCHES", 2)

    page = await owner.get("/web/?contains=tool")
    assert "there are more names to look at" in page.text
    while not page.hrefs("/web/repositories/"):
        [following] = page.hrefs("last=")
        page = await owner.get(f"/web/{following}")

    assert page.hrefs("/web/repositories/") == ["/web/repositories/tool"]


async def test_pages_of_repositories_follow_each_other(
    owner: Visitor, admin: Caller, monkeypatch: pytest.MonkeyPatch
) -> None:
    """What is on no page cannot be found."""
    monkeypatch.setattr("acrux.web.listings.SHOWN", 1)
    path, found = "/web/", []
    while path:
        page = await owner.get(path)
        found += page.hrefs("/web/repositories/") + page.hrefs("?below=t")
        following = [one["href"] for one in page.links if one.get("rel") == "next"]
        path = f"/web/{following[0]}" if following else ""

    assert found == ["/web/repositories/app", "/web/?below=team", "/web/repositories/tool"]


async def test_a_repository_opens_by_its_name(owner: Visitor) -> None:
    """Whoever knows where they want to go should not have to click there."""
    page = await owner.get("/web/?open=+team/app/+")

    assert page.status == 303
    assert page.answer.header("Location") == "/web/repositories/team/app"
    wild = await owner.get("/web/?open=//evil.example/%0d%0aX:y")
    assert wild.answer.header("Location") == "/web/repositories/evil.example/%0D%0AX%3Ay"


async def test_a_guest_sees_what_everybody_may_pull(guest: Visitor, registry: Registry) -> None:
    """A public registry should not ask for a login."""
    assert (await guest.get("/web/")).status == 303  # to the login

    await registry.services.scope_maps.create(
        "public", ("repositories/team/*/content/read", "repositories/team/*/metadata/read")
    )
    await registry.services.accounts.let_anonymous("public")

    assert "/web/?below=team" in (await guest.get("/web/")).hrefs()
    assert (await guest.get("/web/repositories/team/app/-/manifests/v1")).status == 200
    assert (await guest.get("/web/repositories/tool")).status == 303


async def test_a_guest_who_may_not_list_learns_what_can_be_opened(
    guest: Visitor, registry: Registry
) -> None:
    """ACR's scope map for pulls does not let anybody list."""
    await registry.services.accounts.let_anonymous("_repositories_pull")

    page = await guest.get("/web/")

    assert page.status == 401  # as the API answers
    assert "You may not list repositories." in page.text
    assert "all repositories" in page.text
    assert (await guest.get("/web/repositories/tool")).status == 200


async def test_what_may_be_pulled_only_is_listed_without_properties(registry: Registry) -> None:
    """A row of nothing would look like an empty repository."""
    puller = await account(registry, "puller", "repositories/tool/content/read")

    page = await puller.get("/web/")

    assert page.hrefs("/web/repositories/") == ["/web/repositories/tool"]
    assert "You may pull it, but not see its properties." in page.text
    assert (await puller.get("/web/repositories/app")).status in {401, 403}


async def test_tags_come_in_the_order_that_was_asked_for(
    owner: Visitor, admin: Caller, clock: HandClock
) -> None:
    """The newest tag is what most visitors look for."""
    for tag in ("b", "a"):
        clock.forward(minutes=1)
        await admin.push("tool", tag, image(tag.encode()))

    at = "/web/repositories/tool"
    by_name = await owner.get(at)
    page = await owner.get(f"{at}?orderby=timeasc")

    assert [one.rpartition("/")[2] for one in by_name.hrefs("/-/manifests/")] == ["a", "b", "v1"]
    assert [one.rpartition("/")[2] for one in page.hrefs("/-/manifests/")] == ["v1", "b", "a"]
    assert "linux/amd64" in page.text
    assert (await owner.get(f"{at}?orderby=evil")).status == 200


async def test_pages_of_tags_follow_each_other(
    owner: Visitor, admin: Caller, monkeypatch: pytest.MonkeyPatch
) -> None:
    """A page must not read a million tags."""
    monkeypatch.setattr("acrux.web.listings.SHOWN", 2)
    for tag in ("v2", "v3", "v4", "v5"):
        await admin.push("tool", tag, APP)
    found: list[str] = []
    path = "/web/repositories/tool?orderby=timedesc"
    while path:
        page = await owner.get(path)
        found += [one.rpartition("/")[2] for one in page.hrefs("/-/manifests/")]
        following = [one["href"] for one in page.links if one.get("rel") == "next"]
        path = f"/web/repositories/tool{following[0]}" if following else ""

    assert sorted(found) == ["v1", "v2", "v3", "v4", "v5"]


async def test_manifests_without_a_tag_are_listed(owner: Visitor, admin: Caller) -> None:
    """They take space, and no tag leads to them."""
    await admin.push("tool", "v1", image(b"newer"))

    page = await owner.get("/web/repositories/tool/-/manifests?orderby=timedesc")

    assert "no tag" in page.text
    assert len(page.hrefs("/-/manifests/sha256")) == 2


async def test_a_hyphen_begins_no_repository(owner: Visitor) -> None:
    """The page of an image must not be taken for a repository's."""
    assert (await owner.get("/web/repositories/team/-/x")).status == 404
    assert (await owner.get("/web/repositories/-/manifests/v1")).status == 404
