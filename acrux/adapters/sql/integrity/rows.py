"""The rows as a check looks at them: the port Rows on a database."""

from collections.abc import Callable, Mapping, Sequence
from datetime import datetime
from typing import Final

from acrux.adapters.sql.collection.reviewing import Rules
from acrux.adapters.sql.content.grace import Grace
from acrux.adapters.sql.database import Database, Row, Statement, Steps
from acrux.adapters.sql.integrity import copies_in_use, counters, named
from acrux.adapters.sql.space import keeping
from acrux.adapters.sql.space.counted import check_counted
from acrux.domain.content.digest import Digest
from acrux.domain.content.integrity.findings import Affected, Kind, affected_by
from acrux.domain.content.storage.copy import Copy
from acrux.domain.instants import to_microseconds
from acrux.errors import UnknownBlob
from acrux.ports.content.integrity.rows import Cursor, Fault, Orphan, Scan, Scanned, UsedBlob

_SCANS: Final[dict[Scan, Callable[[Cursor, int], Steps[Scanned]]]] = {
    Scan.LINKS: copies_in_use.scan_links,
    Scan.MANIFESTS: named.scan_manifests,
    Scan.REFERENCES: named.scan_references,
    Scan.TAGS: named.scan_tags,
    Scan.REPOSITORIES: counters.scan_repositories,
    Scan.PARTS: counters.scan_parts,
}

_REPAIRS: Final[dict[Kind, Callable[[Cursor, Grace], Steps[bool]]]] = {
    Kind.WRONG_LINK: copies_in_use.repair_link,
    Kind.DOOMED_BLOB: copies_in_use.spare,
    Kind.UNLINKED_BLOB: copies_in_use.give_up,
    Kind.MISSING_REFERENCE: named.refer,
    Kind.WRONG_REFERENCE: named.withdraw,
}


class SqlRows:
    """The port Rows on a database; each method is described there."""

    def __init__(self, database: Database, rules: Rules) -> None:
        self._database = database
        self._rules = rules

    async def check_counted(self) -> None:
        """See ports.integrity.rows.Rows."""
        await self._database.snapshot(check_counted())

    async def broken(self, *, deep: bool) -> Sequence[str]:
        """See ports.integrity.rows.Rows."""
        return await self._database.verify(deep=deep)

    async def totals(self) -> Mapping[str, int]:
        """See ports.integrity.rows.Rows."""
        [row] = await self._database.snapshot(_one(counters.totals()))
        names = ("blobs", "links", "manifests", "tags", "repositories")
        return dict(zip(names, map(int, row), strict=True))

    async def blobs(self, after: str, count: int) -> Sequence[UsedBlob]:
        """See ports.integrity.rows.Rows."""
        rows = await self._database.snapshot(_one(copies_in_use.page(after, count)))
        return [copies_in_use.read(row) for row in rows]

    async def blob(self, digest: Digest) -> UsedBlob | None:
        """See ports.integrity.rows.Rows."""
        rows = await self._database.snapshot(_one(copies_in_use.find(str(digest))))
        return copies_in_use.read(rows[0]) if rows else None

    async def scan(self, what: Scan, after: Cursor, count: int) -> Scanned:
        """See ports.integrity.rows.Rows."""
        return await self._database.snapshot(_SCANS[what](after, count))

    async def repair(self, fault: Fault) -> bool:
        """See ports.integrity.rows.Rows."""
        if fault.kind is Kind.REPOSITORY_COUNTERS:
            return await self._correct_repository(fault.key[0])
        if fault.kind is Kind.REGISTRY_COUNTERS:
            drift = await self._database.snapshot(counters.measure_part(fault.key[0]))
            return await self._database.write(counters.correct_part(fault.key[0], drift))
        if fault.kind not in _REPAIRS:
            return False
        steps = _REPAIRS[fault.kind](fault.key, self._rules.grace)
        return await self._database.write(steps)

    async def _correct_repository(self, key: str) -> bool:
        # What is added in between is added to both: a count of a large repository takes seconds,
        # in which nobody could push.
        created_at, drift = await self._database.snapshot(counters.measure_repository(key))
        if not any(drift):
            return True
        return await self._database.write(counters.correct_repository(key, created_at, drift))

    async def adopt(self, copy: Copy, instead: Copy | None, at: datetime) -> bool:
        """See ports.integrity.rows.Rows."""
        return await self._database.write(copies_in_use.adopt(copy, instead, to_microseconds(at)))

    async def orphans(self, copies: Sequence[Copy]) -> Sequence[Orphan]:
        """See ports.integrity.rows.Rows."""
        return await self._database.snapshot(copies_in_use.orphans(copies))

    async def affected(self, digest: Digest) -> Affected:
        """See ports.integrity.rows.Rows."""
        try:
            kept = await self._database.snapshot(keeping.find(digest, None, self._rules))
        except UnknownBlob:  # nothing has it
            return Affected()
        return affected_by(kept)


def _one(statement: Statement) -> Steps[list[Row]]:
    return (yield statement)
