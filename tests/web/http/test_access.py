"""The access matrix of the pages: each of them as every kind of visitor."""

import json
import re

import pytest

from acrux.bootstrap.application import Registry
from acrux.domain.access.credential import Secret
from acrux.http.access import guard
from acrux.services.access.accounts import TOKEN_PASSWORDS
from tests.http.caller import Answer, Caller
from tests.images import image
from tests.web.http.visitor import Visitor, asks_to_log_in
from tests.web.pages import CALLS, GONE, PAGES

SCOPE_MAPS = (
    "_admin", "_repositories_admin", "_repositories_pull", "_repositories_pull_metadata_read",
    "_repositories_push", "_repositories_push_metadata_write", "_metrics_read",
    "the-team", "elsewhere",
)  # fmt: skip
OWN = {
    "the-team": ("repositories/team/*/content/read", "repositories/team/*/metadata/read"),
    "elsewhere": ("repositories/other/*/content/read", "repositories/other/*/metadata/read"),
}
ASKING = {name: page for name, page in PAGES.items() if page.asks}
PASSWORD = "a long enough pass phrase"


@pytest.fixture
async def world(registry: Registry, admin: Caller) -> Registry:
    """A registry with what the pages are about."""
    await admin.push("team/app", "v1", image(b"a layer"))
    await admin.push("hello", "v1", image(b"hello"))
    await admin.push("team/gone", "v1", GONE)
    for method, path, wanted in CALLS:
        made = await admin.call(
            method,
            path,
            headers={"Authorization": admin.basic, "Content-Type": "application/json"},
            body=json.dumps(wanted).encode(),
        )
        assert made.status < 300, made.body
    for name, permissions in OWN.items():
        await registry.services.scope_maps.create(name, permissions)
    return registry


def test_every_page_is_public_and_says_what_it_asks_of_the_api(registry: Registry) -> None:
    """A page decides nothing: a requirement of its own would be a second place to get it wrong."""
    endpoints = [endpoint for row in registry.pages for endpoint in row.methods.values()]

    assert {endpoint.requires for endpoint in endpoints} == {guard.public}
    assert {name for name, page in PAGES.items() if not page.asks} == {
        "login",
        "token",
        "steps",
    }


@pytest.mark.parametrize("scope_map", SCOPE_MAPS)
@pytest.mark.parametrize("name", ASKING)
async def test_a_page_allows_an_account_what_the_api_allows_it(
    world: Registry, scope_map: str, name: str
) -> None:
    """A page that shows more would be a hole, and one that shows less a riddle."""
    await world.services.users.create("alice", scope_map, Secret(PASSWORD))
    visitor = Visitor(world)
    await visitor.log_in("alice", PASSWORD)
    caller = Caller(world, "alice", PASSWORD)
    asked = [
        (await caller.call("GET", path, headers={"Authorization": caller.basic})).status
        for path in ASKING[name].asks
    ]

    shown = await visitor.get(ASKING[name].path)

    refused = [status for status in asked if status >= 400]
    # To an account, the API says 401 where it lacks a right, so that clients ask for a token.
    assert shown.status == (refused[0] if refused else 200), (scope_map, asked)


@pytest.mark.parametrize("name", ASKING)
async def test_who_has_not_logged_in_is_asked_to(world: Registry, name: str) -> None:
    """Nothing is open by accident."""
    assert asks_to_log_in(await Visitor(world).get(ASKING[name].path))


@pytest.mark.parametrize("name", ["repositories", "repository"])
async def test_who_has_not_logged_in_sees_what_everybody_may(world: Registry, name: str) -> None:
    """A public registry can be looked at without an account."""
    await world.services.accounts.let_anonymous("_repositories_pull_metadata_read")

    shown = await Visitor(world).get(PAGES[name].path)

    assert shown.status == 200
    assert b"Not logged in" in shown.body


@pytest.mark.parametrize("name", ASKING)
async def test_a_program_sees_pages_with_either_password(world: Registry, name: str) -> None:
    """Accounts of programs log in as users do."""
    account = await world.services.accounts.create("pipeline", "_admin")
    for password in account.passwords:
        assert password.value is not None
        visitor = Visitor(world)
        await visitor.log_in("pipeline", password.value.reveal())

        assert (await visitor.get(ASKING[name].path)).status == 200
    assert len(account.passwords) == len(TOKEN_PASSWORDS)


async def test_a_forbidden_thing_looks_like_a_missing_one(world: Registry) -> None:
    """Who guesses names must not learn which of them exist."""
    await world.services.users.create("alice", "elsewhere", Secret(PASSWORD))
    visitor = Visitor(world)
    await visitor.log_in("alice", PASSWORD)

    forbidden = await visitor.get("/web/repositories/team/app")
    missing = await visitor.get("/web/repositories/team/axe")

    assert forbidden.status == missing.status
    assert _without(forbidden.body, "team/app") == _without(missing.body, "team/axe")


@pytest.mark.parametrize(
    ("permission", "opens"), [("management/read", True), ("repositories/x/content/read", False)]
)
async def test_a_refusal_leads_to_its_case_if_the_visitor_may_open_it(
    world: Registry, permission: str, opens: bool
) -> None:
    """A link to the next refusal explains nothing."""
    await world.services.scope_maps.create("somebody", (permission,))
    await world.services.users.create("alice", "somebody", Secret(PASSWORD))
    visitor = Visitor(world)
    await visitor.log_in("alice", PASSWORD)

    refused = await visitor.get("/web/repositories/team/app")

    assert refused.status == 401
    assert (b"/web/cases/" in refused.body) == opens


@pytest.mark.parametrize(
    ("permission", "offered"),
    [
        ("repositories/team/*/content/read", {"compare", "tokens"}),
        ("repositories/team/*/deleted/read", {"compare", "tokens", "deleted"}),
        ("management/read", {"compare", "tokens", "operation", "access", "audit"}),
    ],
)
async def test_a_page_leads_where_its_visitor_may_go(
    world: Registry, permission: str, offered: set[str]
) -> None:
    """A link to a refusal is none, and what one may do has to be found."""
    await world.services.scope_maps.create("somebody", (permission,))
    await world.services.users.create("alice", "somebody", Secret(PASSWORD))
    visitor = Visitor(world)
    await visitor.log_in("alice", PASSWORD)

    shown = await visitor.get("/web/tokens")

    assert set(re.findall(r'href="/web/(\w+)"', _navigation(shown))) == offered


@pytest.mark.parametrize("name", ASKING)
async def test_every_page_says_in_which_place_it_is(world: Registry, name: str) -> None:
    """Whoever came by a link from elsewhere wants to know where they are."""
    await world.services.users.create("alice", "_admin", Secret(PASSWORD))
    visitor = Visitor(world)
    await visitor.log_in("alice", PASSWORD)

    shown = await visitor.get(ASKING[name].path)

    assert _navigation(shown).count("aria-current") == 1


def _navigation(shown: Answer) -> str:
    (places,) = re.findall(r'<nav aria-label="Pages">(.*?)</nav>', shown.body.decode(), re.DOTALL)
    return str(places)


def _without(body: bytes, name: str) -> bytes:
    return re.sub(rb"<code>[a-z0-9]{10}</code>", b"CASE", body.replace(name.encode(), b"NAME"))
