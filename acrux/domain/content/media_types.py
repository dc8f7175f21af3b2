"""Manifest media types and Accept negotiation."""

from typing import Final

from msgspec import Struct

OCI_MANIFEST: Final = "application/vnd.oci.image.manifest.v1+json"
OCI_INDEX: Final = "application/vnd.oci.image.index.v1+json"
DOCKER_MANIFEST: Final = "application/vnd.docker.distribution.manifest.v2+json"
DOCKER_LIST: Final = "application/vnd.docker.distribution.manifest.list.v2+json"
OCI_ARTIFACT: Final = "application/vnd.oci.artifact.manifest.v1+json"
ORAS_ARTIFACT: Final = "application/vnd.cncf.oras.artifact.manifest.v1+json"

IMAGE_CONFIGS: Final = frozenset(
    {
        "application/vnd.oci.image.config.v1+json",
        "application/vnd.docker.container.image.v1+json",
    }
)

OCTET_STREAM: Final = "application/octet-stream"

# Clients that are older than OCI's types may leave them out of Accept, or know no Accept at all.
DOCKER: Final = frozenset({DOCKER_MANIFEST, DOCKER_LIST})

IMAGES: Final = frozenset({OCI_MANIFEST, DOCKER_MANIFEST})
INDEXES: Final = frozenset({OCI_INDEX, DOCKER_LIST})
ARTIFACTS: Final = frozenset({OCI_ARTIFACT, ORAS_ARTIFACT})
MANIFESTS: Final = IMAGES | INDEXES | ARTIFACTS

# Layers that a registry must not require (OCI image specification, layer.md, "Non-Distributable
# Layers", and docker's "foreign" layers).
NON_DISTRIBUTABLE: Final = (
    "application/vnd.oci.image.layer.nondistributable.",
    "application/vnd.docker.image.rootfs.foreign.",
)


class Accept(Struct, frozen=True):
    """What a client can read: the media ranges it wants, and those it excludes with q=0.

    Without any range, everything is accepted (RFC 9110 §12.5.1).
    """

    wanted: frozenset[str] = frozenset()
    excluded: frozenset[str] = frozenset()

    def allows(self, media_type: str) -> bool:
        """Whether a representation of this media type may be sent."""
        family = f"{media_type.partition('/')[0]}/*"
        for media_range in (media_type, family, "*/*"):  # the most specific range decides
            if media_range in self.excluded:
                return False
            if media_range in self.wanted:
                return True
        return not self.wanted


ANYTHING: Final = Accept()
