"""acrux audit list --follow: each record is printed once, however late it is written."""

from collections.abc import Sequence
from contextlib import aclosing
from dataclasses import dataclass, field
from datetime import UTC, datetime, timedelta
from types import SimpleNamespace
from typing import Any

import pytest

from acrux.cli import audit
from acrux.domain.audit.decision import Decision, Outcome, Record, Search
from acrux.domain.instants import to_microseconds

SECOND = timedelta(seconds=1)
MOST_SEARCHES = 100


def record(ago: timedelta) -> Record:
    """A record of so long ago."""
    at = to_microseconds(datetime.now(UTC) - ago)
    return Record(f"{at:014x}{0:018}", Decision("GET /oauth2/token", Outcome.GRANTED, "acrux"))


@dataclass
class LateLog:
    """An audit log that lacks the `late` records when it is searched for the first time."""

    early: Sequence[Record]
    late: Sequence[Record]
    searches: int = field(default=0)

    async def search(self, wanted: Search) -> Sequence[Record]:
        """Those within the bounds."""
        self.searches += 1
        assert self.searches < MOST_SEARCHES, "what was awaited is never found"
        there = [*self.early, *(self.late if self.searches > 1 else ())]
        found = sorted(
            (one for one in there if wanted.since is None or one.at >= wanted.since),
            key=lambda one: one.id,
        )
        after = [one for one in found if wanted.after is None or one.id > wanted.after]
        return after[: wanted.limit] if wanted.oldest_first else after[-wanted.limit :]


async def followed(log: LateLog, limit: int, count: int) -> list[Record]:
    """The first `count` records of the command."""
    services: Any = SimpleNamespace(audit_log=log)
    found: Any = audit._followed(services, Search(), limit)  # noqa: SLF001 -- it never ends
    printed: list[Record] = []
    async with aclosing(found):
        async for one in found:
            printed.append(one)
            if len(printed) == count:
                break
    return printed


@pytest.fixture(autouse=True)
def _at_once(monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr(audit, "FOLLOW_SECONDS", 0)


@pytest.mark.parametrize("ago", [(), (1,), (3,)])
async def test_a_record_that_is_written_after_the_start_is_printed(ago: tuple[int, ...]) -> None:
    """It was recorded before the start, and a collector of logs would never see it."""
    early, late = [record(seconds * SECOND) for seconds in ago], record(2 * SECOND)

    assert await followed(LateLog(early, [late]), 100, len(early) + 1) == [*early, late]


async def test_what_the_limit_leaves_out_is_not_printed_later() -> None:
    """Who asks for the newest two would get them, and then older ones."""
    early = [record(ago * SECOND) for ago in (4, 3, 2)]
    late = record(SECOND)

    assert await followed(LateLog(early, [late]), 2, 3) == [*early[1:], late]
