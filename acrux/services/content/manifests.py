"""Get, put and delete manifests and the tags that point at them."""

from contextlib import suppress

import msgspec

from acrux.domain.content.digest import Digest
from acrux.domain.content.manifest import Manifest, Platform
from acrux.domain.content.media_types import DOCKER, IMAGE_CONFIGS, Accept
from acrux.domain.content.names import Reference, RepositoryName, Tag
from acrux.domain.content.storage.copy import Copy
from acrux.domain.webhooks.event import UNKNOWN, Cause
from acrux.errors import (
    UNWRITABLE,
    DigestMismatch,
    Disallowed,
    UnknownBlob,
    UnknownManifest,
    UnknownTag,
)
from acrux.ports.clock import Clock
from acrux.ports.content.blobs import BlobStore
from acrux.ports.content.metadata import Deleted, Metadata, StoredManifest

# A configuration larger than this is not read for a platform: no real image has one.
MAX_CONFIG_BYTES = 1024 * 1024


class Manifests:
    """The manifests of every repository.

    `allow_missing` accepts images whose blobs the repository does not link.
    """

    def __init__(
        self, metadata: Metadata, store: BlobStore, clock: Clock, *, allow_missing: bool = False
    ) -> None:
        self._metadata = metadata
        self._store = store
        self._clock = clock
        self._allow_missing = allow_missing

    async def get(
        self,
        repository: RepositoryName,
        reference: Reference,
        accept: Accept,
        pusher: str | None = None,
    ) -> StoredManifest:
        """The manifest as it was pushed; it is never converted.

        `pusher` is the caller if it may push here and names a digest: its push may rely on the
        answer, and the manifest is kept for it. Raises Disallowed, and UnknownManifest, also if the
        client's `accept` excludes its type, unless that is one of docker's.
        """
        manifest = await self._metadata.get_manifest(repository, reference)
        if pusher:
            with suppress(*UNWRITABLE):  # reading goes on
                await self._metadata.hold(repository, manifest.digest, pusher)
            # If it was collected before it was held, the push must not be told that it is there.
            manifest = await self._metadata.get_manifest(repository, reference)
        # 404 and not 406 (RFC 9110 §15.5.7), as CNCF distribution answers. As there, docker's types
        # are sent whatever a client accepts: they are what was sent before there was a choice.
        if manifest.media_type not in DOCKER and not accept.allows(manifest.media_type):
            raise UnknownManifest(
                f"the manifest is {manifest.media_type}, which the Accept header leaves out",
                reference=str(reference),
            )
        return manifest

    async def put(  # noqa: PLR0913 -- one of each
        self,
        repository: RepositoryName,
        reference: Reference,
        content: bytes,
        content_type: str,
        tags: tuple[Tag, ...] = (),
        *,
        principal: str = "",
        cause: Cause = UNKNOWN,
    ) -> Manifest:
        """Store the manifest, its bytes unchanged, and point the tags at it (end-7a, end-7b).

        What was kept for the push of the `principal` is kept by the manifest from now on. Webhooks
        are told of the push and its `cause`, as of deletions. Raises InvalidManifest,
        DigestMismatch, MissingReferences, Disallowed; then nothing has changed.
        """
        if isinstance(reference, Tag):
            manifest = Manifest.read(content, content_type)
            tags = tuple(dict.fromkeys((reference, *tags)))
        else:
            manifest = Manifest.read(content, content_type, reference.algorithm)
            if manifest.digest != reference:
                raise DigestMismatch(
                    "the manifest does not hash to the digest in its path",
                    claimed=str(reference),
                    computed=str(manifest.digest),
                )
        await self._metadata.put_manifest(
            repository,
            manifest,
            tags,
            self._clock(),
            principal=principal,
            platform=await self._platform(repository, manifest),
            allow_missing=self._allow_missing,
            damaged=await self._damaged(repository, manifest),
            cause=cause,
        )
        return manifest

    async def _damaged(self, repository: RepositoryName, manifest: Manifest) -> frozenset[Copy]:
        """The copies of the manifest's blobs that the store does not hold whole."""
        if self._allow_missing:
            return frozenset()
        copies = await self._metadata.find_copies(repository, manifest.required_blobs)
        sizes = await self._store.sizes(tuple(copies.values()))
        return frozenset(copy for copy in copies.values() if sizes.get(copy) != copy.size)

    async def _platform(self, repository: RepositoryName, manifest: Manifest) -> Platform | None:
        # /acr/v1 shows what an image runs on, and only its configuration says that.
        config = manifest.config
        if config is None or config.media_type not in IMAGE_CONFIGS:
            return None
        former: Copy | None = None
        with suppress(UnknownBlob, Disallowed):  # put_manifest decides whether that is an error
            while (copy := await self._metadata.find_blob(repository, config.digest)) != former:
                former = copy
                if copy.size > MAX_CONFIG_BYTES:
                    break
                with suppress(UnknownBlob):  # perhaps replaced, and removed, since it was looked up
                    return _read_platform(await self._read(copy))
        return None

    async def _read(self, copy: Copy) -> bytes:
        blob = await self._store.open(copy)
        try:
            return b"".join([piece async for piece in blob.read(0, blob.size)])
        finally:
            blob.close()

    async def delete(
        self, repository: RepositoryName, reference: Reference, cause: Cause = UNKNOWN
    ) -> None:
        """Remove the tag, or the manifest with every tag that points at it.

        Raises UnknownManifest, Disallowed.
        """
        if isinstance(reference, Digest):
            await self._metadata.delete_manifest(repository, reference, cause)
            return
        try:
            await self._metadata.delete_tag(repository, reference)
        except UnknownTag as refused:
            raise UnknownManifest(**refused.detail) from None

    async def untag(self, repository: RepositoryName, tag: Tag) -> None:
        """Remove the tag. Raises UnknownTag, Disallowed."""
        await self._metadata.delete_tag(repository, tag)

    async def delete_repository(
        self, repository: RepositoryName, cause: Cause = UNKNOWN
    ) -> Deleted:
        """Remove the repository and all it holds. Raises UnknownRepository, Disallowed."""
        return await self._metadata.delete_repository(repository, cause)


class _Config(msgspec.Struct):
    architecture: str = ""
    os: str = ""


def _read_platform(config: bytes) -> Platform | None:
    try:
        read = msgspec.json.decode(config, type=_Config)
    except (msgspec.DecodeError, RecursionError):  # a blob may hold anything
        return None
    return Platform(read.architecture, read.os)
