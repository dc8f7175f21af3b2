"""Find copies in the store that no row names, and have them removed."""

from collections.abc import Sequence
from datetime import datetime, timedelta
from typing import Final

import msgspec
from msgspec import Struct

from acrux.domain.content.storage.copy import Copy
from acrux.ports.clock import Clock, Rest
from acrux.ports.content.blobs import BlobStore
from acrux.ports.content.collection import Garbage
from acrux.ports.content.integrity.rows import Rows
from acrux.ports.facts import Facts
from acrux.ports.leases import Leases
from acrux.services.leases import HeldLease

LEASE: Final = "orphans"
LEASED_FOR: Final = timedelta(seconds=60)
FACT: Final = "orphans"
EVERY: Final = timedelta(days=7)  # a crash during a push leaves one copy at most
COPIES: Final = 500  # of one step
# At least this old: a slow disk must not let a copy be given up between its commit and its link,
# and for so long the upload can be committed again (ports.BlobStore).
LEAST_AGE: Final = timedelta(hours=1)


class Progress(Struct, frozen=True):
    """Where the search in the store is, and when the last one began."""

    after: str = ""
    began_at: datetime | None = None
    is_running: bool = False


class Orphans:
    """Copies that no row names: a push was killed, or refused, after it stored them.

    The store is searched once a week, in bounded steps that any process continues. The first search
    also finds what versions without collection left behind. A copy younger than `pushed_for` may
    belong to a push that is under way.
    """

    def __init__(  # noqa: PLR0913, PLR0917 -- one of each
        self,
        garbage: Garbage,
        rows: Rows,
        store: BlobStore,
        facts: Facts,
        leases: Leases,
        clock: Clock,
        holder: str,
        pushed_for: timedelta,
        rest: Rest,
    ) -> None:
        self._garbage = garbage
        self._rows = rows
        self._store = store
        self._facts = facts
        self._lease = HeldLease(leases, LEASE, holder, clock, LEASED_FOR)
        self._clock = clock
        self._pushed_for = max(pushed_for, LEAST_AGE)
        self._rest = rest

    async def disown(self) -> int:
        """Go through the store if it is time, and return how many copies no row named."""
        progress = await self._due()
        if progress is None or not await self._garbage.is_counted():
            return 0
        if not await self._lease.acquire():
            return 0
        disowned = 0
        try:
            while progress.is_running:
                page = await self._store.copies(progress.after, COPIES)
                latest = self._clock() - self._pushed_for
                found = [each.copy for each in page.copies if each.stored_at < latest]
                disowned += await self._disown_spare(found)
                progress = Progress(page.next, progress.began_at, is_running=bool(page.next))
                await self._facts.keep(FACT, msgspec.json.encode(progress).decode())
                await self._rest()
                if not await self._lease.keep():
                    break
        finally:
            await self._lease.release()
        return disowned

    async def _disown_spare(self, found: Sequence[Copy]) -> int:
        orphans = await self._rows.orphans(found) if found else ()
        sizes = await self._store.sizes([each.used for each in orphans if each.used])
        spare = [each.copy for each in orphans if not each.is_needed(sizes)]
        return await self._garbage.disown(spare, self._clock()) if spare else 0

    async def _due(self) -> Progress | None:
        text, now = await self._facts.find(FACT), self._clock()
        progress = msgspec.json.decode(text, type=Progress) if text else Progress()
        if progress.is_running:
            return progress
        if progress.began_at and progress.began_at + EVERY > now:
            return None
        return Progress(began_at=now, is_running=True)
