"""What a store of objects needs to know of uploads: which bytes are where."""

from collections.abc import Collection, Sequence
from datetime import datetime
from typing import Protocol

from msgspec import Struct

from acrux.domain.content.digest import Digest
from acrux.domain.content.storage.copy import Copy
from acrux.domain.content.upload import Upload
from acrux.ports.content.blobs import Abandoned


class Segment(Struct, frozen=True):
    """An object that holds some of an upload's bytes: its name, its size, the digest of these."""

    name: str
    size: int
    digest: Digest


class Progress(Struct, frozen=True):
    """How far an upload is: its offset in bytes, and in how many segments these are.

    `became` is the first copy that it became; None as long as it is open.
    """

    size: int
    segments: int
    became: Copy | None = None
    closed_at: datetime | None = None


class Ended(Struct, frozen=True):
    """Uploads that ended: how many, how many bytes they held, and in which segments.

    Nothing names these segments any more.
    """

    amount: Abandoned
    segments: tuple[str, ...]


class Segments(Protocol):
    """Which objects hold the bytes of each upload. Each method is one transaction.

    It decides which of several requests for an upload takes effect: objects are written before, and
    those of the others are removed. The names of segments never come again. All methods raise
    StorageUnavailable, and those that write StorageExhausted too.
    """

    async def begin(self, upload: Upload, at: datetime) -> None:
        """Record an upload that holds nothing."""

    async def find(self, upload: Upload) -> Progress | None:
        """How far the upload is; None if it is unknown."""

    async def list(self, upload: Upload) -> Sequence[Segment]:
        """Its segments in the order of their bytes."""

    async def extend(
        self, upload: Upload, offset: int, segments: Sequence[Segment], at: datetime
    ) -> bool:
        """Add the segments, if the upload is open and still ends at `offset`; whether it did."""

    async def touch(self, upload: Upload, at: datetime) -> None:
        """Note that a request uses the upload."""

    async def close(self, upload: Upload, copy: Copy, at: datetime) -> bool:
        """Note that the open upload became this copy, if it still has that size; whether it did.

        Its segments are forgotten.
        """

    async def forget(self, upload: Upload) -> tuple[Progress, Ended] | None:
        """Forget the upload, durably, and return what it was; None if it was unknown."""

    async def abandoned(self, before: datetime) -> Abandoned:
        """The open uploads that nobody has used since that instant."""

    async def give_up(self, before: datetime, count: int) -> Ended:
        """Forget up to `count` of these."""

    async def forget_closed(self, before: datetime, count: int) -> None:
        """Forget up to `count` uploads that became blobs before that instant."""

    async def unknown(self, names: Collection[str]) -> Sequence[str]:
        """Those of the names that no upload has as a segment."""

    async def count(self, most: int) -> int:
        """How many uploads are open, counted up to `most`."""
