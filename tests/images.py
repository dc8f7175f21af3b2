"""Images to push: made of nothing but bytes, the same on every run."""

import json
from dataclasses import dataclass

from acrux.domain.content.digest import Digest
from acrux.domain.content.media_types import OCI_INDEX, OCI_MANIFEST


@dataclass(frozen=True)
class Image:
    """A manifest, its media type, and the blobs it names."""

    manifest: bytes
    media_type: str
    blobs: tuple[bytes, ...]

    @property
    def digest(self) -> Digest:
        """The digest of the manifest."""
        return Digest.of(self.manifest)


def image(*layers: bytes, media_type: str = OCI_MANIFEST, **fields: object) -> Image:
    """An image with these layers; `fields` are added to its manifest."""
    config = json.dumps({"architecture": "amd64", "os": "linux", "layers": len(layers)}).encode()
    manifest = {
        "schemaVersion": 2,
        "mediaType": media_type,
        "config": descriptor(config, "application/vnd.oci.image.config.v1+json"),
        "layers": [descriptor(layer, "application/vnd.oci.image.layer.v1.tar") for layer in layers],
        **fields,
    }
    return Image(json.dumps(manifest).encode(), media_type, (config, *layers))


def index(*images: Image) -> Image:
    """An index of these images."""
    manifests = [descriptor(entry.manifest, entry.media_type) for entry in images]
    content = {"schemaVersion": 2, "mediaType": OCI_INDEX, "manifests": manifests}
    return Image(json.dumps(content).encode(), OCI_INDEX, ())


def descriptor(content: bytes, media_type: str) -> dict[str, object]:
    """What points at the content."""
    return {"mediaType": media_type, "digest": str(Digest.of(content)), "size": len(content)}
