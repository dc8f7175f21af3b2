"""Start, append to, finish and cancel a blob upload."""

import uuid
from collections.abc import AsyncIterator
from contextlib import suppress
from datetime import timedelta

from acrux.domain.content.digest import Digest
from acrux.domain.content.storage.copy import Copy
from acrux.domain.content.upload import APPENDED, Place, Session, Upload, UploadId
from acrux.errors import Disallowed, QuotaExceeded, RegistryError, UnknownBlob, UnknownUpload
from acrux.ports.clock import Clock
from acrux.ports.content.blobs import BlobStore, Capabilities
from acrux.ports.content.metadata import Metadata

Chunks = AsyncIterator[bytes]


class Uploads:
    """The uploads of every repository, each known only in the session that started it."""

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

    def capability(self, upload: Upload) -> str:
        """A text that lets the principal continue the upload after the token has expired.

        It is good for the `lifetime` of uploads, from now on.
        """
        expires_at = self._clock() + self._lifetime
        return self._capabilities.seal(
            str(upload), upload.session.repository.value, upload.session.principal, expires_at
        )

    def is_capability(self, text: str, session: Session, upload: str) -> bool:
        """Whether `text` is such a capability, for exactly these, and has not expired."""
        return self._capabilities.is_good(
            text, upload, session.repository.value, session.principal, self._clock()
        )

    async def start(self, session: Session, announced: int = 1) -> Upload:
        """Start an upload that continues in later requests. Raises Disallowed.

        `announced` is how many bytes it will hold at least: it is refused at once if a quota or the
        disk has no room for them.
        """
        await self._metadata.check_writable(session.repository, announced)
        upload = Upload(UploadId(str(uuid.uuid4())), session)
        await self._store.begin(upload, announced)
        return upload

    async def offset(self, upload: Upload) -> int:
        """How many bytes the upload holds. Raises UnknownUpload."""
        return await self._store.offset(upload)

    async def append(self, upload: Upload, chunks: Chunks, place: Place, announced: int = 0) -> int:
        """Append a chunk of `announced` bytes, if known, and return the new offset, in bytes.

        Raises QuotaExceeded and StorageExhausted before the chunk is read, UnknownUpload,
        UploadOutOfOrder, SizeMismatch, and IncompleteBody if the client disconnected: what was
        received until then stays, and the upload can be resumed.
        """
        # Without a quota, nothing is asked of the store.
        if announced and await self._metadata.has_quotas(upload.session.repository):
            await self._check_room(upload, announced)
        return await self._store.append(upload, chunks, place, announced)

    async def finish(
        self,
        upload: Upload,
        digest: Digest,
        chunks: Chunks | None,
        place: Place = APPENDED,
        announced: int = 0,
    ) -> None:
        """Append the last chunk, if there is one, and turn the upload into the repository's blob.

        Raises what `append` raises; Disallowed if the repository was locked meanwhile; and
        DigestMismatch: then the upload is gone and nothing is visible. The bytes are durable before
        the link is: a crash in between leaves garbage, never a link to missing bytes. For a while
        the same request can be sent again, as its answer may have been lost.
        """
        session, is_repeated = upload.session, await self._store.committed(upload, digest)
        if is_repeated:
            await _read_to_its_end(chunks)
        else:
            await self._complete(upload, digest, chunks, place, announced)
        await self._check_writable(upload)
        if is_repeated and await self._is_linked(upload, digest):
            return
        copy = await self._store.commit(upload, digest)
        now = self._clock()
        await self._metadata.link_blob(session.repository, copy, session.principal, now)

    async def _check_room(self, upload: Upload, announced: int) -> None:
        try:
            await self._check_writable(upload, announced)
        except QuotaExceeded:
            raise
        except Disallowed:  # a lock is decided when the upload is closed
            return

    async def _check_writable(self, upload: Upload, announced: int = 0) -> None:
        stored = 0
        with suppress(UnknownUpload):  # it just became a blob, or whoever comes next notices
            stored = await self._store.offset(upload)
        await self._metadata.check_writable(upload.session.repository, stored + announced)

    async def _is_linked(self, upload: Upload, digest: Digest) -> bool:
        """Whether nothing is left to do. Raises UnknownUpload if only new bytes help."""
        session = upload.session
        # First: what is collected before it is held is not found any more.
        await self._metadata.hold(session.repository, digest, session.principal)
        former: Copy | None = None
        with suppress(UnknownBlob, Disallowed):
            while (copy := await self._metadata.find_blob(session.repository, digest)) != former:
                former = copy
                with suppress(UnknownBlob):  # perhaps replaced, and removed, since it was looked up
                    if await self._store.size(copy) == copy.size:
                        return True
                    # Damaged since: the upload's bytes may be the same ones.
                    raise UnknownUpload(upload=str(upload))
        return False

    async def _complete(
        self,
        upload: Upload,
        digest: Digest,
        chunks: Chunks | None,
        place: Place,
        announced: int,
    ) -> None:
        if chunks is None:
            await self._store.offset(upload)  # UnknownUpload goes before Disallowed
            return
        try:
            await self.append(upload, chunks, place, announced)
        except UnknownUpload:  # an earlier try of the same request may have just finished it
            if not await self._store.committed(upload, digest):
                raise
            await _read_to_its_end(chunks)

    async def put(
        self, session: Session, digest: Digest, chunks: Chunks, announced: int = 1
    ) -> None:
        """Start, append and finish in one request (end-4b).

        Raises what `finish` raises. If it fails, the upload is discarded, as nobody knows its name.
        """
        upload = await self.start(session, announced)
        try:
            await self.finish(upload, digest, chunks)
        except BaseException:
            with suppress(RegistryError):  # it is gone already, or the disk fails
                await self._store.discard(upload)
            raise

    async def cancel(self, upload: Upload) -> None:
        """Forget the upload and its bytes. Raises UnknownUpload, also if it became a blob."""
        await self._store.discard(upload)


async def _read_to_its_end(chunks: Chunks | None) -> None:
    # The bytes are stored already. But a client whose body is not read to its end may miss the
    # answer.
    if chunks is not None:
        async for _ in chunks:
            pass
