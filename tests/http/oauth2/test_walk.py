"""The seed document, word for word: challenge, token, call."""

import base64
import json

import pytest

from acrux.bootstrap.application import Registry
from acrux.settings import Settings
from tests.http.caller import HOST, Answer, Caller, basic
from tests.http.conftest import HandClock
from tests.images import image

MANIFEST = "/v2/hello-world/manifests/latest"
PULL = "repository:hello-world:pull"


def claims(token: str) -> dict[str, object]:
    """The payload of a JWT, decoded as any web page does it."""
    payload = token.split(".")[1]
    content: dict[str, object] = json.loads(
        base64.urlsafe_b64decode(payload + "=" * (-len(payload) % 4))
    )
    return content


async def test_a_call_without_credentials_is_answered_with_the_documents_challenge(
    stranger: Caller,
) -> None:
    """Without it no client knows where to get a token, or for which scope."""
    answer = await stranger.call("GET", MANIFEST)

    assert answer.status == 401
    assert answer.header("WWW-Authenticate") == (
        f'Bearer realm="http://{HOST}/oauth2/token",service="{HOST}",scope="{PULL}"'
    )
    assert answer.body == (
        b'{"errors":[{"code":"UNAUTHORIZED","message":"authentication required",'
        b'"detail":[{"Type":"repository","Name":"hello-world","Action":"pull"}]}]}\n'
    )


async def test_a_user_name_and_a_password_become_a_token_that_opens_the_api(
    stranger: Caller, admin: Caller
) -> None:
    """This is the document."""
    pushed = image(b"layer")
    assert (await admin.push("hello-world", "latest", pushed)).status == 201

    token = await stranger.token(PULL)
    answer = await stranger.call(
        "GET", MANIFEST, headers={"Authorization": f"Bearer {token.json['access_token']}"}
    )

    assert token.status == 200
    assert answer.status == 200
    assert answer.body == pushed.manifest
    assert answer.header("Content-Type") == pushed.media_type
    assert answer.header("Docker-Content-Digest") == str(pushed.digest)


async def test_a_token_response_states_its_lifetime_and_is_never_cached(
    stranger: Caller,
) -> None:
    """If it is missing, docker assumes a minute, and asks again and again."""
    answer = await stranger.token(PULL)

    assert answer.json["token"] == answer.json["access_token"]
    assert answer.json["expires_in"] == 4500
    assert answer.json["issued_at"] == "2026-11-21T12:00:00Z"
    assert answer.header("Cache-Control") == "no-store"


async def test_the_token_is_a_jwt_with_acrs_claims(stranger: Caller) -> None:
    """acr-cli and `az acr check-health` decode it (acr-protocol.md §3.4)."""
    answer = await stranger.token(PULL)

    token = answer.json["access_token"]
    read = claims(token)
    assert len(token.split(".")) == 3
    assert read.pop("jti")
    assert read == {
        "sub": "acrux",
        "nbf": 1795262400,
        "iat": 1795262400,
        "exp": 1795262400 + 4500,
        "iss": "Azure Container Registry",
        "aud": HOST,
        "version": "1.0",
        "access": [{"type": "repository", "name": "hello-world", "actions": ["pull"]}],
        "roles": [],
        "grant_type": "access_token",
        "epoch": 1795262400 * 1_000_000,
        "password": "password",
    }


async def test_the_published_keys_name_the_one_that_signed(stranger: Caller) -> None:
    """A verifier finds a token's key by its `kid`."""
    token = (await stranger.token(PULL)).json["access_token"]
    keys = (await stranger.call("GET", "/.well-known/jwks.json")).json["keys"]

    head = token.split(".")[0]
    header = json.loads(base64.urlsafe_b64decode(head + "=" * (-len(head) % 4)))
    (key,) = (key for key in keys if key["kid"] == header["kid"])
    assert header["alg"] == key["alg"] == "ES256"
    assert "d" not in key


@pytest.mark.parametrize(
    ("query", "granted"),
    [
        ("scope=repository:a:pull&scope=repository:b:push,pull", ["a:pull", "b:pull,push"]),
        ("scope=repository:a:pull+repository:b:push,pull", ["a:pull", "b:pull,push"]),
        ("scope=repository:a:pull%20repository:a:push&scope=repository:b:pull",
         ["a:pull,push", "b:pull"]),
        ("scope=", []),
        ("", []),
        ("scope=unknown:a:pull", []),
        ("scope=repository:a:fly", []),
        ("scope=repository:a:fly,pull", ["a:pull"]),
        ("scope=nonsense&scope=repository:a:pull", ["a:pull"]),
        ("scope=repository:UPPER:pull", []),
        ("scope=repository:a:*", ["a:pull,push,delete,metadata_read,metadata_write"]),
        ("scope=repository:*:*", ["*:pull,push,delete,metadata_read,metadata_write"]),
        ("scope=registry:catalog:*", ["catalog:*"]),
        ("scope=repository:host:5000/x:pull", []),
        ("scope=:::&scope=a&scope=a:b&scope=%00", []),
        ("scope=%ff&scope=repository:a%ff:pull&scope=repository:a:pull", ["a:pull"]),
        ("scope=%&scope=%zz&scope=repository:a:pull", ["a:pull"]),
        ("scope=repository:a:pull&api-version=2021-07-01&account=x&client_id=docker", ["a:pull"]),
    ],
)  # fmt: skip
async def test_scopes_are_read_in_every_form_and_never_make_an_error(
    stranger: Caller, query: str, granted: list[str]
) -> None:
    """Clients send them in different ways, and a scope that is not understood grants nothing."""
    answer = await stranger.call(
        "GET",
        "/oauth2/token",
        query=f"service={HOST}&{query}",
        headers={"Authorization": stranger.basic},
    )

    assert answer.status == 200
    access = claims(answer.json["access_token"])["access"]
    assert isinstance(access, list)
    assert [f"{entry['name']}:{','.join(entry['actions'])}" for entry in access] == granted


async def test_hundreds_of_scopes_are_narrowed_to_a_token_that_fits_a_header(
    stranger: Caller,
) -> None:
    """A token that proxies refuse would be useless."""
    answer = await stranger.token(*(f"repository:r{number}:pull" for number in range(400)))

    assert answer.status == 200
    assert len(answer.json["access_token"]) < 8000


async def test_a_token_without_a_scope_opens_the_version_check_and_nothing_else(
    stranger: Caller,
) -> None:
    """docker login is exactly this."""
    caller = await stranger.login()

    assert (await caller.call("GET", "/v2/")).status == 200
    assert (await caller.call("GET", MANIFEST)).status == 401


async def test_the_version_check_asks_for_a_token_and_names_no_scope(stranger: Caller) -> None:
    """Clients would believe that a registry that answers 200 here needs no login."""
    answer = await stranger.call("GET", "/v2/")

    assert answer.status == 401
    assert answer.header("WWW-Authenticate") == (
        f'Bearer realm="http://{HOST}/oauth2/token",service="{HOST}"'
    )
    assert answer.json["errors"][0]["detail"] is None


async def test_too_little_scope_is_401_with_the_challenge_that_would_suffice(
    stranger: Caller,
) -> None:
    """Every client gives up at a 403; the error attribute makes skopeo ask again."""
    caller = await stranger.login(PULL)

    answer = await caller.call("DELETE", "/v2/hello-world/manifests/latest")

    assert answer.status == 401
    assert answer.header("WWW-Authenticate") == (
        f'Bearer realm="http://{HOST}/oauth2/token",service="{HOST}",'
        'scope="repository:hello-world:delete",error="insufficient_scope"'
    )


async def test_an_expired_token_is_refused_as_invalid(stranger: Caller, clock: HandClock) -> None:
    """A client that is told so fetches a new one by itself."""
    caller = await stranger.login(PULL)
    clock.forward(seconds=4500 + 31)

    answer = await caller.call("GET", MANIFEST)

    assert answer.status == 401
    challenge = answer.header("WWW-Authenticate") or ""
    assert challenge.endswith(f'scope="{PULL}",error="invalid_token"')


async def test_the_administrator_may_present_basic_straight_to_the_api(
    stranger: Caller, admin: Caller
) -> None:
    """acr-cli with a user name does so on every call; the scheme is case-insensitive."""
    await admin.push("hello-world", "latest", image(b"layer"))

    for authorization in (stranger.basic, stranger.basic.replace("Basic", "basic")):
        answer = await stranger.call("GET", MANIFEST, headers={"Authorization": authorization})
        assert answer.status == 200


async def test_both_passwords_work_and_a_renewed_one_replaces_only_itself(
    registry: Registry, stranger: Caller
) -> None:
    """There are two so that one can be rotated while the other works."""
    renewed = await registry.services.accounts.renew_password("acrux", "password2")
    second = renewed.passwords[1].value
    assert second is not None

    assert (await stranger.token()).status == 200
    assert (await Caller(registry, "acrux", second.reveal()).token()).status == 200

    await registry.services.accounts.renew_password("acrux", "password")

    assert (await stranger.token()).status == 401
    assert (await Caller(registry, "acrux", second.reveal()).token()).status == 200


def refused_alike(answer: Answer) -> tuple[int, bytes, str | None]:
    """The parts of a refusal that a stranger can see."""
    return answer.status, answer.body_of_any_case, answer.header("WWW-Authenticate")


async def test_a_wrong_password_and_an_unknown_user_look_alike(
    registry: Registry, stranger: Caller
) -> None:
    """Otherwise anyone could find out which accounts exist."""
    wrong = await Caller(registry, stranger.username, "wrong").token(PULL)
    unknown = await Caller(registry, "nobody", "wrong").token(PULL)

    assert wrong.status == 401
    assert refused_alike(wrong) == refused_alike(unknown)
    assert wrong.header("WWW-Authenticate") == f'Basic realm="{HOST}"'


@pytest.mark.parametrize(
    "authorization",
    [
        None,
        "Basic Og==",
        "Basic",
        "Basic !!!",
        "Basic YWJj",
        "Basic /w==",
        "Bearer x",
        "Digest a=b",
    ],
)
async def test_the_token_endpoint_refuses_callers_without_a_valid_credential(
    stranger: Caller, authorization: str | None
) -> None:
    """A caller without any credential is anonymous, and has no rights here."""
    headers = {"Authorization": authorization} if authorization else {}

    answer = await stranger.call(
        "GET", "/oauth2/token", query={"service": HOST, "scope": PULL}, headers=headers
    )

    assert answer.status == 401
    assert answer.code == "UNAUTHORIZED"


async def test_a_token_is_never_made_for_a_service_that_is_not_ours(stranger: Caller) -> None:
    """The caller must not choose a token's audience."""
    answer = await stranger.call(
        "GET",
        "/oauth2/token",
        query={"service": "evil.test", "scope": PULL},
        headers={"Authorization": stranger.basic},
    )

    assert answer.status == 400


@pytest.mark.parametrize(
    ("host", "expected"),
    [
        (HOST, HOST),
        (HOST.upper(), HOST),
        ("second.test", "second.test"),
        ("second.test:80", "second.test"),
        ("evil.test", HOST),
    ],
)
async def test_the_challenge_names_the_login_server_addressed_and_never_another_host(
    stranger: Caller, host: str, expected: str
) -> None:
    """A Host header must not send a client's password elsewhere."""
    answer = await stranger.call("GET", "/v2/", headers={"Host": host})

    assert answer.header("WWW-Authenticate") == (
        f'Bearer realm="http://{expected}/oauth2/token",service="{expected}"'
    )


@pytest.mark.parametrize(
    ("peer", "realm"),
    [
        ("198.51.100.9", "https://second.test/oauth2/token"),
        ("203.0.113.9", f"http://{HOST}/oauth2/token"),
        ("not an address", f"http://{HOST}/oauth2/token"),
    ],
)
async def test_forwarded_headers_count_only_from_a_trusted_proxy(
    stranger: Caller, peer: str, realm: str
) -> None:
    """Behind a proxy the realm must be what clients can reach; from a stranger it is a lie."""
    answer = await stranger.call(
        "GET",
        "/v2/",
        headers={"X-Forwarded-Proto": "http, https", "X-Forwarded-Host": "evil.test, second.test"},
        peer=peer,
    )

    assert f'realm="{realm}"' in (answer.header("WWW-Authenticate") or "")


async def test_a_token_of_one_login_server_is_valid_at_the_others(
    stranger: Caller, settings: Settings
) -> None:
    """They are all names of one registry."""
    answer = await stranger.call(
        "GET",
        "/oauth2/token",
        query={"service": settings.login_servers[1]},
        headers={"Authorization": basic(stranger.username, stranger.password)},
    )
    bearer = {"Authorization": f"Bearer {answer.json['access_token']}"}

    assert (await stranger.call("GET", "/v2/", headers=bearer)).status == 200
