"""What was deleted under a soft-delete policy, until it is purged."""

from datetime import datetime
from typing import Protocol

from acrux.domain.content.deleted import DeletedManifest, DeletedTag, Restoration
from acrux.domain.content.digest import Digest
from acrux.domain.content.names import RepositoryName
from acrux.domain.content.page import Page, Slice
from acrux.domain.content.patterns import RepositoryPattern


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
