"""acrux audit list --follow: each record is printed once, however late it is written."""

from collections.abc import Iterator, Sequence
from dataclasses import dataclass, field
from datetime import UTC, datetime, timedelta
from itertools import islice
from typing import Any

import pytest

from acrux.cli import audit
from acrux.cli.carrier.calls import Call
from acrux.domain.audit.decision import Decision, Outcome, Record
from acrux.domain.instants import to_microseconds
from acrux.http.management import shapes

SECOND = timedelta(seconds=1)
MOST_SEARCHES = 100


def record(ago: timedelta) -> shapes.Record:
    """A record of so long ago."""
    at = to_microseconds(datetime.now(UTC) - ago)
    decision = Decision("GET /oauth2/token", Outcome.GRANTED, "acrux")
    return shapes.record(Record(f"{at:014x}{0:018}", decision))


@dataclass
class LateLog:
    """An audit log that lacks the `late` records when it is searched for the first time."""

    early: Sequence[shapes.Record]
    late: Sequence[shapes.Record]
    searches: int = field(default=0)

    def pages(self, call: Call, kind: type[shapes.RecordList]) -> Iterator[shapes.RecordList]:
        """One page of those within the bounds."""
        self.searches += 1
        assert self.searches < MOST_SEARCHES, "what was awaited is never found"
        there = [*self.early, *(self.late if self.searches > 1 else ())]
        since = dict(call.query).get("since")
        found = [one for one in there if since is None or one.time >= datetime.fromisoformat(since)]
        yield kind(sorted(found, key=lambda one: one.id))


def followed(log: LateLog, limit: int, count: int) -> list[shapes.Record]:
    """The first `count` records of the command."""
    api: Any = log
    return list(islice(audit.followed(api, (), None, limit), count))


@pytest.fixture(autouse=True)
def _at_once(monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr(audit, "FOLLOW_SECONDS", 0)


@pytest.mark.parametrize("ago", [(), (1,), (3,)])
def test_a_record_that_is_written_after_the_start_is_printed(ago: tuple[int, ...]) -> None:
    """It was recorded before the start, and a collector of logs would never see it."""
    early, late = [record(seconds * SECOND) for seconds in ago], record(2 * SECOND)

    assert followed(LateLog(early, [late]), 100, len(early) + 1) == [*early, late]


def test_what_the_limit_leaves_out_is_not_printed_later() -> None:
    """Who asks for the newest two would get them, and then older ones."""
    early = [record(ago * SECOND) for ago in (4, 3, 2)]
    late = record(SECOND)

    assert followed(LateLog(early, [late]), 2, 3) == [*early[1:], late]


@pytest.mark.parametrize("ahead", [timedelta(days=-1), timedelta(days=1)])
def test_a_registry_whose_clock_differs_is_followed(ahead: timedelta) -> None:
    """The laptop's clock says nothing of what a server in a pod records."""
    early, late = record(2 * SECOND - ahead), record(SECOND - ahead)

    assert followed(LateLog([early], [late]), 100, 2) == [early, late]


def test_what_was_printed_long_ago_is_forgotten() -> None:
    """A collector of logs follows for months, and must not grow with every record."""
    seen = audit.Seen()
    first, second = record(60 * SECOND), record(0 * SECOND)

    assert [seen.add(first), seen.add(first), seen.add(second)] == [True, False, True]
    assert seen.add(first)
