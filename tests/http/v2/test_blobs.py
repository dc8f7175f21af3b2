"""Blobs over HTTP: end-2, end-10."""

import email
from email.policy import HTTP

import pytest

from acrux.domain.content.digest import Digest
from acrux.settings import Settings
from tests.http.caller import Caller
from tests.tools import blob_file

CONTENT = bytes(range(256)) * 8
DIGEST = Digest.of(CONTENT)
PATH = f"/v2/app/blobs/{DIGEST}"


@pytest.fixture
async def holder(admin: Caller) -> Caller:
    """A caller of a registry that holds the blob in the repository `app`."""
    assert (await admin.push_blob("app", CONTENT)).status == 201
    return admin


async def test_a_blob_comes_back_byte_for_byte(holder: Caller) -> None:
    """This is all that a registry is for."""
    answer = await holder.call("GET", PATH)

    assert answer.status == 200
    assert answer.body == CONTENT
    assert answer.header("Content-Length") == str(len(CONTENT))
    assert answer.header("Docker-Content-Digest") == str(DIGEST)
    assert answer.header("ETag") == f'"{DIGEST}"'
    assert answer.header("Accept-Ranges") == "bytes"


async def test_a_blob_is_never_rendered_by_a_browser(holder: Caller) -> None:
    """Pushed HTML must not run in our origin."""
    answer = await holder.call("GET", PATH)

    assert answer.header("Content-Type") == "application/octet-stream"
    assert answer.header("X-Content-Type-Options") == "nosniff"


async def test_head_says_what_get_would_and_sends_no_body(holder: Caller) -> None:
    """Clients use it to push only what is missing."""
    get, head = await holder.call("GET", PATH), await holder.call("HEAD", PATH)

    assert head.body == b""
    assert sorted(name for name, _ in head.headers) == sorted(name for name, _ in get.headers)
    assert head.header("Content-Length") == str(len(CONTENT))


@pytest.mark.parametrize(
    ("asked", "first", "last"),
    [
        ("bytes=0-0", 0, 0),
        ("bytes=500-1499", 500, 1499),
        ("bytes=500-", 500, 2047),
        ("bytes=-500", 1548, 2047),
        ("bytes=2000-5000", 2000, 2047),
        ("bytes=-5000", 0, 2047),
        ("bytes=0-4194303", 0, 2047),
    ],
)
async def test_a_part_of_a_blob_is_206(holder: Caller, asked: str, first: int, last: int) -> None:
    """Azure's Python SDK downloads in no other way, and every client resumes like this."""
    answer = await holder.call("GET", PATH, headers={"Range": asked})

    assert answer.status == 206
    assert answer.body == CONTENT[first : last + 1]
    assert answer.header("Content-Range") == f"bytes {first}-{last}/2048"
    assert answer.header("Content-Length") == str(last + 1 - first)


@pytest.mark.parametrize("asked", ["bytes=2048-", "bytes=5000-10000", "bytes=500-0", "bytes=-0"])
async def test_a_part_that_is_not_there_is_416(holder: Caller, asked: str) -> None:
    """A client that resumes past the end must find out."""
    answer = await holder.call("GET", PATH, headers={"Range": asked})

    assert answer.status == 416
    assert answer.header("Content-Range") == "bytes */2048"


@pytest.mark.parametrize(
    "asked", ["500-", "bytes=", "bytes=a-b", "bytes=0-1,x", "items=0-1", "bytes=--1", ""]
)
async def test_a_range_that_cannot_be_read_gets_the_whole_blob(holder: Caller, asked: str) -> None:
    """RFC 9110 §14.2; Azure's JavaScript SDK leaves out the unit."""
    answer = await holder.call("GET", PATH, headers={"Range": asked})

    assert answer.status == 200
    assert answer.body == CONTENT


@pytest.mark.parametrize(
    ("asked", "parts"),
    [
        ("bytes=0-1,5-6", [(0, 1), (5, 6)]),
        ("bytes=1000-1999, 0-9,-3", [(1000, 1999), (0, 9), (2045, 2047)]),
        ("bytes=0-99,50-149,2000-", [(0, 149), (2000, 2047)]),
        ("bytes=5-6,9000-", [(5, 6)]),
    ],
)
async def test_several_parts_of_a_blob_are_one_answer(
    holder: Caller, asked: str, parts: list[tuple[int, int]]
) -> None:
    """podman pulls only what it lacks of a zstd:chunked layer, and stargz snapshotters read so."""
    answer = await holder.call("GET", PATH, headers={"Range": asked})

    assert answer.status == 206
    assert answer.header("Content-Length") == str(len(answer.body))
    assert answer.header("Docker-Content-Digest") == str(DIGEST)
    if len(parts) == 1:
        [(first, last)] = parts
        assert answer.header("Content-Range") == f"bytes {first}-{last}/2048"
        assert answer.body == CONTENT[first : last + 1]
        return
    kind = f"Content-Type: {answer.header('Content-Type')}\r\n\r\n"
    message = email.message_from_bytes(kind.encode() + answer.body, policy=HTTP)
    assert message.get_content_type() == "multipart/byteranges"
    assert [
        (part["Content-Range"], part["Content-Type"], part.get_payload(decode=True))
        for part in message.iter_parts()
    ] == [
        (f"bytes {first}-{last}/2048", "application/octet-stream", CONTENT[first : last + 1])
        for first, last in parts
    ]


async def test_a_part_of_an_empty_blob_is_the_whole(holder: Caller) -> None:
    """A client that asks for the first bytes of any blob must not fail at an empty one."""
    await holder.push_blob("app", b"")
    path = f"/v2/app/blobs/{Digest.of(b'')}"

    answer = await holder.call("GET", path, headers={"Range": "bytes=0-1048575"})

    assert (answer.status, answer.body) == (200, b"")


@pytest.mark.parametrize(("condition", "status"), [(f'"{DIGEST}"', 206), ('"other"', 200)])
async def test_a_part_of_another_representation_is_not_sent(
    holder: Caller, condition: str, status: int
) -> None:
    """RFC 9110 §13.1.5."""
    answer = await holder.call("GET", PATH, headers={"Range": "bytes=0-9", "If-Range": condition})

    assert answer.status == status


async def test_a_client_that_already_has_the_blob_gets_304(holder: Caller) -> None:
    """A cache need not fetch it again."""
    answer = await holder.call("GET", PATH, headers={"If-None-Match": f'"{DIGEST}"'})

    assert (answer.status, answer.body) == (304, b"")


async def test_a_blob_is_visible_only_through_a_repository_that_links_it(holder: Caller) -> None:
    """The worst holes of recent years were digests reachable without a right on the repository."""
    for method in ("GET", "HEAD", "DELETE"):
        elsewhere = await holder.call(method, f"/v2/other/blobs/{DIGEST}")
        nowhere = await holder.call(method, f"/v2/other/blobs/{Digest.of(b'nowhere')}")

        assert elsewhere.status == nowhere.status == 404


async def test_deleting_a_blob_removes_it_from_this_repository_only(holder: Caller) -> None:
    """Other repositories keep their links."""
    await holder.push_blob("other", CONTENT)

    assert (await holder.call("DELETE", PATH)).status == 202
    gone = await holder.call("GET", PATH)
    assert (gone.status, gone.code) == (404, "BLOB_UNKNOWN")
    assert (await holder.call("GET", f"/v2/other/blobs/{DIGEST}")).status == 200


@pytest.mark.parametrize(
    "digest",
    ["sha256:" + "0" * 63, "sha256:" + "0" * 65, "sha256:" + "A" * 64, "sha512:" + "0" * 64,
     "md5:" + "0" * 32, "sha256", "..%2f", "sha256:" + "0" * 62 + "..", "\0"],
)  # fmt: skip
async def test_a_digest_outside_the_grammar_is_refused(holder: Caller, digest: str) -> None:
    """It is parsed before any path is built from it (CVE-2024-3727)."""
    answer = await holder.call("GET", f"/v2/app/blobs/{digest}")

    assert (answer.status, answer.code) == (400, "DIGEST_INVALID")


async def test_an_empty_blob_is_a_blob(admin: Caller) -> None:
    """Some tools push one."""
    assert (await admin.push_blob("app", b"")).status == 201

    answer = await admin.call("GET", f"/v2/app/blobs/{Digest.of(b'')}")

    assert (answer.status, answer.body, answer.header("Content-Length")) == (200, b"", "0")


@pytest.mark.parametrize("damage", [b"", CONTENT[:500], CONTENT + b"x"])
async def test_a_blob_that_was_damaged_on_disk_is_missing_until_it_is_pushed_again(
    holder: Caller, settings: Settings, damage: bytes
) -> None:
    """A client that is told it is there never pushes it again, and it stays damaged for ever."""
    blob_file(settings.data_dir, DIGEST).write_bytes(damage)

    for method in ("GET", "HEAD"):
        for headers in ({}, {"Range": "bytes=0-9"}):
            assert (await holder.call(method, PATH, headers=headers)).status == 404
    await holder.push_blob("app", CONTENT)
    assert (await holder.call("GET", PATH)).body == CONTENT
