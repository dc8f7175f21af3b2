"""The content that every server is filled with: the same bytes in each."""

import hashlib
import json
from collections.abc import Sequence
from dataclasses import dataclass, replace
from pathlib import Path

from bench.wire import Bytes, Connection, UnexpectedAnswer

MANIFEST = "application/vnd.oci.image.manifest.v1+json"
CONFIG = "application/vnd.oci.image.config.v1+json"
LAYER = "application/vnd.oci.image.layer.v1.tar"

HOT = "bench/hot"
TAG = "latest"
SMALL_BYTES = 64 << 10
LARGE_BYTES = 100_000_000
LAYERS = 10


@dataclass(frozen=True)
class Blob:
    """Bytes and their digest."""

    content: bytes

    @property
    def digest(self) -> str:
        """The digest in its usual form."""
        return digest_of(self.content)


@dataclass(frozen=True)
class Content:
    """One hot repository with a small and a large blob, and many with an image each."""

    small: Blob
    large: Blob
    repositories: tuple[str, ...]

    def manifest(self, repository: str) -> bytes:
        """The manifest of the repository's image: ten layers, no two repositories alike."""
        small = (self.small.digest, SMALL_BYTES)
        title = {"org.opencontainers.image.title": repository}
        return image_manifest(small, [(LAYER, *small)] * LAYERS, annotations=title)

    @property
    def hot_only(self) -> "Content":
        """The same content without the many repositories."""
        return replace(self, repositories=())

    def write_files(self, folder: Path) -> None:
        """Write the blobs as files that are named by digest, for servers that only read."""
        folder.mkdir()
        for blob in (self.small, self.large):
            (folder / blob.digest).write_bytes(blob.content)


def make_content(repositories: int) -> Content:
    """Make the content, which is the same each time."""
    return Content(
        Blob(_noise(SMALL_BYTES)),
        Blob(_noise(LARGE_BYTES)),
        tuple(f"bench/many-{number:04}" for number in range(repositories)),
    )


def image_manifest(
    config: tuple[str, int], layers: Sequence[tuple[str, str, int]], **more: object
) -> bytes:
    """The manifest of an image, from the digest and size of its configuration, and its layers."""
    described = [(CONFIG, *config), *layers]
    first, *others = (
        {"mediaType": kind, "digest": digest, "size": size} for kind, digest, size in described
    )
    content = {"schemaVersion": 2, "mediaType": MANIFEST, "config": first, "layers": others}
    return json.dumps(content | more).encode()


def push_blob(connection: Connection, token: str, repository: str, blob: Blob) -> None:
    """Upload a blob in one request. Raises UnexpectedAnswer."""
    bearer = {"Authorization": f"Bearer {token}"}
    begun = connection.ask("POST", f"/v2/{repository}/blobs/uploads/", bearer)
    check(begun.status, 202)
    place = with_digest(begun.location, blob.digest)
    octets = {"Content-Type": "application/octet-stream"}
    check(connection.ask("PUT", place, bearer | octets, memoryview(blob.content)).status, 201)


def push_manifest(
    connection: Connection, token: str, repository: str, tag: str, manifest: bytes
) -> None:
    """Put a manifest under a tag. Raises UnexpectedAnswer."""
    headers = {"Authorization": f"Bearer {token}", "Content-Type": MANIFEST}
    path = f"/v2/{repository}/manifests/{tag}"
    check(connection.ask("PUT", path, headers, manifest).status, 201)


def with_digest(location: str, digest: str) -> str:
    """The address that finishes an upload."""
    return f"{location}{'&' if '?' in location else '?'}digest={digest}"


def check(status: int, expected: int) -> None:
    """Raises UnexpectedAnswer for any other status."""
    if status != expected:
        raise UnexpectedAnswer(f"{status} instead of {expected}")


def digest_of(*parts: Bytes) -> str:
    """The digest of these parts as one."""
    hasher = hashlib.sha256()
    for part in parts:
        hasher.update(part)
    return f"sha256:{hasher.hexdigest()}"


def _noise(size: int) -> bytes:
    # Bytes that no file system compresses, always the same.
    return hashlib.shake_128(b"acrux").digest(size)
