"""What nothing refers to any more, in SQL."""

from collections.abc import Sequence
from datetime import datetime

from acrux.adapters.sql.collection import clearing, counting, reviewing
from acrux.adapters.sql.collection.backlog import ARE_DUE
from acrux.adapters.sql.collection.reviewing import Rules
from acrux.adapters.sql.content import copies, usage
from acrux.adapters.sql.database import Database, Row, Statement, Steps
from acrux.adapters.sql.deleted import purging
from acrux.domain.content.storage.copy import Copy
from acrux.domain.instants import from_microseconds, to_microseconds
from acrux.ports.content.collection import Collected, Queue


class SqlGarbage:
    """The port Garbage on a database; each method is described there."""

    def __init__(self, database: Database, rules: Rules) -> None:
        self._database = database
        self._rules = rules

    async def count(self, items: int) -> int:
        """See ports.Garbage."""
        return await self._database.write(counting.count_some(items, self._rules.grace))

    async def is_counted(self) -> bool:
        """See ports.Garbage."""
        return not await self._database.read(counting.find_uncounted())

    async def is_any_due(self, now: datetime) -> bool:
        """See ports.Garbage."""
        [(due,)] = await self._database.read(_find_any_due(to_microseconds(now)))
        return bool(due)

    async def review(self, now: datetime, items: int) -> Collected:
        """See ports.Garbage."""
        return await self._database.write(
            reviewing.review_due(to_microseconds(now), items, self._rules)
        )

    async def end_holds(self, now: datetime, items: int) -> Collected:
        """See ports.Garbage."""
        return await self._database.write(
            reviewing.review_expired_holds(to_microseconds(now), items)
        )

    async def purge_expired(self, now: datetime, items: int) -> Collected:
        """See ports.Garbage."""
        manifests, tags = await self._database.write(
            purging.purge_expired(to_microseconds(now), items)
        )
        return Collected(looked_at=manifests + tags, manifests=manifests)

    async def clear(self, now: datetime, items: int) -> Collected:
        """See ports.Garbage."""
        return await self._database.write(clearing.clear(to_microseconds(now), items))

    async def removals(self, now: datetime, items: int) -> Sequence[Copy]:
        """See ports.Garbage."""
        rows = await self._database.read(copies.find_removals(to_microseconds(now), items))
        return [copies.read(row) for row in rows]

    async def forget(self, copies_: Sequence[Copy]) -> None:
        """See ports.Garbage."""
        await self._database.write(copies.removed(copies_))

    async def postpone(self, copies_: Sequence[Copy], until: datetime) -> None:
        """See ports.Garbage."""
        await self._database.write(copies.postpone(copies_, to_microseconds(until)))

    async def disown(self, copies_: Sequence[Copy], now: datetime) -> int:
        """See ports.Garbage."""
        return await self._database.write(_disown(copies_, to_microseconds(now)))

    async def queue(self, now: datetime) -> Queue:
        """See ports.Garbage."""
        # Not on the event loop: a million rows may wait, and all of them are counted.
        [row] = await self._database.snapshot(_one(_find_queue(to_microseconds(now))))
        *counts, oldest, uncounted = row
        reviews, due, holds, repositories, waiting, bytes_ = map(int, counts)
        return Queue(
            reviews=reviews,
            due=due,
            holds=holds,
            repositories=repositories,
            copies=waiting,
            bytes=bytes_,
            oldest_due=from_microseconds(oldest) if oldest is not None else None,
            is_counted=not uncounted,
        )


def _disown(candidates: Sequence[Copy], now: int) -> Steps[int]:
    disowned = 0
    for copy in candidates:
        used = yield Statement(
            """
            SELECT 1 FROM blobs WHERE digest = :digest AND copy = :copy
            UNION ALL
            SELECT 1 FROM removals WHERE digest = :digest AND copy = :copy
            """,
            {"digest": str(copy.digest), "copy": copy.name},
        )
        if not used:
            yield copies.remove(str(copy.digest), copy.name, copy.size, now)
            disowned += 1
    return disowned


def _find_any_due(now: int) -> Statement:
    sources = (*ARE_DUE.values(), f"FROM usage WHERE {usage.UNCOUNTED}")
    any_due = " OR ".join(f"EXISTS (SELECT 1 {source})" for source in sources)
    return Statement(f"SELECT {any_due}", {"now": now})


def _one(statement: Statement) -> Steps[list[Row]]:
    return (yield statement)


def _find_queue(now: int) -> Statement:
    return Statement(
        f"""
        SELECT (SELECT COUNT(*) FROM reviews),
               (SELECT COUNT(*) FROM reviews WHERE due_at <= :now),
               (SELECT COUNT(*) FROM holds),
               (SELECT COUNT(*) FROM repositories
                WHERE clear_at IS NOT NULL),
               (SELECT COUNT(*) FROM removals),
               (SELECT COALESCE(SUM(size), 0) FROM removals),
               (SELECT MIN(due_at) FROM reviews WHERE due_at <= :now),
               EXISTS (SELECT 1 FROM usage WHERE {usage.UNCOUNTED})
        """,  # noqa: S608 -- our own condition
        {"now": now},
    )
