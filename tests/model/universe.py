"""The few things that an example pushes, so that it uses each often."""

import json
from dataclasses import dataclass, field
from typing import Final

from acrux.domain.content.digest import Digest
from acrux.domain.content.media_types import OCI_INDEX, OCI_MANIFEST

REPOSITORIES: Final = ("app", "app/tools")
TAGS: Final = ("V1", "latest", "v1")  # in the order of their bytes
BLOBS: Final = ("config", "layer", "long layer")
MANIFESTS: Final = ("image", "other image", "signature", "index", "signed index")

LAYER = "application/vnd.oci.image.layer.v1.tar"
CONFIG = "application/vnd.oci.image.config.v1+json"
SIGNATURE = "application/vnd.example.signature"


@dataclass(frozen=True)
class Content:
    """Bytes and their digest; for a manifest, also its media type and what it refers to."""

    digest: str
    content: bytes
    media_type: str
    blobs: frozenset[str] = field(default_factory=frozenset)
    subject: str = ""

    @property
    def named(self) -> frozenset[str]:
        """The blobs and the manifests that a manifest names."""
        entries = json.loads(self.content).get("manifests", ())
        return self.blobs | {entry["digest"] for entry in entries}

    @property
    def descriptor(self) -> dict[str, object]:
        """A descriptor of the content."""
        return {
            "mediaType": self.media_type,
            "digest": self.digest,
            "size": len(self.content),
        }


class Universe:
    """All blobs and manifests of one example. The prefix makes them unique."""

    def __init__(self, prefix: str) -> None:
        self.prefix = prefix
        config = json.dumps({"architecture": "amd64", "os": "linux", "of": prefix}).encode()
        self.blobs = {
            "config": _content(config, CONFIG),
            "layer": _content(f"a layer of {prefix}".encode(), LAYER, algorithm="sha512"),
            "long layer": _content(f"a long layer of {prefix}".encode() * 500, LAYER),
        }
        image = self._image("layer")
        other = self._image("long layer", "layer")
        signature = self._image("config", artifactType=SIGNATURE, subject=image.descriptor)
        index = self._index("sha256", image, other)
        signed = self._index("sha512", other, artifactType=SIGNATURE, subject=image.descriptor)
        made = (image, other, signature, index, signed)
        self.manifests = dict(zip(MANIFESTS, made, strict=True))

    def repository(self, name: str) -> str:
        """The full name of a repository."""
        return f"{self.prefix}/{name}"

    def of(self, digest: str) -> Content:
        """The blob or manifest with this digest."""
        both = (*self.blobs.values(), *self.manifests.values())
        return next(content for content in both if content.digest == digest)

    def _image(self, *layers: str, **fields: object) -> Content:
        named = [self.blobs["config"], *(self.blobs[layer] for layer in layers)]
        config, *rest = (blob.descriptor for blob in named)
        document = {"config": config, "layers": rest, **fields}
        return _manifest(OCI_MANIFEST, document, frozenset(blob.digest for blob in named))

    def _index(self, algorithm: str, *entries: Content, **fields: object) -> Content:
        document = {"manifests": [entry.descriptor for entry in entries], **fields}
        return _manifest(OCI_INDEX, document, frozenset(), algorithm)


def _manifest(
    media_type: str,
    document: dict[str, object],
    blobs: frozenset[str],
    algorithm: str = "sha256",
) -> Content:
    content = json.dumps({"schemaVersion": 2, "mediaType": media_type, **document}).encode()
    subject = document.get("subject")
    of = str(subject["digest"]) if isinstance(subject, dict) else ""
    return _content(content, media_type, blobs, of, algorithm)


def _content(
    content: bytes,
    media_type: str,
    blobs: frozenset[str] = frozenset(),
    subject: str = "",
    algorithm: str = "sha256",
) -> Content:
    return Content(str(Digest.of(content, algorithm)), content, media_type, blobs, subject)
