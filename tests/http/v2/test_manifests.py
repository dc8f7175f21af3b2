"""Manifests over HTTP: end-3, end-7, end-9."""

import json

import pytest

from acrux.domain.content.digest import Digest
from acrux.domain.content.manifest import MAX_MANIFEST_BYTES
from acrux.domain.content.media_types import DOCKER_LIST, DOCKER_MANIFEST, OCI_INDEX, OCI_MANIFEST
from tests.http.caller import Caller
from tests.images import descriptor, image, index

APP = image(b"layer of the app")


async def test_a_manifest_comes_back_byte_for_byte_by_tag_and_by_digest(admin: Caller) -> None:
    """Its digest is its identity: one changed byte is another manifest."""
    spaced = APP.manifest.replace(b", ", b" ,\n ")
    for blob in APP.blobs:
        await admin.push_blob("app", blob)

    put = await admin.put_manifest("app", "v1", spaced, OCI_MANIFEST)

    digest = str(Digest.of(spaced))
    assert put.status == 201
    assert put.header("Location") == f"/v2/app/manifests/{digest}"
    assert put.header("Docker-Content-Digest") == digest
    for reference in ("v1", digest):
        answer = await admin.pull("app", reference)
        assert answer.status == 200
        assert answer.body == spaced
        assert answer.header("Docker-Content-Digest") == digest
        assert answer.header("Content-Type") == OCI_MANIFEST
        assert answer.header("Content-Length") == str(len(spaced))
        assert answer.header("ETag") == f'"{digest}"'


async def test_head_says_what_get_would_and_sends_no_body(admin: Caller) -> None:
    """Clients look before they pull."""
    await admin.push("app", "v1", APP)

    get = await admin.call("GET", "/v2/app/manifests/v1")
    head = await admin.call("HEAD", "/v2/app/manifests/v1")

    assert head.body == b""
    assert head.status == get.status
    assert {name for name, _ in head.headers} == {name for name, _ in get.headers}
    assert head.header("Content-Length") == str(len(get.body))


async def test_head_of_an_unknown_manifest_is_404_without_a_body(admin: Caller) -> None:
    """An error for HEAD has only a status and headers."""
    answer = await admin.call("HEAD", "/v2/app/manifests/v1")

    assert answer.status == 404
    assert answer.body == b""


async def test_a_tag_moves_and_the_old_manifest_stays(admin: Caller) -> None:
    """Clients that pull it by digest must not lose it."""
    newer = image(b"newer layer")
    await admin.push("app", "v1", APP)

    await admin.push("app", "v1", newer)

    assert (await admin.pull("app", "v1")).body == newer.manifest
    assert (await admin.pull("app", str(APP.digest))).body == APP.manifest


async def test_an_index_may_name_manifests_that_are_here_and_that_are_not(admin: Caller) -> None:
    """A sparse index holds only the platforms that somebody wanted."""
    await admin.push("app", str(APP.digest), APP)
    both = index(APP, image(b"of another platform"))

    assert (await admin.push("app", "all", both)).status == 201
    assert (await admin.pull("app", "all")).header("Content-Type") == OCI_INDEX


async def test_docker_types_are_stored_as_they_are(admin: Caller) -> None:
    """A registry never converts a manifest: the digest would change."""
    docker = image(b"docker layer", media_type=DOCKER_MANIFEST)
    listed = json.dumps(
        {
            "schemaVersion": 2,
            "mediaType": DOCKER_LIST,
            "manifests": [descriptor(docker.manifest, DOCKER_MANIFEST)],
        }
    ).encode()

    assert (await admin.push("app", "v1", docker)).status == 201
    assert (await admin.put_manifest("app", "all", listed, DOCKER_LIST)).status == 201
    assert (await admin.pull("app", "v1")).header("Content-Type") == DOCKER_MANIFEST
    assert (await admin.pull("app", "all")).body == listed


async def test_a_manifest_whose_blobs_are_missing_is_refused_and_changes_nothing(
    admin: Caller,
) -> None:
    """A tag must never point at an image that cannot be pulled."""
    await admin.push_blob("app", APP.blobs[0])

    answer = await admin.put_manifest("app", "v1", APP.manifest, APP.media_type)

    assert answer.status == 400
    assert answer.code == "MANIFEST_BLOB_UNKNOWN"
    assert str(Digest.of(APP.blobs[1])) in answer.body.decode()
    assert (await admin.pull("app", "v1")).status == 404


async def test_a_blob_of_another_repository_does_not_make_a_manifest_complete(
    admin: Caller,
) -> None:
    """A blob is visible only through a repository that links it."""
    for blob in APP.blobs:
        await admin.push_blob("elsewhere", blob)

    answer = await admin.put_manifest("app", "v1", APP.manifest, APP.media_type)

    assert answer.code == "MANIFEST_BLOB_UNKNOWN"


async def test_layers_that_may_not_be_distributed_need_not_be_here(admin: Caller) -> None:
    """Clients get Windows base layers from elsewhere."""
    foreign = {
        "mediaType": "application/vnd.oci.image.layer.nondistributable.v1.tar",
        "digest": str(Digest.of(b"elsewhere")),
        "size": 9,
        "urls": ["https://layers.test/9"],
    }
    content = json.loads(APP.manifest)
    content["layers"].append(foreign)
    for blob in APP.blobs:
        await admin.push_blob("app", blob)

    answer = await admin.put_manifest("app", "v1", json.dumps(content).encode(), OCI_MANIFEST)

    assert answer.status == 201


async def test_a_manifest_pushed_under_another_digest_is_refused(admin: Caller) -> None:
    """A digest must never name other content."""
    for blob in APP.blobs:
        await admin.push_blob("app", blob)
    other = str(Digest.of(b"other"))

    answer = await admin.put_manifest("app", other, APP.manifest, APP.media_type)

    assert (answer.status, answer.code) == (400, "DIGEST_INVALID")
    assert (await admin.pull("app", other)).status == 404


async def test_a_manifest_may_be_four_mebibytes_and_no_byte_more(admin: Caller) -> None:
    """The specification requires 4 MiB; without a limit one request fills the memory."""
    for blob in APP.blobs:
        await admin.push_blob("app", blob)
    content = json.loads(APP.manifest)
    content["annotations"] = {"padding": ""}
    content["annotations"]["padding"] = "x" * (MAX_MANIFEST_BYTES - len(json.dumps(content)))
    largest = json.dumps(content).encode()
    assert len(largest) == MAX_MANIFEST_BYTES

    assert (await admin.put_manifest("app", "v1", largest, OCI_MANIFEST)).status == 201
    assert (await admin.pull("app", "v1")).body == largest
    refused = await admin.put_manifest("app", "v2", largest + b" ", OCI_MANIFEST)
    assert (refused.status, refused.code) == (413, "MANIFEST_INVALID")


@pytest.mark.parametrize(
    ("content", "media_type"),
    [
        (b"", OCI_MANIFEST),
        (b"{", OCI_MANIFEST),
        (b"[]", OCI_MANIFEST),
        (b"null", OCI_MANIFEST),
        (b"\xff\xfe", OCI_MANIFEST),
        (b"[" * 100_000, OCI_MANIFEST),
        (b'{"a":' * 100_000, OCI_MANIFEST),
        (b'{"schemaVersion":2}', OCI_MANIFEST),
        (b'{"schemaVersion":1}', "application/vnd.docker.distribution.manifest.v1+prettyjws"),
        (APP.manifest, "text/html"),
        (APP.manifest, ""),
        (APP.manifest, DOCKER_MANIFEST),
        (APP.manifest, OCI_INDEX),
        (index(APP).manifest, OCI_MANIFEST),
        (APP.manifest.replace(b'"layers"', b'"manifests":[],"layers"'), OCI_MANIFEST),
        (APP.manifest.replace(b'"layers"', b'"schemaVersion":2,"layers"'), OCI_MANIFEST),
        (APP.manifest.replace(b"sha256:", b"sha256:../../"), OCI_MANIFEST),
        (APP.manifest.replace(b"sha256:", b"md5:"), OCI_MANIFEST),
        (APP.manifest.replace(b'"size": ', b'"size": -'), OCI_MANIFEST),
    ],
)
async def test_an_invalid_manifest_is_refused(
    admin: Caller, content: bytes, media_type: str
) -> None:
    """Two readers must never see two different images in one body (CVE-2021-41190)."""
    for blob in APP.blobs:
        await admin.push_blob("app", blob)

    answer = await admin.put_manifest("app", "v1", content, media_type)

    if (content, media_type) == (APP.manifest, ""):  # the manifest states its own type
        assert answer.status == 201
    else:
        assert (answer.status, answer.code) == (400, "MANIFEST_INVALID")


@pytest.mark.parametrize(
    ("accept", "status"),
    [
        (OCI_MANIFEST, 200),
        (f"{DOCKER_MANIFEST}, {OCI_MANIFEST};q=0.5", 200),
        ("application/*", 200),
        ("*/*", 200),
        ("", 200),
        (DOCKER_MANIFEST, 404),
        (f"*/*, {OCI_MANIFEST};q=0", 404),
    ],
)
async def test_a_manifest_is_sent_only_to_clients_that_accept_its_type(
    admin: Caller, accept: str, status: int
) -> None:
    """An old client that gets an unknown type fails with a worse message."""
    await admin.push("app", "v1", APP)

    answer = await admin.pull("app", "v1", accept)

    assert answer.status == status


@pytest.mark.parametrize("accept", [OCI_MANIFEST, f"{OCI_MANIFEST}, {OCI_INDEX}", "text/html"])
@pytest.mark.parametrize("reference", ["v1", "DIGEST"])
@pytest.mark.parametrize("kind", [DOCKER_MANIFEST, DOCKER_LIST])
async def test_a_manifest_of_dockers_types_is_sent_whatever_a_client_accepts(
    admin: Caller, kind: str, reference: str, accept: str
) -> None:
    """Distribution and ACR do so, and there are clients that accept nothing of it."""
    content: dict[str, object] = {"schemaVersion": 2, "mediaType": kind}
    if kind == DOCKER_LIST:
        content["manifests"] = []
    else:
        await admin.push_blob("app", b"{}")
        content["config"] = {"mediaType": "x/y", "size": 2, "digest": str(Digest.of(b"{}"))}
        content["layers"] = []
    pushed = json.dumps(content).encode()
    assert (await admin.put_manifest("app", "v1", pushed, kind)).status == 201

    answer = await admin.pull("app", reference.replace("DIGEST", str(Digest.of(pushed))), accept)

    assert (answer.status, answer.header("Content-Type"), answer.body) == (200, kind, pushed)


async def test_an_index_without_any_of_its_images_is_pushed(admin: Caller) -> None:
    """crane filters platforms, and writes null if it has left out all of them."""
    content = b'{"schemaVersion":2,"mediaType":"%s","manifests":null}' % OCI_INDEX.encode()

    assert (await admin.put_manifest("app", "v1", content, OCI_INDEX)).status == 201


async def test_an_index_of_9000_images_is_pushed(admin: Caller) -> None:
    """A nightly build for every commit and platform."""
    entries = [
        {
            "mediaType": OCI_MANIFEST,
            "digest": str(Digest.of(str(number).encode())),
            "size": 1234,
            "platform": {"architecture": "arm64", "os": "linux", "variant": "v8"},
            "annotations": {"number": str(number), "url": f"https://example.test:443/{number}"},
        }
        for number in range(9_000)
    ]
    content = json.dumps(
        {"schemaVersion": 2, "mediaType": OCI_INDEX, "manifests": entries}, separators=(",", ":")
    ).encode()

    assert (await admin.put_manifest("app", "v1", content, OCI_INDEX)).status == 201
    assert (await admin.pull("app", "v1")).body == content


@pytest.mark.parametrize("end", [b"", b"\\", b'"', b'"}'])
async def test_a_manifest_of_quotes_is_refused_as_quickly_as_any(admin: Caller, end: bytes) -> None:
    """A pattern that tries again at each quote would stop a worker for hours."""
    content = b"," * 200_001 + b'"' + b'\\"' * 1_900_000 + end

    answer = await admin.put_manifest("app", "v1", content, OCI_INDEX)

    assert (answer.status, answer.code) == (400, "MANIFEST_INVALID")


async def test_an_annotation_may_hold_a_megabyte_of_json(admin: Caller) -> None:
    """An SBOM or a build's whole provenance; only values count, and it is one."""
    text = json.dumps([{"name": f'"{number}"', "of": [1, 2, 3]} for number in range(26_000)])
    assert len(text) > 1_000_000
    content = json.dumps(
        {"schemaVersion": 2, "mediaType": OCI_INDEX, "manifests": [], "annotations": {"a": text}}
    ).encode()

    assert (await admin.put_manifest("app", "v1", content, OCI_INDEX)).status == 201


@pytest.mark.parametrize("condition", ['"DIGEST"', 'W/"DIGEST"', '"other", "DIGEST"', "*"])
async def test_a_client_that_already_has_the_manifest_gets_304(
    admin: Caller, condition: str
) -> None:
    """Polling for a new image should cost nothing."""
    await admin.push("app", "v1", APP)

    answer = await admin.call(
        "GET",
        "/v2/app/manifests/v1",
        headers={"If-None-Match": condition.replace("DIGEST", str(APP.digest))},
    )

    assert (answer.status, answer.body) == (304, b"")


async def test_deleting_a_tag_leaves_the_manifest(admin: Caller) -> None:
    """A tag is only a name."""
    await admin.push("app", "v1", APP)

    assert (await admin.call("DELETE", "/v2/app/manifests/v1")).status == 202
    assert (await admin.pull("app", "v1")).status == 404
    assert (await admin.pull("app", str(APP.digest))).status == 200


async def test_deleting_a_manifest_deletes_its_tags(admin: Caller) -> None:
    """A tag must not point at nothing."""
    await admin.push("app", "v1", APP)
    await admin.push("app", "v2", APP)

    assert (await admin.call("DELETE", f"/v2/app/manifests/{APP.digest}")).status == 202
    for reference in ("v1", "v2", str(APP.digest)):
        assert (await admin.pull("app", reference)).status == 404
    again = await admin.call("DELETE", f"/v2/app/manifests/{APP.digest}")
    assert (again.status, again.code) == (404, "MANIFEST_UNKNOWN")


@pytest.mark.parametrize(
    "reference", [".invalid", "-x", "a" * 129, "sha256:short", "sha999:" + "0" * 64, "a b", "%"]
)
async def test_a_reference_that_cannot_exist_is_unknown_to_read_and_invalid_to_write(
    admin: Caller, reference: str
) -> None:
    """The conformance program reads one, and expects 404."""
    read = await admin.pull("app", reference)
    written = await admin.put_manifest("app", reference, APP.manifest, APP.media_type)

    assert (read.status, read.code) == (404, "MANIFEST_UNKNOWN")
    assert (written.status, written.code) == (400, "MANIFEST_INVALID")


@pytest.mark.parametrize("size", [2**63, 2**63 - 1, 10**30])
async def test_a_size_beyond_all_blobs_is_refused(admin: Caller, size: int) -> None:
    """No database column can hold it."""
    content = json.loads(APP.manifest)
    content["layers"][0]["size"] = size
    for blob in APP.blobs:
        await admin.push_blob("app", blob)

    answer = await admin.put_manifest("app", "v1", json.dumps(content).encode(), OCI_MANIFEST)

    assert (answer.status, answer.code) == (400, "MANIFEST_INVALID")


@pytest.mark.parametrize("filler", [b'"a":1', b'"a":[' + b"[],[]," * 9 + b"[]]"])
async def test_a_manifest_of_a_million_values_is_refused_before_it_is_read(
    admin: Caller, filler: bytes
) -> None:
    """Parsing it would block everybody else for a second."""
    content = b"{" + b",".join([filler] * (MAX_MANIFEST_BYTES // (len(filler) + 1) - 1)) + b"}"

    answer = await admin.put_manifest("app", "v1", content, OCI_MANIFEST)

    assert (answer.status, answer.code) == (400, "MANIFEST_INVALID")
    assert "values" in answer.json["errors"][0]["message"]
