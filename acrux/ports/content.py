"""What the services need to keep blobs, manifests and tags."""

from collections.abc import AsyncIterator, Mapping, Sequence
from datetime import datetime
from typing import Protocol

from msgspec import Struct

from acrux.domain.access.patterns import RepositoryPattern
from acrux.domain.content.attributes import AttributesChange
from acrux.domain.content.digest import Digest
from acrux.domain.content.manifest import Manifest, Platform, Referrer
from acrux.domain.content.names import Reference, RepositoryName, Tag
from acrux.domain.content.page import Order, Page, Slice
from acrux.domain.content.properties import ManifestProperties, RepositoryProperties, TagProperties
from acrux.domain.content.upload import APPENDED, Place, Upload


class StoredBlob(Protocol):
    """A blob that is open: its bytes stay readable until it is closed, even if it is deleted."""

    @property
    def size(self) -> int:
        """How long it is, in bytes."""

    def read_at_once(self, start: int, stop: int) -> bytes | bytearray | None:
        """The bytes from `start` up to and without `stop`.

        None where that would have to wait, or not all of them are there: then `read` them.
        """

    def read(self, start: int, stop: int) -> AsyncIterator[bytes | bytearray]:
        """Stream the bytes from `start` up to and without `stop`. Raises StorageUnavailable."""

    def close(self) -> None:
        """Let go of it. Must be called exactly once."""


class BlobStore(Protocol):
    """Blobs by digest, and uploads on their way to become blobs.

    It knows which session an upload belongs to, and nothing else of repositories: permission is
    the link's business (Metadata). Every method raises StorageExhausted where the disk is full;
    `open` and `size` raise StorageUnavailable where it cannot be told whether a blob is there.
    """

    async def begin(self, upload: Upload) -> None:
        """Make an empty upload."""

    async def offset(self, upload: Upload) -> int:
        """How many bytes the upload holds. Raises UnknownUpload."""

    async def append(
        self, upload: Upload, chunks: AsyncIterator[bytes], place: Place = APPENDED
    ) -> int:
        """Add the chunks at the upload's end and return its new offset, in bytes.

        Bytes that are there already, because the chunk is sent once more, are not added again.
        Raises UnknownUpload; UploadOutOfOrder where the chunk does not start at the offset and is
        not a repetition, or another request goes on appending; SizeMismatch where the chunks are
        not as long as its Content-Range says. What the chunks' iterator raises passes through; what
        was received until then stays: the file's length is the offset.
        """

    async def commit(self, upload: Upload, digest: Digest) -> int:
        """Make the upload the blob `digest`, durably, and return its size in bytes.

        Once this returns the blob survives a power loss. For an hour the upload can be committed
        again, as the same blob, which only says its size; unless it was discarded, or the blob is
        there no more. Raises UnknownUpload, and DigestMismatch where the bytes are others: then
        nothing is visible and the upload is gone.
        """

    async def committed(self, upload: Upload, digest: Digest) -> bool:
        """Whether the upload was made this blob, lately, and was not discarded since."""

    async def discard(self, upload: Upload) -> None:
        """Forget the upload, durably, and which blob it was made; that blob stays.

        Raises UnknownUpload where there is none, or not any more: then it is forgotten, too.
        """

    async def open(self, digest: Digest) -> StoredBlob:
        """Open a blob for reading. Raises UnknownBlob."""

    async def size(self, digest: Digest) -> int:
        """How many bytes of the blob are there. Raises UnknownBlob."""

    async def sizes(self, digests: Sequence[Digest]) -> Mapping[Digest, int]:
        """How many bytes of each of these blobs are there; what is not there is left out."""


class StoredManifest(Struct, frozen=True):
    """A manifest as it was pushed: exact bytes, digest, media type."""

    digest: Digest
    media_type: str
    content: bytes


class Deleted(Struct, frozen=True):
    """What went with a repository."""

    manifests: tuple[str, ...]
    tags: tuple[str, ...]


class Metadata(Protocol):
    """Repositories and what they hold: links to blobs, manifests, tags.

    Each method is one transaction; what it changed is durable, and visible to every worker, when
    it returns. A repository comes to be with the first thing it holds. Every method that reads,
    writes or deletes raises Disallowed where a lock forbids it (domain.attributes.check), decided
    in the same transaction; listings leave out what is not to be listed.
    """

    async def check_writable(self, repository: RepositoryName) -> None:
        """Raise Disallowed where nothing may be pushed to the repository.

        To refuse early: what is written is checked again when it is.
        """

    async def link_blob(
        self, repository: RepositoryName, digest: Digest, size: int, at: datetime
    ) -> None:
        """Make the blob visible through the repository."""

    async def find_blob(self, repository: RepositoryName, digest: Digest) -> int:
        """The size in bytes of a blob that the repository links. Raises UnknownBlob."""

    async def mount_blob(
        self,
        sources: tuple[RepositoryPattern, ...],
        repository: RepositoryName,
        digest: Digest,
        size: int,
        at: datetime,
    ) -> None:
        """Link a blob through `repository` that a repository of one of the patterns links too.

        `size` is how many bytes of it the store holds; a link that says another is none.

        Raises UnknownBlob where none of them does, or where that one may not be read.
        """

    async def unlink_blob(self, repository: RepositoryName, digest: Digest) -> None:
        """Take the blob from the repository. Raises UnknownBlob."""

    async def put_manifest(  # noqa: PLR0913 -- one of each
        self,
        repository: RepositoryName,
        manifest: Manifest,
        tags: tuple[Tag, ...],
        at: datetime,
        *,
        platform: Platform | None = None,
        allow_missing: bool = False,
        sizes: Mapping[Digest, int] | None = None,
    ) -> None:
        """Hold the manifest and let the tags point at it; `platform` is what its image runs on.

        Where `sizes` says how many bytes of each blob the store holds, a link in another size is
        none. A manifest whose stored bytes were damaged is healed.

        The links of `manifest.required_blobs` are checked in the same transaction, unless
        `allow_missing`. Raises MissingReferences, then nothing has changed.
        """

    async def get_manifest(
        self, repository: RepositoryName, reference: Reference
    ) -> StoredManifest:
        """The manifest of this digest, or the one the tag points at.

        Raises UnknownManifest, and of its kind DamagedManifest.
        """

    async def delete_manifest(self, repository: RepositoryName, digest: Digest) -> None:
        """Remove the manifest and every tag that points at it. Raises UnknownManifest."""

    async def delete_tag(self, repository: RepositoryName, tag: Tag) -> None:
        """Remove the tag; what it pointed at stays. Raises UnknownTag."""

    async def list_tags(self, repository: RepositoryName, page: Page) -> Slice[str]:
        """A page of tags in byte order. Raises UnknownRepository where it holds no manifest."""

    async def list_repositories(
        self, page: Page, visible: tuple[RepositoryPattern, ...]
    ) -> Slice[str]:
        """A page of the names of repositories that hold a manifest, in byte order.

        Only those that one of the patterns covers; a page is as full as if there were no others.
        """

    async def list_referrers(
        self, repository: RepositoryName, subject: Digest, artifact_type: str | None, page: Page
    ) -> Slice[Referrer]:
        """A page of the manifests whose subject this is, in the order of their digests.

        Empty where nothing is known of the subject. `page.last` is a digest.
        """

    async def delete_repository(self, repository: RepositoryName) -> Deleted:
        """Remove the repository and all it holds. Raises UnknownRepository."""


class Properties(Protocol):
    """What ACR knows of repositories, tags and manifests beside their content.

    Locks hold for content: properties can be read and changed whatever they say, or nobody could
    ever unlock.
    """

    async def repository(self, name: RepositoryName) -> RepositoryProperties:
        """Raises UnknownRepository where it holds no manifest."""

    async def change_repository(self, name: RepositoryName, change: AttributesChange) -> None:
        """Set some of its switches. Raises UnknownRepository."""

    async def tag(self, repository: RepositoryName, tag: Tag) -> TagProperties:
        """Raises UnknownTag."""

    async def tags(
        self, repository: RepositoryName, page: Page, order: Order, digest: Digest | None
    ) -> Slice[TagProperties]:
        """A page of the tags, or of those on one manifest; `page.last` is a tag's name.

        Raises UnknownRepository where it holds no manifest.
        """

    async def change_tag(
        self, repository: RepositoryName, tag: Tag, change: AttributesChange
    ) -> None:
        """Set some of its switches. Raises UnknownTag."""

    async def manifest(self, repository: RepositoryName, digest: Digest) -> ManifestProperties:
        """Raises UnknownManifest."""

    async def manifests(
        self, repository: RepositoryName, page: Page, order: Order
    ) -> Slice[ManifestProperties]:
        """A page of the manifests; `page.last` is a digest.

        Raises UnknownRepository where it holds none.
        """

    async def change_manifest(
        self, repository: RepositoryName, digest: Digest, change: AttributesChange
    ) -> None:
        """Set some of its switches. Raises UnknownManifest."""


class Capabilities(Protocol):
    """Texts that let an upload go on after its token has ended; useless for anything else."""

    def seal(self, upload: str, repository: str, principal: str, expires_at: datetime) -> str:
        """A text that names the instant of its end, and cannot be made without our key."""

    def is_good(
        self, text: str, upload: str, repository: str, principal: str, now: datetime
    ) -> bool:
        """Whether the text was sealed for exactly these, and has not ended."""
