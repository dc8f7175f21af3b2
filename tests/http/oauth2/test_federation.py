"""Tokens of external OpenID issuers: exchange, Basic, forms."""

import asyncio
from base64 import urlsafe_b64encode
from collections.abc import Iterator
from datetime import timedelta
from typing import Any

import pytest
from msgspec.structs import replace

from acrux.bootstrap.application import Registry, build
from acrux.domain.access.token import TOKEN_USER
from acrux.domain.access.trust import ClaimRule, Trust
from acrux.domain.content.digest import Digest
from acrux.settings import Settings
from tests.http.caller import HOST, Answer, Caller
from tests.http.conftest import HandClock, Lines
from tests.http.oauth2.test_oauth2 import post
from tests.http.oauth2.test_walk import claims
from tests.images import image
from tests.openid_provider import Provider, provider

IMAGE = image(b"layer")
PUSH = "repository:org/app:pull,push"
MAIN = (ClaimRule("repository", "org/*"), ClaimRule("ref", "refs/heads/main"))
OWN = (
    "repositories/{repository}/content/read",
    "repositories/{repository}/content/write",
    "repositories/shared/*/content/read",
)


@pytest.fixture
def issuer() -> Iterator[Provider]:
    """A provider that some trust names."""
    with provider() as issuer:
        yield issuer


@pytest.fixture
async def trust(registry: Registry, issuer: Provider) -> Trust:
    """Workflows of the owner `org` on `main` may push to the repository of their own name."""
    trust = Trust(
        name="ci-main", issuer=issuer.issuer, audience=HOST, rules=MAIN, permissions=OWN,
        lifetime=timedelta(hours=1),
    )  # fmt: skip
    return (await registry.services.trusts.create(trust)).trust


@pytest.fixture
def workflow(registry: Registry) -> Caller:
    """A caller who has no account."""
    return Caller(registry, TOKEN_USER, "")


async def exchange(caller: Caller, token: str, **fields: Any) -> Answer:
    """Exchange a subject token as Azure's SDKs do."""
    form = {"grant_type": "access_token", "access_token": token, **fields}
    return await post(caller, "/oauth2/exchange", **form)


async def redeem(caller: Caller, refresh_token: str, scope: str = PUSH) -> Answer:
    """An access token for a refresh token."""
    return await post(caller, grant_type="refresh_token", refresh_token=refresh_token, scope=scope)


async def logged_in(caller: Caller, token: str, scope: str = PUSH) -> Caller:
    """A caller with an access token for the scope, obtained by exchanging the subject token."""
    exchanged = await exchange(caller, token)
    assert exchanged.status == 200, exchanged.body
    answer = await redeem(caller, exchanged.json["refresh_token"], scope)
    assert answer.status == 200, answer.body
    known = Caller(caller.registry, "", "")
    known.authorization = f"Bearer {answer.json['access_token']}"
    return known


@pytest.mark.usefixtures("trust")
async def test_a_workflow_pushes_without_a_stored_secret(
    workflow: Caller, issuer: Provider, clock: HandClock
) -> None:
    """This is what users have wanted longest: CI without stored passwords."""
    pusher = await logged_in(workflow, issuer.token(clock()))

    pushed = await pusher.push("org/app", "v1", IMAGE)
    elsewhere = await pusher.push_blob("org/other", b"x")

    assert pushed.status == 201, pushed.body
    assert elsewhere.status == 401


@pytest.mark.usefixtures("trust")
@pytest.mark.parametrize(
    "form",
    [
        {"grant_type": "access_token", "access_token": "TOKEN"},
        {"grant_type": "access_token", "access_token": "TOKEN", "tenant": "a-tenant"},
        {
            "grant_type": "access_token_refresh_token",
            "access_token": "TOKEN",
            "refresh_token": "TOKEN",
            "tenant": "a-tenant",
        },
        {"grant_type": "refresh_token", "refresh_token": "TOKEN"},
    ],
)
async def test_each_grant_exchanges_a_subject_token(
    workflow: Caller, issuer: Provider, clock: HandClock, form: dict[str, str]
) -> None:
    """The SDKs, az and AKS's kubelet each use their own grant (acr-protocol.md §3.2)."""
    token = issuer.token(clock())
    answer = await post(
        workflow,
        "/oauth2/exchange",
        **{name: value.replace("TOKEN", token) for name, value in form.items()},
    )

    refresh_token = answer.json["refresh_token"]
    said = claims(refresh_token)
    assert answer.status == 200
    assert said["sub"] == "trusts/ci-main/repo:org/app:ref:refs/heads/main"
    assert not set(refresh_token.split(".")[1]) & {"-", "_"}


@pytest.mark.usefixtures("trust")
async def test_tokens_live_no_longer_than_the_trust_allows(
    workflow: Caller, issuer: Provider, clock: HandClock
) -> None:
    """A trust of an hour must not become three."""
    exchanged = await exchange(workflow, issuer.token(clock()))
    redeemed = await redeem(workflow, exchanged.json["refresh_token"])

    for token in (exchanged.json["refresh_token"], redeemed.json["access_token"]):
        said = claims(token)
        assert said["exp"] == said["iat"] + 3600  # type: ignore[operator]  # numbers, of JSON


@pytest.mark.usefixtures("trust")
@pytest.mark.parametrize("user", [TOKEN_USER, "trusts/ci-main"])
async def test_docker_logs_in_with_a_subject_token_as_password(
    workflow: Caller, issuer: Provider, clock: HandClock, user: str
) -> None:
    """docker login -u 00000000-... -p $ID_TOKEN, then docker push."""
    workflow.username, workflow.password = user, issuer.token(clock())

    answer = await workflow.token(PUSH, offline_token="true")
    redeemed = await redeem(workflow, answer.json["refresh_token"])
    form = await post(
        workflow, grant_type="password", username=user, password=workflow.password, scope=PUSH
    )
    straight = await workflow.call("GET", "/v2/", headers={"Authorization": workflow.basic})

    assert answer.status == redeemed.status == form.status == straight.status == 200
    for one in (answer, redeemed, form):
        assert claims(one.json["access_token"])["access"] == [
            {"type": "repository", "name": "org/app", "actions": ["pull", "push"]}
        ]


@pytest.mark.usefixtures("trust")
async def test_an_issuer_may_have_a_grant_type_of_its_own(
    workflow: Caller, issuer: Provider, clock: HandClock
) -> None:
    """`grant_type` is also a claim of ours, which says there what kind of token it is."""
    workflow.password = issuer.token(clock(), grant_type="refresh_token")

    answer = await workflow.token(PUSH)

    assert answer.status == 200, answer.body


@pytest.mark.usefixtures("trust")
async def test_a_user_name_chooses_among_trusts(
    registry: Registry, trust: Trust, workflow: Caller, issuer: Provider, clock: HandClock
) -> None:
    """A workflow that two trusts let in must be able to choose which one applies."""
    reading = replace(trust, name="reading", permissions=("repositories/*/content/read",))
    await registry.services.trusts.create(reading)
    workflow.password = issuer.token(clock())

    names = []
    for user in (TOKEN_USER, "trusts/reading", "trusts/ci-main", "trusts/nobody"):
        workflow.username = user
        answer = await workflow.token(PUSH)
        names.append(claims(answer.json["access_token"])["sub"] if answer.status == 200 else "")

    subject = "repo:org/app:ref:refs/heads/main"
    assert names == [
        f"trusts/ci-main/{subject}", f"trusts/reading/{subject}", f"trusts/ci-main/{subject}", "",
    ]  # fmt: skip


@pytest.mark.usefixtures("trust")
@pytest.mark.parametrize(
    ("changed", "status", "said"),
    [
        ({"aud": "another.example"}, 401, "not issued for this registry"),
        ({"iss": "https://evil.example"}, 401, "no trust names the token's issuer"),
        ({"exp": 1}, 401, "expired"),
        ({"exp": None}, 401, "expires"),
        ({"iat": None, "nbf": None}, 401, "issued"),
        ({"nbf": 4000000000}, 401, "not valid yet"),
        ({"iat": 4000000000}, 401, "not valid yet"),
        ({"exp": "tomorrow"}, 401, "number"),
        ({"exp": 1e300}, 401, "valid time"),
        ({"ref": "refs/heads/dev"}, 403, "no trust accepts this token"),
        ({"ref": None}, 403, "no trust accepts this token"),
        ({"repository": "other/app"}, 403, "no trust accepts this token"),
        ({"repository": "org/../app"}, 403, "no trust accepts this token"),
        ({"repository": "org/*"}, 403, "no trust accepts this token"),
        ({"sub": None}, 403, "no trust accepts this token"),
        ({"sub": "two\nlines"}, 403, "no trust accepts this token"),
    ],
)
async def test_a_refusal_by_a_trust_has_the_protocols_errors(
    workflow: Caller, issuer: Provider, clock: HandClock, changed: dict[str, Any], status: int,
    said: str,
) -> None:  # fmt: skip
    """The exact errors of acr-protocol.md §1.7, without a word about what the trust requires."""
    answer = await exchange(workflow, issuer.token(clock(), **changed))

    message = answer.json["errors"][0]["message"]
    assert answer.status == status
    assert answer.code == ("UNAUTHORIZED" if status == 401 else "DENIED")
    assert message.startswith("retrieving permissions failed")
    assert said in message
    assert b"refs/heads/main" not in answer.body


@pytest.mark.usefixtures("trust")
@pytest.mark.parametrize("audience", [HOST, ["another.example", HOST]])
async def test_an_audience_may_be_one_of_several(
    workflow: Caller, issuer: Provider, clock: HandClock, audience: object
) -> None:
    """RFC 7519 §4.1.3."""
    answer = await exchange(workflow, issuer.token(clock(), aud=audience))

    assert answer.status == 200, answer.body


@pytest.mark.usefixtures("trust")
@pytest.mark.parametrize("token", ["", "x", "a.b.c", "a.b", "é", ".".join(["e30"] * 3)])
async def test_what_is_no_token_is_refused(workflow: Caller, token: str) -> None:
    """It must never cause a 500."""
    answer = await exchange(workflow, token)

    assert answer.status == 401
    assert answer.code == "UNAUTHORIZED"


@pytest.mark.parametrize("issuer", ["x://\\ud800", "x://\\u0000", "x://\\u00e9"])
async def test_an_issuer_that_is_not_a_url_is_refused(workflow: Caller, issuer: str) -> None:
    """Anybody can send it without an account, and JSON can hold texts that no database accepts."""
    parts = ('{"alg":"ES256"}', f'{{"iss":"{issuer}"}}', "signature")
    token = ".".join(urlsafe_b64encode(part.encode()).decode().rstrip("=") for part in parts)
    workflow.password = token

    answers = [await exchange(workflow, token), await workflow.token(PUSH)]

    assert [answer.status for answer in answers] == [401, 401]


async def test_an_issuer_that_nobody_trusts_is_never_contacted(
    workflow: Caller, issuer: Provider, clock: HandClock
) -> None:
    """A token could make the registry call any address."""
    answer = await exchange(workflow, issuer.token(clock()))

    assert answer.status == 401
    assert issuer.requests == []


@pytest.mark.usefixtures("trust")
async def test_an_outage_locks_out_nobody_who_holds_a_refresh_token(
    workflow: Caller, issuer: Provider, clock: HandClock
) -> None:
    """The provider is contacted at the first exchange, and not again while its keys are fresh."""
    exchanged = await exchange(workflow, issuer.token(clock()))
    issuer.status = 500
    clock.forward(minutes=50)

    redeemed = await redeem(workflow, exchanged.json["refresh_token"])
    with_old_keys = await exchange(workflow, issuer.token(clock()))
    clock.forward(minutes=11)
    without_keys = await exchange(workflow, issuer.token(clock()))

    assert redeemed.status == with_old_keys.status == 200
    assert without_keys.status == 503
    assert "cannot be asked" in without_keys.json["errors"][0]["message"]


@pytest.mark.parametrize("end", ["change", "disable", "delete"])
async def test_a_change_of_the_trust_ends_its_tokens_and_uploads(
    registry: Registry,
    trust: Trust,
    workflow: Caller,
    issuer: Provider,
    clock: HandClock,
    end: str,
) -> None:
    """Identities let in under the old rule must be checked again under the new one."""
    exchanged = await exchange(workflow, issuer.token(clock()))
    refresh_token = exchanged.json["refresh_token"]
    pusher = await logged_in(workflow, issuer.token(clock()))
    begun = await pusher.call("POST", "/v2/org/app/blobs/uploads/")
    location = begun.header("Location") or ""

    if end == "delete":
        await registry.services.trusts.delete(trust.name)
    elif end == "disable":
        await registry.services.trusts.change(
            trust.name, lambda old: replace(old, is_enabled=False)
        )
    else:
        await registry.services.trusts.change(
            trust.name, lambda old: replace(old, lifetime=timedelta(minutes=30))
        )
    clock.forward(hours=2)

    assert (await redeem(workflow, refresh_token)).status == 401
    assert (await pusher.call("GET", "/v2/")).status == 401
    assert (await pusher.call("PATCH", location, body=b"x")).status == 401


async def test_an_upload_goes_on_when_its_token_has_expired(
    workflow: Caller, trust: Trust, issuer: Provider, clock: HandClock
) -> None:
    """CI pushes gigabytes; the capability names the trust and the subject."""
    pusher = await logged_in(workflow, issuer.token(clock()))
    begun = await pusher.call("POST", "/v2/org/app/blobs/uploads/")
    clock.forward(seconds=trust.lifetime.total_seconds() - 60)
    grown = await pusher.call("PATCH", begun.header("Location") or "", body=b"a blob")
    clock.forward(minutes=10)

    ended = await pusher.call("PUT", f"{grown.header('Location')}&digest={Digest.of(b'a blob')}")

    assert ended.status == 201, ended.body


@pytest.mark.usefixtures("trust")
async def test_the_catalog_shows_what_the_trust_allows(
    admin: Caller, workflow: Caller, issuer: Provider, clock: HandClock
) -> None:
    """Its scope map is found through the trust, not through an account."""
    for name in ("org/app", "org/other", "shared/base"):
        await admin.push(name, "v1", IMAGE)

    lister = await logged_in(workflow, issuer.token(clock()), "registry:catalog:*")
    answer = await lister.call("GET", "/v2/_catalog")

    assert answer.json == {"repositories": ["org/app", "shared/base"]}


@pytest.mark.usefixtures("trust")
@pytest.mark.parametrize(("source", "status"), [("shared/base", 401), ("org/other", 202)])
async def test_a_mount_asks_for_what_the_trust_could_give(
    admin: Caller, workflow: Caller, issuer: Provider, clock: HandClock, source: str, status: int
) -> None:
    """A token without the right on the source is challenged only if it could get that right."""
    await admin.push_blob(source, b"a blob")
    pusher = await logged_in(workflow, issuer.token(clock()))

    answer = await pusher.call(
        "POST", f"/v2/org/app/blobs/uploads/?mount={Digest.of(b'a blob')}&from={source}"
    )

    assert answer.status == status


async def test_a_change_of_the_scope_map_holds_for_a_trust_too(
    registry: Registry, trust: Trust, workflow: Caller, issuer: Provider, clock: HandClock
) -> None:
    """Accounts and trusts share scope maps."""
    services = registry.services
    await services.scope_maps.create("ci-map", ("repositories/org/app/content/read",))
    mapped = replace(trust, permissions=(), scope_map="ci-map")
    await services.trusts.change(trust.name, lambda _: mapped)
    reader = await logged_in(workflow, issuer.token(clock()), "repository:org/app:*")
    before = (await reader.call("GET", "/v2/")).status

    await services.scope_maps.change("ci-map", add=("repositories/org/app/content/write",))
    grown = (await reader.call("GET", "/v2/")).status
    await services.scope_maps.change("ci-map", add=("repositories/org/app/metadata/read",))
    await services.scope_maps.change("ci-map", remove=("repositories/org/app/metadata/read",))
    after = (await reader.call("GET", "/v2/")).status
    again = await exchange(workflow, issuer.token(clock()))
    redeemed = await redeem(workflow, again.json["refresh_token"], "repository:org/app:*")

    assert (before, grown, after) == (200, 200, 401)
    assert claims(redeemed.json["access_token"])["access"] == [
        {"type": "repository", "name": "org/app", "actions": ["pull", "push"]}
    ]


@pytest.mark.usefixtures("trust")
async def test_a_password_is_never_tried_as_a_token_nor_a_token_as_a_password(
    stranger: Caller, issuer: Provider, clock: HandClock
) -> None:
    """The user name decides which of the two it is."""
    token, password = issuer.token(clock()), stranger.password
    answers = []
    for user, secret in ((stranger.username, token), (TOKEN_USER, password),
                         ("trusts/ci-main", password), ("trusts/", token)):  # fmt: skip
        stranger.username, stranger.password = user, secret
        answers.append((await stranger.token(PUSH)).status)

    assert answers == [401, 401, 401, 401]


@pytest.mark.usefixtures("trust")
async def test_a_subject_token_is_neither_an_access_token_nor_a_refresh_token(
    workflow: Caller, issuer: Provider, clock: HandClock
) -> None:
    """It must be exchanged first: it does not carry any rights."""
    token = issuer.token(clock())
    bearer = await workflow.call("GET", "/v2/", headers={"Authorization": f"Bearer {token}"})
    refresh = await redeem(workflow, token)

    assert (bearer.status, refresh.status) == (401, 401)


@pytest.mark.usefixtures("trust")
async def test_the_log_names_trust_and_subject(
    workflow: Caller, issuer: Provider, clock: HandClock, log: Lines
) -> None:
    """The log must show which workflow it was."""
    await exchange(workflow, issuer.token(clock()))

    assert log.lines[-1]["principal"] == "trusts/ci-main/repo:org/app:ref:refs/heads/main"


@pytest.mark.usefixtures("trust")
async def test_many_exchanges_at_once_ask_the_provider_once(
    workflow: Caller, issuer: Provider, clock: HandClock
) -> None:
    """A build of a hundred jobs starts within one second."""
    token = issuer.token(clock())
    answers = await asyncio.gather(*(exchange(workflow, token) for _ in range(20)))

    assert {answer.status for answer in answers} == {200}
    assert len(issuer.requests) == 2  # discovery and keys


@pytest.mark.usefixtures("trust")
async def test_a_refresh_token_revoked_elsewhere_is_not_redeemed_before_this_worker_knows(
    settings: Settings, workflow: Caller, issuer: Provider, clock: HandClock
) -> None:
    """Its access token would have the new epoch, and outlive the revocation."""
    exchanged = await exchange(workflow, issuer.token(clock()))
    elsewhere = build(settings, clock, Lines())
    await elsewhere.lifespan.open()
    await elsewhere.services.trusts.change(
        "ci-main", lambda old: replace(old, lifetime=timedelta(minutes=30))
    )
    await elsewhere.lifespan.close()

    answer = await redeem(workflow, exchanged.json["refresh_token"])

    assert answer.status == 401
