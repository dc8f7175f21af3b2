"""Free what nothing refers to, beside running pushes and pulls."""

from collections.abc import Awaitable, Callable
from datetime import timedelta
from typing import Final, Self

from msgspec import Struct

from acrux.ports.blobs import BlobStore
from acrux.ports.clock import Clock
from acrux.ports.collection import Collected, Garbage, Queue
from acrux.ports.leases import Leases

LEASE: Final = "collection"
BACKUP: Final = "backup"  # whoever holds it copies the store: no bytes are removed meanwhile
LEASED_FOR: Final = timedelta(seconds=60)
ITEMS: Final = 200  # of one transaction: other writers wait for it
COPIES: Final = 2000  # removed at once: each touched folder is synced once
UPLOADS: Final = 200  # looked at in one step

# Wait as long as the step before took, at least: the collector takes half the time at most.
Rest = Callable[[], Awaitable[None]]


class Freed(Struct, frozen=True):
    """What a run of the collection removed; `bytes` are those of copies and uploads."""

    manifests: int = 0
    blobs: int = 0
    repositories: int = 0
    copies: int = 0
    uploads: int = 0
    bytes: int = 0

    def __add__(self, other: Self) -> Self:
        return type(self)(
            *(getattr(self, name) + getattr(other, name) for name in self.__struct_fields__)
        )


class Collection:
    """Looks at what lost its last reference, and removes rows first and bytes then.

    One process does it at a time. Each step is a transaction of its own, or removes bytes that
    nothing can refer to any more: a run can end anywhere, and the next one continues.

    `abandoned` is how long an upload is kept that nobody continues. `rest` is called after each
    step.
    """

    def __init__(  # noqa: PLR0913, PLR0917 -- one of each
        self,
        garbage: Garbage,
        store: BlobStore,
        leases: Leases,
        clock: Clock,
        holder: str,
        abandoned: timedelta,
        rest: Rest,
    ) -> None:
        self._garbage = garbage
        self._store = store
        self._leases = leases
        self._clock = clock
        self._holder = holder
        self._abandoned = abandoned
        self._rest = rest
        self._is_counted = False

    async def queue(self) -> Queue:
        """What waits to be collected."""
        return await self._garbage.queue(self._clock())

    async def run(self) -> Freed | None:
        """Remove all that is due; None if another process is doing it."""
        freed = await self._sweep_uploads()
        if not await self._garbage.is_any_due(self._clock()):  # a read: nothing is written at rest
            return freed
        if not await self._renew():
            return None
        try:
            while step := await self._step():
                freed += step
                await self._rest()
                if not await self._renew():  # paused for so long that another one took over
                    break
            return freed
        finally:
            await self._leases.release(LEASE, self._holder)

    async def _renew(self) -> bool:
        now = self._clock()
        return await self._leases.acquire(LEASE, self._holder, now + LEASED_FOR, now)

    async def _step(self) -> Freed | None:
        """One step of each kind; None if nothing is left to do."""
        if not self._is_counted:
            # Only what is counted has its references in rows.
            if await self._garbage.count(ITEMS):
                return Freed()
            self._is_counted = True
        now = self._clock()
        purged = await self._garbage.purge_expired(now, ITEMS)
        cleared = await self._garbage.clear(now, ITEMS)
        reviewed = await self._garbage.review(now, ITEMS)
        ended = await self._garbage.end_holds(now, ITEMS)
        removed = await self._remove_copies()
        done = purged + cleared + reviewed + ended
        if not done.looked_at and not removed.copies:
            return None
        return _freed(done) + removed

    async def _remove_copies(self) -> Freed:
        now = self._clock()
        if await self._leases.find(BACKUP, now):
            return Freed()
        copies = await self._garbage.removals(now, COPIES)
        if copies:
            await self._store.remove(copies)
            await self._garbage.forget(copies)
        return Freed(copies=len(copies), bytes=sum(copy.size for copy in copies))

    async def _sweep_uploads(self) -> Freed:
        freed = Freed()
        before = self._clock() - self._abandoned
        while (swept := await self._store.discard_abandoned(before, UPLOADS)).uploads:
            freed += Freed(uploads=swept.uploads, bytes=swept.size)
            await self._rest()
        return freed


def _freed(done: Collected) -> Freed:
    return Freed(manifests=done.manifests, blobs=done.links, repositories=done.repositories)
