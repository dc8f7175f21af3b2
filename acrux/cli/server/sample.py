"""A tiny image, so that a new registry has something to pull."""

import json
from collections.abc import AsyncIterator
from typing import Final

from acrux.domain.content.digest import Digest
from acrux.domain.content.media_types import ANYTHING, OCI_MANIFEST
from acrux.domain.content.names import RepositoryName, Tag
from acrux.domain.content.upload import Session
from acrux.errors import UnknownManifest
from acrux.services.content.manifests import Manifests
from acrux.services.content.uploads import Uploads

REPOSITORY: Final = RepositoryName.parse("hello-world")
TAG: Final = Tag.parse("latest")
SESSION: Final = Session(REPOSITORY, "")  # pushed by no account

CONFIG_TYPE: Final = "application/vnd.oci.image.config.v1+json"


async def push(uploads: Uploads, manifests: Manifests) -> None:
    """Push hello-world:latest, an image without a layer, unless it is there already."""
    try:
        await manifests.get(REPOSITORY, TAG, ANYTHING)
    except UnknownManifest:
        config = json.dumps(
            {
                "architecture": "amd64",
                "os": "linux",
                "config": {},
                "rootfs": {"type": "layers", "diff_ids": []},
            }
        ).encode()
        digest = Digest.of(config)
        await uploads.put(SESSION, digest, _whole(config))
        await manifests.put(REPOSITORY, TAG, _manifest(digest, len(config)), OCI_MANIFEST)


def _manifest(config: Digest, size: int) -> bytes:
    descriptor = {"mediaType": CONFIG_TYPE, "digest": str(config), "size": size}
    manifest = {
        "schemaVersion": 2,
        "mediaType": OCI_MANIFEST,
        "config": descriptor,
        "layers": [],
    }
    return json.dumps(manifest).encode()


async def _whole(content: bytes) -> AsyncIterator[bytes]:
    yield content
