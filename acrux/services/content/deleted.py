"""List, restore and purge what was deleted."""

from acrux.domain.content.digest import Digest
from acrux.domain.content.names import RepositoryName
from acrux.domain.content.page import Page, Slice
from acrux.domain.content.patterns import RepositoryPattern
from acrux.domain.content.storage.deleted import DeletedManifest, DeletedTag, Restoration
from acrux.ports.clock import Clock
from acrux.ports.content.metadata import Graveyard


class DeletedContent:
    """What was deleted under a soft-delete policy, until its time is over (acr-protocol.md §5.8).

    `clock` is the one by which what was deleted is dated.
    """

    def __init__(self, graveyard: Graveyard, clock: Clock) -> None:
        self._graveyard = graveyard
        self._clock = clock

    async def repositories(self, page: Page, visible: tuple[RepositoryPattern, ...]) -> Slice[str]:
        """A page of the visible repositories of which something can be restored."""
        return await self._graveyard.repositories(page, visible, self._clock())

    async def manifests(self, repository: RepositoryName, page: Page) -> Slice[DeletedManifest]:
        """A page of the deleted manifests in the order of digests. Raises UnknownRepository."""
        return await self._graveyard.manifests(repository, page, self._clock())

    async def tags(self, repository: RepositoryName, page: Page) -> Slice[DeletedTag]:
        """A page of the deleted tags by name, of one name the last one last.

        Raises UnknownRepository.
        """
        return await self._graveyard.tags(repository, page, self._clock())

    async def restore(self, what: Restoration) -> None:
        """Restore a manifest, what it lists, and the referrers that were deleted with it.

        If there is much of it, it is restored in several transactions, the manifest itself and its
        tags in the last one. Raises UnknownManifest, UnknownTag, NameTaken, Disallowed.
        """
        while not await self._graveyard.restore(what, self._clock()):
            pass

    async def restore_repository(self, repository: RepositoryName) -> None:
        """Restore the repository that was deleted last under this name, with all that it held.

        Raises UnknownRepository, NameTaken, QuotaExceeded.
        """
        await self._graveyard.restore_repository(repository, self._clock())

    async def purge(self, repository: RepositoryName, digest: Digest | None) -> None:
        """Remove a deleted manifest for good, or all that was deleted of the repository.

        Raises UnknownManifest, UnknownRepository.
        """
        if digest is None:
            await self._graveyard.purge_repository(repository, self._clock())
        else:
            await self._graveyard.purge_manifest(repository, digest, self._clock())
