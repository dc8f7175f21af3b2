"""The pitfalls of token authentication, a test each, for GET and POST.

They are those of token-auth-and-oci.md §3.7. Two are tested elsewhere: forwarded headers in
`test_walk`, 429 in the tests of the lockout.
"""

import re
from datetime import datetime, timedelta

import pytest

from acrux.bootstrap.application import Registry
from tests.http.access.test_accounts import account, granted, scope_map
from tests.http.caller import HOST, Answer, Caller
from tests.http.conftest import HandClock
from tests.http.oauth2.test_walk import claims
from tests.http.oauth2.token_requests import FORM, Ask, both_ways, by_post, post
from tests.images import image

APP = image(b"layer")
PUBLIC = "_repositories_pull_metadata_read"
NOBODY = ("", "")


def bearer(answer: Answer) -> dict[str, str]:
    """The header that presents the token of an answer."""
    return {"Authorization": f"Bearer {answer.json['access_token']}"}


@both_ways
@pytest.mark.parametrize(
    "scopes",
    [
        ("repository:a:pull", "repository:b:push"),
        ("repository:a:pull repository:b:push",),
        ("repository:a:pull repository:b:push", "repository:a:pull"),
        ("repository:a:pull  repository:b:push ", "", " "),
    ],
)
async def test_two_scopes_in_one_request_are_granted_in_one_token(
    stranger: Caller, ask: Ask, scopes: tuple[str, ...]
) -> None:
    """Repeated, joined, and both."""
    answer = await ask(stranger, *scopes)

    assert granted(answer) == ["a:pull", "b:push"]


@both_ways
@pytest.mark.parametrize(
    "scope",
    ["x", ":", "::", ":::", "a:b", "a:b:c", "repository::pull", "repository:a:", "repository:a",
     "repository:A:pull", "repository:a/../b:pull", "repository:a//b:pull", "repository:a:fly",
     "repository:a\x00:pull", "repository:ä:pull", "repository:" + "a" * 2000 + ":pull",
     "registry:catalog:pull", "registry:x:*", "artifact-repository:a:pull", "\ud7ff" * 9],
)  # fmt: skip
async def test_an_unknown_type_or_a_malformed_scope_is_no_error_and_grants_nothing(
    stranger: Caller, ask: Ask, scope: str
) -> None:
    """It causes no 500, and no misreading grants anything."""
    answer = await ask(stranger, scope)

    assert answer.status == 200
    assert granted(answer) == []


@both_ways
async def test_a_name_with_a_port_is_read_up_to_the_last_colon(stranger: Caller, ask: Ask) -> None:
    """`host:5000/x` is a name that cannot exist here, and never a right on `5000/x`."""
    answer = await ask(stranger, "repository:host:5000/x:pull", "repository:x:pull")

    assert granted(answer) == ["x:pull"]


@both_ways
async def test_the_class_of_a_repository_changes_no_right(stranger: Caller, ask: Ask) -> None:
    """docker asks so for plugins: the class says what is in it."""
    answer = await ask(stranger, "repository(plugin):a:pull", "repository:a:push", "x(y):a:pull")

    assert granted(answer) == ["a:pull,push"]


@both_ways
async def test_an_empty_credential_is_anonymous(registry: Registry, ask: Ask) -> None:
    """Without a scope it follows the challenge of /v2/; with one it pulls public content."""
    await registry.services.accounts.let_anonymous(PUBLIC)
    nobody = Caller(registry, *NOBODY)

    empty = await ask(nobody)
    pull = await ask(nobody, "repository:a:pull,push")

    assert (empty.status, pull.status) == (200, 200)
    assert (granted(empty), granted(pull)) == ([], ["a:pull"])
    assert "refresh_token" not in (await ask(nobody, "repository:a:pull", offline=True)).json


async def test_a_basic_header_of_nothing_is_anonymous(registry: Registry) -> None:
    """OCI's conformance program sends `Og==`; a form's empty fields are the same."""
    await registry.services.accounts.let_anonymous(PUBLIC)
    nobody = Caller(registry, *NOBODY)

    by_header = await nobody.token("repository:a:pull")
    by_form = await post(
        nobody, grant_type="password", username="", password="", scope="repository:a:pull"
    )

    assert granted(by_header) == granted(by_form) == ["a:pull"]


@both_ways
@pytest.mark.parametrize(
    ("username", "password"), [("acrux", "wrong"), ("nobody", "wrong"), ("", "x"), ("acrux", "")]
)
async def test_a_wrong_password_is_never_silently_anonymous(
    registry: Registry, stranger: Caller, ask: Ask, username: str, password: str
) -> None:
    """Even for public content: people would believe that they are logged in."""
    await registry.services.accounts.let_anonymous(PUBLIC)

    answer = await ask(Caller(registry, username, password), "repository:a:pull")

    assert (answer.status, answer.code) == (401, "UNAUTHORIZED")


@both_ways
async def test_a_push_that_is_allowed_in_part_gets_a_token_to_pull(
    registry: Registry, admin: Caller, ask: Ask
) -> None:
    """The push is then refused for lack of rights, with a message for people."""
    await admin.push("app", "v1", APP)
    reader = await account(registry, "_repositories_pull")

    answer = await ask(reader, "repository:app:pull,push")
    pulled = await reader.call("GET", "/v2/app/manifests/v1", headers=bearer(answer))
    pushed = await reader.call("POST", "/v2/app/blobs/uploads/", headers=bearer(answer))

    assert granted(answer) == ["app:pull"]
    assert (pulled.status, pushed.status) == (200, 401)
    challenge = pushed.header("WWW-Authenticate") or ""
    assert challenge.endswith('scope="repository:app:pull,push",error="insufficient_scope"')
    assert "does not grant" in pushed.json["errors"][0]["message"]


@both_ways
async def test_push_implies_no_pull_elsewhere_and_a_mount_without_it_is_an_upload(
    registry: Registry, admin: Caller, ask: Ask
) -> None:
    """202, not 401, 403 or 404: a caller who may not read there must not learn what is there."""
    await admin.push("private", "v1", APP)
    held = await scope_map(
        registry, "repositories/app/content/write", "repositories/app/content/read"
    )
    builder = await account(registry, held)

    answer = await ask(builder, "repository:app:pull,push", "repository:private:pull")
    mounted = await builder.call(
        "POST",
        f"/v2/app/blobs/uploads/?mount={image(b'layer').digest}&from=private",
        headers=bearer(answer),
    )

    assert granted(answer) == ["app:pull,push"]
    assert mounted.status == 202


@pytest.mark.parametrize("path", ["/v2/app/manifests/v1", f"/v2/app/blobs/sha256:{'0' * 64}"])
async def test_a_refused_head_has_its_status_and_challenge_and_no_body(
    stranger: Caller, path: str
) -> None:
    """docker sends HEAD first, and takes the challenge from its answer."""
    head, get = [await stranger.call(method, path) for method in ("HEAD", "GET")]

    assert (head.status, head.body) == (401, b"")
    assert head.header("WWW-Authenticate") == get.header("WWW-Authenticate")
    assert head.header("Content-Length") == str(len(get.body))


@both_ways
async def test_a_token_response_states_its_lifetime_correctly(
    stranger: Caller, clock: HandClock, ask: Ask
) -> None:
    """At least a minute, counted from an instant in UTC to the second."""
    answer = await ask(stranger, "repository:a:pull")

    issued_at = datetime.fromisoformat(answer.json["issued_at"])
    end = issued_at + timedelta(seconds=answer.json["expires_in"])
    assert answer.json["expires_in"] >= 60
    assert end.timestamp() == claims(answer.json["access_token"])["exp"]
    assert issued_at == clock()
    assert re.fullmatch(r"[\d-]{10}T[\d:]{8}Z", answer.json["issued_at"])


@both_ways
@pytest.mark.parametrize(
    ("seconds", "status"), [(-60, 401), (-30, 200), (4500, 200), (4529, 200), (4560, 401)]
)
async def test_clocks_may_differ_by_less_than_a_minute(
    stranger: Caller, clock: HandClock, ask: Ask, seconds: int, status: int
) -> None:
    """A node whose clock is half a minute slow must accept a token that another node issued."""
    answer = await ask(stranger)
    clock.forward(seconds=seconds)

    assert (await stranger.call("GET", "/v2/", headers=bearer(answer))).status == status


@both_ways
@pytest.mark.parametrize("length", [10, 60, 200])
async def test_a_token_of_a_hundred_scopes_fits_a_header_and_a_body(
    stranger: Caller, ask: Ask, length: int
) -> None:
    """Proxies accept 8 KiB of headers, go-containerregistry 64 KiB of body."""
    scopes = [f"repository:{f'{n:03}'.ljust(length, 'a')}:pull,push" for n in range(100)]

    answer = await ask(stranger, *scopes, offline=True)

    assert answer.status == 200
    assert len(answer.json["access_token"]) < 8 * 1024 - 500
    assert len(answer.body) < 64 * 1024
    assert granted(answer)[0] == scopes[0].removeprefix("repository:")


async def test_a_form_may_say_its_charset(stranger: Caller) -> None:
    """Java's clients do."""
    answer = await stranger.call(
        "POST",
        "/oauth2/token",
        headers={"Content-Type": f'{FORM}; charset="utf-8"'},
        body=f"grant_type=password&username=acrux&password={stranger.password}".encode(),
    )

    assert answer.status == 200


@pytest.mark.parametrize("path", ["/oauth2/token", "/oauth2/exchange"])
@pytest.mark.parametrize("size", [65 * 1024, 1024 * 1024])
async def test_a_body_that_is_too_long_is_refused(stranger: Caller, path: str, size: int) -> None:
    """Nobody's password is a megabyte long."""
    body = b"grant_type=password&username=acrux&password=" + b"a" * size

    answer = await stranger.call("POST", path, headers={"Content-Type": FORM}, body=body)

    assert answer.status == 413


@pytest.mark.parametrize("path", ["/oauth2/token", "/oauth2/exchange"])
@pytest.mark.parametrize(
    "field",
    ["grant_type", "service", "username", "password", "refresh_token", "access_token",
     "access_type"],
)  # fmt: skip
async def test_a_repeated_field_is_refused(stranger: Caller, path: str, field: str) -> None:
    """Chance must not decide which of them counts, even if both are equal."""
    value = {"grant_type": "password", "service": HOST}.get(field, "x")

    answer = await post(stranger, path, **{"grant_type": "password", field: [value, value]})

    assert (answer.status, answer.code) == (400, "UNSUPPORTED")
    assert field in answer.json["errors"][0]["message"]


@both_ways
async def test_a_token_response_is_never_cached(stranger: Caller, ask: Ask) -> None:
    """A proxy would give it to the next client."""
    good = await ask(stranger, offline=True)
    exchanged = await post(
        stranger,
        "/oauth2/exchange",
        grant_type="refresh_token",
        refresh_token=await stranger.refresh_token(),
    )

    for answer in (good, exchanged):
        assert answer.status == 200
        assert answer.header("Cache-Control") == "no-store"


@both_ways
@pytest.mark.parametrize("service", ["evil.test", f"{HOST}.evil.test", f"x{HOST}", "registry.test"])
async def test_another_service_gets_no_token(stranger: Caller, ask: Ask, service: str) -> None:
    """It is 400: the caller never chooses the audience."""
    answer = await ask(stranger, "repository:a:pull", service=service)

    assert answer.status == 400
    assert "access_token" not in answer.json


@both_ways
@pytest.mark.parametrize("service", [HOST, HOST.upper(), "second.test"])
async def test_a_token_is_made_for_the_service_that_was_named(
    stranger: Caller, ask: Ask, service: str
) -> None:
    """In any case: host names are case-insensitive."""
    answer = await ask(stranger, "repository:a:pull", service=service)

    assert claims(answer.json["access_token"])["aud"] == service.lower()


async def test_a_service_that_is_not_named_is_the_one_that_was_addressed(
    stranger: Caller,
) -> None:
    """People who use curl leave it out."""
    answer = await by_post(stranger, service="")

    assert claims(answer.json["access_token"])["aud"] == HOST
