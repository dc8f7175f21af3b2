"""What collection needs: what is due, what is left to remove, leases."""

from collections.abc import Sequence
from datetime import datetime
from typing import Protocol, Self

from msgspec import Struct

from acrux.domain.content.copy import Copy


class Collected(Struct, frozen=True):
    """What one step looked at, and what it removed."""

    looked_at: int = 0
    manifests: int = 0
    links: int = 0
    repositories: int = 0

    def __add__(self, other: Self) -> Self:
        return type(self)(
            self.looked_at + other.looked_at,
            self.manifests + other.manifests,
            self.links + other.links,
            self.repositories + other.repositories,
        )


class Queue(Struct, frozen=True):
    """What waits to be collected: how much, and since when the oldest of it is due.

    `is_counted` is whether all that existed before collection did is under it. `bytes` are those of
    the copies to remove.
    """

    reviews: int
    due: int
    holds: int
    repositories: int
    copies: int
    bytes: int
    oldest_due: datetime | None
    is_counted: bool


class Garbage(Protocol):
    """What nothing refers to any more.

    Each method is one transaction, and does a bounded amount of work.
    """

    async def count(self, items: int) -> int:
        """Bring up to `items` things under collection that existed before it; 0 if none is left.

        Until then, nothing else may be called but `queue`.
        """

    async def is_counted(self) -> bool:
        """Whether `count` has nothing left to do."""

    async def is_any_due(self, now: datetime) -> bool:
        """Whether any of the other methods would find something to do."""

    async def review(self, now: datetime, items: int) -> Collected:
        """Look at up to `items` digests that are due, and remove what has no reference left."""

    async def end_holds(self, now: datetime, items: int) -> Collected:
        """End up to `items` holds of pushes that never came, and remove what they held."""

    async def purge_expired(self, now: datetime, items: int) -> Collected:
        """Remove up to `items` deleted manifests and tags for good whose time is over."""

    async def clear(self, now: datetime, items: int) -> Collected:
        """Remove up to `items` rows of a deleted repository."""

    async def removals(self, now: datetime, items: int) -> Sequence[Copy]:
        """Up to `items` copies whose bytes are due to be removed from the store."""

    async def forget(self, copies: Sequence[Copy]) -> None:
        """Forget copies whose bytes have been removed."""

    async def disown(self, copies: Sequence[Copy], now: datetime) -> int:
        """Have those of the copies removed that no blob uses; returns how many."""

    async def queue(self, now: datetime) -> Queue:
        """What waits."""
