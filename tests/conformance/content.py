"""What the checklist pushes: images, indexes and artifacts of every kind."""

import base64
import json
from collections.abc import Callable
from dataclasses import dataclass, field
from typing import Any

from acrux.domain.content.media_types import OCI_INDEX, OCI_MANIFEST
from tests.conformance.pushing import digest_of, some_bytes

CONFIG = "application/vnd.oci.image.config.v1+json"
LAYER = "application/vnd.oci.image.layer.v1.tar+gzip"
FOREIGN_LAYER = "application/vnd.oci.image.layer.nondistributable.v1.tar+gzip"
EMPTY = "application/vnd.oci.empty.v1+json"
EXAMPLE = "application/vnd.example.oci.conformance.v1"
OTHER_EXAMPLE = "application/vnd.example.oci.conformance.v2"

# 390 annotations of 10,000 bytes: about 3.9 MB, and a registry must take 4 MiB.
LARGE = {f"large-annotation-{number}": "A" * 10_000 for number in range(390)}
NOTE = {"org.opencontainers.conformance": "hello conformance test"}

Descriptor = dict[str, Any]


@dataclass
class Data:
    """Content that belongs together: blobs, manifests in push order, tags, referrers."""

    label: str
    algorithm: str = "sha256"
    blobs: dict[str, bytes] = field(default_factory=dict)
    manifests: dict[str, bytes] = field(default_factory=dict)
    tags: dict[str, str] = field(default_factory=dict)
    referrers: dict[str, list[Descriptor]] = field(default_factory=dict)
    tags_in_query: bool = False

    def blob(self, content: bytes, media_type: str, **fields: Any) -> Descriptor:
        """Add a blob, and return its descriptor."""
        pointing = self.point(content, media_type, **fields)
        self.blobs[pointing["digest"]] = content
        return pointing

    def point(self, content: bytes, media_type: str, **fields: Any) -> Descriptor:
        """The descriptor of the content, without adding it."""
        digest = digest_of(content, self.algorithm)
        return {"mediaType": media_type, "digest": digest, "size": len(content), **fields}

    def layer(self) -> Descriptor:
        """Add a layer that no other data contains."""
        return self.blob(some_bytes(f"{self.label} layer {len(self.blobs)}", 512), LAYER)

    def config(self, architecture: str = "amd64", **fields: Any) -> Descriptor:
        """Add the configuration of an image."""
        about = {"architecture": architecture, "os": "linux", "number": len(self.manifests)}
        return self.blob(json.dumps({**about, **fields}).encode(), CONFIG)

    def image(self, tag: str = "", architecture: str = "amd64", **fields: Any) -> Descriptor:
        """Add an image; `fields` are added to its manifest."""
        config = fields.pop("config", None) or self.config(architecture)
        layers = fields.pop("layers") if "layers" in fields else [self.layer(), self.layer()]
        return self.manifest(OCI_MANIFEST, tag, config=config, layers=layers, **fields)

    def artifact(self, tag: str = "", kind: str = EXAMPLE, **fields: Any) -> Descriptor:
        """Add an artifact: no configuration, one layer of its type."""
        layers = fields.pop("layers") if "layers" in fields else [self.layer()]
        config = self.blob(b"{}", EMPTY)
        return self.manifest(
            OCI_MANIFEST, tag, artifactType=kind, config=config, layers=layers, **fields
        )

    def index(self, *entries: Descriptor, tag: str = "", **fields: Any) -> Descriptor:
        """Add an index of these."""
        return self.manifest(OCI_INDEX, tag, manifests=list(entries), **fields)

    def manifest(self, media_type: str, tag: str, **fields: Any) -> Descriptor:
        """Add a manifest, and the entry that a listing of referrers must show for it."""
        document = {"schemaVersion": 2, "mediaType": media_type, **fields}
        content = json.dumps(document).encode()
        pointing = self.point(content, media_type)
        self.manifests[pointing["digest"]] = content
        if tag:
            self.tags[tag] = pointing["digest"]
        if "subject" in fields:
            kind = fields.get("artifactType") or fields.get("config", {}).get("mediaType")
            shown = {**pointing, "artifactType": kind, "annotations": fields.get("annotations", {})}
            self.referrers.setdefault(fields["subject"]["digest"], []).append(shown)
        return pointing


def _platforms(data: Data, **fields: Any) -> list[Descriptor]:
    return [
        {
            **data.image(architecture=architecture, **fields),
            "platform": {"architecture": architecture, "os": "linux"},
        }
        for architecture in ("amd64", "arm64")
    ]


def _image(data: Data) -> None:
    data.image("image")


def _uncompressed(data: Data) -> None:
    layer = data.blob(some_bytes(data.label, 512), "application/vnd.oci.image.layer.v1.tar")
    data.image("image-uncompressed", layers=[layer])


def _large(data: Data) -> None:
    data.image("large-manifest", annotations=LARGE)


def _index(data: Data) -> None:
    data.index(*_platforms(data), tag="index")


def _nested(data: Data) -> None:
    data.index(data.index(*_platforms(data)), data.index(*_platforms(data)), tag="index-of-index")


def _empty_index(data: Data) -> None:
    data.index(tag="index")


def _artifact(data: Data) -> None:
    data.artifact("artifact")


def _artifact_index(data: Data) -> None:
    data.index(data.artifact(), data.artifact(), tag="artifact-index", artifactType=EXAMPLE)


def _artifact_without_layers(data: Data) -> None:
    data.artifact("artifact", layers=[data.blob(b"{}", EMPTY)])


def _subject(data: Data) -> None:
    subject = data.image("image")
    data.image(subject=subject)
    data.artifact("tagged-artifact1", subject=subject, annotations=NOTE)
    data.artifact("tagged-artifact2", OTHER_EXAMPLE, subject=subject, annotations=NOTE)


def _index_with_subject(data: Data) -> None:
    subject = data.index(*_platforms(data), tag="index")
    fields = {"artifactType": EXAMPLE, "annotations": NOTE, "subject": subject}
    data.index(data.artifact(), data.artifact(), tag="tagged-artifact", **fields)


def _missing_subject(data: Data) -> None:
    subject = data.point(b"missing content of " + data.label.encode(), OCI_MANIFEST)
    data.artifact("tagged-artifact", subject=subject, annotations=NOTE)


def _data_field(data: Data) -> None:
    layer = data.layer()
    layer["data"] = base64.b64encode(data.blobs[layer["digest"]]).decode()
    data.image("data-field", layers=[layer])


def _non_distributable(data: Data) -> None:
    foreign = data.point(some_bytes(data.label, 512), FOREIGN_LAYER)
    foreign["urls"] = [f"https://store.example.com/blobs/{foreign['digest']}"]
    data.image("non-distributable-image", layers=[foreign, data.layer()])


def _custom_fields(data: Data) -> None:
    custom: dict[str, Any] = {"org.example.custom": {"deep": [1, "two", None, 3.5]}}
    platforms = _platforms(data, config=data.config(**custom), **custom)
    data.index(*platforms, tag="custom-fields", **custom)


def _no_layers(data: Data) -> None:
    data.image("no-layers", layers=[])


def _sparse_image(data: Data) -> None:
    absent = data.point(some_bytes(data.label, 512), LAYER)
    data.image("sparse-image", layers=[data.layer(), absent])


def _sparse_index(data: Data) -> None:
    absent = data.point(some_bytes(data.label, 1024), OCI_MANIFEST)
    data.index(data.image(), absent, tag="sparse-index")


def _sha512(data: Data) -> None:
    # A tag in the path implies sha256: manifests with another digest are pushed by digest.
    data.algorithm = "sha512"
    data.index(*_platforms(data))


def _tags_in_query(data: Data) -> None:
    data.tags_in_query = True
    data.index(*_platforms(data))
    data.tags = {f"tag-param-{number}": digest for number, digest in enumerate(data.manifests)}
    data.tags["tag-param"] = next(reversed(data.manifests))  # the index has two


def _tags_in_query_sha512(data: Data) -> None:
    data.algorithm = "sha512"
    _tags_in_query(data)


KINDS: dict[str, Callable[[Data], None]] = {
    "image": _image,
    "image uncompressed": _uncompressed,
    "large manifest": _large,
    "index": _index,
    "nested index": _nested,
    "empty index": _empty_index,
    "artifact": _artifact,
    "artifact index": _artifact_index,
    "artifact without layers": _artifact_without_layers,
    "artifacts with subject": _subject,
    "index with subject": _index_with_subject,
    "missing subject": _missing_subject,
    "data field": _data_field,
    "non-distributable layers": _non_distributable,
    "custom fields": _custom_fields,
    "no layers": _no_layers,
    "sparse image": _sparse_image,
    "sparse index": _sparse_index,
    "sha512": _sha512,
    "tags in the query": _tags_in_query,
    "tags in the query, sha512": _tags_in_query_sha512,
}


def data_of(kind: str, label: str) -> Data:
    """The data that one kind of test pushes; the label makes it unique."""
    data = Data(label)
    KINDS[kind](data)
    return data
