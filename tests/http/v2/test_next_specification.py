"""What versions 1.1 and later of the distribution specification add."""

import json
from collections.abc import Callable

import pytest

from acrux.domain.content.digest import Digest
from acrux.domain.content.media_types import OCI_INDEX, OCI_MANIFEST
from tests.http.caller import Answer, Caller
from tests.http.conftest import HandClock
from tests.images import Image, descriptor, image

APP = image(b"layer")
SIGNATURE = "application/vnd.test.signature"
SBOM = "application/vnd.test.sbom"


def referrer(subject: Image, artifact_type: str, text: str = "") -> Image:
    """An artifact that points at the subject."""
    return image(
        text.encode(),
        artifactType=artifact_type,
        subject=descriptor(subject.manifest, subject.media_type),
        annotations={"text": text},
    )


async def referrers(caller: Caller, subject: Digest, query: str = "") -> Answer:
    """The referrers of the subject."""
    return await caller.call("GET", f"/v2/app/referrers/{subject}", query=query)


async def test_a_subject_without_referrers_gets_an_empty_index_and_never_404(admin: Caller) -> None:
    """A client would conclude that the API is missing, and fall back to tags."""
    answer = await referrers(admin, Digest.of(b"nothing"))

    assert answer.status == 200
    assert answer.header("Content-Type") == OCI_INDEX
    assert answer.json == {"schemaVersion": 2, "mediaType": OCI_INDEX, "manifests": []}


async def test_a_referrer_is_listed_with_its_type_and_annotations(admin: Caller) -> None:
    """cosign and notation find signatures this way."""
    signature = referrer(APP, SIGNATURE, "signed")
    await admin.push("app", "v1", APP)

    pushed = await admin.push("app", str(signature.digest), signature)
    answer = await referrers(admin, APP.digest)

    assert pushed.header("OCI-Subject") == str(APP.digest)
    assert answer.json["manifests"] == [
        {
            "mediaType": OCI_MANIFEST,
            "digest": str(signature.digest),
            "size": len(signature.manifest),
            "artifactType": SIGNATURE,
            "annotations": {"text": "signed"},
        }
    ]


async def test_a_subject_need_not_be_there(admin: Caller) -> None:
    """Signatures may arrive first."""
    signature = referrer(APP, SIGNATURE)

    assert (await admin.push("app", "signature", signature)).status == 201
    assert len((await referrers(admin, APP.digest)).json["manifests"]) == 1


async def test_referrers_can_be_filtered_by_type(admin: Caller) -> None:
    """An image may have a thousand reports and one signature."""
    for pushed in (referrer(APP, SIGNATURE), referrer(APP, SBOM)):
        await admin.push("app", str(pushed.digest), pushed)

    filtered = await referrers(admin, APP.digest, f"artifactType={SBOM}")
    unfiltered = await referrers(admin, APP.digest)

    assert [entry["artifactType"] for entry in filtered.json["manifests"]] == [SBOM]
    assert filtered.header("OCI-Filters-Applied") == "artifactType"
    assert unfiltered.header("OCI-Filters-Applied") is None


async def test_referrers_are_paged(admin: Caller) -> None:
    """Endless signatures once kept a client busy for ever (CVE-2023-33958)."""
    pushed = [referrer(APP, SBOM, str(number)) for number in range(5)]
    for artifact in pushed:
        await admin.push("app", str(artifact.digest), artifact)

    found, query = [], f"n=2&artifactType={SBOM}"
    while query:
        answer = await referrers(admin, APP.digest, query)
        assert len(answer.json["manifests"]) <= 2
        found += [entry["digest"] for entry in answer.json["manifests"]]
        link = answer.header("Link") or ""
        query = link.partition("?")[2].removesuffix('>; rel="next"')

    assert found == sorted(str(artifact.digest) for artifact in pushed)


async def test_a_fallback_tag_changes_nothing_in_the_list(admin: Caller) -> None:
    """Clients of older registries maintain a list there; ours is complete from the first push."""
    held = referrer(APP, SIGNATURE, "held")
    gone = descriptor(referrer(APP, SBOM, "never pushed").manifest, OCI_MANIFEST)
    spoilt = {"digest": str(APP.digest), "size": None, "annotations": {"a": 1}}
    entries = [gone, spoilt, descriptor(held.manifest, OCI_MANIFEST)]
    fallback = {"schemaVersion": 2, "mediaType": OCI_INDEX, "manifests": entries}
    await admin.push("app", str(held.digest), held)
    tag = str(APP.digest).replace(":", "-")
    await admin.put_manifest("app", tag, json.dumps(fallback).encode(), OCI_INDEX)

    listed = (await referrers(admin, APP.digest)).json["manifests"]

    assert [entry["digest"] for entry in listed] == [str(held.digest)]


async def test_a_page_of_large_referrers_is_cut_where_clients_stop_reading(
    admin: Caller,
) -> None:
    """Clients read an index up to the maximum size of a manifest."""
    pushed = [referrer(APP, SBOM, f"{number}" * 900_000) for number in range(5)]
    for artifact in pushed:
        await admin.push("app", str(artifact.digest), artifact)

    found, query = [], f"artifactType={SBOM}"
    while query:
        answer = await referrers(admin, APP.digest, query)
        assert len(answer.body) <= 4 * 1024 * 1024
        found += [entry["digest"] for entry in answer.json["manifests"]]
        query = (answer.header("Link") or "").partition("?")[2].removesuffix('>; rel="next"')

    assert found == sorted(str(artifact.digest) for artifact in pushed)


async def test_a_deleted_referrer_is_no_longer_listed(admin: Caller) -> None:
    """A revoked signature must go."""
    signature = referrer(APP, SIGNATURE)
    await admin.push("app", str(signature.digest), signature)

    await admin.call("DELETE", f"/v2/app/manifests/{signature.digest}")

    assert (await referrers(admin, APP.digest)).json["manifests"] == []


async def test_referrers_of_an_invalid_digest_are_refused(admin: Caller) -> None:
    """The answer is 400, not an empty list."""
    answer = await admin.call("GET", "/v2/app/referrers/v1")

    assert (answer.status, answer.code) == (400, "DIGEST_INVALID")


async def test_a_manifest_gets_several_tags_in_one_request(admin: Caller) -> None:
    """end-7b: all of them or none."""
    tags = [f"v{number}" for number in range(12)]
    for blob in APP.blobs:
        await admin.push_blob("app", blob)

    answer = await admin.call(
        "PUT",
        f"/v2/app/manifests/{APP.digest}",
        query={"tag": tags},
        headers={"Content-Type": APP.media_type},
        body=APP.manifest,
    )

    assert answer.status == 201
    assert answer.every("OCI-Tag") == tags
    for tag in tags:
        assert (await admin.pull("app", tag)).status == 200


@pytest.mark.parametrize("query", ["tag=-bad", "tag=", "&".join(f"tag=t{n}" for n in range(101))])
async def test_invalid_tags_are_refused_and_nothing_is_pushed(admin: Caller, query: str) -> None:
    """Setting some of them would be worse than none."""
    for blob in APP.blobs:
        await admin.push_blob("app", blob)

    answer = await admin.call(
        "PUT",
        f"/v2/app/manifests/{APP.digest}",
        query=query,
        headers={"Content-Type": APP.media_type},
        body=APP.manifest,
    )

    assert answer.status == 400
    assert (await admin.pull("app", str(APP.digest))).status == 404


async def test_a_sha512_goes_end_to_end(admin: Caller) -> None:
    """Storage, manifest, tag, mount and referrers."""
    layer = b"a layer of another algorithm"
    digest = Digest.of(layer, "sha512")
    started = await admin.call("POST", "/v2/app/blobs/uploads/?digest-algorithm=sha512")
    location = started.header("Location") or ""
    await admin.call("PATCH", location, body=layer)
    assert (await admin.call("PUT", location, query={"digest": str(digest)})).status == 201
    content = json.loads(APP.manifest)
    content["layers"] = [descriptor(layer, "application/octet-stream") | {"digest": str(digest)}]
    manifest = json.dumps(content).encode()
    await admin.push_blob("app", APP.blobs[0])
    name = Digest.of(manifest, "sha512")

    pushed = await admin.put_manifest("app", f"{name}?tag=v1", manifest, OCI_MANIFEST)
    mounted = await admin.call("POST", f"/v2/b/blobs/uploads/?mount={digest}&from=app")

    assert pushed.header("Docker-Content-Digest") == str(name)
    assert (await admin.pull("app", "v1")).header("Docker-Content-Digest") == str(name)
    assert (await admin.pull("app", str(name))).body == manifest
    assert mounted.status == 201
    assert (await referrers(admin, name)).status == 200


async def test_an_unsupported_algorithm_is_refused_at_the_start(admin: Caller) -> None:
    """Before the gigabyte is sent, not after it."""
    answer = await admin.call("POST", "/v2/app/blobs/uploads/?digest-algorithm=md5")

    assert (answer.status, answer.code) == (400, "DIGEST_INVALID")


async def test_a_blob_is_mounted_from_wherever_the_token_may_pull(
    admin: Caller, stranger: Caller
) -> None:
    """end-11 without `from`."""
    await admin.push_blob("source", b"layer")
    mount = {"mount": str(Digest.of(b"layer"))}
    with_right = await stranger.login("repository:app:pull,push", "repository:source:pull")
    without = await stranger.login("repository:app:pull,push")

    refused = await without.call("POST", "/v2/app/blobs/uploads/", query=mount)
    mounted = await with_right.call("POST", "/v2/app/blobs/uploads/", query=mount)

    assert (refused.status, mounted.status) == (202, 201)


async def test_a_blob_is_not_mounted_from_a_repository_that_may_not_be_read(
    admin: Caller,
) -> None:
    """A lock holds on every route."""
    await admin.push("source", "v1", APP)
    await admin.call("PATCH", "/acr/v1/source", body=b'{"readEnabled":false}')

    answer = await admin.call(
        "POST", f"/v2/app/blobs/uploads/?mount={Digest.of(APP.blobs[0])}&from=source"
    )

    assert answer.status == 202


async def begun(caller: Caller) -> str:
    """The location of a new upload."""
    answer = await caller.call("POST", "/v2/app/blobs/uploads/")
    return answer.header("Location") or ""


async def test_a_push_outlives_its_token(stranger: Caller, clock: HandClock) -> None:
    """A gigabyte over a slow line takes longer than a token lives."""
    caller = await stranger.login("repository:app:pull,push")
    location = await begun(caller)
    for part in (b"aaa", b"bbb"):
        clock.forward(minutes=50)  # twice, so that the token has expired by the second part
        answer = await caller.call("PATCH", location, body=part)
        assert answer.status == 202
        location = answer.header("Location") or ""

    digest = str(Digest.of(b"aaabbb"))
    assert (await caller.call("PUT", location, query={"digest": digest})).status == 201
    assert (await caller.call("GET", f"/v2/app/blobs/{digest}")).status == 401


async def test_the_capability_of_an_upload_expires_too(stranger: Caller, clock: HandClock) -> None:
    """A location in somebody's log must not work for ever."""
    caller = await stranger.login("repository:app:pull,push")
    location = await begun(caller)
    clock.forward(hours=3)

    answer = await caller.call("PATCH", location, body=b"aaa")

    assert answer.status == 401
    assert 'error="invalid_token"' in (answer.header("WWW-Authenticate") or "")


@pytest.mark.parametrize(
    "spoil",
    [
        lambda location: location.partition("?")[0],
        lambda location: location.replace("_state=", "_state=1"),
        lambda location: location[:-1] + ("0" if location[-1] != "0" else "1"),
        lambda location: location.replace("/app/", "/other/"),
        lambda location: location.partition("_state=")[0] + "_state=9999999999.x",
        lambda location: location.partition("_state=")[0] + "_state=%0a%ff",
    ],
)
async def test_an_altered_capability_is_refused(
    stranger: Caller, clock: HandClock, spoil: Callable[[str], str]
) -> None:
    """It is bound to the upload, its repository, its principal and its time."""
    caller = await stranger.login("repository:app:pull,push", "repository:other:pull,push")
    location = await begun(caller)
    clock.forward(minutes=76)
    clock.forward(minutes=-20)
    location = (await caller.call("GET", location)).header("Location") or ""
    clock.forward(minutes=20)
    assert (await caller.call("GET", location)).status == 204

    answer = await caller.call("PATCH", spoil(location), body=b"aaa")

    assert answer.status in (400, 401)


async def test_a_capability_is_worth_nothing_without_the_token_that_it_outlives(
    stranger: Caller, clock: HandClock
) -> None:
    """A location from a log opens nothing by itself."""
    caller = await stranger.login("repository:app:pull,push")
    location = await begun(caller)
    reader = await stranger.login("repository:app:pull")
    clock.forward(minutes=76)
    clock.forward(minutes=-20)
    location = (await caller.call("GET", location)).header("Location") or ""
    clock.forward(minutes=20)

    for thief in (stranger, reader):
        assert (await thief.call("PATCH", location, body=b"aaa")).status == 401


async def test_a_capability_is_not_renewed_under_an_expired_token(
    stranger: Caller, clock: HandClock
) -> None:
    """An upload would become a right that never expires."""
    caller = await stranger.login("repository:app:pull,push")
    location = await begun(caller)
    clock.forward(minutes=50)
    location = (await caller.call("PATCH", location, body=b"a")).header("Location") or ""
    clock.forward(minutes=50)

    answer = await caller.call("PATCH", location, body=b"b")
    clock.forward(minutes=20)
    too_late = await caller.call("PATCH", answer.header("Location") or "", body=b"c")

    assert answer.status == 202
    renewed, sealed = (answer.header("Location") or "").partition("_state="), "_state="
    assert renewed[2] == location.partition(sealed)[2]
    assert too_late.status == 401
