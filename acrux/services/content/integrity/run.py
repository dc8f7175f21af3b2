"""One run of a check, as its parts see it."""

from collections.abc import Awaitable, Callable, Mapping
from typing import Protocol

from acrux.domain.content.digest import Digest
from acrux.domain.content.integrity.findings import Affected, Finding
from acrux.ports.content.integrity.rows import Cursor, Rows
from acrux.services.content.integrity.pace import Pace
from acrux.services.content.integrity.report import Report

# Shows what is done: the part, how many of about how many, and how many bytes were read.
Tell = Callable[[str, int, int, int], None]

Keep = Callable[[], Awaitable[None]]


def nobody(_part: str, _done: int, _count: int, _bytes: int) -> None:
    """Nobody watches."""


class Run:
    """What is to be done, and where the results go.

    `totals` is about how much there is. `keep` is called often, and remembers now and then how far
    the check is. What was found counts together with what was looked at: after an interruption,
    nothing counts twice.
    """

    def __init__(
        self,
        report: Report,
        rows: Rows,
        totals: Mapping[str, int],
        pace: Pace,
        tell: Tell,
        keep: Keep,
    ) -> None:
        self.report = report
        self._rows = rows
        self._totals = totals
        self._pace = pace
        self._tell = tell
        self._keep = keep
        self.is_over = False  # whether the parts that follow are left out
        self._pending: list[tuple[Finding, int]] = []

    @property
    def deep(self) -> bool:
        """Whether all bytes are read."""
        return self.report.deep

    @property
    def repair(self) -> bool:
        """Whether something may be changed."""
        return self.report.repair

    async def spend(self, count: int) -> None:
        """Count bytes that were read, and wait for as long as they may take."""
        self.report.read += count
        await self._pace.spend(count)
        await self._keep()

    async def looked(self, part: str, count: int, after: Cursor) -> None:
        """Count what was looked at, and remember where; `after` is empty at the end of a part."""
        self.report.look(part, count)
        self.flush()
        done = self.report.looked_at[part]
        self._tell(part, done, max(done, self._totals.get(part, 0)), self.report.read)
        if after:
            self.report.after = after
            await self._keep()

    def flush(self) -> None:
        """Count what was found."""
        while self._pending:
            self.report.add(*self._pending.pop(0))

    async def affected(self, digest: str) -> Affected:
        """Some of what uses the digest, if there is room to name it."""
        if not digest or len(self._pending) >= self.report.room:
            return Affected()
        return await self._rows.affected(Digest.parse(digest))

    def found(self, finding: Finding, count: int = 1) -> None:
        """Report what is wrong."""
        self._pending.append((finding, count))


class Part(Protocol):
    """A part of a check."""

    @property
    def name(self) -> str:
        """What it looks at."""

    async def step(self, after: Cursor, run: Run) -> Cursor:
        """Look at the next few; where to go on, empty at the end."""
