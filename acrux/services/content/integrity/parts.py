"""Check the database, its rows, and what the store holds besides."""

from collections.abc import Sequence
from datetime import timedelta
from typing import Final

from acrux.domain.content.digest import Digest
from acrux.domain.content.storage.copy import Copy
from acrux.domain.content.storage.integrity import Finding, Kind, Outcome
from acrux.ports.clock import Clock
from acrux.ports.content.blobs import BlobStore
from acrux.ports.content.collection import Garbage
from acrux.ports.content.integrity.files import Files
from acrux.ports.content.integrity.rows import Cursor, Fault, Orphan, Rows, Scan
from acrux.services.content.integrity.blobs import Healing
from acrux.services.content.integrity.run import Run

ROWS: Final = 500  # of one step
COPIES: Final = 500
UPLOADS: Final = 200


class DatabasePart:
    """What the database finds wrong with its own file."""

    name = "database"

    def __init__(self, rows: Rows) -> None:
        self._rows = rows

    async def step(self, _: Cursor, run: Run) -> Cursor:
        """See Part."""
        for sentence in await self._rows.broken(deep=run.deep):
            run.found(Finding(Kind.DATABASE, "database", detail=sentence))
            run.is_over = True  # what it says of the rest cannot be trusted, nor be corrected
        return ()


class RowPart:
    """Rows that contradict each other."""

    def __init__(self, scan: Scan, rows: Rows, healing: Healing) -> None:
        self._scan = scan
        self._rows = rows
        self._healing = healing

    @property
    def name(self) -> str:
        """See Part."""
        return self._scan.value

    async def step(self, after: Cursor, run: Run) -> Cursor:
        """See Part."""
        page = await self._rows.scan(self._scan, after, ROWS)
        for fault in page.faults:
            affected = await run.affected(fault.digest)
            done = run.repair and await self._repair(fault, run)
            outcome = Outcome.REPAIRED if done else Outcome.NOTHING
            run.found(
                Finding(fault.kind, fault.name, fault.repository, fault.detail, affected, outcome)
            )
        await run.spend(page.bytes)
        await run.looked(self.name, page.rows, page.next)
        return page.next

    async def _repair(self, fault: Fault, run: Run) -> bool:
        if fault.kind is not Kind.UNSTORED_LINK:
            return await self._rows.repair(fault)
        digest = Digest.parse(fault.key[1])
        if await self._rows.blob(digest):  # healed with the link of another repository
            return True
        return await self._healing.heal(digest, None, run, bad=False)


class CopyPart:
    """Copies in the store that no row names, unless a push may be about to."""

    name = "copies"

    def __init__(
        self,
        rows: Rows,
        files: Files,
        store: BlobStore,
        garbage: Garbage,
        clock: Clock,
        pushed_for: timedelta,
    ) -> None:
        self._rows = rows
        self._files = files
        self._store = store
        self._garbage = garbage
        self._clock = clock
        self._pushed_for = pushed_for

    async def step(self, after: Cursor, run: Run) -> Cursor:
        """See Part."""
        page = await self._store.copies(after[0] if after else "", COPIES)
        latest = self._clock() - self._pushed_for
        old = [each.copy for each in page.copies if each.stored_at < latest]
        orphans = await self._rows.orphans(old) if old else ()
        needed = await self._needed(orphans)
        spared = [orphan.copy for orphan in orphans if orphan.copy not in needed]
        if run.repair and spared:
            await self._garbage.disown(spared, self._clock())
        for orphan in orphans:
            self._report(orphan.copy, orphan.copy in needed, run)
        following = (page.next,) if page.next else ()
        await run.looked(self.name, len(page.copies), following)
        return following

    async def _needed(self, orphans: Sequence[Orphan]) -> set[Copy]:
        states = await self._files.states([each.used for each in orphans if each.used])
        sizes = {copy: state.size for copy, state in states.items() if not state.is_damaged}
        return {each.copy for each in orphans if each.is_needed(sizes)}

    def _report(self, copy: Copy, is_needed: bool, run: Run) -> None:  # noqa: FBT001
        outcome = Outcome.REPAIRED if run.repair and not is_needed else Outcome.NOTHING
        detail = f"copy {copy.name or 'without a name'}, {copy.size} bytes"
        if is_needed:
            detail += "; kept, as the copy in use is not whole"
        run.found(Finding(Kind.ORPHANED_COPY, str(copy.digest), "", detail, outcome=outcome))


class UploadPart:
    """Uploads that nobody continues, and that the collection has not removed."""

    name = "uploads"

    def __init__(self, store: BlobStore, clock: Clock, pushed_for: timedelta) -> None:
        self._store = store
        self._clock = clock
        self._pushed_for = pushed_for

    async def step(self, _: Cursor, run: Run) -> Cursor:
        """See Part."""
        before = self._clock() - self._pushed_for
        found = await self._store.abandoned(before)
        if not found.uploads:
            return ()
        outcome = Outcome.NOTHING
        if run.repair:
            while (await self._store.discard_abandoned(before, UPLOADS)).uploads:
                pass
            outcome = Outcome.REPAIRED
        detail = f"{found.uploads} uploads, {found.size} bytes"
        finding = Finding(Kind.ABANDONED_UPLOADS, "uploads", "", detail, outcome=outcome)
        run.found(finding, found.uploads)
        return ()


class StrangerPart:
    """Files that do not belong in the folders of the store."""

    name = "folders"

    def __init__(self, files: Files) -> None:
        self._files = files

    async def step(self, after: Cursor, run: Run) -> Cursor:
        """See Part."""
        found = await self._files.strangers(after[0] if after else "")
        for path in found.paths:
            run.found(Finding(Kind.UNKNOWN_FILE, path))
        if unnamed := found.count - len(found.paths):
            run.found(Finding(Kind.UNKNOWN_FILE, f"{unnamed} more"), unnamed)
        following = (found.next,) if found.next else ()
        await run.looked(self.name, found.folders, following)
        return following
