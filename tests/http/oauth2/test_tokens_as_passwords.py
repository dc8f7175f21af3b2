"""Our own tokens in place of a password (acr-protocol.md §2.1)."""

from collections.abc import Awaitable, Callable
from urllib.parse import urlencode

import pytest

from acrux.bootstrap.application import Registry
from acrux.domain.access.token import TOKEN_USER
from tests.http.access.test_accounts import granted
from tests.http.caller import HOST, Answer, Caller, basic
from tests.http.conftest import HandClock
from tests.http.oauth2.test_walk import claims
from tests.images import image

EVERYTHING = "repository:*:* registry:catalog:*"
Ask = Callable[[Caller, str, str], Awaitable[Answer]]


async def by_get(caller: Caller, token: str, scope: str) -> Answer:
    """Ask as docker login does, with the token as the password."""
    return await caller.call(
        "GET",
        "/oauth2/token",
        query={"service": HOST, "scope": scope, "offline_token": "true"},
        headers={"Authorization": basic(TOKEN_USER, token)},
    )


async def by_post(caller: Caller, token: str, scope: str) -> Answer:
    """Ask as containerd does."""
    form = {
        "grant_type": "password",
        "service": HOST,
        "scope": scope,
        "username": TOKEN_USER,
        "password": token,
        "access_type": "offline",
    }
    return await caller.call(
        "POST",
        "/oauth2/token",
        headers={"Content-Type": "application/x-www-form-urlencoded"},
        body=urlencode(form).encode(),
    )


both_forms = pytest.mark.parametrize("ask", [by_get, by_post])


async def access_token(caller: Caller, scope: str = "") -> str:
    """An access token of this scope."""
    token: str = (await caller.token(scope)).json["access_token"]
    return token


@both_forms
@pytest.mark.parametrize(
    ("held", "gets"),
    [
        ("repository:app:pull", ["app:pull"]),
        ("repository:app:pull,push repository:b:delete", ["app:pull,push", "b:delete"]),
        ("repository:*:pull repository:app:push", ["app:pull,push", "b:pull", "*:pull"]),
        ("registry:catalog:*", ["catalog:*"]),
        ("", []),
    ],
)
async def test_an_access_token_as_a_password_gets_what_it_holds_and_no_more(
    stranger: Caller, ask: Ask, held: str, gets: list[str]
) -> None:
    """A token that was narrowed for a build must not regain what was left out."""
    token = await access_token(stranger, held)

    answer = await ask(stranger, token, f"repository:app:* repository:b:* {EVERYTHING}")

    assert answer.status == 200
    assert granted(answer) == gets


@both_forms
async def test_an_access_token_as_a_password_gets_none_that_outlives_it(
    stranger: Caller, clock: HandClock, ask: Ask
) -> None:
    """A stolen token could renew itself for ever."""
    token = await access_token(stranger, EVERYTHING)
    clock.forward(hours=1)

    answer = await ask(stranger, token, EVERYTHING)

    assert claims(answer.json["access_token"])["exp"] == claims(token)["exp"]
    assert answer.json["expires_in"] == 15 * 60
    assert "refresh_token" not in answer.json


@both_forms
async def test_a_refresh_token_as_a_password_gets_none_that_outlives_it(
    stranger: Caller, clock: HandClock, ask: Ask
) -> None:
    """docker login gets a new one each time, which must not make the old one immortal."""
    token = await stranger.refresh_token()
    clock.forward(hours=1)

    answer = await ask(stranger, token, EVERYTHING)

    assert claims(answer.json["refresh_token"])["exp"] == claims(token)["exp"]
    assert answer.json["expires_in"] == 75 * 60


@both_forms
async def test_an_access_token_as_a_password_ends_like_a_bearer_token(
    registry: Registry, stranger: Caller, clock: HandClock, ask: Ask
) -> None:
    """When it expires, and when it is revoked."""
    revoked = await access_token(stranger)
    clock.forward(seconds=1)
    await registry.services.accounts.revoke("acrux")
    ended = await access_token(stranger)
    assert (await ask(stranger, ended, "")).status == 200
    clock.forward(minutes=75)

    answers = [await ask(stranger, token, "") for token in (revoked, ended)]

    assert [answer.status for answer in answers] == [401, 401]


async def test_an_access_token_as_a_password_opens_the_api_as_bearer_does(
    stranger: Caller, admin: Caller
) -> None:
    """And nothing more: Basic is not a wider way in."""
    await admin.push("app", "v1", image(b"layer"))
    token = await access_token(stranger, "repository:app:pull")
    straight = {"Authorization": basic(TOKEN_USER, token)}

    pulled = await stranger.call("GET", "/v2/app/manifests/v1", headers=straight)
    deleted = await stranger.call("DELETE", "/v2/app/manifests/v1", headers=straight)
    listed = await stranger.call("GET", "/v2/_catalog", headers=straight)

    assert [answer.status for answer in (pulled, deleted, listed)] == [200, 401, 401]


@both_forms
@pytest.mark.parametrize(
    "text",
    ["", "x", "a.b.c", "e30.e30.e30", "e30.W10.e30", "e30." + "W" * 5000 + ".e30",
     "a.eyJncmFudF90eXBlIjoicmVmcmVzaF90b2tlbiJ9.c", "\u00e4.b.c"],
)  # fmt: skip
async def test_an_invalid_token_is_a_wrong_password(stranger: Caller, ask: Ask, text: str) -> None:
    """It is never a 500, and never anonymous."""
    answer = await ask(stranger, text, EVERYTHING)

    assert (answer.status, answer.code) == (401, "UNAUTHORIZED")


async def test_a_token_is_a_password_for_the_user_of_zeros_only(stranger: Caller) -> None:
    """For an account, a password is always a password."""
    for token in (await access_token(stranger), await stranger.refresh_token()):
        for name in ("acrux", "nobody", "", TOKEN_USER.replace("0", "1")):
            straight = {"Authorization": basic(name, token)}
            assert (await stranger.call("GET", "/v2/", headers=straight)).status == 401
