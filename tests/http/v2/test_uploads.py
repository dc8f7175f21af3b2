"""Uploads over HTTP: end-4, end-5, end-6, end-11, end-13, end-14."""

import asyncio
from collections.abc import AsyncIterator

import pytest

from acrux.bootstrap.application import Registry
from acrux.domain.content.digest import Digest
from tests.contracts.blob_stores import PATIENCE, chunked
from tests.http.access.test_accounts import account
from tests.http.caller import Caller
from tests.http.conftest import HandClock

START = "/v2/app/blobs/uploads/"


async def begin(caller: Caller, repository: str = "app") -> str:
    """Start an upload and return its location."""
    answer = await caller.call("POST", f"/v2/{repository}/blobs/uploads/")
    assert answer.status == 202
    location = answer.header("Location")
    assert location is not None
    return location


async def finish(caller: Caller, location: str, content: bytes, body: bytes = b"") -> int:
    """Close an upload and return the status."""
    answer = await caller.call(
        "PUT", location, query={"digest": str(Digest.of(content))}, body=body
    )
    return answer.status


async def is_there(caller: Caller, content: bytes, repository: str = "app") -> bool:
    """Whether the repository serves the blob with its bytes."""
    answer = await caller.call("GET", f"/v2/{repository}/blobs/{Digest.of(content)}")
    return answer.status == 200 and answer.body == content


async def test_an_upload_in_three_requests_becomes_a_blob(admin: Caller) -> None:
    """docker, podman and containerd push this way."""
    started = await admin.call("POST", START)
    location = started.header("Location") or ""
    patched = await admin.call("PATCH", location, body=b"0123456789")
    put = await admin.call("PUT", location, query={"digest": str(Digest.of(b"0123456789"))})

    assert started.status == 202
    assert location.partition("?")[0] == f"{START}{started.header('Docker-Upload-UUID')}"
    assert started.header("Range") == "0-0"
    assert (patched.status, patched.header("Range")) == (202, "0-9")
    assert put.status == 201
    assert put.header("Location") == f"/v2/app/blobs/{Digest.of(b'0123456789')}"
    assert put.header("Docker-Content-Digest") == str(Digest.of(b"0123456789"))
    assert await is_there(admin, b"0123456789")


async def test_chunks_follow_each_other_and_the_last_may_come_with_the_put(admin: Caller) -> None:
    """oras and the SDKs push this way."""
    location = await begin(admin)

    for start, chunk in ((0, b"aaaa"), (4, b"bbb")):
        answer = await admin.call(
            "PATCH",
            location,
            headers={"Content-Range": f"{start}-{start + len(chunk) - 1}"},
            body=chunk,
        )
        assert answer.status == 202
    status = await finish(admin, location, b"aaaabbbcc", b"cc")

    assert status == 201
    assert await is_there(admin, b"aaaabbbcc")


async def test_a_chunk_out_of_order_is_416_and_the_upload_goes_on(admin: Caller) -> None:
    """A client that lost an answer must be able to find its offset."""
    location = await begin(admin)
    await admin.call("PATCH", location, headers={"Content-Range": "0-3"}, body=b"aaaa")

    for content_range in ("0-3", "8-11"):
        refused = await admin.call(
            "PATCH", location, headers={"Content-Range": content_range}, body=b"xxxx"
        )
        assert (refused.status, refused.header("Range")) == (416, "0-3")

    where = await admin.call("GET", location)
    assert (where.status, where.header("Range")) == (204, "0-3")
    assert await finish(admin, location, b"aaaabbbb", b"bbbb") == 201


@pytest.mark.parametrize(
    "content_range", ["x", "5-1", "-1-4", "0-", "bytes 0-3", "0-99999999999999999999"]
)
async def test_a_content_range_that_cannot_be_read_is_refused(
    admin: Caller, content_range: str
) -> None:
    """A guess would put bytes in the wrong place."""
    location = await begin(admin)

    answer = await admin.call(
        "PATCH", location, headers={"Content-Range": content_range}, body=b"aaaa"
    )

    expected = 202 if content_range == "bytes 0-3" else 400
    assert answer.status == expected


@pytest.mark.parametrize("body", [b"aaa", b"aaaaa"])
async def test_a_chunk_that_is_not_as_long_as_it_says_is_refused(
    admin: Caller, body: bytes
) -> None:
    """The upload would not end where the client believes it does."""
    location = await begin(admin)

    answer = await admin.call("PATCH", location, headers={"Content-Range": "0-3"}, body=body)

    assert (answer.status, answer.code) == (400, "SIZE_INVALID")
    assert (await admin.call("GET", location)).header("Range") == "0-0"


async def cut_off(*chunks: bytes) -> AsyncIterator[bytes]:
    """A body whose client disconnects before its end."""
    for chunk in chunks:
        yield chunk
    raise EOFError


async def endless(*chunks: bytes) -> AsyncIterator[bytes]:
    """A body whose end never comes."""
    for chunk in chunks:
        yield chunk
    await asyncio.Event().wait()


async def test_a_body_ends_after_its_announced_length(admin: Caller) -> None:
    """Another call to the server costs as much as the rest of a small chunk."""
    location = await begin(admin)

    async with asyncio.timeout(PATIENCE):
        answer = await admin.call(
            "PATCH", location, headers={"Content-Length": "5"}, body=endless(b"abc", b"de")
        )

    assert (answer.status, answer.header("Range")) == (202, "0-4")
    assert await finish(admin, location, b"abcde") == 201


async def test_a_length_beside_transfer_encoding_is_not_believed(admin: Caller) -> None:
    """RFC 9112 section 6.3: the encoding says where the body ends."""
    location = await begin(admin)

    answer = await admin.call(
        "PATCH",
        location,
        headers={"Content-Length": "3", "Transfer-Encoding": "chunked"},
        body=chunked(b"abc", b"de"),
    )

    assert answer.header("Range") == "0-4"


async def test_a_body_that_is_cut_short_is_never_acknowledged_and_can_be_resumed(
    admin: Caller,
) -> None:
    """A dropped connection must cost nobody a gigabyte, and leave nobody half a blob."""
    location = await begin(admin)

    answer = await admin.call("PATCH", location, body=cut_off(b"aaaa", b"bb"))

    assert (answer.status, answer.code) == (400, "BLOB_UPLOAD_INVALID")
    assert (await admin.call("GET", location)).header("Range") == "0-5"
    assert await finish(admin, location, b"aaaabbcc", b"cc") == 201


async def test_a_blob_in_one_request_that_is_cut_short_leaves_nothing(
    admin: Caller, registry: Registry
) -> None:
    """Nobody knows the name of its upload, so nobody could resume it."""
    content = b"aaaabbbb"

    answer = await admin.call(
        "POST", START, query={"digest": str(Digest.of(content))}, body=cut_off(b"aaaa", b"bbbb")
    )

    assert answer.status == 400
    assert not await is_there(admin, content)


@pytest.mark.parametrize("in_one_request", [True, False])
async def test_a_digest_mismatch_leaves_nothing_visible(
    admin: Caller, *, in_one_request: bool
) -> None:
    """A digest must never name other content."""
    claimed, content = b"claimed", b"content"
    if in_one_request:
        answer = await admin.call(
            "POST", START, query={"digest": str(Digest.of(claimed))}, body=content
        )
    else:
        location = await begin(admin)
        await admin.call("PATCH", location, body=content)
        answer = await admin.call("PUT", location, query={"digest": str(Digest.of(claimed))})
        assert (await admin.call("GET", location)).status == 404

    assert (answer.status, answer.code) == (400, "DIGEST_INVALID")
    assert not await is_there(admin, claimed)
    assert not await is_there(admin, content)


@pytest.mark.parametrize("query", ["", "digest=", "digest=sha256:x", "digest=md5:0"])
async def test_a_put_without_a_valid_digest_is_refused_and_the_upload_goes_on(
    admin: Caller, query: str
) -> None:
    """A typo should not cost the upload."""
    location = await begin(admin)
    await admin.call("PATCH", location, body=b"aaaa")

    answer = await admin.call("PUT", location, query=query)

    assert (answer.status, answer.code) == (400, "DIGEST_INVALID")
    assert await finish(admin, location, b"aaaa") == 201


async def test_an_upload_belongs_to_the_repository_that_began_it(admin: Caller) -> None:
    """In Quay, another tenant's session could be used (CVE-2026-32589)."""
    location = await begin(admin)
    stolen = location.replace("/v2/app/", "/v2/other/")

    for method in ("GET", "PATCH", "DELETE"):
        answer = await admin.call(method, stolen)
        assert (answer.status, answer.code) == (404, "BLOB_UPLOAD_UNKNOWN")
    assert await finish(admin, stolen, b"") == 404
    assert await finish(admin, location, b"") == 201


async def test_an_upload_belongs_to_its_principal(admin: Caller, registry: Registry) -> None:
    """Two accounts that may push to one repository must not write into each other's layers."""
    location = await begin(admin)
    await admin.call("PATCH", location, body=b"mine")
    another = await account(registry, "_repositories_push")
    thief = await another.login("repository:app:pull,push")

    for method in ("GET", "PATCH", "DELETE"):
        answer = await thief.call(method, location)
        assert (answer.status, answer.code) == (404, "BLOB_UPLOAD_UNKNOWN")
    assert await finish(thief, location, b"mine") == 404
    assert await finish(admin, location, b"mine") == 201


async def test_a_cancelled_upload_is_gone(admin: Caller) -> None:
    """Its bytes are freed at once."""
    location = await begin(admin)

    assert (await admin.call("DELETE", location)).status == 204
    for method in ("GET", "PATCH", "DELETE"):
        assert (await admin.call(method, location)).status == 404


@pytest.mark.parametrize(
    "name", ["x", "..", "00000000-0000-0000-0000-00000000000G", "0" * 500, "%2e%2e"]
)
async def test_an_upload_that_cannot_exist_is_unknown(admin: Caller, name: str) -> None:
    """Its identifier is parsed before any path is built from it."""
    for method in ("GET", "PATCH", "DELETE"):
        answer = await admin.call(method, START + name)
        assert (answer.status, answer.code) == (404, "BLOB_UPLOAD_UNKNOWN")


async def test_a_blob_is_mounted_from_a_repository_that_the_token_may_pull(
    admin: Caller, stranger: Caller
) -> None:
    """A layer that is already here need not be sent again."""
    await admin.push_blob("source", b"layer")
    caller = await stranger.login("repository:app:pull,push", "repository:source:pull")

    answer = await caller.call(
        "POST", START, query={"mount": str(Digest.of(b"layer")), "from": "source"}
    )

    assert answer.status == 201
    assert answer.header("Location") == f"/v2/app/blobs/{Digest.of(b'layer')}"
    assert await is_there(caller, b"layer")


@pytest.mark.parametrize(
    ("mount", "source"),
    [
        (b"nowhere", "own"),
        (b"layer", "own"),  # elsewhere, not in this repository
        (b"layer", "NO NAME"),
        (b"layer", ""),
    ],
)
async def test_an_impossible_mount_becomes_an_upload(
    admin: Caller, stranger: Caller, mount: bytes, source: str
) -> None:
    """Anyone could otherwise find out which blobs exist (CVE-2024-39897)."""
    await admin.push_blob("source", b"layer")
    caller = await stranger.login("repository:app:pull,push", "repository:own:pull")

    answer = await caller.call(
        "POST", START, query={"mount": str(Digest.of(mount)), "from": source}
    )

    assert answer.status == 202
    assert answer.header("Location")
    assert not await is_there(caller, mount)


async def test_who_pushes_because_everybody_may_mounts_and_goes_on_as_everybody(
    registry: Registry, admin: Caller, clock: HandClock
) -> None:
    """A logged-in caller would be refused what an anonymous one may do."""
    await admin.push_blob("private", b"layer")
    await registry.services.scope_maps.create(
        "public", ("repositories/public/*/content/read", "repositories/public/*/content/write")
    )
    await registry.services.accounts.let_anonymous("public")
    await registry.services.scope_maps.create("nothing", ())
    account = await registry.services.accounts.create("somebody", "nothing")
    assert account.passwords[0].value is not None
    caller = await Caller(registry, "somebody", account.passwords[0].value.reveal()).login()

    begun = await caller.call(
        "POST",
        "/v2/public/app/blobs/uploads/",
        query={"mount": str(Digest.of(b"layer")), "from": "private"},
    )
    clock.forward(minutes=50)
    first = await caller.call("PATCH", begun.header("Location") or "", body=b"lay")
    clock.forward(minutes=40)  # the token has expired, and the upload has not
    appended = await caller.call("PATCH", first.header("Location") or "", body=b"er")
    elsewhere = await caller.call("POST", "/v2/private/blobs/uploads/")

    assert (begun.status, appended.status, elsewhere.status) == (202, 202, 401)


@pytest.mark.parametrize("mount", ["", "x", "sha256:0", "sha256:" + "g" * 64, "md5:" + "0" * 32])
async def test_a_mount_of_a_digest_that_cannot_be_read_becomes_an_upload(
    admin: Caller, mount: str
) -> None:
    """The specification knows no other answer (end-11), and the client goes on with the upload."""
    answer = await admin.call("POST", START, query={"mount": mount, "from": "source"})

    assert answer.status == 202
    assert answer.header("Location")


@pytest.mark.parametrize("mount", [b"layer", b"nowhere"])
async def test_a_mount_is_refused_if_the_account_could_get_the_right_that_the_token_lacks(
    admin: Caller, stranger: Caller, mount: bytes
) -> None:
    """The client then gets that right and mounts, instead of sending the layer again."""
    await admin.push_blob("source", b"layer")
    caller = await stranger.login("repository:app:pull,push")

    answer = await caller.call(
        "POST", START, query={"mount": str(Digest.of(mount)), "from": "source"}
    )

    assert answer.status == 401
    challenge = answer.header("WWW-Authenticate") or ""
    assert 'repository:source:pull",error="insufficient_scope"' in challenge


async def test_the_challenge_of_a_mount_asks_for_both_repositories(stranger: Caller) -> None:
    """A client that follows it can mount."""
    answer = await stranger.call(
        "POST", START, query={"mount": str(Digest.of(b"layer")), "from": "source"}
    )

    assert answer.status == 401
    challenge = answer.header("WWW-Authenticate") or ""
    assert 'scope="repository:app:pull,push repository:source:pull"' in challenge


async def test_the_digest_of_a_sha512_put_is_checked_too(admin: Caller) -> None:
    """No algorithm is trusted unchecked."""
    location = await begin(admin)
    digest = Digest.of(b"content", "sha512")

    answer = await admin.call("PUT", location, query={"digest": str(digest)}, body=b"content")

    assert answer.status == 201
    assert (await admin.call("GET", f"/v2/app/blobs/{digest}")).body == b"content"
