"""What the services need to store the bytes of blobs."""

from collections.abc import AsyncIterator, Mapping, Sequence
from datetime import datetime
from typing import Protocol

from msgspec import Struct

from acrux.domain.content.digest import Digest
from acrux.domain.content.storage.copy import Copy
from acrux.domain.content.upload import APPENDED, Place, Upload


class StoredBlob(Protocol):
    """An open blob: its bytes stay readable until it is closed, even if it is deleted."""

    @property
    def size(self) -> int:
        """The length of the blob, in bytes."""

    def read_at_once(self, start: int, stop: int) -> bytes | bytearray | None:
        """The bytes from `start` up to, but not including, `stop`.

        None if that would have to wait, or some of them are missing: use `read` then.
        """

    def read(self, start: int, stop: int) -> AsyncIterator[bytes | bytearray]:
        """Stream the bytes from `start` up to, but not including, `stop`.

        Raises StorageUnavailable.
        """

    def close(self) -> None:
        """Release the blob. Must be called exactly once."""


class StoredCopy(Struct, frozen=True):
    """A copy as the store holds it: `copy.size` is how many bytes there are.

    `stored_at` is when it got its name: the request that stored it may be about to link it.
    """

    copy: Copy
    stored_at: datetime
    is_damaged: bool


class Listing(Struct, frozen=True):
    """A page of the copies in the store. `next` is empty if no others follow."""

    copies: tuple[StoredCopy, ...]
    next: str


class Abandoned(Struct, frozen=True):
    """Uploads that nobody continues: how many, and how many bytes they hold."""

    uploads: int
    size: int


class BlobStore(Protocol):
    """Copies of blobs, and uploads on their way to become copies.

    It knows which session an upload belongs to, and nothing else about repositories: access to
    blobs is decided by their links (Metadata). Every method raises StorageExhausted if the disk is
    full; `open` and `size` raise StorageUnavailable if it is unknown whether a blob exists.
    """

    async def begin(self, upload: Upload, announced: int = 0) -> None:
        """Create an empty upload, unless there is no room for the `announced` bytes to come."""

    async def offset(self, upload: Upload) -> int:
        """How many bytes the upload holds. Raises UnknownUpload."""

    async def append(
        self,
        upload: Upload,
        chunks: AsyncIterator[bytes],
        place: Place = APPENDED,
        announced: int = 0,
    ) -> int:
        """Append the chunks to the upload and return its new offset, in bytes.

        Nothing is read if there is no room for the `announced` bytes of the chunks, if known.
        If the chunk is sent again, bytes that are already stored are not added twice. Raises
        UnknownUpload; UploadOutOfOrder if the chunk does not start at the offset and is not a
        repetition, or if another request appends meanwhile; SizeMismatch if the chunk is not as
        long as its Content-Range says. What the iterator of chunks raises is passed on, and the
        bytes received until then stay; `offset` says how many these are.
        """

    async def commit(self, upload: Upload, digest: Digest) -> Copy:
        """Turn the upload into a new copy of the blob `digest`, durably, and return it.

        When this returns, the copy survives a power loss. Its name is one that no copy had before,
        and no other call returns it: so a copy that is removed cannot come back. For an hour, the
        upload can be committed again as the same blob: that makes one more copy of the same bytes.
        It cannot be if the upload was discarded, or the first copy was removed. Raises
        UnknownUpload, and DigestMismatch if the bytes do not match: then nothing is visible and the
        upload is gone.
        """

    async def committed(self, upload: Upload, digest: Digest) -> bool:
        """Whether the upload recently became this blob, and was not discarded since."""

    async def discard(self, upload: Upload) -> None:
        """Forget the upload, durably, and which blob it became; that blob stays.

        Raises UnknownUpload if there is none, or if it became a blob: that is forgotten too.
        """

    async def open(self, copy: Copy) -> StoredBlob:
        """Open a copy for reading. Raises UnknownBlob if it is missing, or marked as damaged."""

    async def size(self, copy: Copy) -> int:
        """How many bytes of the copy are stored. Raises UnknownBlob as `open` does."""

    async def sizes(self, copies: Sequence[Copy]) -> Mapping[Copy, int]:
        """How many bytes of each of these are stored; those that `open` refuses are left out."""

    async def location(self, copy: Copy) -> str:
        """An address from which everybody can read the copy, for a while; it is a secret.

        Empty if the store has no such addresses. Raises StorageUnavailable.
        """

    async def remove(self, copies: Sequence[Copy]) -> None:
        """Remove these copies, durably; those that are missing already do not matter.

        Who has one open can still read it. If this fails, some may be gone: call it again. Raises
        StorageUnavailable.
        """

    async def copies(self, after: str, count: int) -> Listing:
        """A page of all copies in the store, in the order of their digests; at most `count`.

        `after` is the `next` of the page before, and empty for the first page. Copies that come or
        go meanwhile may be listed or not. Raises StorageUnavailable.
        """

    async def abandoned(self, before: datetime) -> Abandoned:
        """The uploads that were last written before that instant, and that no request uses.

        Raises StorageUnavailable.
        """

    async def discard_abandoned(self, before: datetime, count: int) -> Abandoned:
        """Discard up to `count` of these uploads, durably, and return what was discarded."""


class Capabilities(Protocol):
    """Texts that let an upload continue after its token has expired; useless for anything else."""

    def seal(self, upload: str, repository: str, principal: str, expires_at: datetime) -> str:
        """A text that holds its time of expiry, and cannot be forged without our key."""

    def is_good(
        self, text: str, upload: str, repository: str, principal: str, now: datetime
    ) -> bool:
        """Whether the text was sealed for exactly these, and has not expired."""
