"""Deleting, locking, tagging and restoring on pages, without a script."""

import pytest

from acrux.bootstrap.application import Registry
from acrux.domain.content.policies.soft_delete import SoftDeletePolicy
from tests.http.caller import Caller
from tests.web.content.artifacts import image
from tests.web.content.pages.visiting import Shown, Visitor, account

APP, OTHER = image(), image(b"other")
AT = "/web/repositories/team/app"


@pytest.fixture(autouse=True)
async def pushed(admin: Caller) -> None:
    """An image with two tags, and another one."""
    await admin.push("team/app", "v1", APP)
    await admin.push("team/app", "latest", APP)
    await admin.push("team/app", "other", OTHER)


async def test_the_page_before_a_deletion_says_what_goes_and_what_it_frees(
    owner: Visitor, admin: Caller
) -> None:
    """Nobody should learn that after the click."""
    page = await owner.get(f"{AT}/-/delete/{APP.digest}")

    assert page.status == 200
    assert "These tags go with it: latest, v1" in " ".join(page.text.split())
    assert "What this would free" in page.text
    assert (await admin.pull("team/app", "v1")).status == 200  # nothing happened yet


async def test_a_manifest_is_deleted_with_its_tags(owner: Visitor, admin: Caller) -> None:
    """As the page before said."""
    done = await owner.send(f"{AT}/-/delete/{APP.digest}")

    assert done.status == 303
    assert done.answer.header("Location") == f"{AT}?done=deleted"
    assert (await admin.pull("team/app", "latest")).status == 404
    assert "It was deleted." in (await owner.get(f"{AT}?done=deleted")).text


async def test_a_tag_is_deleted_and_its_manifest_stays(owner: Visitor, admin: Caller) -> None:
    """The digest may be deployed somewhere."""
    page = await owner.get(f"{AT}/-/delete/v1")
    assert str(APP.digest) in page.html

    assert (await owner.send(f"{AT}/-/delete/v1")).status == 303

    assert (await admin.pull("team/app", "v1")).status == 404
    assert (await admin.pull("team/app", str(APP.digest))).status == 200


@pytest.mark.parametrize(("reference", "moved"), [("v1", "v1"), (str(APP.digest), "other")])
async def test_what_changed_since_somebody_looked_is_not_deleted_unseen(
    owner: Visitor, admin: Caller, reference: str, moved: str
) -> None:
    """A tag that was pushed again a moment ago is another image than the one that was meant."""
    path = f"{AT}/-/delete/{reference}"
    before = await owner.get(path)
    await admin.push("team/app", moved, OTHER if moved == "v1" else APP)

    late = await owner.send(path, seen=_seen(before))

    assert late.status == 412
    assert "nothing was deleted" in late.text
    assert (await admin.pull("team/app", "v1")).status == 200
    assert (await owner.send(path, seen=_seen(late))).status == 303


def _seen(page: Shown) -> str:
    (field,) = (given for name, given in page.elements if given.get("name") == "seen")
    return field["value"]


async def test_a_repository_is_deleted_only_if_its_name_is_typed(
    owner: Visitor, admin: Caller
) -> None:
    """One click too many must not take everything."""
    refused = await owner.send(f"{AT}/-/delete", name="team/ap")
    assert refused.status == 422
    assert "Nothing was deleted." in refused.text
    assert (await admin.pull("team/app", "v1")).status == 200

    done = await owner.send(f"{AT}/-/delete", name="team/app")

    assert done.answer.header("Location") == "/web/?done=deleted"
    assert (await admin.pull("team/app", "v1")).status == 404


async def test_what_is_locked_is_not_deleted_and_the_page_says_why(owner: Visitor) -> None:
    """The API's own reason is the best explanation."""
    page = await owner.get(f"{AT}/-/lock/v1")
    boxes = [given["name"] for name, given in page.elements if given.get("type") == "checkbox"]
    assert len(boxes) == 4

    done = await owner.send(
        f"{AT}/-/lock/v1", writeEnabled="on", listEnabled="on", readEnabled="on"
    )
    assert done.answer.header("Location") == f"{AT}/-/manifests/v1?done=locked"
    refused = await owner.send(f"{AT}/-/delete/v1")

    assert refused.status == 405
    assert "locked" in refused.text or "delete" in refused.text
    assert "may not be deleted" in (await owner.get(f"{AT}/-/manifests/v1")).text


@pytest.mark.parametrize("target", ["", "/v1", f"/{APP.digest}"])
async def test_repositories_tags_and_manifests_are_locked_and_unlocked(
    owner: Visitor, admin: Caller, target: str
) -> None:
    """Each has its own four attributes."""
    path = {"": "", "/v1": "/_tags/v1"}.get(target, f"/_manifests{target}")

    assert (await owner.send(f"{AT}/-/lock{target}")).status == 303

    shown = (await admin.call("GET", f"/acr/v1/team/app{path}")).json
    shown = shown.get("tag") or shown.get("manifest") or shown
    assert not any(shown["changeableAttributes"].values())
    every = dict.fromkeys(shown["changeableAttributes"], "on")
    assert (await owner.send(f"{AT}/-/lock{target}", **every)).status == 303
    shown = (await admin.call("GET", f"/acr/v1/team/app{path}")).json
    shown = shown.get("tag") or shown.get("manifest") or shown
    assert all(shown["changeableAttributes"].values())


async def test_a_tag_is_added_after_saying_what_it_moves_from(
    owner: Visitor, admin: Caller
) -> None:
    """A tag that moves is another deployment."""
    ask = await owner.get(f"{AT}/-/tag/v1")
    new = await owner.get(f"{AT}/-/tag/v1?tag=v2")
    moving = await owner.get(f"{AT}/-/tag/v1?tag=other")
    assert "New tag" in ask.text
    assert "The tag does not exist yet." in new.text
    assert str(OTHER.digest) in moving.html

    done = await owner.send(f"{AT}/-/tag/v1", tag="other")

    assert done.answer.header("Location") == f"{AT}/-/manifests/other?done=tagged"
    answer = await admin.pull("team/app", "other")
    assert answer.header("Docker-Content-Digest") == str(APP.digest)


@pytest.mark.parametrize("moved", ["v1", "other"])
async def test_a_tag_is_not_moved_over_what_somebody_pushed_meanwhile(
    owner: Visitor, admin: Caller, moved: str
) -> None:
    """Either would deploy another image than the one on the page, or undo a deployment."""
    path = f"{AT}/-/tag/v1"
    before = await owner.get(f"{path}?tag=other")
    await admin.push("team/app", moved, OTHER if moved == "v1" else APP)

    late = await owner.send(path, tag="other", seen=_seen(before))

    assert late.status == 412
    assert "nothing was saved" in late.text
    assert (await owner.send(path, tag="other", seen=_seen(late))).status == 303


async def test_two_people_who_lock_at_once_do_not_undo_each_other(
    owner: Visitor, admin: Caller
) -> None:
    """The second would unlock what the first has just locked."""
    before = await owner.get(f"{AT}/-/lock/v1")
    locking = b'{"deleteEnabled": false}'
    done = await admin.call("PATCH", "/acr/v1/team/app/_tags/v1", body=locking)
    assert done.status == 200

    late = await owner.send(f"{AT}/-/lock/v1", seen=_seen(before), deleteEnabled="on")

    assert late.status == 412
    shown = (await admin.call("GET", "/acr/v1/team/app/_tags/v1")).json["tag"]
    assert not shown["changeableAttributes"]["deleteEnabled"]
    assert (await owner.send(f"{AT}/-/lock/v1", seen=_seen(late), deleteEnabled="on")).status == 303


@pytest.mark.parametrize("tag", ["", ".bad", "a b", "../x", "x" * 129])
async def test_what_is_no_tag_is_not_added(owner: Visitor, tag: str) -> None:
    """It would be another path."""
    assert (await owner.send(f"{AT}/-/tag/v1", tag=tag)).status == 400


async def test_what_was_deleted_is_restored(
    owner: Visitor, admin: Caller, registry: Registry
) -> None:
    """That is what soft delete is for."""
    await registry.services.policies.create(SoftDeletePolicy(repositories="*"))
    await owner.send(f"{AT}/-/delete/{APP.digest}")

    listed = await owner.get(f"{AT}/-/deleted")
    assert "/web/repositories/team/app/-/deleted" in (await owner.get("/web/deleted")).hrefs()
    link = next(one for one in listed.hrefs("/-/restore/") if one.endswith("?tag=v1"))
    ask = await owner.get(link)
    assert str(APP.digest) in ask.text
    done = await owner.send(link.partition("?")[0], tag="v1")

    assert done.answer.header("Location") == f"{AT}/-/manifests/v1?done=restored"
    assert (await admin.pull("team/app", "v1")).status == 200


async def test_a_tag_that_points_elsewhere_by_now_is_moved_only_if_wanted(
    owner: Visitor, admin: Caller, registry: Registry
) -> None:
    """What was pushed since then is in use."""
    await registry.services.policies.create(SoftDeletePolicy(repositories="*"))
    await owner.send(f"{AT}/-/delete/{APP.digest}")
    await admin.push("team/app", "v1", OTHER)

    at = f"{AT}/-/restore/{APP.digest}"
    ask = await owner.get(f"{at}?tag=v1")
    assert "The tag points elsewhere now:" in ask.text
    assert (await owner.send(at, tag="v1")).status == 409
    assert (await owner.send(at, tag="v1", force="yes")).status == 303


async def test_nothing_can_be_restored_without_a_policy(owner: Visitor) -> None:
    """The page must not look broken."""
    assert "Nothing that you may see can be restored." in (await owner.get("/web/deleted")).text


@pytest.mark.parametrize("path", [f"{AT}/-/delete/v1", f"{AT}/-/lock/v1", f"{AT}/-/tag/v1"])
async def test_whoever_may_not_is_refused_by_the_api(
    registry: Registry, admin: Caller, path: str
) -> None:
    """A page has no rights of its own."""
    reader = await account(
        registry, "reader", "repositories/*/content/read", "repositories/*/metadata/read"
    )

    refused = await reader.send(path, tag="v2", name="team/app")

    assert refused.status in {401, 403}
    assert "Case" in refused.text  # it can be explained
    shown = await admin.call("GET", "/acr/v1/team/app/_tags/v1")
    assert all(shown.json["tag"]["changeableAttributes"].values())
    assert (await admin.pull("team/app", "v2")).status == 404


async def test_a_deletion_is_as_good_for_whoever_may_not_know_what_it_frees(
    registry: Registry, admin: Caller
) -> None:
    """Only managers see the space of all."""
    cleaner = await account(
        registry,
        "cleaner",
        "repositories/team/*/content/delete",
        "repositories/team/*/content/read",
    )

    page = await cleaner.get(f"{AT}/-/delete/{APP.digest}")
    assert "not for you to see" in page.text
    assert (await cleaner.send(f"{AT}/-/delete/{APP.digest}")).status == 303
    assert (await admin.pull("team/app", "v1")).status == 404


@pytest.mark.parametrize(
    "page", ["delete", "delete/v1", "lock", "lock/v1", "tag/v1", "deleted", f"restore/{APP.digest}"]
)
async def test_a_page_before_a_change_tells_nothing_to_whoever_may_not_look(
    registry: Registry, page: str
) -> None:
    """Who guesses names must not learn which of them exist."""
    other = await account(registry, "other", "repositories/elsewhere/*/content/read")

    there = await other.get(f"{AT}/-/{page}")
    nowhere = await other.get(f"/web/repositories/team/axe/-/{page}")

    assert there.status == nowhere.status
    assert there.status in {401, 403, 404}


@pytest.mark.parametrize("reference", ["nowhere", "sha256:" + "0" * 64])
@pytest.mark.parametrize("change", ["delete", "lock"])
async def test_what_is_not_there_cannot_be_changed(
    owner: Visitor, change: str, reference: str
) -> None:
    """Somebody else may have deleted it a moment ago."""
    assert (await owner.get(f"{AT}/-/{change}/{reference}")).status == 404
