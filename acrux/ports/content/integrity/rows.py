"""What a check needs of the database: scans in pages, and corrections."""

from collections.abc import Mapping, Sequence
from datetime import datetime
from enum import Enum
from typing import Protocol

from msgspec import Struct

from acrux.domain.content.digest import Digest
from acrux.domain.content.storage.copy import Copy
from acrux.domain.content.storage.integrity import Affected, Kind

# Where a scan goes on: the key of the last row that it looked at. Empty at the beginning.
Cursor = tuple[str, ...]


class Scan(Enum):
    """Which rows to look at."""

    LINKS = "links"
    MANIFESTS = "manifests"
    REFERENCES = "references"
    TAGS = "tags"
    REPOSITORIES = "repositories"
    PARTS = "parts"


class Fault(Struct, frozen=True):
    """A row that is wrong. `key` names it for `repair`, `name` and `repository` for people.

    `digest` is that of a blob or manifest that suffers from it, or empty.
    """

    kind: Kind
    key: Cursor
    name: str
    repository: str = ""
    detail: str = ""
    digest: str = ""


class Scanned(Struct, frozen=True):
    """A page: how many rows and bytes were looked at. `next` is empty if it was the last one."""

    rows: int
    faults: tuple[Fault, ...]
    next: Cursor
    bytes: int = 0


class UsedBlob(Struct, frozen=True):
    """A blob's copy in use, and whether any repository links the blob.

    `is_doomed` is whether the copy is to be removed although it is in use.
    """

    copy: Copy
    is_linked: bool
    is_doomed: bool


class Orphan(Struct, frozen=True):
    """A copy that no row names, the copy of its blob in use, and whether the blob is linked."""

    copy: Copy
    used: Copy | None
    is_linked: bool

    def is_needed(self, sizes: Mapping[Copy, int]) -> bool:
        """Whether it may hold the last bytes of a blob that some repository links.

        `sizes` says how many bytes each copy in use has; those that cannot be read are left out.
        """
        return self.is_linked and (self.used is None or sizes.get(self.used) != self.used.size)


class Rows(Protocol):
    """The rows of repositories and blobs, as a check looks at them.

    Each method is one transaction that reads, or one that corrects.
    """

    async def check_counted(self) -> None:
        """Raise NotYet while what existed before references were rows is not counted."""

    async def broken(self, *, deep: bool) -> Sequence[str]:
        """The first few things that the database finds wrong with its file; `deep` takes longer."""

    async def totals(self) -> Mapping[str, int]:
        """About how many there are: blobs, links, manifests, tags, repositories."""

    async def blobs(self, after: str, count: int) -> Sequence[UsedBlob]:
        """A page of blobs in the order of their digests."""

    async def blob(self, digest: Digest) -> UsedBlob | None:
        """The blob as it is now; None if there is no row."""

    async def scan(self, what: Scan, after: Cursor, count: int) -> Scanned:
        """A page of rows, and what is wrong with them."""

    async def repair(self, fault: Fault) -> bool:
        """Correct it if it is still wrong, and if that can lose nothing; whether it is right."""

    async def adopt(self, copy: Copy, instead: Copy | None, at: datetime) -> bool:
        """Use this copy of a linked blob, if `instead` is still the one in use."""

    async def orphans(self, copies: Sequence[Copy]) -> Sequence[Orphan]:
        """Those of the copies that no row names."""

    async def affected(self, digest: Digest) -> Affected:
        """Some of what uses the digest."""
