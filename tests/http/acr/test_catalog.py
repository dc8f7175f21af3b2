"""Searching the catalog, its levels, and what a caller may do."""

import pytest

from acrux.bootstrap.application import Registry
from tests.http.caller import Caller, basic
from tests.images import image

APP = image(b"layer")


@pytest.fixture
async def filled(admin: Caller) -> Caller:
    """A caller of a registry with some repositories."""
    for name in ("app", "team/app", "team/web", "team/web/x", "tool"):
        await admin.push(name, "v1", APP)
    return admin


async def test_a_part_of_a_name_finds_repositories(filled: Caller) -> None:
    """Nobody knows a thousand names by heart."""
    answer = await filled.call("GET", "/acr/v1/_catalog?contains=app&n=1")

    assert answer.json == {"repositories": ["app"]}
    link = answer.header("Link")
    assert link == '</acr/v1/_catalog?last=app&n=1&orderby=&contains=app>; rel="next"'


async def test_a_level_holds_repositories_and_prefixes(filled: Caller) -> None:
    """Names are a tree to people."""
    top = await filled.call("GET", "/acr/v1/_catalog?below=")
    team = await filled.call("GET", "/acr/v1/_catalog?below=team/&n=1")

    assert top.json == {"repositories": ["app", "tool"], "prefixes": ["team/"]}
    assert team.json == {"repositories": ["team/app"], "prefixes": []}
    assert "below=team%2F" in (team.header("Link") or "")


@pytest.mark.parametrize(
    ("query", "status"),
    [
        ("contains=a&below=team", 400),
        (f"contains={'a' * 256}", 400),
        ("below=Team", 400),
        ("below=..%2F", 400),
        ("contains=%25", 200),
    ],
)
async def test_a_query_that_makes_no_sense_is_refused(
    filled: Caller, query: str, status: int
) -> None:
    """What is not understood must not look like an empty registry, or a failure of it."""
    assert (await filled.call("GET", f"/acr/v1/_catalog?{query}")).status == status


async def test_callers_learn_what_they_may_do(filled: Caller, registry: Registry) -> None:
    """A button for what is refused anyway misleads; a missing one hides a right."""
    await registry.services.scope_maps.create(
        "helpers", ("repositories/team/*/content/read", "repositories/team/*/deleted/read")
    )
    account = await registry.services.accounts.create("helper", "helpers")
    password = account.passwords[0].value
    assert password is not None
    helper = Caller(registry, "helper", password.reveal())
    helper.authorization = basic("helper", password.reveal())

    everything = await helper.call("GET", "/acr/v1/_permissions")
    on_app = await helper.call("GET", "/acr/v1/_permissions?repository=team/app")
    elsewhere = await helper.call("GET", "/acr/v1/_permissions?repository=tool")

    assert everything.json == {
        "catalog": True,
        "permissions": ["repositories/team/*/content/read", "repositories/team/*/deleted/read"],
    }
    assert on_app.json == {"actions": ["deleted_read", "pull"]}
    assert elsewhere.json == {"actions": []}


async def test_a_token_tells_only_what_it_holds(filled: Caller) -> None:
    """A narrow token that was stolen must not describe its account."""
    narrow = await filled.login("repository:team/app:pull")

    answer = await narrow.call("GET", "/acr/v1/_permissions?repository=team/app")

    assert answer.json == {"actions": ["pull"]}


async def test_what_everybody_may_do_callers_may_do_too(filled: Caller, registry: Registry) -> None:
    """Anonymous pulls are allowed to whoever logged in as well."""
    await registry.services.accounts.let_anonymous("_repositories_pull")
    narrow = await filled.login("repository:tool:delete")

    answer = await narrow.call("GET", "/acr/v1/_permissions?repository=team/app")

    assert answer.json == {"actions": ["pull"]}
    bad = await narrow.call("GET", "/acr/v1/_permissions?repository=Team")
    assert (bad.status, bad.code) == (400, "NAME_INVALID")
