"""The token endpoints' forms: POST /oauth2/token and /oauth2/exchange (acr-protocol.md §3)."""

from typing import Any
from urllib.parse import urlencode

import pytest

from acrux.bootstrap.application import Registry
from acrux.domain.access.grants import Principal
from acrux.domain.access.scope_maps import NOTHING
from acrux.domain.access.token import TOKEN_USER
from tests.http.caller import HOST, Answer, Caller, basic
from tests.http.conftest import HandClock
from tests.http.oauth2.test_walk import claims
from tests.images import image

PULL = "repository:hello:pull"
FORM = "application/x-www-form-urlencoded"


async def post(
    caller: Caller, path: str = "/oauth2/token", content_type: str = FORM, **fields: Any
) -> Answer:
    """Send a form."""
    return await caller.call(
        "POST",
        path,
        headers={"Content-Type": content_type},
        body=urlencode({"service": HOST, **fields}, doseq=True).encode(),
    )


async def password_grant(caller: Caller, **fields: Any) -> Answer:
    """Ask for a token with the password, in a form."""
    return await post(
        caller,
        grant_type="password",
        username=caller.username,
        password=caller.password,
        **fields,
    )


async def opens(caller: Caller, answer: Answer) -> bool:
    """Whether the answer's token opens what it was requested for."""
    bearer = {"Authorization": f"Bearer {answer.json['access_token']}"}
    return (await caller.call("GET", "/v2/hello/manifests/v1", headers=bearer)).status == 200


@pytest.fixture
async def holder(admin: Caller, stranger: Caller) -> Caller:
    """A caller who knows the password, in a registry that holds hello:v1."""
    await admin.push("hello", "v1", image(b"layer"))
    return stranger


@pytest.mark.parametrize("content_type", [FORM, f"{FORM}; charset=UTF-8"])
async def test_a_password_in_a_form_becomes_a_token(holder: Caller, content_type: str) -> None:
    """containerd and az -u -p do this."""
    answer = await password_grant(holder, scope=PULL, content_type=content_type)

    assert answer.status == 200
    assert answer.header("Cache-Control") == "no-store"
    assert await opens(holder, answer)
    assert "refresh_token" not in answer.json


@pytest.mark.parametrize(
    "scope", ["repository:a:pull repository:b:pull", ["repository:a:pull", "repository:b:pull"]]
)
async def test_scopes_may_be_joined_or_repeated(holder: Caller, scope: object) -> None:
    """RFC 6749 joins them, ACR's clients repeat them."""
    answer = await password_grant(holder, scope=scope)

    access = claims(answer.json["access_token"])["access"]
    assert isinstance(access, list)
    assert [entry["name"] for entry in access] == ["a", "b"]


async def test_a_form_without_a_scope_is_a_login(holder: Caller) -> None:
    """It is 200, as for GET; users complain about real ACR's 400."""
    answer = await password_grant(holder)

    assert answer.status == 200
    assert claims(answer.json["access_token"])["access"] == []


async def test_a_form_that_asks_for_it_gets_a_refresh_token(holder: Caller) -> None:
    """RFC 6749 has forms, and whoever asks so knows what to do when the token has expired."""
    answer = await password_grant(holder, access_type="offline")

    assert answer.json["refresh_token"].count(".") == 2


@pytest.mark.parametrize("query", [{}, {"offline_token": "true", "client_id": "docker"}])
async def test_docker_login_keeps_the_password(holder: Caller, query: dict[str, str]) -> None:
    """It would keep a refresh token in its place, and pull secrets would last three hours."""
    answer = await holder.token(**query)

    assert answer.status == 200
    assert "refresh_token" not in answer.json


async def test_who_logs_in_with_a_refresh_token_keeps_it(holder: Caller) -> None:
    """docker login -u 00000000-…, as after `az acr login --expose-token`."""
    login = Caller(holder.registry, TOKEN_USER, await holder.refresh_token())

    answer = await login.token(offline_token="true")

    assert answer.json["refresh_token"].count(".") == 2
    assert "refresh_token" not in (await login.token()).json


async def test_the_message_of_an_expired_refresh_token_says_log_in_again(
    holder: Caller, clock: HandClock
) -> None:
    """docker prints it, and nobody can ask for "a new one"."""
    token = await holder.refresh_token()
    clock.forward(hours=4)

    answer = await post(holder, grant_type="refresh_token", refresh_token=token)

    assert answer.status == 401
    assert "log in again" in answer.json["errors"][0]["message"]


async def test_a_refresh_token_is_a_jwt_that_every_client_can_read(holder: Caller) -> None:
    """Azure's SDKs decode it with the standard alphabet (acr-protocol.md §3.6)."""
    token = await holder.refresh_token()

    payload = token.split(".")[1]
    read = claims(token)
    assert not set(payload) & {"-", "_"}
    assert read["grant_type"] == "refresh_token"
    assert read["exp"] == 1795262400 + 3 * 60 * 60
    assert "aad_identity" not in read


async def test_a_refresh_token_becomes_access_tokens(holder: Caller) -> None:
    """docker, the SDKs and az do this."""
    token = await holder.refresh_token()

    answer = await post(
        holder, grant_type="refresh_token", refresh_token=token, scope=PULL, client_id="docker"
    )

    assert answer.status == 200
    assert answer.json["refresh_token"] == token
    assert await opens(holder, answer)


async def test_a_refresh_token_that_was_not_verified_is_not_handed_back(holder: Caller) -> None:
    """The client would store an unverified token in place of the one that it requested."""
    answer = await password_grant(holder, refresh_token="anything", access_type="offline")

    assert answer.status == 200
    assert answer.json["refresh_token"].count(".") == 2


async def test_a_refresh_token_is_a_password_for_the_user_of_zeros(holder: Caller) -> None:
    """az acr login passes it to docker this way."""
    authorization = basic(TOKEN_USER, await holder.refresh_token())

    token = await holder.call(
        "GET",
        "/oauth2/token",
        query={"service": HOST, "scope": PULL},
        headers={"Authorization": authorization},
    )
    straight = await holder.call(
        "GET", "/v2/hello/manifests/v1", headers={"Authorization": authorization}
    )

    assert await opens(holder, token)
    assert straight.status == 200


async def test_a_refresh_token_is_exchanged_for_one_that_lives_no_longer(
    holder: Caller, clock: HandClock
) -> None:
    """Azure's SDKs exchange before each operation, which must not make a token immortal."""
    token = await holder.refresh_token()
    clock.forward(hours=1)

    for grant_type, field in (
        ("access_token", "access_token"),
        ("access_token_refresh_token", "access_token"),
        ("refresh_token", "refresh_token"),
    ):
        answer = await post(
            holder, "/oauth2/exchange", grant_type=grant_type, **{field: token}, tenant="any"
        )
        assert answer.status == 200
        exchanged = answer.json["refresh_token"]
        assert claims(exchanged)["exp"] == claims(token)["exp"]
        redeemed = await post(
            holder, grant_type="refresh_token", refresh_token=exchanged, scope=PULL
        )
        assert await opens(holder, redeemed)


async def test_a_refresh_token_expires(holder: Caller, clock: HandClock) -> None:
    """A stolen one works for three hours, not for ever."""
    token = await holder.refresh_token()
    clock.forward(hours=3, seconds=31)

    answer = await post(holder, grant_type="refresh_token", refresh_token=token, scope=PULL)
    exchanged = await post(
        holder, "/oauth2/exchange", grant_type="access_token", access_token=token
    )

    assert (answer.status, exchanged.status) == (401, 401)


async def test_kinds_of_tokens_are_never_taken_for_each_other(holder: Caller) -> None:
    """A refresh token opens no API, and an access token gets no other token."""
    refresh = await holder.refresh_token()
    access = (await holder.token(PULL)).json["access_token"]

    bearer = await holder.call(
        "GET", "/v2/hello/manifests/v1", headers={"Authorization": f"Bearer {refresh}"}
    )
    redeemed = await post(holder, grant_type="refresh_token", refresh_token=access, scope=PULL)
    exchanged = await post(
        holder, "/oauth2/exchange", grant_type="access_token", access_token=access
    )

    assert (bearer.status, redeemed.status, exchanged.status) == (401, 401, 401)


@pytest.mark.parametrize(
    "fields",
    [
        {"grant_type": "password"},
        {"grant_type": "password", "refresh_token": ""},
        {"grant_type": "password", "username": "", "password": ""},
        {"grant_type": "password", "username": "acrux", "password": "wrong"},
        {"grant_type": "password", "username": "nobody", "password": "wrong"},
        {"grant_type": "password", "username": "acrux"},
        {"grant_type": "refresh_token"},
        {"grant_type": "refresh_token", "refresh_token": "x"},
        {"grant_type": "refresh_token", "refresh_token": "a.b.c"},
    ],
)
async def test_a_form_without_a_valid_credential_is_refused(
    stranger: Caller, fields: dict[str, str]
) -> None:
    """Anonymous callers have no rights here."""
    answer = await post(stranger, scope=PULL, **fields)

    assert (answer.status, answer.code) == (401, "UNAUTHORIZED")
    assert answer.header("WWW-Authenticate") == f'Basic realm="{HOST}"'


@pytest.mark.parametrize(
    ("body", "content_type", "status"),
    [
        (b"", FORM, 400),
        (b"grant_type=client_credentials", FORM, 400),
        (b"grant_type=password&grant_type=refresh_token", FORM, 400),
        (b"grant_type=password&username=a&username=b&password=c", FORM, 400),
        (b"grant_type=password&username=%ff", FORM, 400),
        (b"grant_type=password&username=\xff", FORM, 400),
        (b"a=1&" * 600, FORM, 400),
        (b"a=" + b"1" * 70_000, FORM, 413),
        (b'{"grant_type":"password"}', "application/json", 400),
        (b"grant_type=password", "", 400),
    ],
)
@pytest.mark.parametrize("path", ["/oauth2/token", "/oauth2/exchange"])
async def test_a_form_that_cannot_be_read_is_refused(
    stranger: Caller, path: str, body: bytes, content_type: str, status: int
) -> None:
    """It must cause neither a 500 nor a guess about the caller."""
    answer = await stranger.call("POST", path, headers={"Content-Type": content_type}, body=body)

    assert answer.status == status


async def test_a_service_that_is_not_ours_gets_nothing(holder: Caller) -> None:
    """The caller must not choose a token's audience."""
    token = await holder.refresh_token()

    granted = await password_grant(holder, service="evil.test")
    exchanged = await post(
        holder, "/oauth2/exchange", grant_type="access_token", access_token=token, service="e.test"
    )

    assert (granted.status, exchanged.status) == (400, 400)


async def test_the_token_of_an_account_that_is_gone_is_worth_nothing(
    holder: Caller, registry: Registry
) -> None:
    """Its rights are looked up each time it is redeemed."""
    gone = registry.services.tokens.issue_refresh(Principal("gone", NOTHING), HOST)

    answer = await post(holder, grant_type="refresh_token", refresh_token=gone, scope=PULL)

    assert answer.status == 401
