"""Guessing over HTTP: 429 with Retry-After for passwords everywhere."""

import asyncio
from collections.abc import Awaitable, Callable
from urllib.parse import urlencode

import pytest

from acrux.bootstrap.application import Registry
from acrux.domain.access.lockout import OF_ACCOUNT_AT_ADDRESS, OF_ADDRESS
from acrux.domain.access.token import TOKEN_USER
from tests.http.caller import HOST, PEER, Answer, Caller, basic
from tests.http.conftest import HandClock

FREE = OF_ACCOUNT_AT_ADDRESS.free
ELSEWHERE = "203.0.113.7"
PROXY = "198.51.100.9"

Ask = Callable[[Caller, str, str], Awaitable[Answer]]


async def get(caller: Caller, password: str, peer: str = PEER) -> Answer:
    """Ask for a token with Basic."""
    return await caller.call(
        "GET",
        "/oauth2/token",
        query={"service": HOST},
        headers={"Authorization": basic(caller.username, password)},
        peer=peer,
    )


async def post(caller: Caller, password: str, peer: str = PEER) -> Answer:
    """Ask for a token with a form."""
    return await form(caller, peer, grant_type="password", username=caller.username,
                      password=password)  # fmt: skip


async def straight(caller: Caller, password: str, peer: str = PEER) -> Answer:
    """Present Basic straight to the API."""
    headers = {"Authorization": basic(caller.username, password)}
    return await caller.call("GET", "/v2/", headers=headers, peer=peer)


async def form(caller: Caller, peer: str = PEER, **fields: str) -> Answer:
    """Send a form to the token endpoint."""
    return await caller.call(
        "POST",
        "/oauth2/token",
        headers={"Content-Type": "application/x-www-form-urlencoded"},
        body=urlencode({"service": HOST, **fields}).encode(),
        peer=peer,
    )


async def guess(caller: Caller, times: int = FREE, peer: str = PEER) -> None:
    """Present wrong passwords, each of which is refused as wrong."""
    for _ in range(times):
        assert (await get(caller, "wrong", peer)).status == 401


@pytest.mark.parametrize("guessed", [get, post, straight])
@pytest.mark.parametrize("asked", [get, post, straight])
async def test_a_guess_counts_wherever_it_is_made_and_then_everything_waits(
    stranger: Caller, guessed: Ask, asked: Ask
) -> None:
    """Attackers would guess through the one path that is not counted."""
    for _ in range(FREE):
        assert (await guessed(stranger, "wrong", PEER)).status == 401

    for password in ("wrong", stranger.password):
        answer = await asked(stranger, password, PEER)
        assert (answer.status, answer.code) == (429, "TOOMANYREQUESTS")
        assert answer.header("Retry-After") == "1"
        assert answer.header("WWW-Authenticate") is None
        assert "try again in 1 second" in answer.body.decode()


async def test_retry_after_counts_down_and_then_the_right_password_gets_in(
    stranger: Caller, clock: HandClock
) -> None:
    """containerd and skopeo wait as long as they are told to, and then retry."""
    await guess(stranger)
    for wait in (1, 2, 4):
        clock.forward(seconds=wait)
        await guess(stranger, 1)
    told = []
    for _ in range(4):
        told.append((await get(stranger, stranger.password)).header("Retry-After"))
        clock.forward(seconds=2)

    assert told == ["8", "6", "4", "2"]
    assert (await get(stranger, stranger.password)).status == 200


async def test_a_stranger_locks_nobody_out(stranger: Caller) -> None:
    """The name of the admin user is not a secret."""
    await guess(stranger, peer=ELSEWHERE)

    assert (await get(stranger, stranger.password, ELSEWHERE)).status == 429
    assert (await get(stranger, stranger.password, PEER)).status == 200


async def test_a_success_resets_the_count(stranger: Caller) -> None:
    """A day of slips is not an attack."""
    for _ in range(5):
        await guess(stranger, FREE - 1)
        assert (await get(stranger, stranger.password)).status == 200


async def test_behind_a_proxy_it_is_the_client_who_waits(stranger: Caller) -> None:
    """One attacker would hold up everybody, or be somebody else with each request."""

    async def ask(password: str, forwarded: str) -> int:
        headers = {
            "Authorization": basic(stranger.username, password),
            "X-Forwarded-For": forwarded,
        }
        answer = await stranger.call("GET", "/v2/", headers=headers, peer=PROXY)
        return answer.status

    guessed = [await ask("wrong", f"10.0.0.{number}, {ELSEWHERE}") for number in range(FREE + 1)]

    assert guessed == [401] * FREE + [429]
    assert await ask(stranger.password, PEER) == 200


async def test_only_the_free_ones_of_a_thousand_concurrent_guesses_are_answered(
    stranger: Caller,
) -> None:
    """A whole dictionary would be tried before anything is counted."""
    answers = await asyncio.gather(*(get(stranger, f"guess-{n}") for n in range(1000)))

    assert sorted(answer.status for answer in answers) == [401] * FREE + [429] * (1000 - FREE)


async def test_a_request_without_a_credential_is_not_a_guess(stranger: Caller) -> None:
    """Every client's first request has no credentials, or empty ones."""
    for _ in range(OF_ADDRESS.free + 10):
        for headers in ({}, {"Authorization": "Basic Og=="}, {"Authorization": "Bearer a.b.c"}):
            assert (await stranger.call("GET", "/v2/", headers=headers)).status == 401

    assert (await get(stranger, stranger.password)).status == 200


async def test_a_password_without_a_name_is_a_guess(stranger: Caller) -> None:
    """Clients send odd things, and none may cause a 500."""
    nameless = Caller(stranger.registry, "", "")
    await guess(nameless)

    assert (await get(nameless, "wrong")).status == 429


async def test_good_tokens_are_not_held_up_by_guesses(stranger: Caller, registry: Registry) -> None:
    """A signature cannot be guessed."""
    refresh = await stranger.refresh_token()
    access = await stranger.login()
    await guess(stranger)
    others = [f"user-{number}" for number in range(OF_ADDRESS.free)]
    for name in others:
        await get(Caller(registry, name, ""), "wrong")

    granted = await form(stranger, grant_type="refresh_token", refresh_token=refresh)
    as_password = await get(Caller(registry, TOKEN_USER, refresh), refresh)
    assert (await get(stranger, stranger.password)).status == 429
    assert (granted.status, as_password.status) == (200, 200)
    assert (await access.call("GET", "/v2/")).status == 200


async def test_invalid_tokens_in_place_of_passwords_are_guesses(
    stranger: Caller, registry: Registry
) -> None:
    """Each costs the registry a signature check."""
    anybody = Caller(registry, TOKEN_USER, "")
    await guess(anybody, OF_ADDRESS.free)

    assert (await get(anybody, "a.b.c")).status == 429
    assert (await get(anybody, "a.b.c", ELSEWHERE)).status == 401


async def test_an_expired_token_as_a_password_is_not_a_guess_either(
    stranger: Caller, clock: HandClock
) -> None:
    """A fleet that keeps presenting one would lock out others behind the same address."""
    refresh = await stranger.refresh_token()
    clock.forward(hours=4)
    ended = Caller(stranger.registry, TOKEN_USER, "")
    for _ in range(OF_ADDRESS.free + 1):
        assert (await get(ended, refresh)).status == 401

    assert (await get(stranger, stranger.password)).status == 200


async def test_an_expired_token_in_a_form_is_not_a_guess(
    stranger: Caller, clock: HandClock
) -> None:
    """docker and the SDKs present it once more, and then log in again."""
    refresh = await stranger.refresh_token()
    clock.forward(hours=4)
    for _ in range(OF_ADDRESS.free + 1):
        answer = await form(stranger, grant_type="refresh_token", refresh_token=refresh)
        assert answer.status == 401

    assert (await get(stranger, stranger.password)).status == 200
