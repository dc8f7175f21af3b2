"""The audit: what is recorded, what is not, and that it holds no secret."""

import json
from urllib.parse import urlencode

import pytest

from acrux.bootstrap.application import Registry
from acrux.domain.access.grants import ANONYMOUS
from acrux.domain.audit.decision import Decision, Outcome, Search
from acrux.domain.content.digest import Digest
from acrux.http.access import audit, guard
from tests.http.caller import HOST, PEER, Answer, Caller, basic
from tests.http.conftest import HandClock
from tests.images import image

APP = image(b"layer")
SCOPE = "repository:team/app:pull,push"


async def records(registry: Registry) -> list[Decision]:
    """All records, the oldest first."""
    await registry.services.audit_log.flush()
    return [one.decision for one in await registry.services.audit_log.search(Search(limit=1000))]


async def last(registry: Registry) -> Decision:
    """The newest record."""
    return (await records(registry))[-1]


def texts(scopes: object) -> list[str]:
    """Scopes as text."""
    return [str(scope) for scope in scopes]  # type: ignore[attr-defined]  # a list, of JSON


async def test_a_token_that_is_issued_is_recorded_with_what_was_asked_and_granted(
    registry: Registry, stranger: Caller
) -> None:
    """Nobody could tell afterwards who had been let in."""
    await registry.services.accounts.create("reader", "_repositories_pull")
    renewed = await registry.services.accounts.renew_password("reader", "password1")
    password = renewed.passwords[0].value
    assert password is not None
    answer = await Caller(registry, "reader", password.reveal()).token(SCOPE)

    recorded = await last(registry)
    assert (recorded.outcome, recorded.account, recorded.peer) == (Outcome.GRANTED, "reader", PEER)
    assert (recorded.request, recorded.status) == ("GET /oauth2/token", 200)
    assert recorded.repository == "team/app"
    assert texts(recorded.asked) == [SCOPE]
    assert texts(recorded.granted) == ["repository:team/app:pull"]
    assert recorded.correlation == answer.header("X-Ms-Correlation-Request-Id")


async def test_a_form_and_an_exchange_are_recorded_too(
    registry: Registry, stranger: Caller
) -> None:
    """A caller could avoid the audit by asking in another way."""
    form = {"grant_type": "password", "service": HOST, "scope": SCOPE, "access_type": "offline",
            "username": stranger.username, "password": stranger.password}  # fmt: skip
    refresh_token = (await post(stranger, "/oauth2/token", form)).json["refresh_token"]
    await post(stranger, "/oauth2/exchange",
               {"grant_type": "refresh_token", "refresh_token": refresh_token})  # fmt: skip
    await post(stranger, "/oauth2/token",
               {"grant_type": "refresh_token", "refresh_token": refresh_token})  # fmt: skip

    found = await records(registry)
    assert [one.request for one in found] == [
        "POST /oauth2/token", "POST /oauth2/exchange", "POST /oauth2/token",
    ]  # fmt: skip
    assert {(one.account, one.outcome) for one in found} == {("acrux", Outcome.GRANTED)}
    assert [one.authentication_method for one in found[1:]] == ["refresh_token", "refresh_token"]


async def post(caller: Caller, path: str, form: dict[str, str]) -> Answer:
    """Send a form."""
    return await caller.call(
        "POST",
        path,
        headers={"Content-Type": "application/x-www-form-urlencoded"},
        body=urlencode(form).encode(),
    )


async def test_each_change_is_recorded_and_no_step_towards_it(
    registry: Registry, admin: Caller
) -> None:
    """Nobody would know what was deleted, and by whom."""
    before = len(await records(registry))
    await admin.push("team/app", "v1", APP)
    started = await admin.call("POST", "/v2/team/app/blobs/uploads/")
    location = started.header("Location") or ""
    await admin.call("PATCH", location, body=b"more")
    await admin.call("GET", location)
    await admin.call("PUT", f"{location}&digest={Digest.of(b'more')}")
    await admin.call("PATCH", "/acr/v1/team/app", body=b'{"readEnabled": true}')
    await admin.call("DELETE", "/acr/v1/team/app/_tags/v1")
    await admin.call("DELETE", f"/v2/team/app/blobs/{Digest.of(b'more')}")
    await admin.call("DELETE", f"/v2/team/app/manifests/{APP.digest}")

    found = (await records(registry))[before:]
    assert [(one.request.partition(" ")[0], one.status) for one in found] == [
        *[("POST", 201)] * len(APP.blobs), ("PUT", 201), ("PUT", 201), ("PATCH", 200),
        ("DELETE", 202), ("DELETE", 202), ("DELETE", 202),
    ]  # fmt: skip
    assert {(one.account, one.repository, one.outcome) for one in found} == {
        ("acrux", "team/app", Outcome.GRANTED)
    }
    assert {one.authentication_method for one in found} == {"access_token"}
    assert found[0].facts["created"].startswith("/v2/team/app/blobs/sha256:")
    assert found[-1].request == f"DELETE /v2/team/app/manifests/{APP.digest}"


async def test_reading_with_a_good_token_is_not_recorded(registry: Registry, admin: Caller) -> None:
    """The few records that matter would drown in those of every pull."""
    await admin.push("team/app", "v1", APP)
    before = len(await records(registry))
    await admin.pull("team/app", "v1")
    await admin.call("HEAD", "/v2/team/app/manifests/v1")
    await admin.call("GET", "/v2/team/app/tags/list")

    assert len(await records(registry)) == before


def test_every_end_point_that_can_change_something_is_recorded(registry: Registry) -> None:
    """A new endpoint would make changes unseen."""
    unseen = {
        (row.path, method)
        for row in registry.rows
        for method, endpoint in row.methods.items()
        if not any(endpoint.records(method, status) for status in (200, 201, 202, 204))
        and (method != "GET" or endpoint.requires is guard.public)
    }
    steps = {
        row.path
        for row in registry.rows
        for endpoint in row.methods.values()
        if endpoint.records is audit.finishes
    }

    public = {"/.well-known/jwks.json", "/livez", "/readyz", "/management/v1/openapi.json"}
    assert unseen == {(path, "GET") for path in public}
    assert all("/blobs/uploads" in path for path in steps)


async def test_a_caller_who_presents_nothing_is_not_recorded(
    registry: Registry, stranger: Caller
) -> None:
    """Every client's first request would be a record."""
    await stranger.call("GET", "/v2/")
    await stranger.call("GET", "/oauth2/token", query={"service": HOST})
    await stranger.call("GET", "/v2/", headers={"Authorization": basic("", "")})

    assert await records(registry) == []


async def test_a_token_that_holds_too_little_is_recorded_with_what_it_holds(
    registry: Registry, stranger: Caller
) -> None:
    """Nobody would notice a stolen token that is tried here and there."""
    caller = await stranger.login("repository:team/app:pull")
    await caller.call("DELETE", "/v2/team/app/manifests/v1")

    recorded = await last(registry)
    assert (recorded.outcome, recorded.account) == (Outcome.REFUSED, "acrux")
    assert (recorded.reason, recorded.status) == ("missing-scope", 401)
    assert texts(recorded.asked) == ["repository:team/app:delete"]
    assert texts(recorded.granted) == ["repository:team/app:pull"]
    assert recorded.is_proven


@pytest.mark.parametrize(
    ("credential", "account", "reason"),
    [
        (basic("hunter2-typed-as-a-name", "x"), "(unknown)", "unknown-name"),
        (basic("acrux", "hunter2-typed-wrong"), "acrux", "wrong-password"),
    ],
)
@pytest.mark.parametrize("path", ["/oauth2/token", "/v2/team/app/tags/list"])
async def test_a_wrong_password_is_recorded_without_anything_that_was_typed(
    registry: Registry, stranger: Caller, credential: str, account: str, reason: str, path: str
) -> None:
    """People type passwords into the name field: the audit would be a list of passwords."""
    await stranger.call(
        "GET", path, query={"account": "hunter2"}, headers={"Authorization": credential}
    )

    recorded = await last(registry)
    assert (recorded.account, recorded.reason, recorded.status) == (account, reason, 401)
    assert not recorded.is_proven
    assert "hunter2" not in repr(recorded)


async def test_a_disabled_account_and_an_expired_password_are_told_apart(
    registry: Registry, stranger: Caller, clock: HandClock
) -> None:
    """The operator would look in the wrong place."""
    accounts = registry.services.accounts
    created = await accounts.create("robot", "_repositories_pull", expires_at=clock.now)
    assert created.passwords[0].value is not None
    robot = Caller(registry, "robot", created.passwords[0].value.reveal())

    reasons = []
    await robot.token(SCOPE)
    reasons.append((await last(registry)).reason)
    renewed = await accounts.renew_password("robot", "password1")
    assert renewed.passwords[0].value is not None
    robot.password = renewed.passwords[0].value.reveal()
    await accounts.change("robot", is_enabled=False)
    await robot.token(SCOPE)
    reasons.append((await last(registry)).reason)
    assert reasons == ["expired-password", "disabled-account"]
    assert (await last(registry)).account == "robot"


async def test_what_was_wrong_with_a_token_is_recorded_with_its_account(
    registry: Registry, stranger: Caller, clock: HandClock
) -> None:
    """An attack and a wrong clock would look alike."""
    caller = await stranger.login(SCOPE)
    authorization = caller.authorization
    found = {}
    caller.authorization = f"{authorization}x"
    await caller.call("GET", "/v2/")
    found["altered"] = await last(registry)
    caller.authorization = "Bearer abc"
    await caller.call("GET", "/v2/")
    found["not-ours"] = await last(registry)
    caller.authorization = authorization
    clock.forward(hours=2)
    await caller.call("GET", "/v2/")
    found["expired"] = await last(registry)
    fresh = await stranger.login(SCOPE)
    await registry.services.accounts.revoke("acrux")
    await fresh.call("GET", "/v2/")
    found["revoked"] = await last(registry)

    assert {reason: one.reason for reason, one in found.items()} == {one: one for one in found}
    assert {reason: one.account for reason, one in found.items()} == {
        "altered": "(unknown)", "not-ours": "(unknown)", "expired": "acrux", "revoked": "acrux",
    }  # fmt: skip
    assert set(found["expired"].facts) == {"expired_at"}
    assert set(found["revoked"].facts) == {"issued_at", "revoked_at"}


async def test_an_anonymous_caller_who_is_refused_is_named_so(
    registry: Registry, stranger: Caller
) -> None:
    """An empty name could mean nobody or everybody."""
    await registry.services.accounts.let_anonymous("_repositories_pull")
    answer = await stranger.call("GET", "/oauth2/token", query={"service": HOST, "scope": SCOPE})
    token = answer.json["access_token"]
    await stranger.call("DELETE", "/v2/team/app/manifests/v1",
                        headers={"Authorization": f"Bearer {token}"})  # fmt: skip

    issued, refused = await records(registry)
    assert ANONYMOUS.name == ""
    assert issued.account == refused.account == "(anonymous)"
    assert refused.reason == "missing-scope"
    assert not issued.is_proven
    assert not refused.is_proven


async def test_no_password_and_no_token_gets_into_the_journal(
    registry: Registry, stranger: Caller
) -> None:
    """Anyone who may read the audit could act as anybody."""
    caller = await stranger.login(SCOPE)
    token = (caller.authorization or "").removeprefix("Bearer ")
    await caller.call("DELETE", f"/v2/team/app/manifests/v1?token={token}")
    await stranger.call(
        "GET", f"/oauth2/token?password={stranger.password}",
        headers={"Authorization": basic("00000000-0000-0000-0000-000000000000", token[:-4])},
    )  # fmt: skip

    text = json.dumps([repr(one) for one in await records(registry)])
    for secret in (stranger.password, token, token.split(".")[1], token.split(".")[2]):
        assert secret not in text


async def test_waiting_records_are_written_when_the_registry_stops(
    registry: Registry, stranger: Caller
) -> None:
    """Every restart would leave a gap."""
    await stranger.login(SCOPE)
    await registry.lifespan.close()
    await registry.lifespan.open()

    assert [one.request for one in await records(registry)] == ["GET /oauth2/token"]


async def test_a_stranger_who_requests_many_scopes_is_recorded_briefly(
    registry: Registry,
) -> None:
    """A hundred long scopes per guess would fill the disk, even though guesses are limited."""
    scopes = [f"repository:{f'{number:03}'.ljust(500, 'a')}:pull" for number in range(100)]
    form = {"grant_type": "password", "username": "acrux", "password": "wrong", "service": HOST,
            "scope": " ".join(scopes)}  # fmt: skip

    await post(Caller(registry, "", ""), "/oauth2/token", form)

    recorded = await last(registry)
    assert recorded.outcome == Outcome.REFUSED
    assert texts(recorded.asked) == scopes[: len(recorded.asked)]
    assert sum(map(len, texts(recorded.asked))) <= 4096


async def test_a_change_over_the_management_api_is_recorded_without_its_secrets(
    registry: Registry, stranger: Caller
) -> None:
    """An account that somebody creates over HTTP would go unseen."""
    manager = await stranger.login("registry:management:read,write")
    before = len(await records(registry))
    body = json.dumps({"name": "ci-team", "scopeMapId": "_repositories_pull"}).encode()
    created = await manager.call(
        "POST", "/management/v1/tokens", headers={"Content-Type": "application/json"}, body=body
    )
    await manager.call("GET", "/management/v1/tokens")

    (recorded,) = (await records(registry))[before:]
    assert created.status == 201, created.body
    assert (recorded.account, recorded.outcome) == ("acrux", Outcome.GRANTED)
    assert recorded.request == "POST /management/v1/tokens"
    assert recorded.facts == {"created": "/management/v1/tokens/ci-team"}
    for password in created.json["credentials"]["passwords"]:
        assert password["value"] not in repr(recorded)
