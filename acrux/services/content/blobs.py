"""Read, mount and delete blobs that a repository links."""

from acrux.domain.access.patterns import RepositoryPattern
from acrux.domain.content.digest import Digest
from acrux.domain.content.names import RepositoryName
from acrux.errors import DamagedBlob, UnknownBlob
from acrux.ports.clock import Clock
from acrux.ports.content import BlobStore, Metadata, StoredBlob


class Blobs:
    """The blobs of every repository.

    A blob is visible only through a repository that links it, checked on every request: that
    the store holds it for somebody else says nothing.
    """

    def __init__(self, store: BlobStore, metadata: Metadata, clock: Clock) -> None:
        self._store = store
        self._metadata = metadata
        self._clock = clock

    async def size(self, repository: RepositoryName, digest: Digest) -> int:
        """How long the blob is, in bytes.

        Raises UnknownBlob, and of its kind DamagedBlob: who is told that it is missing pushes it
        again, and that heals it.
        """
        size = await self._metadata.find_blob(repository, digest)
        try:
            found = await self._store.size(digest)
        except UnknownBlob:
            raise DamagedBlob(digest=str(digest)) from None
        if found != size:
            raise DamagedBlob(digest=str(digest))
        return size

    async def get(self, repository: RepositoryName, digest: Digest) -> StoredBlob:
        """Open the blob, for the caller to close. Raises UnknownBlob as `size` does."""
        size = await self._metadata.find_blob(repository, digest)
        try:
            blob = await self._store.open(digest)
        except UnknownBlob:
            raise DamagedBlob(digest=str(digest)) from None
        if blob.size != size:
            blob.close()
            raise DamagedBlob(digest=str(digest))
        return blob

    async def mount(
        self, sources: tuple[RepositoryPattern, ...], repository: RepositoryName, digest: Digest
    ) -> bool:
        """Link a blob of a repository of these patterns here too; say whether one links it.

        A blob whose bytes are not all there is linked by nobody: its pusher sends them again.
        """
        try:
            size = await self._store.size(digest)
            await self._metadata.mount_blob(sources, repository, digest, size, self._clock())
        except UnknownBlob:
            return False
        return True

    async def delete(self, repository: RepositoryName, digest: Digest) -> None:
        """Take the blob from the repository; other repositories keep it. Raises UnknownBlob."""
        await self._metadata.unlink_blob(repository, digest)
