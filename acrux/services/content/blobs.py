"""Read, mount and delete blobs that a repository links."""

from acrux.domain.access.patterns import RepositoryPattern
from acrux.domain.content.digest import Digest
from acrux.domain.content.names import RepositoryName
from acrux.errors import DamagedBlob, UnknownBlob
from acrux.ports.blobs import BlobStore, StoredBlob
from acrux.ports.clock import Clock
from acrux.ports.content import Metadata


class Blobs:
    """The blobs of every repository.

    A blob is visible only through a repository that links it, which is checked on every request.
    It does not matter that the store holds it for another repository.
    """

    def __init__(self, store: BlobStore, metadata: Metadata, clock: Clock) -> None:
        self._store = store
        self._metadata = metadata
        self._clock = clock

    async def size(self, repository: RepositoryName, digest: Digest) -> int:
        """The length of the blob, in bytes.

        Raises UnknownBlob; DamagedBlob, a subclass, if the stored bytes are wrong: a client to
        which it is reported as missing pushes it again, and that repairs it.
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
        """Link a blob that a repository of these patterns links; return whether there is one.

        A blob whose bytes are not all stored is not mounted: the client then pushes them again.
        """
        try:
            size = await self._store.size(digest)
            await self._metadata.mount_blob(sources, repository, digest, size, self._clock())
        except UnknownBlob:
            return False
        return True

    async def delete(self, repository: RepositoryName, digest: Digest) -> None:
        """Remove the blob from the repository; other repositories keep it. Raises UnknownBlob."""
        await self._metadata.unlink_blob(repository, digest)
