"""Tokens for other registries, which send their clients here."""

from pathlib import Path

import pytest

from acrux.settings import Settings
from tests.http.caller import HOST, Caller
from tests.http.oauth2.test_oauth2 import post
from tests.http.oauth2.test_walk import claims

SERVICE = "images.example.com"
PULL = "repository:hello:pull"


@pytest.fixture
def settings(tmp_path: Path) -> Settings:
    """A registry that is the token server of another one."""
    return Settings(data_dir=tmp_path / "data", login_servers=(HOST,), token_services=(SERVICE,))


@pytest.mark.parametrize("service", [SERVICE, SERVICE.upper()])
async def test_a_token_is_for_the_service_of_the_challenge(stranger: Caller, service: str) -> None:
    """The other registry compares the audience with its own name."""
    answer = await stranger.token(PULL, "registry:catalog:*", service=service)

    said = claims(answer.json["access_token"])
    assert said["aud"] == SERVICE
    assert said["access"] == [
        {"type": "repository", "name": "hello", "actions": ["pull"]},
        {"type": "registry", "name": "catalog", "actions": ["*"]},
    ]


async def test_it_opens_nothing_here(stranger: Caller) -> None:
    """The other registry could use it in the name of its callers."""
    token = (await stranger.token(PULL, service=SERVICE)).json["access_token"]

    answer = await stranger.call(
        "GET", "/v2/hello/tags/list", headers={"Authorization": f"Bearer {token}"}
    )

    assert answer.status == 401


async def test_a_service_that_is_not_configured_gets_none(stranger: Caller) -> None:
    """A caller must not choose the audience of a token."""
    assert (await stranger.token(PULL, service="other.example.com")).status == 400


async def test_no_refresh_token_is_for_another_registry(stranger: Caller) -> None:
    """A client sends it where that registry says; it keeps the password instead."""
    form = {
        "grant_type": "password", "username": stranger.username, "password": stranger.password,
        "access_type": "offline",
    }  # fmt: skip
    there = await post(stranger, service=SERVICE, **form)
    here = await post(stranger, service=HOST, **form)

    assert (there.status, "refresh_token" in there.json) == (200, False)
    assert "refresh_token" in here.json


async def test_a_refresh_token_of_this_registry_serves_for_the_other(stranger: Caller) -> None:
    """Its holder may get every token that their password would get them."""
    refresh = await stranger.refresh_token()

    answer = await post(
        stranger, service=SERVICE, grant_type="refresh_token", refresh_token=refresh, scope=PULL
    )

    assert claims(answer.json["access_token"])["aud"] == SERVICE


async def test_no_exchange_is_for_another_registry(stranger: Caller) -> None:
    """As above: what an exchange gives is a refresh token."""
    refresh = await stranger.refresh_token()

    answer = await post(
        stranger, "/oauth2/exchange", service=SERVICE, grant_type="refresh_token",
        refresh_token=refresh,
    )  # fmt: skip

    assert answer.status == 400
