"""Free what nothing refers to, beside running pushes and pulls."""

from collections.abc import Callable, Sequence
from datetime import timedelta
from typing import Final, Self

from msgspec import Struct

from acrux.domain.content.storage.copy import Copy
from acrux.errors import StorageUnavailable
from acrux.ports.clock import Clock, Rest
from acrux.ports.content.blobs import BlobStore
from acrux.ports.content.collection import Collected, Garbage, Queue
from acrux.ports.leases import BACKUP, Lease, Leases
from acrux.services.leases import HeldLease

LEASE: Final = "collection"
LEASED_FOR: Final = timedelta(seconds=60)
ITEMS: Final = 200  # of one transaction: other writers wait for it
ROWS: Final = 1000  # of a deleted repository: they need no look
COPIES: Final = 2000  # removed at once: each touched folder is synced once
TRIED_AGAIN_AFTER: Final = timedelta(hours=1)  # a copy that the disk does not remove
UPLOADS: Final = 200  # looked at in one step


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


# Called after each step with what the run freed so far: whether to go on.
GoOn = Callable[[Freed], bool]


def to_the_end(_: Freed) -> bool:
    """Go on until nothing is due."""
    return True


class Status(Struct, frozen=True):
    """What waits to be collected, and who is collecting; None if nobody is."""

    queue: Queue
    lease: Lease | None


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
        self._lease = HeldLease(leases, LEASE, holder, clock, LEASED_FOR)
        self._clock = clock
        self._abandoned = abandoned
        self._rest = rest
        self._is_counted = False
        self._failure: StorageUnavailable | None = None

    async def status(self) -> Status:
        """What waits, and who collects."""
        now = self._clock()
        return Status(await self._garbage.queue(now), await self._leases.find(LEASE, now))

    async def is_any_due(self) -> bool:
        """Whether anything is due, or not yet counted."""
        return await self._garbage.is_any_due(self._clock())

    async def run(self, go_on: GoOn = to_the_end) -> Freed | None:
        """Remove all that is due; None if another run does it, of this process or another one.

        Ends earlier if `go_on` says so. Raises StorageUnavailable at its end if a copy could not be
        removed: it is tried again later, and the others are removed.
        """
        if not self._lease.claim():
            return None
        self._failure = None
        try:
            freed = await self._run(go_on)
            if self._failure:
                raise self._failure
            return freed
        finally:
            await self._lease.release()

    async def _run(self, go_on: GoOn) -> Freed | None:
        freed = await self._sweep_uploads()
        if not await self._garbage.is_any_due(self._clock()):  # a read: nothing is written at rest
            return freed
        if not await self._lease.acquire():
            return None
        while step := await self._step():
            freed += step
            await self._rest()
            if not go_on(freed):
                break
            if not await self._lease.keep():  # paused for so long that another one took over
                break
        return freed

    async def _step(self) -> Freed | None:
        """One step of each kind; None if nothing is left to do."""
        if not self._is_counted:
            # Only what is counted has its references in rows.
            if await self._garbage.count(ITEMS):
                return Freed()
            self._is_counted = True
        now = self._clock()
        purged = await self._garbage.purge_expired(now, ITEMS)
        cleared = await self._garbage.clear(now, ROWS)
        reviewed = await self._garbage.review(now, ITEMS)
        ended = await self._garbage.end_holds(now, ITEMS)
        done = purged + cleared + reviewed + ended
        removed = await self._remove_copies(at_least=COPIES if done.looked_at else 1)
        if not done.looked_at and not removed.copies:
            return None
        return _freed(done) + removed

    async def _remove_copies(self, at_least: int) -> Freed:
        copies = await self._garbage.removals(self._clock(), COPIES)
        if len(copies) < at_least:  # to sync the folders of a few takes as long as those of many
            return Freed()
        # Afterwards: a backup that begins later does not find these copies in use.
        if not copies or await self._leases.find(BACKUP, self._clock()):
            return Freed()
        removed = await self._remove(copies)
        await self._garbage.forget(removed)
        return Freed(copies=len(copies), bytes=sum(copy.size for copy in removed))

    async def _remove(self, copies: Sequence[Copy]) -> Sequence[Copy]:
        """Remove all that can be removed, and return it; the rest is tried again later."""
        try:
            await self._store.remove(copies)
        except StorageUnavailable as failure:
            if len(copies) == 1:  # this one file must not keep all others
                self._failure = failure
                await self._garbage.postpone(copies, self._clock() + TRIED_AGAIN_AFTER)
                return ()
            half = len(copies) // 2
            return [*await self._remove(copies[:half]), *await self._remove(copies[half:])]
        return copies

    async def _sweep_uploads(self) -> Freed:
        freed = Freed()
        before = self._clock() - self._abandoned
        while (swept := await self._store.discard_abandoned(before, UPLOADS)).uploads:
            freed += Freed(uploads=swept.uploads, bytes=swept.size)
            await self._rest()
        return freed


def _freed(done: Collected) -> Freed:
    return Freed(manifests=done.manifests, blobs=done.links, repositories=done.repositories)
