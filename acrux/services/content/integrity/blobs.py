"""Check the copies in use; heal them from another copy, or quarantine."""

from typing import Final

from acrux.domain.content.digest import Digest
from acrux.domain.content.integrity.findings import Finding, Kind, Outcome
from acrux.domain.content.storage.copy import Copy
from acrux.errors import DamagedBlob, UnknownBlob
from acrux.ports.clock import Clock
from acrux.ports.content.blobs import BlobStore
from acrux.ports.content.integrity.files import Files, State
from acrux.ports.content.integrity.rows import Cursor, Fault, Rows, UsedBlob
from acrux.services.content.integrity.run import Run

BLOBS: Final = 1000  # of one step


class Healing:
    """Other copies of a blob: whole ones replace a copy that is not."""

    def __init__(self, rows: Rows, files: Files, store: BlobStore, clock: Clock) -> None:
        self._rows = rows
        self._files = files
        self._store = store
        self._clock = clock

    async def heal(self, digest: Digest, used: Copy | None, run: Run, *, bad: bool) -> bool:
        """Use a whole copy of the blob from now on; False if there is none.

        `bad` is whether the bytes of the copy in use are known to be wrong.
        """
        for candidate in await self._files.copies_of(digest):
            if bad and used and candidate.name == used.name:
                continue
            if await self._adopt(candidate, used, run):
                return True
        return False

    async def _adopt(self, candidate: Copy, used: Copy | None, run: Run) -> bool:
        try:
            await self._files.verify(candidate, run.spend)
            # Under a new name: bytes under this one may be about to be removed.
            again = await self._files.copy_again(candidate)
        except UnknownBlob:  # damaged, or it was
            return False
        if await self._rows.adopt(again, used, self._clock()):
            return True
        await self._store.remove([again])
        return False


class BlobPart:
    """Each blob's copy in use: there, whole, linked."""

    name = "blobs"

    def __init__(self, rows: Rows, files: Files, healing: Healing) -> None:
        self._rows = rows
        self._files = files
        self._healing = healing

    async def step(self, after: Cursor, run: Run) -> Cursor:
        """See Part."""
        page = await self._rows.blobs(after[0] if after else "", BLOBS)
        states = await self._files.states([blob.copy for blob in page])
        for blob in page:
            await self._check(blob, states.get(blob.copy), run)
            await run.looked(self.name, 1, (str(blob.copy.digest),))
        return run.report.after if len(page) == BLOBS else ()

    async def _check(self, blob: UsedBlob, state: State | None, run: Run) -> None:
        wrong = await self._wrong(blob.copy, state, run)
        if wrong is None and blob.is_linked and not blob.is_doomed:
            return
        now = await self._rows.blob(blob.copy.digest)
        if now is None or now.copy != blob.copy:  # pushed again or removed meanwhile
            return
        if wrong:
            await self._report(now, *wrong, run)
        digest, name = str(now.copy.digest), now.copy.name
        if not now.is_linked:
            await self._repair(Fault(Kind.UNLINKED_BLOB, (digest,), digest), run)
        elif now.is_doomed:
            await self._repair(Fault(Kind.DOOMED_BLOB, (digest, name), digest), run)

    async def _wrong(self, copy: Copy, state: State | None, run: Run) -> tuple[Kind, str] | None:
        if state is None:
            return Kind.MISSING_BLOB, ""
        if state.is_damaged:
            return Kind.QUARANTINED_BLOB, "its bytes were found to be damaged"
        if state.size != copy.size:
            return Kind.WRONG_SIZE, f"{state.size} bytes instead of {copy.size}"
        if run.deep:
            try:
                await self._files.verify(copy, run.spend)
            except DamagedBlob as damaged:
                return Kind.DAMAGED_BLOB, damaged.message
        return None

    async def _report(self, blob: UsedBlob, kind: Kind, detail: str, run: Run) -> None:
        digest = str(blob.copy.digest)
        affected = await run.affected(digest)
        outcome = Outcome.NOTHING
        if kind is Kind.QUARANTINED_BLOB:
            outcome = Outcome.QUARANTINED
        if run.repair and blob.is_linked:
            bad = kind is not Kind.WRONG_SIZE  # with other bytes the row may be what is wrong
            if await self._healing.heal(blob.copy.digest, blob.copy, run, bad=bad):
                outcome = Outcome.REPAIRED
            elif await self._files.quarantine(blob.copy):
                outcome = Outcome.QUARANTINED
        run.found(Finding(kind, digest, "", detail, affected, outcome))

    async def _repair(self, fault: Fault, run: Run) -> None:
        done = run.repair and await self._rows.repair(fault)
        outcome = Outcome.REPAIRED if done else Outcome.NOTHING
        run.found(Finding(fault.kind, fault.name, outcome=outcome))
