"""Get, put and delete manifests and the tags that point at them."""

from acrux.domain.digest import Digest
from acrux.domain.manifest import Manifest
from acrux.domain.media_types import Accept
from acrux.domain.names import Reference, RepositoryName, Tag
from acrux.errors import DigestMismatch, UnknownManifest
from acrux.ports import Clock, Metadata, StoredManifest


class Manifests:
    """The manifests of every repository."""

    def __init__(self, metadata: Metadata, clock: Clock) -> None:
        self._metadata = metadata
        self._clock = clock

    async def get(
        self, repository: RepositoryName, reference: Reference, accept: Accept
    ) -> StoredManifest:
        """The manifest as it was pushed; it is never converted.

        Raises UnknownManifest, also where the client says that it cannot read the type.
        """
        manifest = await self._metadata.get_manifest(repository, reference)
        if not accept.allows(manifest.media_type):
            raise UnknownManifest(
                f"the manifest is {manifest.media_type}, which the Accept header leaves out",
                reference=str(reference),
            )
        return manifest

    async def put(
        self, repository: RepositoryName, reference: Reference, content: bytes, content_type: str
    ) -> Manifest:
        """Hold the manifest, its bytes unchanged, and let the tag, if it is one, point at it.

        Raises InvalidManifest, DigestMismatch, MissingReferences; then nothing has changed.
        """
        if isinstance(reference, Tag):
            manifest = Manifest.read(content, content_type)
            await self._metadata.put_manifest(repository, manifest, reference, self._clock())
            return manifest
        manifest = Manifest.read(content, content_type, reference.algorithm)
        if manifest.digest != reference:
            raise DigestMismatch(
                "the manifest does not hash to the digest in its path",
                claimed=str(reference),
                computed=str(manifest.digest),
            )
        await self._metadata.put_manifest(repository, manifest, None, self._clock())
        return manifest

    async def delete(self, repository: RepositoryName, reference: Reference) -> None:
        """Remove the tag, or the manifest with every tag on it. Raises UnknownManifest."""
        if isinstance(reference, Digest):
            await self._metadata.delete_manifest(repository, reference)
        else:
            await self._metadata.delete_tag(repository, reference)
