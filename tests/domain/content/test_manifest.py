"""Manifests: what is read from the bytes, and which are refused."""

import hashlib
import json
from typing import Any

import pytest
from hypothesis import given
from hypothesis import strategies as st

from acrux.domain.content.digest import Digest
from acrux.domain.content.manifest import Manifest, stated_media_type
from acrux.domain.content.media_types import (
    DOCKER_LIST,
    DOCKER_MANIFEST,
    INDEXES,
    MANIFESTS,
    OCI_ARTIFACT,
    OCI_INDEX,
    OCI_MANIFEST,
    ORAS_ARTIFACT,
)
from acrux.errors import InvalidManifest

CONFIG_TYPE = "application/vnd.oci.image.config.v1+json"
LAYER_TYPE = "application/vnd.oci.image.layer.v1.tar+gzip"


def descriptor(content: str, media_type: str = LAYER_TYPE) -> dict[str, Any]:
    """A descriptor as it appears in JSON."""
    digest = str(Digest.of(content.encode()))
    return {"mediaType": media_type, "digest": digest, "size": len(content)}


CONFIG = descriptor("config", CONFIG_TYPE)
LAYER = descriptor("layer")
ENTRY = descriptor("entry", OCI_MANIFEST)

IMAGE: dict[str, Any] = {
    "schemaVersion": 2,
    "mediaType": OCI_MANIFEST,
    "config": CONFIG,
    "layers": [LAYER],
}
INDEX: dict[str, Any] = {"schemaVersion": 2, "mediaType": OCI_INDEX, "manifests": [ENTRY]}
GOOD: dict[str, dict[str, Any]] = {
    OCI_MANIFEST: IMAGE,
    OCI_INDEX: INDEX,
    DOCKER_MANIFEST: IMAGE | {"mediaType": DOCKER_MANIFEST},
    DOCKER_LIST: INDEX | {"mediaType": DOCKER_LIST},
    OCI_ARTIFACT: {"mediaType": OCI_ARTIFACT, "blobs": [LAYER]},
    ORAS_ARTIFACT: {"mediaType": ORAS_ARTIFACT, "blobs": [LAYER], "subject": ENTRY},
}


def read(document: object, content_type: str = "") -> Manifest:
    """Read a document as if it had been pushed."""
    return Manifest.read(json.dumps(document).encode(), content_type)


def without(document: dict[str, Any], *keys: str) -> dict[str, Any]:
    """The document without some of its keys."""
    return {key: value for key, value in document.items() if key not in keys}


@pytest.mark.parametrize("content_type", ["claimed", ""])
@pytest.mark.parametrize("media_type", sorted(MANIFESTS))
def test_a_manifest_of_every_type_is_read(media_type: str, content_type: str) -> None:
    """docker, podman, oras, helm and notation push different ones of these."""
    manifest = read(GOOD[media_type], media_type if content_type else "")

    assert manifest.media_type == media_type


def test_what_a_manifest_points_at_is_read() -> None:
    """Content that is missed here is not protected, not listed, and deleted one day."""
    manifest = read(IMAGE | {"subject": ENTRY, "artifactType": "application/x"})

    assert [str(blob.digest) for blob in manifest.blobs] == [CONFIG["digest"], LAYER["digest"]]
    assert [blob.size for blob in manifest.blobs] == [CONFIG["size"], LAYER["size"]]
    assert manifest.manifests == ()
    assert manifest.subject is not None
    assert str(manifest.subject.digest) == ENTRY["digest"]
    assert manifest.config_media_type == CONFIG_TYPE
    assert manifest.artifact_type == "application/x"


@pytest.mark.parametrize("media_type", [OCI_ARTIFACT, ORAS_ARTIFACT])
def test_what_an_artifact_points_at_is_read(media_type: str) -> None:
    """Signatures and bills of materials from 2022 are of these types."""
    assert [str(blob.digest) for blob in read(GOOD[media_type]).blobs] == [LAYER["digest"]]


def test_what_an_index_points_at_is_read() -> None:
    """A multi-platform image consists only of these entries."""
    manifest = read(INDEX)

    assert [str(entry.digest) for entry in manifest.manifests] == [ENTRY["digest"]]
    assert (manifest.blobs, manifest.required_blobs, manifest.subject) == ((), (), None)


@pytest.mark.parametrize("algorithm", ["sha256", "sha512"])
def test_a_manifest_keeps_its_exact_bytes_and_their_digest(algorithm: str) -> None:
    """One space more or less changes the digest: every client would refuse the pull."""
    content = json.dumps(IMAGE, indent=7).encode() + b"\n "

    manifest = Manifest.read(content, OCI_MANIFEST, algorithm)

    assert manifest.content == content
    expected = hashlib.new(algorithm, content).hexdigest()
    assert str(manifest.digest) == f"{algorithm}:{expected}"


def test_the_blobs_that_a_repository_must_hold_are_named_once() -> None:
    """An image often contains the same empty layer several times."""
    manifest = read(IMAGE | {"layers": [LAYER, LAYER]})

    assert list(map(str, manifest.required_blobs)) == [CONFIG["digest"], LAYER["digest"]]


@pytest.mark.parametrize(
    "media_type",
    [
        "application/vnd.oci.image.layer.nondistributable.v1.tar+gzip",
        "application/vnd.docker.image.rootfs.foreign.diff.tar.gzip",
    ],
)
def test_a_layer_that_may_not_be_distributed_need_not_be_held(media_type: str) -> None:
    """Otherwise Windows images could not be pushed."""
    manifest = read(IMAGE | {"layers": [descriptor("base", media_type), LAYER]})

    assert list(map(str, manifest.required_blobs)) == [CONFIG["digest"], LAYER["digest"]]
    assert len(manifest.blobs) == 3


def test_a_descriptor_may_lack_type_and_size() -> None:
    """The samples of Azure's SDKs leave them out."""
    bare = {"digest": LAYER["digest"]}

    blob = read(IMAGE | {"layers": [bare]}).blobs[1]

    assert (blob.media_type, blob.size) == ("", None)


def test_an_oci_manifest_need_not_repeat_its_type() -> None:
    """OCI 1.0 images hold no mediaType; the Content-Type names it."""
    assert read(without(IMAGE, "mediaType"), OCI_MANIFEST).media_type == OCI_MANIFEST


def test_unknown_fields_are_left_alone() -> None:
    """Annotations and future fields are the business of the client that pushes them."""
    assert read(IMAGE | {"annotations": {"a": "b"}, "tomorrow": [1, {"x": None}]}).content


@pytest.mark.parametrize(("media_type", "held"), [(OCI_MANIFEST, 2), (OCI_INDEX, 0)])
def test_only_an_artifact_has_a_blobs_field(media_type: str, held: int) -> None:
    """In an image or an index `blobs` is an unknown field, and must be ignored."""
    manifest = read(GOOD[media_type] | {"blobs": [descriptor("other")]})

    assert len(manifest.blobs) == held


@pytest.mark.parametrize(
    ("document", "content_type"),
    [
        (IMAGE | {"manifests": [ENTRY]}, OCI_MANIFEST),
        (IMAGE | {"manifests": []}, OCI_MANIFEST),
        (GOOD[DOCKER_MANIFEST] | {"manifests": [ENTRY]}, DOCKER_MANIFEST),
        (INDEX | {"config": CONFIG}, OCI_INDEX),
        (INDEX | {"layers": [LAYER]}, OCI_INDEX),
        (INDEX | {"layers": []}, OCI_INDEX),
        (GOOD[DOCKER_LIST] | {"layers": [LAYER]}, DOCKER_LIST),
        (GOOD[OCI_ARTIFACT] | {"manifests": [ENTRY]}, OCI_ARTIFACT),
        (IMAGE, OCI_INDEX),
        (INDEX, OCI_MANIFEST),
        (IMAGE, DOCKER_MANIFEST),
        (GOOD[DOCKER_MANIFEST], OCI_MANIFEST),
        (without(GOOD[DOCKER_MANIFEST], "mediaType"), DOCKER_MANIFEST),
        (without(GOOD[DOCKER_LIST], "mediaType"), DOCKER_LIST),
        (without(IMAGE, "mediaType") | {"manifests": [ENTRY]}, OCI_INDEX),
    ],
)
def test_a_manifest_is_not_two_things_at_once_cve_2021_41190(
    document: dict[str, Any], content_type: str
) -> None:
    """Two readers of one digest would see two different images."""
    with pytest.raises(InvalidManifest):
        read(document, content_type)


@pytest.mark.parametrize(
    "document",
    [
        without(IMAGE, "mediaType"),
        without(IMAGE, "schemaVersion"),
        without(IMAGE, "config"),
        without(INDEX, "manifests"),
        IMAGE | {"schemaVersion": 1},
        IMAGE | {"schemaVersion": "2"},
        IMAGE | {"schemaVersion": True},
        IMAGE | {"mediaType": "application/json"},
        IMAGE | {"mediaType": "application/vnd.docker.distribution.manifest.v1+prettyjws"},
        IMAGE | {"mediaType": OCI_MANIFEST.upper()},
        IMAGE | {"config": None},
        IMAGE | {"config": []},
        IMAGE | {"layers": {}},
        IMAGE | {"layers": [None]},
        IMAGE | {"layers": [{}]},
        IMAGE | {"layers": [LAYER | {"digest": "sha256:short"}]},
        IMAGE | {"layers": [LAYER | {"digest": 5}]},
        IMAGE | {"layers": [LAYER | {"size": -1}]},
        IMAGE | {"layers": [LAYER | {"size": "5"}]},
        IMAGE | {"layers": [LAYER | {"size": 1.5}]},
        IMAGE | {"subject": {"digest": "latest"}},
        IMAGE | {"artifactType": 5},
        [],
        [IMAGE],
        None,
        "manifest",
        2,
    ],
)
def test_a_manifest_that_is_not_as_specified_is_refused(document: object) -> None:
    """Every client that pulls gets what is accepted here, and must understand it."""
    with pytest.raises(InvalidManifest) as refused:
        read(document)

    assert refused.value.message


@pytest.mark.parametrize(
    "twice",
    [
        '"schemaVersion": 2, "schemaVersion": 2',
        '"layers": [], "layers": []',
        '"annotations": {"a": "1", "a": "2"}',
        '"tomorrow": [{"a": 1, "\\u0061": 2}]',
    ],
)
def test_a_repeated_key_is_refused(twice: str) -> None:
    """Readers differ in which value they see: such a manifest is two manifests."""
    content = json.dumps(without(IMAGE, "schemaVersion", "layers"))[:-1] + f", {twice}}}"

    with pytest.raises(InvalidManifest, match="twice"):
        Manifest.read(content.encode(), OCI_MANIFEST)


@pytest.mark.parametrize("opening", ["[", '{"a":'])
@pytest.mark.parametrize("key", ["annotations", "layers", "tomorrow"])
def test_deep_nesting_is_refused(opening: str, key: str) -> None:
    """A few kilobytes of brackets must not crash the process."""
    content = f'{{"mediaType": "{OCI_MANIFEST}", "{key}": ' + opening * 200_000

    with pytest.raises(InvalidManifest):
        Manifest.read(content.encode(), OCI_MANIFEST)


@pytest.mark.parametrize(
    "content",
    [
        b"",
        b" ",
        b"{",
        b"{}",
        b"\xff",
        b"\x00",
        json.dumps(IMAGE).encode("utf-16"),
        json.dumps(IMAGE).encode("utf-32-be"),
        json.dumps(IMAGE).encode("utf-8-sig"),
        json.dumps(IMAGE).encode() + b"{}",
        json.dumps(IMAGE | {"tomorrow": float("nan")}).encode(),
        json.dumps(IMAGE | {"artifactType": "\ud800"}).encode(),
        json.dumps(IMAGE).encode()[:-1] + b', "tomorrow": "\xff"}',
        json.dumps(IMAGE | {"schemaVersion": "N"}).replace('"N"', "9" * 5000).encode(),
    ],
)
def test_nonstandard_json_is_refused(content: bytes) -> None:
    """RFC 8259: UTF-8, no NaN; half a surrogate can be neither stored nor sent."""
    with pytest.raises(InvalidManifest):
        Manifest.read(content, OCI_MANIFEST)


def test_the_digest_of_a_bad_descriptor_is_reported() -> None:
    """An image may have a hundred layers, and its author must know which one is wrong."""
    with pytest.raises(InvalidManifest) as refused:
        read(IMAGE | {"layers": [LAYER, LAYER | {"digest": "sha256:short"}]})

    assert refused.value.detail == {"digest": "sha256:short"}


json_values = st.recursive(
    st.one_of(st.none(), st.booleans(), st.integers(), st.floats(), st.text()),
    lambda inner: st.one_of(st.lists(inner), st.dictionaries(st.text(), inner)),
    max_leaves=6,
)


@given(st.sampled_from(sorted(GOOD)), st.dictionaries(st.sampled_from(
    ["schemaVersion", "mediaType", "config", "layers", "manifests", "blobs", "subject", "x"]
), st.one_of(json_values, st.sampled_from([LAYER, [LAYER], OCI_INDEX, 2]))), st.sampled_from(
    ["", *sorted(MANIFESTS), "text/html"]
))  # fmt: skip
def test_a_damaged_manifest_is_refused_or_is_one_thing(
    media_type: str, damage: dict[str, object], content_type: str
) -> None:
    """Every input is an InvalidManifest or a manifest of one kind, and never another failure."""
    try:
        manifest = read(GOOD[media_type] | damage, content_type)
    except InvalidManifest:
        return

    assert manifest.media_type == (content_type or manifest.media_type)
    assert manifest.media_type in MANIFESTS
    assert not (manifest.manifests and manifest.media_type not in INDEXES)
    assert not (manifest.blobs and manifest.media_type in INDEXES)


@given(st.binary(max_size=200), st.sampled_from(["", OCI_MANIFEST]))
def test_random_bytes_are_refused(content: bytes, content_type: str) -> None:
    """Noise must not cause a 500."""
    with pytest.raises(InvalidManifest):
        Manifest.read(content, content_type)


def test_null_is_read_as_missing_everywhere_in_a_manifest() -> None:
    """Go's clients write it for what is empty."""
    blob = {"mediaType": None, "digest": str(Digest.of(b"x")), "size": None, "platform": None}
    nothing = dict.fromkeys(["mediaType", "artifactType", "subject", "annotations", "blobs"])
    image_ = {**nothing, "schemaVersion": 2, "config": blob, "layers": None}
    platform = {"architecture": None, "os": None}
    index_ = {**nothing, "schemaVersion": 2, "manifests": [{**blob, "platform": platform}]}

    for content, media_type in ((image_, OCI_MANIFEST), (index_, OCI_INDEX)):
        written = json.dumps(content).encode()
        read = Manifest.read(written, media_type)
        (named,) = (*read.blobs, *read.manifests)
        assert (read.artifact_type, read.subject, read.annotations) == ("", None, {})
        assert (named.media_type, named.size) == ("", None)
        assert stated_media_type(written) == ""
