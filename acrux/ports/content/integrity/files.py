"""What a check needs of the store: look at copies, mark them, find more."""

from collections.abc import Awaitable, Callable, Mapping, Sequence
from typing import Protocol

from msgspec import Struct

from acrux.domain.content.digest import Digest
from acrux.domain.content.storage.copy import Copy

# Called after each piece that was read, with its length in bytes; it may wait.
Spend = Callable[[int], Awaitable[None]]


class State(Struct, frozen=True):
    """How many bytes a copy has, and whether it is marked as damaged."""

    size: int
    is_damaged: bool


class Strangers(Struct, frozen=True):
    """Files that do not belong in the folders of the store; `next` is empty after the last folder.

    `paths` are relative to the data directory, and the first few only; `count` counts all.
    `folders` is how many were looked at.
    """

    paths: tuple[str, ...]
    count: int
    folders: int
    next: str


class Files(Protocol):
    """The copies of the store, as a check looks at them. Every method raises StorageUnavailable."""

    async def states(self, copies: Sequence[Copy]) -> Mapping[Copy, State]:
        """The copies that are there."""

    async def verify(self, copy: Copy, spend: Spend) -> None:
        """Read all of a copy. Raises DamagedBlob if it is missing, unreadable, or not the blob."""

    async def quarantine(self, copy: Copy) -> bool:
        """Mark the copy as damaged: it is never served again, and its bytes stay.

        Returns whether it is marked: it may be missing, or belong to somebody else.
        """

    async def copies_of(self, digest: Digest) -> Sequence[Copy]:
        """All copies of a blob that are not marked as damaged, whoever names them."""

    async def copy_again(self, copy: Copy) -> Copy:
        """Make one more copy of the same bytes, durably. Raises UnknownBlob if it is gone."""

    async def strangers(self, after: str) -> Strangers:
        """What does not belong in the next few folders of the store."""
