"""What the services need to store manifests, tags and links to blobs."""

from collections.abc import Mapping, Sequence
from datetime import datetime
from typing import Protocol

from msgspec import Struct

from acrux.domain.content.attributes import AttributesChange
from acrux.domain.content.digest import Digest
from acrux.domain.content.manifest import Manifest, Platform, Referrer
from acrux.domain.content.names import Reference, RepositoryName, Tag
from acrux.domain.content.page import MAX_COUNT, Order, Page, Slice
from acrux.domain.content.patterns import RepositoryPattern
from acrux.domain.content.properties import ManifestProperties, RepositoryProperties, TagProperties
from acrux.domain.content.storage.copy import Copy
from acrux.domain.content.storage.deleted import DeletedManifest, DeletedTag, Restoration
from acrux.domain.webhooks.event import UNKNOWN, Cause


class StoredManifest(Struct, frozen=True):
    """A manifest as it was pushed: exact bytes, digest, media type."""

    digest: Digest
    media_type: str
    content: bytes


class Deleted(Struct, frozen=True):
    """What was deleted with a repository."""

    manifests: tuple[str, ...]
    tags: tuple[str, ...]


class Found(Struct, frozen=True):
    """The names that a search found up to `last`. It goes on there, unless that is None."""

    names: tuple[str, ...]
    last: str | None


class Metadata(Protocol):
    """Repositories and what they hold: links to blobs, manifests, tags.

    Each method is one transaction: when it returns, its changes are durable and visible to every
    worker. A repository is created with the first thing it holds. Every method that reads, writes
    or deletes raises Disallowed if a lock forbids it, which is decided in the same transaction
    (domain.content.attributes.check). Listings leave out what must not be listed.
    """

    async def check_writable(self, repository: RepositoryName, added: int = 0) -> None:
        """Raise Disallowed if nothing may be pushed to the repository.

        Raises QuotaExceeded, a subclass, if a quota has no room for `added` bytes more. This allows
        an early refusal: every write checks again.
        """

    async def has_quotas(self, repository: RepositoryName) -> bool:
        """Whether a quota counts what the repository holds."""

    async def link_blob(
        self, repository: RepositoryName, copy: Copy, principal: str, at: datetime
    ) -> None:
        """Make the blob visible through the repository, and use this copy of it from now on.

        The copy that was in use is removed later. Until the principal's push has named the blob in
        a manifest, or could have, the blob is not collected. Raises UnknownUpload if the copy was
        given up meanwhile.
        """

    async def find_blob(self, repository: RepositoryName, digest: Digest) -> Copy:
        """The copy in use of a blob that the repository links. Raises UnknownBlob."""

    async def find_copies(
        self, repository: RepositoryName, digests: Sequence[Digest]
    ) -> Mapping[Digest, Copy]:
        """The copies in use of those of the blobs that the repository links."""

    async def find_copy(self, digest: Digest) -> Copy:
        """The copy in use of a blob, whichever repository links it. Raises UnknownBlob."""

    async def mount_blob(
        self,
        sources: tuple[RepositoryPattern, ...],
        repository: RepositoryName,
        copy: Copy,
        principal: str,
        at: datetime,
    ) -> None:
        """Link a blob in `repository` that a repository of one of the patterns already links.

        `copy` is the one that the store holds; a link with another size does not count. The
        principal's push is waited for as in `link_blob`.

        Raises UnknownBlob if none of them links it, or if that one may not be read.
        """

    async def hold(self, repository: RepositoryName, digest: Digest, principal: str) -> None:
        """Keep a blob or a manifest, which a push was told is there, until that push has ended."""

    async def unlink_blob(self, repository: RepositoryName, digest: Digest) -> None:
        """Remove the blob from the repository. Raises UnknownBlob."""

    async def put_manifest(  # noqa: PLR0913 -- one of each
        self,
        repository: RepositoryName,
        manifest: Manifest,
        tags: tuple[Tag, ...],
        at: datetime,
        *,
        principal: str = "",
        platform: Platform | None = None,
        allow_missing: bool = False,
        damaged: frozenset[Copy] = frozenset(),
        cause: Cause = UNKNOWN,
    ) -> None:
        """Store the manifest and point the tags at it; `platform` is what its image runs on.

        `damaged` are copies that the store does not hold whole: a blob whose copy in use is among
        them counts as missing. A manifest whose stored bytes were damaged is repaired. What was
        kept for the principal's push is referred to from now on.

        The links of `manifest.required_blobs` are checked in the same transaction, unless
        `allow_missing`. Raises MissingReferences; then nothing has changed. Webhooks are told of
        the push and its `cause`, as of deletions in the methods below.
        """

    async def get_manifest(
        self, repository: RepositoryName, reference: Reference
    ) -> StoredManifest:
        """The manifest with this digest, or the one that the tag points at.

        Raises UnknownManifest; DamagedManifest, a subclass, if the stored bytes are wrong.
        """

    async def delete_manifest(
        self, repository: RepositoryName, digest: Digest, cause: Cause = UNKNOWN
    ) -> None:
        """Remove the manifest and every tag that points at it. Raises UnknownManifest."""

    async def delete_tag(self, repository: RepositoryName, tag: Tag) -> None:
        """Remove the tag; what it pointed at stays. Raises UnknownTag."""

    async def list_tags(self, repository: RepositoryName, page: Page) -> Slice[str]:
        """A page of tags in byte order. Raises UnknownRepository if it holds no manifest."""

    async def list_repositories(
        self, page: Page, visible: tuple[RepositoryPattern, ...]
    ) -> Slice[str]:
        """A page of the names of repositories that hold a manifest, in byte order.

        Only names that one of the patterns covers: the others do not shorten a page.
        """

    async def find_repositories(
        self, page: Page, visible: tuple[RepositoryPattern, ...], text: str
    ) -> Found:
        """As `list_repositories`, those whose names contain the text, which is not empty.

        Only so many names are looked at, so it may hold fewer than were asked for although there
        are more; even none.
        """

    async def list_referrers(
        self, repository: RepositoryName, subject: Digest, artifact_type: str | None, page: Page
    ) -> Slice[Referrer]:
        """A page of the manifests that have this subject, in the order of their digests.

        Empty if the subject is unknown. `page.last` is a digest.
        """

    async def delete_repository(
        self, repository: RepositoryName, cause: Cause = UNKNOWN
    ) -> Deleted:
        """Remove the repository and all it holds. Raises UnknownRepository."""


class Properties(Protocol):
    """What ACR shows of repositories, tags and manifests.

    Locks apply to content only: properties can always be read and changed, or nobody could unlock
    anything.
    """

    async def repository(self, name: RepositoryName) -> RepositoryProperties:
        """The properties of a repository. Raises UnknownRepository if it holds no manifest."""

    async def change_repository(self, name: RepositoryName, change: AttributesChange) -> None:
        """Set some of its switches. Raises UnknownRepository."""

    async def tag(self, repository: RepositoryName, tag: Tag) -> TagProperties:
        """The properties of a tag. Raises UnknownTag."""

    async def tags(
        self, repository: RepositoryName, page: Page, order: Order, digest: Digest | None
    ) -> Slice[TagProperties]:
        """A page of the tags, or of those that point at one manifest; `page.last` is a tag.

        Raises UnknownRepository if it holds no manifest.
        """

    async def change_tag(
        self, repository: RepositoryName, tag: Tag, change: AttributesChange
    ) -> None:
        """Set some of its switches. Raises UnknownTag."""

    async def manifest(
        self, repository: RepositoryName, digest: Digest, tags: int = MAX_COUNT
    ) -> ManifestProperties:
        """The properties of a manifest, with its first `tags` tags. Raises UnknownManifest."""

    async def manifests(
        self, repository: RepositoryName, page: Page, order: Order, tags: int = MAX_COUNT
    ) -> Slice[ManifestProperties]:
        """A page of the manifests, each with its first `tags` tags; `page.last` is a digest.

        Raises UnknownRepository if it holds none.
        """

    async def change_manifest(
        self, repository: RepositoryName, digest: Digest, change: AttributesChange
    ) -> None:
        """Set some of its switches. Raises UnknownManifest."""


class Graveyard(Protocol):
    """What was deleted and can be restored. Each method is one transaction.

    What has expired by now is neither listed nor restored, even if it is not purged yet. Of a
    repository that was deleted and pushed again a thousand times, only a thousand are looked at.
    """

    async def repositories(
        self, page: Page, visible: tuple[RepositoryPattern, ...], now: datetime
    ) -> Slice[str]:
        """A page of the names of repositories of which something can be restored."""

    async def manifests(
        self, repository: RepositoryName, page: Page, now: datetime
    ) -> Slice[DeletedManifest]:
        """A page of the deleted manifests; `page.last` is a digest.

        Raises UnknownRepository if nothing of the repository can be restored.
        """

    async def tags(
        self, repository: RepositoryName, page: Page, now: datetime
    ) -> Slice[DeletedTag]:
        """A page of the deleted tags by name and time; `page.last_at` is when `last` was deleted.

        Raises UnknownRepository as `manifests` does.
        """

    async def restore(self, what: Restoration, now: datetime) -> bool:
        """Restore a manifest, what it lists, and the referrers that were deleted with it or later.

        False if there is so much that only a part of it was restored, and not yet the manifest
        itself: call it again. Raises UnknownManifest, UnknownTag if only the tag is to be restored
        and was not deleted, NameTaken if the tag points at another manifest, and Disallowed and its
        subclasses if a lock or a policy forbids the push.
        """

    async def restore_repository(self, repository: RepositoryName, now: datetime) -> None:
        """Restore the repository that was deleted last under this name, with all that it held.

        Raises UnknownRepository, NameTaken if there is a repository of this name, QuotaExceeded.
        """

    async def purge_manifest(
        self, repository: RepositoryName, digest: Digest, now: datetime
    ) -> None:
        """Remove a deleted manifest and its deleted tags for good. Raises UnknownManifest."""

    async def purge_repository(self, repository: RepositoryName, now: datetime) -> None:
        """Remove all that was deleted of a repository for good. Raises UnknownRepository."""
