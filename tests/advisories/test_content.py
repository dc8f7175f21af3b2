"""Content with two meanings, or too much content."""

import json
from collections.abc import AsyncIterator
from typing import Any

import pytest

from acrux.domain.content.digest import Digest
from acrux.domain.content.media_types import DOCKER_LIST, DOCKER_MANIFEST, OCI_INDEX, OCI_MANIFEST
from acrux.settings import Settings
from tests.http.caller import Answer, Caller
from tests.images import Image, descriptor, image, index

IMAGE = image(b"a layer")
BOTH = json.loads(IMAGE.manifest) | {"manifests": [descriptor(IMAGE.manifest, OCI_MANIFEST)]}
MEGABYTE = 1024 * 1024


def document(of: Image, **changed: object) -> bytes:
    """A manifest with some fields changed."""
    return json.dumps(json.loads(of.manifest) | changed).encode()


@pytest.mark.parametrize(
    ("content", "content_type"),
    [
        (document(IMAGE, mediaType=OCI_INDEX), OCI_MANIFEST),
        (IMAGE.manifest, OCI_INDEX),
        (IMAGE.manifest, DOCKER_MANIFEST),
        (index(IMAGE).manifest, OCI_MANIFEST),
        (index(IMAGE).manifest, DOCKER_LIST),
        (json.dumps(BOTH).encode(), OCI_MANIFEST),
        (json.dumps(BOTH | {"mediaType": OCI_INDEX}).encode(), OCI_INDEX),
        (document(index(IMAGE), layers=[]), OCI_INDEX),
        (document(index(IMAGE), config=descriptor(b"{}", "a/b")), OCI_INDEX),
        (IMAGE.manifest[:-1] + b', "mediaType": "' + OCI_INDEX.encode() + b'"}', OCI_MANIFEST),
    ],
)
async def test_cve_2021_41190_content_has_one_meaning(
    admin: Caller, content: bytes, content_type: str
) -> None:
    """One digest was an image to one client and an index to another; here that is refused."""
    await admin.push("team/app", "other", IMAGE)

    for reference in ("v1", str(Digest.of(content))):
        answer = await admin.put_manifest("team/app", reference, content, content_type)
        assert (answer.status, answer.code) == (400, "MANIFEST_INVALID")
    assert (await admin.pull("team/app", "v1")).status == 404


@pytest.mark.parametrize(
    "path",
    ["/v2/_catalog", "/v2/app/tags/list", "/acr/v1/_catalog", "/acr/v1/app/_tags",
     "/acr/v1/app/_manifests", f"/v2/app/referrers/{IMAGE.digest}"],
)  # fmt: skip
@pytest.mark.parametrize("n", ["1000000000000", "99999999999999999", "9" * 30, "-1"])
async def test_cve_2023_2253_a_page_is_never_larger_than_the_limit(
    admin: Caller, path: str, n: str
) -> None:
    """`n` made distribution allocate any amount of memory; here it is limited, or refused."""
    await admin.push("app", "v1", IMAGE)

    answer = await admin.call("GET", path, query={"n": n})

    assert answer.status == (200 if len(n) < 19 and n != "-1" else 400)


async def test_cve_2023_2253_a_page_holds_a_thousand_at_most(admin: Caller) -> None:
    """Whatever is requested: the rest is behind the link."""
    await admin.push("app", "v1", IMAGE)
    for first in range(0, 1010, 100):
        tags = "&".join(f"tag=t{number}" for number in range(first, first + 100))
        answer = await admin.call(
            "PUT", f"/v2/app/manifests/{IMAGE.digest}?{tags}",
            headers={"Content-Type": IMAGE.media_type}, body=IMAGE.manifest,
        )  # fmt: skip
        assert answer.status == 201

    answer = await admin.call("GET", "/v2/app/tags/list", query={"n": "100000"})

    assert len(answer.json["tags"]) == 1000
    assert answer.header("Link")


async def _megabytes(sent: list[int]) -> AsyncIterator[bytes]:
    for _ in range(64):
        sent.append(MEGABYTE)
        yield b" " * MEGABYTE


async def test_cve_2017_11468_a_manifest_is_not_read_beyond_its_limit(admin: Caller) -> None:
    """distribution read a manifest of any length into memory; here the limit is 4 MiB, then 413."""
    sent: list[int] = []

    answer = await admin.call(
        "PUT",
        "/v2/app/manifests/v1",
        headers={"Content-Type": OCI_MANIFEST},
        body=_megabytes(sent),
    )

    assert answer.status == 413
    assert (await admin.pull("app", "v1")).status == 404


@pytest.mark.parametrize(
    "digest",
    [
        "sha256:../../../../etc/passwd",
        "sha256:..%2F..%2Fetc%2Fpasswd",
        "../../secrets/pepper",
        "sha256:" + "../" * 21 + "a",
        "sha256:" + "a" * 63 + "/",
        "sha256:" + "A" * 64,
        "sha256:" + "a" * 63,
        "sha256:" + "a" * 65,
        "sha512:" + "a" * 64,
        "sha256:" + "a" * 63 + "\0",
        "sha384:" + "a" * 96,
        ":" + "a" * 64,
    ],
)
async def test_cve_2024_3727_a_digest_is_checked_before_it_is_a_path(
    admin: Caller, settings: Settings, digest: str
) -> None:
    """containers/image built paths from unchecked digests; here an invalid one is 400 or 404."""
    before = sorted(settings.data_dir.rglob("*"))
    answers = [
        await admin.call("GET", f"/v2/app/blobs/{digest}"),
        await admin.call("DELETE", f"/v2/app/blobs/{digest}"),
        await admin.call("GET", f"/v2/app/referrers/{digest}"),
        await admin.call("POST", "/v2/app/blobs/uploads/", query={"digest": digest}, body=b"x"),
        await admin.put_manifest("app", digest, IMAGE.manifest, OCI_MANIFEST),
        await admin.put_manifest("app", "v1", _naming(digest), OCI_MANIFEST),
    ]

    assert all(answer.status in (400, 404) for answer in answers)
    assert all(answer.code for answer in answers)
    assert sorted(settings.data_dir.rglob("*")) == before

    mount = await admin.call("POST", "/v2/app/blobs/uploads/", query={"mount": digest, "from": "b"})
    assert mount.status == 202  # an upload, as for whatever cannot be mounted
    [made] = set(settings.data_dir.rglob("*")) - set(before)
    assert made.name.startswith(mount.header("Docker-Upload-UUID") or "none")


def _naming(digest: str) -> bytes:
    layer = {"mediaType": "application/octet-stream", "digest": digest, "size": 1}
    return document(IMAGE, layers=[layer])


async def sign(admin: Caller, signatures: int, **annotations: str) -> str:
    """Push an image with this many signatures, and return the path of their listing."""
    await admin.push("app", "v1", IMAGE)
    subject = descriptor(IMAGE.manifest, IMAGE.media_type)
    for number in range(signatures):
        notes = {**annotations, "number": str(number)}
        signature = document(IMAGE, subject=subject, annotations=notes)
        put = await admin.put_manifest("app", f"s{number}", signature, OCI_MANIFEST)
        assert put.status == 201
    return f"/v2/app/referrers/{IMAGE.digest}"


async def pages(admin: Caller, path: str) -> list[Answer]:
    """The pages of a listing of referrers."""
    found = []
    while path:
        found.append(await admin.call("GET", path))
        path = (found[-1].header("Link") or "").removeprefix("<").partition(">")[0]
    return found


@pytest.mark.parametrize("n", [1, 7, 12])
async def test_cve_2023_33958_the_referrers_of_an_image_come_in_pages(
    admin: Caller, n: int
) -> None:
    """Endless signatures kept notation busy forever; here a client receives them page by page."""
    path = await sign(admin, 12)

    found = [page.json["manifests"] for page in await pages(admin, f"{path}?n={n}")]

    assert [len(page) for page in found] == [*[n] * (12 // n), *([12 % n] if 12 % n else [])]


async def test_cve_2023_33958_a_page_of_referrers_is_no_longer_than_a_manifest(
    admin: Caller,
) -> None:
    """A referrer shows its annotations, and clients read at most 4 MiB of an index."""
    path = await sign(admin, 3, long="a" * 3 * MEGABYTE)

    found = await pages(admin, path)

    assert max(len(page.body) for page in found) <= 4 * MEGABYTE
    assert sum(len(page.json["manifests"]) for page in found) == 3


async def test_cve_2020_15157_a_layer_from_elsewhere_is_never_redirected_to(
    admin: Caller,
) -> None:
    """containerd sent passwords to a layer's foreign URL; here no answer leads anywhere else."""
    foreign = {
        **descriptor(b"foreign", "application/vnd.oci.image.layer.nondistributable.v1.tar"),
        "urls": ["https://evil.example.com/layer"],
    }
    await admin.push("app", "other", IMAGE)
    manifest = document(IMAGE, layers=[foreign])
    assert (await admin.put_manifest("app", "v1", manifest, OCI_MANIFEST)).status == 201

    answer = await admin.call("GET", f"/v2/app/blobs/{foreign['digest']}")

    assert (answer.status, answer.code) == (404, "BLOB_UNKNOWN")
    assert answer.header("Location") is None


@pytest.mark.parametrize("spelled", ["encoded", "with a hyphen", "with an underscore"])
async def test_cve_2026_50195_a_tag_has_no_authority(admin: Caller, spelled: str) -> None:
    """A tag could poison what containerd kept by digest; here a tag never replaces a digest."""
    victim, other = image(b"victim"), image(b"other")
    await admin.push("app", "victim", victim)
    tag = {
        "encoded": victim.digest.encoded,
        "with a hyphen": f"sha256-{victim.digest.encoded}",
        "with an underscore": f"sha256_{victim.digest.encoded}",
    }[spelled]

    await admin.push("app", tag, other)

    assert (await admin.pull("app", str(victim.digest))).body == victim.manifest
    assert (await admin.pull("app", "victim")).body == victim.manifest
    referrers = await admin.call("GET", f"/v2/app/referrers/{victim.digest}")
    assert referrers.json["manifests"] == []


async def _cut_off(content: bytes) -> AsyncIterator[bytes]:
    yield content
    raise EOFError


@pytest.mark.parametrize(
    ("path", "content"),
    [
        ("/v2/app/manifests/v1", IMAGE.manifest),
        ("/v2/app/blobs/uploads/?digest=" + str(Digest.of(b"whole")), b"whole"),
    ],
)
async def test_cve_2024_41110_and_cve_2026_34040_an_incomplete_body_decides_nothing(
    admin: Caller, path: str, content: bytes
) -> None:
    """Docker let an empty or cut body pass its checks; here it is checked whole, or refused."""
    await admin.push("app", "other", IMAGE)
    method = "PUT" if "manifests" in path else "POST"

    async def send(body: bytes | AsyncIterator[bytes], **headers: Any) -> Answer:
        return await admin.call(
            method, path, headers={"Content-Type": OCI_MANIFEST, **headers}, body=body
        )

    length = str(len(content) + 1)
    answers = [
        await send(b""),
        await send(content[:-1]),
        await send(_cut_off(content), **{"Content-Length": length}),
        await send(_cut_off(content[:-1])),
    ]

    assert [answer.status for answer in answers] == [400, 400, 400, 400]
    assert (await admin.pull("app", "v1")).status == 404
    assert (await admin.call("GET", f"/v2/app/blobs/{Digest.of(b'whole')}")).status == 404
    assert (await send(content)).status == 201
