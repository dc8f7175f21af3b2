"""Read, mount and delete blobs that a repository links."""

from collections.abc import Awaitable, Callable
from contextlib import suppress
from typing import TypeVar

from acrux.domain.content.digest import Digest
from acrux.domain.content.names import RepositoryName
from acrux.domain.content.patterns import RepositoryPattern
from acrux.domain.content.storage.copy import Copy
from acrux.errors import UNWRITABLE, DamagedBlob, UnknownBlob
from acrux.ports.clock import Clock
from acrux.ports.content.blobs import BlobStore, StoredBlob
from acrux.ports.content.metadata import Metadata

Used = TypeVar("Used")


class Blobs:
    """The blobs of every repository.

    A blob is visible only through a repository that links it, which is checked on every request.
    It does not matter that the store holds it for another repository.
    """

    def __init__(self, store: BlobStore, metadata: Metadata, clock: Clock) -> None:
        self._store = store
        self._metadata = metadata
        self._clock = clock

    async def size(
        self, repository: RepositoryName, digest: Digest, pusher: str | None = None
    ) -> int:
        """The length of the blob, in bytes.

        `pusher` is the caller if it may push here: then its push may rely on the answer, and the
        blob is kept for it. Raises UnknownBlob; DamagedBlob, a subclass, if the stored bytes are
        wrong: a client to which it is reported as missing pushes it again, and that repairs it.
        """
        copy, found = await self._use(self._store.size, repository, digest, pusher)
        if found != copy.size:
            raise DamagedBlob(digest=str(digest))
        return found

    async def get(self, repository: RepositoryName, digest: Digest) -> StoredBlob:
        """Open the blob, for the caller to close. Raises as `size` does."""
        copy, blob = await self._use(self._store.open, repository, digest, None)
        if blob.size != copy.size:
            blob.close()
            raise DamagedBlob(digest=str(digest))
        return blob

    async def location(self, repository: RepositoryName, digest: Digest) -> str:
        """An address from which the caller can read the blob itself, for a while.

        Only of a store that has such addresses. Raises as `size` does.
        """
        copy, found = await self._use(self._store.size, repository, digest, None)
        if found != copy.size:
            raise DamagedBlob(digest=str(digest))
        return await self._store.location(copy)

    async def _use(
        self,
        use: Callable[[Copy], Awaitable[Used]],
        repository: RepositoryName,
        digest: Digest,
        pusher: str | None,
    ) -> tuple[Copy, Used]:
        former, copy = None, await self._metadata.find_blob(repository, digest)
        if pusher:
            with suppress(*UNWRITABLE):  # reading goes on
                await self._metadata.hold(repository, digest, pusher)
            # If it was collected before it was held, the push must not be told that it is there.
            copy = await self._metadata.find_blob(repository, digest)
        while copy != former:
            try:
                return copy, await use(copy)
            except UnknownBlob:
                # Since it was looked up, a push may have replaced it, and its bytes may be removed.
                former, copy = copy, await self._metadata.find_blob(repository, digest)
        raise DamagedBlob(digest=str(digest))

    async def mount(
        self,
        sources: tuple[RepositoryPattern, ...],
        repository: RepositoryName,
        digest: Digest,
        principal: str,
    ) -> bool:
        """Link a blob that a repository of these patterns links; return whether there is one.

        A blob whose bytes are not all stored is not mounted: the client then pushes them again. The
        blob is kept for the push of the principal.
        """
        try:
            copy = await self._metadata.find_copy(digest)
            if await self._store.size(copy) != copy.size:
                return False
            now = self._clock()
            await self._metadata.mount_blob(sources, repository, copy, principal, now)
        except UnknownBlob:
            return False
        return True

    async def delete(self, repository: RepositoryName, digest: Digest) -> None:
        """Remove the blob from the repository; other repositories keep it. Raises UnknownBlob."""
        await self._metadata.unlink_blob(repository, digest)
