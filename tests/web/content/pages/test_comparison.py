"""The page that compares two images."""

import json
from urllib.parse import quote

import pytest

from acrux.bootstrap.application import Registry
from tests.http.caller import Caller
from tests.images import Image
from tests.web.content.artifacts import (
    CYCLONEDX,
    IN_TOTO,
    LINUX,
    SPDX,
    artifact,
    cyclonedx,
    image,
    index,
    referrer,
    spdx,
    statement,
)
from tests.web.content.pages.visiting import Shown, Visitor, account

BASE, OLD_LAYER, NEW_LAYER = b"base" * 1000, b"old application", b"new application"
CONFIG = LINUX["config"]
OLD = image(BASE, OLD_LAYER)
NEW = image(
    BASE, NEW_LAYER, config={**CONFIG, "Cmd": ["--port", "81"], "Env": ["PATH=/usr/bin", "B=2"]}
)


async def compare(visitor: Visitor, left: str, right: str, more: str = "") -> Shown:
    """Compare two references."""
    return await visitor.get(
        f"/web/compare?left={quote(left, safe='')}&right={quote(right, safe='')}{more}"
    )


async def test_the_form_asks_for_two(owner: Visitor) -> None:
    """A link to a comparison may name one side only."""
    page = await owner.get("/web/compare?left=team/app:v1")

    assert page.status == 200
    values = {
        given.get("id"): given.get("value") for name, given in page.elements if name == "input"
    }
    assert values["left"] == "team/app:v1"


async def test_layers_and_configuration_are_compared_across_repositories(
    owner: Visitor, admin: Caller
) -> None:
    """Staging and production may be two repositories."""
    await admin.push("team/app", "v1", OLD)
    await admin.push("other/app", "v2", NEW)

    page = await compare(owner, "team/app:v1", f"other/app@{NEW.digest}")
    text = " ".join(page.text.split())

    assert page.status == 200
    assert "--port 80" in text
    assert "--port 81" in text
    assert "env B" in text
    assert "env MODE" in text
    assert "hunter2" not in page.html
    places = [given["class"] for name, given in page.elements if name == "td" and "class" in given]
    assert {"both", "left", "right"} <= set(places)
    assert "Packages are compared if both images have an SBOM" in text


async def test_secrets_that_differ_are_said_to_differ(owner: Visitor, admin: Caller) -> None:
    """Masked values look alike, and another password is what somebody may be looking for."""
    env = [
        {**LINUX["config"], "Env": [f"DB_PASSWORD={word}"]} for word in ("oneoneone", "twotwotwo")
    ]
    for tag, config in zip(("v1", "v2"), env, strict=True):
        await admin.push("team/app", tag, image(b"layer", config=config))

    page = await compare(owner, "team/app:v1", "team/app:v2")
    text = " ".join(page.text.split())

    assert "env DB_PASSWORD (different values, which are masked)" in text
    assert "oneoneone" not in page.html


async def test_an_image_is_the_same_as_itself(owner: Visitor, admin: Caller) -> None:
    """Two tags of one image differ in nothing."""
    await admin.push("team/app", "v1", OLD)
    await admin.push("team/app", "v2", OLD)

    assert "Both are the same image." in (await compare(owner, "team/app:v1", "team/app:v2")).text


def both(linux: Image, arm: Image, *more: tuple[Image, dict[str, str], dict[str, str]]) -> Image:
    """An index of two platforms."""
    return index(
        (linux, {"os": "linux", "architecture": "amd64"}, {}),
        (arm, {"os": "linux", "architecture": "arm64"}, {}),
        *more,
    )


async def test_of_indexes_one_platform_is_compared_and_can_be_chosen(
    owner: Visitor, admin: Caller
) -> None:
    """The other platform may differ in something else."""
    arm = image(b"arm", architecture="arm64", author="somebody else")
    for one in (OLD, NEW, arm):
        await admin.push("team/app", str(one.digest), one)
    await admin.push("team/app", "v1", both(OLD, arm))
    await admin.push("team/app", "v2", index((NEW, {"os": "linux", "architecture": "amd64"}, {})))

    chosen = await compare(owner, "team/app:v1", "team/app:v2")
    other = await compare(owner, "team/app:v1", "team/app:v2", "&platform=linux/arm64")
    strange = await compare(owner, "team/app:v1", "team/app:v2", "&platform=%3Cb%3E")

    assert "--port 81" in chosen.text
    assert "somebody else" not in chosen.text
    assert "somebody else" in other.text
    assert strange.status == 200


async def test_packages_are_compared_if_both_have_an_sbom(owner: Visitor, admin: Caller) -> None:
    """People ask which update closed the hole."""
    attests = {
        "vnd.docker.reference.type": "attestation-manifest",
        "vnd.docker.reference.digest": str(NEW.digest),
    }
    bill = statement("https://spdx.dev/Document", spdx(("zlib", "1.4"), ("new", "1")), NEW)
    built = artifact({}, json.dumps(bill).encode(), layer_type=IN_TOTO)
    arm = image(b"arm", architecture="arm64")
    of_old = referrer(OLD, CYCLONEDX, cyclonedx(("zlib", "1.3"), ("same", "2")))
    for one in (OLD, of_old, NEW, built, arm):
        await admin.push("team/app", str(one.digest), one)
    unknown = {"os": "unknown", "architecture": "unknown"}
    await admin.push("team/app", "v2", both(NEW, arm, (built, unknown, attests)))

    page = await compare(owner, f"team/app@{OLD.digest}", "team/app:v2")
    text = " ".join(page.text.split())

    assert "zlib 1.3 1.4" in text
    assert "new none 1" in text
    assert "same 2 none" in text


async def test_equal_packages_are_no_difference(owner: Visitor, admin: Caller) -> None:
    """An empty table would leave the question open."""
    for one in (OLD, NEW):
        await admin.push("team/app", str(one.digest), one)
        of_it = referrer(one, SPDX, spdx(("zlib", "1.3")))
        await admin.push("team/app", str(of_it.digest), of_it)

    page = await compare(owner, f"team/app@{OLD.digest}", f"team/app@{NEW.digest}")

    assert "There is no difference." in page.text


@pytest.mark.parametrize(
    ("left", "status"),
    [("team/app:nowhere", 404), ("Team/App:v1", 400), ("team/app@v1", 400), ("\x00", 400),
     ("team/app", 404)],
)  # fmt: skip
async def test_what_cannot_be_compared_is_said(
    owner: Visitor, admin: Caller, left: str, status: int
) -> None:
    """A typing error is no failure of the registry."""
    await admin.push("team/app", "v1", OLD)

    assert (await compare(owner, left, "team/app:v1")).status == status


async def test_a_forbidden_side_is_refused(registry: Registry, admin: Caller) -> None:
    """A comparison must not tell what a pull would not."""
    await admin.push("team/app", "v1", OLD)
    await admin.push("secret/app", "v1", NEW)
    reader = await account(registry, "reader", "repositories/team/*/content/read")

    there = await compare(reader, "team/app:v1", "secret/app:v1")
    nowhere = await compare(reader, "team/app:v1", "secret/nowhere:v1")

    assert there.status == nowhere.status != 200
    assert "--port 81" not in there.html
