"""Pages of other origins: refused by default, and called by setting."""

from collections.abc import Mapping
from dataclasses import replace

import pytest

from acrux.bootstrap.application import Registry
from acrux.settings import Settings
from tests.http.caller import Answer, Caller
from tests.images import image

UI = "https://ui.example.test"
OTHER = "https://other.example.test"
MANIFEST = "/v2/app/manifests/v1"


@pytest.fixture
def settings(settings: Settings, request: pytest.FixtureRequest) -> Settings:
    """Settings that let these pages in."""
    return replace(settings, cors_origins=getattr(request, "param", (UI,)))


def allowed(answer: Answer) -> Mapping[str, str]:
    """What the answer allows a page."""
    prefix = "access-control-allow-"
    return {
        name.removeprefix(prefix): value
        for name, value in answer.headers
        if name.startswith(prefix)
    }


async def preflight(caller: Caller, method: str, origin: str, path: str = MANIFEST) -> Answer:
    """Ask as a browser does before it lets a page call."""
    return await caller.call(
        "OPTIONS",
        path,
        headers={
            "Origin": origin,
            "Access-Control-Request-Method": method,
            "Access-Control-Request-Headers": "authorization",
        },
    )


async def test_a_page_of_a_named_origin_may_read_what_its_user_may(admin: Caller) -> None:
    """A page that shows a registry gets a token and pulls, like any client."""
    await admin.push("app", "v1", image(b"layer"))

    asked = await preflight(admin, "GET", UI)
    told = await Caller(admin.registry, "", "").call("GET", MANIFEST, headers={"Origin": UI})
    got = await admin.call("GET", MANIFEST, headers={"Origin": UI})

    assert asked.status == 204
    assert "GET" in allowed(asked)["methods"]
    assert "Authorization" in allowed(asked)["headers"]
    for answer in (asked, told, got):
        assert allowed(answer)["origin"] == UI
        assert allowed(answer)["credentials"] == "true"
        assert "Origin" in answer.every("Vary")
    assert (told.status, got.status) == (401, 200)
    assert "WWW-Authenticate" in told.every("Access-Control-Expose-Headers")


async def test_a_page_of_a_named_origin_may_change_what_its_user_may(admin: Caller) -> None:
    """It shows a button that deletes a tag."""
    await admin.push("app", "v1", image(b"layer"))
    headers = {"Origin": UI, "Sec-Fetch-Site": "cross-site"}

    assert "DELETE" in allowed(await preflight(admin, "DELETE", UI))["methods"]
    assert (await admin.call("DELETE", MANIFEST, headers=headers)).status == 202


@pytest.mark.parametrize("origin", [OTHER, "null", UI.upper(), f"{UI}:444", f"{UI}.evil.test"])
async def test_a_page_of_another_origin_may_read_and_change_nothing(
    admin: Caller, origin: str
) -> None:
    """A browser shows a page only what the answer allows its origin."""
    await admin.push("app", "v1", image(b"layer"))

    asked = await preflight(admin, "DELETE", origin)
    got = await admin.call("GET", MANIFEST, headers={"Origin": origin})
    deleted = await admin.call("DELETE", MANIFEST, headers={"Origin": origin})

    assert asked.status == 405
    assert allowed(asked) == allowed(got) == allowed(deleted) == {}
    assert deleted.status == 403


@pytest.mark.parametrize("settings", [("*",)], indirect=True)
async def test_pages_of_all_origins_may_read_with_a_token_of_their_own(admin: Caller) -> None:
    """A browser adds no password to such a call, and a form of any page still changes nothing."""
    await admin.push("app", "v1", image(b"layer"))

    asked = await preflight(admin, "GET", OTHER)
    got = await admin.call("GET", MANIFEST, headers={"Origin": OTHER})
    deleted = await admin.call("DELETE", MANIFEST, headers={"Origin": OTHER})

    assert (asked.status, got.status, deleted.status) == (204, 200, 403)
    for answer in (asked, got):
        assert allowed(answer)["origin"] == "*"
        assert "credentials" not in allowed(answer)


@pytest.mark.parametrize("settings", [()], indirect=True)
async def test_without_the_setting_no_page_may_read(admin: Caller) -> None:
    """Off by default."""
    asked = await preflight(admin, "GET", UI)
    got = await admin.call("GET", "/v2/", headers={"Origin": UI})

    assert asked.status == 405
    assert allowed(asked) == allowed(got) == {}
    assert got.every("Vary") == []


@pytest.mark.parametrize("path", ["/nowhere", "/v2/app/x"])
async def test_there_is_no_preflight_for_a_path_that_does_not_exist(
    registry: Registry, path: str
) -> None:
    """It names no methods."""
    assert (await preflight(Caller(registry, "", ""), "GET", UI, path)).status == 404


@pytest.mark.parametrize("request_method", ["OPTIONS"])
async def test_options_that_are_no_preflight_are_refused_as_ever(
    registry: Registry, request_method: str
) -> None:
    """Only a preflight is answered for the router."""
    answer = await Caller(registry, "", "").call(request_method, MANIFEST, headers={"Origin": UI})

    assert answer.status == 405
