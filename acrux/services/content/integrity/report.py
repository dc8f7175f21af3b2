"""What a check is to do, how far it is, and what it found."""

from datetime import datetime, timedelta
from typing import Final

from msgspec import Struct, field
from msgspec.structs import replace

from acrux.domain.content.integrity.findings import Finding, Kind, Outcome
from acrux.ports.content.integrity.rows import Cursor

MAX_FINDINGS: Final = 1000  # that are named; all are counted
KEPT_FINDINGS: Final = 100  # of these, what an interrupted check remembers
RESUMED_FOR: Final = timedelta(days=7)
VERSION: Final = 1  # of what an interrupted check remembers


class Options(Struct, frozen=True):
    """How to check: read all bytes, correct what can be, and how many bytes to read a second.

    A rate of 0 is as fast as possible. `restart` begins again after an interruption.
    """

    deep: bool = False
    repair: bool = False
    rate: int = 0
    restart: bool = False


class Report(Struct):
    """How far a check is, and what it found; `found` and `repaired` count by kind.

    `looked_at` counts by part, and `read` the bytes.
    """

    deep: bool
    repair: bool
    began_at: datetime
    is_resumed: bool = False
    version: int = VERSION
    part: int = 0
    after: Cursor = ()
    looked_at: dict[str, int] = field(default_factory=dict)
    read: int = 0
    found: dict[str, int] = field(default_factory=dict)
    repaired: dict[str, int] = field(default_factory=dict)
    findings: list[Finding] = field(default_factory=list)

    def add(self, finding: Finding, count: int = 1) -> None:
        """Count something that was found, and name it if there is room."""
        kind = finding.kind.value
        self.found[kind] = self.found.get(kind, 0) + count
        if finding.outcome is Outcome.REPAIRED:
            self.repaired[kind] = self.repaired.get(kind, 0) + count
        if self.room:
            self.findings.append(finding)

    def look(self, part: str, count: int) -> None:
        """Count what was looked at."""
        self.looked_at[part] = self.looked_at.get(part, 0) + count

    @property
    def room(self) -> int:
        """How many more findings are named."""
        return MAX_FINDINGS - len(self.findings)

    @property
    def is_whole(self) -> bool:
        """Whether nothing is wrong any more: what only takes space does not count."""
        return all(
            self.repaired.get(kind, 0) == count or Kind(kind).is_leftover
            for kind, count in self.found.items()
        )

    def continues(self, options: Options, now: datetime) -> bool:
        """Whether a check with these options goes on from here."""
        asked = (VERSION, options.deep, options.repair)
        is_same = (self.version, self.deep, self.repair) == asked
        return is_same and not options.restart and now - self.began_at < RESUMED_FOR

    def kept(self) -> "Report":
        """What to remember of it."""
        return replace(self, findings=self.findings[:KEPT_FINDINGS])
