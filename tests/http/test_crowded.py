"""A request that is refused for lack of room has no effect."""

from collections.abc import AsyncIterator, Iterator
from contextlib import contextmanager

import pytest

from acrux.bootstrap.application import Registry
from acrux.domain.audit.decision import Search
from acrux.domain.content.digest import Digest
from tests.http.caller import Caller, basic

REPOSITORY = "app"
LONG = {"X-Pad": "a" * 5000}


@contextmanager
def crowded(registry: Registry) -> Iterator[None]:
    """Another client of the same address takes all the room and is making progress."""
    with registry.app.incoming.place("192.0.2.7") as place:
        place.hold(registry.app.incoming.most_bytes)
        yield


async def nothing() -> AsyncIterator[bytes]:
    """A body that is empty, which nobody can know before reading it."""
    none: tuple[bytes, ...] = ()
    for piece in none:
        yield piece


@pytest.mark.parametrize("method", ["POST", "PATCH", "DELETE"])
async def test_a_request_refused_for_lack_of_room_is_not_done(
    registry: Registry, admin: Caller, method: str
) -> None:
    """A client that is told to retry would do it twice, or find done what it gave up."""
    content = b"hello"
    await admin.push_blob(REPOSITORY, content)
    path = {
        "POST": f"/v2/{REPOSITORY}/blobs/uploads/",
        "PATCH": f"/acr/v1/{REPOSITORY}",
        "DELETE": f"/v2/{REPOSITORY}/blobs/{Digest.of(content)}",
    }[method]
    await registry.services.audit_log.flush()
    before = await registry.services.audit_log.search(Search())

    with crowded(registry):
        answer = await admin.call(method, path, body=nothing())

    assert answer.status == 429
    assert answer.header("Retry-After") == "5"
    assert answer.json["errors"][0]["code"] == "TOOMANYREQUESTS"
    head = await admin.call("HEAD", f"/v2/{REPOSITORY}/blobs/{Digest.of(content)}")
    assert head.status == 200
    await registry.services.audit_log.flush()
    assert await registry.services.audit_log.search(Search()) == before


@pytest.mark.parametrize("password", ["right", "wrong"])
async def test_no_password_is_tried_without_room(
    registry: Registry, stranger: Caller, password: str
) -> None:
    """Guesses refused later would not count, yet the right one would be revealed."""
    secret = stranger.password if password == "right" else "wrong"
    headers = {**LONG, "Authorization": basic("acrux", secret)}

    with crowded(registry):
        answers = [await stranger.call("GET", "/oauth2/token", headers=headers) for _ in range(30)]

    assert {answer.status for answer in answers} == {429}
    assert {answer.header("Retry-After") for answer in answers} == {"5"}
    assert await registry.services.lockout.show(["acrux"]) == ()


async def test_a_request_without_a_body_and_with_a_short_header_needs_no_room(
    registry: Registry, admin: Caller
) -> None:
    """Pulls go on beside a crowd of pushes."""
    with crowded(registry):
        assert (await admin.call("GET", "/v2/")).status == 200
        assert (await admin.call("GET", "/livez")).status == 200
