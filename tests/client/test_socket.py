"""The same flow with real clients, sync and async, over a real socket."""

import gzip
import json
from collections.abc import Awaitable, Callable

import httpx2
import pytest

from acrux.client.auth import RegistryAuth
from acrux.client.errors import ClientError, RealmRefused, TokenUnreadable
from acrux.client.login import Login, RefreshToken, SubjectToken
from acrux.client.tokens import MAX_RESPONSE_BYTES
from acrux.domain.access.credential import Secret
from tests.client.flow import ALICE
from tests.client.registry import (
    MANIFEST,
    REFRESH_TOKEN,
    SUBJECT_TOKEN,
    Answered,
    Asked,
    FakeRegistry,
    serving,
)

Get = Callable[[RegistryAuth, str], Awaitable[httpx2.Response]]

PATH = "/v2/hello-world/manifests/latest"
WALK = [(PATH, "-"), ("/oauth2/token", "Basic"), (PATH, "Bearer")]


async def get_sync(auth: RegistryAuth, url: str) -> httpx2.Response:
    """GET with httpx2.Client."""
    with httpx2.Client(auth=auth, follow_redirects=True) as client:
        return client.get(url)


async def get_async(auth: RegistryAuth, url: str) -> httpx2.Response:
    """GET with httpx2.AsyncClient."""
    async with httpx2.AsyncClient(auth=auth, follow_redirects=True) as client:
        return await client.get(url)


BOTH = pytest.mark.parametrize("get", [get_sync, get_async])


def answering(body: bytes, **headers: str) -> Callable[[Asked], Answered]:
    """An answer that is always the same."""
    return lambda _: (200, {name.replace("_", "-"): value for name, value in headers.items()}, body)


@BOTH
async def test_the_walk_works_with_both_clients(get: Get, registry: FakeRegistry) -> None:
    """The flow is written once, and each client must drive it."""
    auth = RegistryAuth(registry.url, ALICE)

    first = await get(auth, registry.url + PATH)
    second = await get(auth, registry.url + PATH)

    assert (first.content, second.content) == (MANIFEST, MANIFEST)
    assert registry.steps == [*WALK, (PATH, "Bearer")]


@BOTH
async def test_insufficient_scope_is_widened_with_both_clients(
    get: Get, registry: FakeRegistry
) -> None:
    """The ping gets a token without a scope, which must gain scopes when they are needed."""
    pinged: list[Asked] = []

    def no_scope_first(asked: Asked) -> Answered:
        pinged.append(asked)
        if len(pinged) == 1:
            return registry.challenge("")
        del registry.answers[PATH]
        return registry.challenge("repository:hello-world:pull", "insufficient_scope")

    registry.answers[PATH] = no_scope_first

    response = await get(RegistryAuth(registry.url, ALICE), registry.url + PATH)

    assert response.status_code == 200
    assert registry.steps == [*WALK, *WALK[1:]]


@BOTH
@pytest.mark.parametrize("status", [301, 302, 307, 308])
async def test_a_redirect_to_another_host_does_not_carry_the_token(
    get: Get, registry: FakeRegistry, status: int
) -> None:
    """A storage host often serves the blobs, and must not be able to pull in our name."""
    with serving(FakeRegistry()) as storage:
        storage.answers["/blob"] = answering(b"layer")
        registry.answers["/v2/x/blobs/1"] = lambda asked: (
            (status, {"Location": f"{storage.url}/blob"}, b"")
            if asked.authorization
            else registry.challenge("repository:x:pull")
        )

        response = await get(RegistryAuth(registry.url, ALICE), f"{registry.url}/v2/x/blobs/1")

    assert response.content == b"layer"
    assert registry.steps[-1] == ("/v2/x/blobs/1", "Bearer")
    assert storage.steps == [("/blob", "-")]


@BOTH
async def test_a_host_after_a_redirect_cannot_ask_for_credentials(
    get: Get, registry: FakeRegistry
) -> None:
    """Any storage host could collect passwords with one header."""
    with serving(FakeRegistry()) as thief:
        registry.answers["/v2/x"] = lambda _: (307, {"Location": f"{thief.url}/v2/y/z"}, b"")

        response = await get(RegistryAuth(registry.url, ALICE), f"{registry.url}/v2/x")

    assert response.status_code == 401
    assert thief.steps == [("/v2/y/z", "-")]


@BOTH
async def test_a_token_end_point_on_another_port_gets_nothing(
    get: Get, registry: FakeRegistry
) -> None:
    """On a shared machine the next port belongs to somebody else."""
    with serving(FakeRegistry()) as thief:
        registry.answers["/v2/x"] = lambda _: thief.challenge("repository:x:pull")

        with pytest.raises(ClientError, match="another place"):
            await get(RegistryAuth(registry.url, ALICE), f"{registry.url}/v2/x")

    assert thief.asked == []


@BOTH
@pytest.mark.parametrize(
    ("answer", "why"),
    [
        (answering(b" " * (MAX_RESPONSE_BYTES + 1)), "longer than 1048576 bytes"),
        (answering(gzip.compress(b" " * 10_000_000), Content_Encoding="gzip"), "compressed"),
    ],
    ids=["too long", "compressed"],
)  # fmt: skip
async def test_a_token_answer_that_is_too_long_is_refused(
    get: Get, registry: FakeRegistry, answer: Callable[[Asked], Answered], why: str
) -> None:
    """A token server must not be able to fill the caller's memory."""
    registry.answers["/oauth2/token"] = answer

    with pytest.raises(TokenUnreadable, match=why):
        await get(RegistryAuth(registry.url, ALICE), registry.url + PATH)


@BOTH
async def test_a_token_answer_just_short_enough_is_read(get: Get, registry: FakeRegistry) -> None:
    """The limit must not refuse what is within it."""
    token = json.dumps({"token": b"repository:hello-world:pull".hex()}).encode()
    registry.answers["/oauth2/token"] = answering(token.ljust(MAX_RESPONSE_BYTES))

    response = await get(RegistryAuth(registry.url, ALICE), registry.url + PATH)

    assert response.status_code == 200


async def test_the_answer_itself_is_streamed_and_not_read_by_the_flow(
    registry: FakeRegistry,
) -> None:
    """A layer of ten gigabytes must not be loaded into memory because of its token."""
    auth = RegistryAuth(registry.url, ALICE)
    with (
        httpx2.Client(auth=auth) as client,
        client.stream("GET", registry.url + PATH) as response,
    ):
        was_read = response.is_stream_consumed
        content = b"".join(response.iter_bytes())

    assert not was_read
    assert content == MANIFEST


FORMS = pytest.mark.parametrize(
    ("login", "post", "path"),
    [
        (RefreshToken(Secret(REFRESH_TOKEN)), False, "/oauth2/token"),
        (SubjectToken(Secret(SUBJECT_TOKEN)), False, "/oauth2/exchange"),
        (ALICE, True, "/oauth2/token"),
    ],
    ids=["refresh token", "subject token", "password"],
)


@BOTH
@FORMS
async def test_forms_work_with_both_clients(
    get: Get, registry: FakeRegistry, login: Login, post: bool, path: str
) -> None:
    """A form has a body, which each client sends in its own way."""
    auth = RegistryAuth(registry.url, login, post=post)

    response = await get(auth, registry.url + PATH)

    assert response.content == MANIFEST
    assert registry.steps[1] == (path, "-")


@BOTH
@FORMS
@pytest.mark.parametrize("status", [301, 302, 303, 307, 308])
async def test_a_form_is_never_sent_after_a_redirect(
    get: Get,
    registry: FakeRegistry,
    login: Login,
    post: bool,
    path: str,
    status: int,
) -> None:
    """A client that follows a redirect drops the Authorization header, but not the body."""
    with serving(FakeRegistry()) as thief:
        registry.answers[path] = lambda _: (status, {"Location": f"{thief.url}/y"}, b"")
        thief.answers["/y"] = answering(b'{"access_token":"a","refresh_token":"b"}')

        with pytest.raises(RealmRefused, match="redirected"):
            await get(RegistryAuth(registry.url, login, post=post), registry.url + PATH)

    assert [asked.body for asked in thief.asked] in ([], [b""])
    assert {asked.authorization for asked in thief.asked} <= {None}
