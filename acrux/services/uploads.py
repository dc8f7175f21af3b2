"""Start, append to, finish and cancel a blob upload."""

import uuid
from collections.abc import AsyncIterator
from datetime import timedelta

from msgspec import Struct

from acrux.domain.digest import Digest
from acrux.domain.names import RepositoryName
from acrux.domain.upload import ContentRange, UploadId
from acrux.errors import DigestMismatch
from acrux.ports.clock import Clock
from acrux.ports.content import BlobStore, Capabilities, Metadata

Chunks = AsyncIterator[bytes]


class Session(Struct, frozen=True):
    """Where an upload was begun and by whom: nobody else may go on with it (CVE-2026-32589)."""

    repository: RepositoryName
    principal: str


class Uploads:
    """The uploads of every repository, each known in the session that began it only."""

    def __init__(
        self,
        store: BlobStore,
        metadata: Metadata,
        capabilities: Capabilities,
        clock: Clock,
        lifetime: timedelta,
    ) -> None:
        self._store = store
        self._metadata = metadata
        self._capabilities = capabilities
        self._clock = clock
        self._lifetime = lifetime

    def capability(self, session: Session, upload: UploadId) -> str:
        """What lets the principal go on with the upload after its token has ended, for a while."""
        end = self._clock() + self._lifetime
        return self._capabilities.seal(
            upload.value, session.repository.value, session.principal, end
        )

    def is_capability(self, text: str, session: Session, upload: str) -> bool:
        """Whether `text` is such a capability, of exactly these, and has not ended."""
        return self._capabilities.is_good(
            text, upload, session.repository.value, session.principal, self._clock()
        )

    async def start(self, session: Session) -> UploadId:
        """Begin an upload that goes on in later requests."""
        upload = UploadId(str(uuid.uuid4()))
        await self._metadata.open_upload(
            upload, session.repository, session.principal, self._clock()
        )
        await self._store.begin(upload)
        return upload

    async def offset(self, session: Session, upload: UploadId) -> int:
        """How many bytes the upload holds. Raises UnknownUpload."""
        await self._metadata.find_upload(upload, session.repository, session.principal)
        return await self._store.offset(upload)

    async def append(
        self,
        session: Session,
        upload: UploadId,
        chunks: Chunks,
        content_range: ContentRange | None,
    ) -> int:
        """Add a chunk and return the new offset, in bytes.

        Raises UnknownUpload, UploadOutOfOrder, SizeMismatch, and IncompleteBody where the client
        vanished: what came until then stays, and the upload can be resumed.
        """
        await self._metadata.find_upload(upload, session.repository, session.principal)
        return await self._store.append(upload, chunks, content_range)

    async def finish(
        self,
        session: Session,
        upload: UploadId,
        digest: Digest,
        chunks: Chunks | None,
        content_range: ContentRange | None,
    ) -> None:
        """Add the optional last chunk, and make the upload a blob that the repository links.

        Raises what `append` raises, and DigestMismatch: then the upload is gone and nothing is
        visible. The bytes are durable before the link is: a crash between the two leaves garbage,
        never a link to missing bytes.
        """
        await self._metadata.find_upload(upload, session.repository, session.principal)
        if chunks is not None:
            await self._store.append(upload, chunks, content_range)
        await self._metadata.check_writable(session.repository)
        try:
            size = await self._store.commit(upload, digest)
        except DigestMismatch:
            await self._metadata.close_upload(upload, session.repository, session.principal)
            raise
        await self._metadata.finish_upload(
            upload, session.repository, session.principal, digest, size, self._clock()
        )

    async def put(self, repository: RepositoryName, digest: Digest, chunks: Chunks) -> None:
        """Start, append and finish in one request (end-4b).

        Raises what `finish` raises; an upload cut short is discarded, as nobody knows its name.
        """
        await self._metadata.check_writable(repository)
        upload = UploadId(str(uuid.uuid4()))
        await self._store.begin(upload)
        try:
            await self._store.append(upload, chunks, None)
            size = await self._store.commit(upload, digest)
        except BaseException:
            await self._store.discard(upload)
            raise
        await self._metadata.link_blob(repository, digest, size, self._clock())

    async def cancel(self, session: Session, upload: UploadId) -> None:
        """Forget the upload and its bytes. Raises UnknownUpload."""
        await self._metadata.close_upload(upload, session.repository, session.principal)
        await self._store.discard(upload)
