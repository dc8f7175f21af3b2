"""acrux audit: who asked what, and what was decided."""

import re
import time
from collections.abc import Iterator, Sequence
from dataclasses import replace
from datetime import UTC, datetime, timedelta
from typing import Any, Final

import click
from msgspec import to_builtins

from acrux.cli import output as outputs
from acrux.cli.carrier.api import Api
from acrux.cli.carrier.calls import Call, Query
from acrux.cli.carrier.place import Place, place_options
from acrux.cli.options import output_option, print_json, print_table
from acrux.domain.audit.decision import Outcome
from acrux.domain.content.page import Order
from acrux.http.management import shapes
from acrux.http.management.operation import ROOT

MAX_RECORDS: Final = 1_000_000
NEWEST: Final = 100  # if no option says how far back

LOG: Final = Call("GET", f"{ROOT}/audit")
OLDEST_FIRST: Final = ("orderby", Order.OLDEST_FIRST.value)

_AGO: Final = re.compile(r"([0-9]{1,9})([smhd])")
_UNITS: Final = {"s": "seconds", "m": "minutes", "h": "hours", "d": "days"}

# How often the audit log is searched for new records, and how long a process may take to write what
# it recorded: until then a record with an earlier id can still appear.
FOLLOW_SECONDS: Final = 0.5
OVERLAP: Final = timedelta(seconds=10)

EARLIEST: Final = datetime(1970, 1, 1, tzinfo=UTC) + OVERLAP

COLUMNS: Final = ("TIME", "CASE", "ACCOUNT", "BY", "FROM", "OUTCOME", "REQUEST", "SCOPE", "WHY")


class Instant(click.ParamType[datetime]):
    """An instant, or how long ago it was."""

    name = "TIME"

    def convert(
        self, value: Any, parameter: click.Parameter | None, context: click.Context | None
    ) -> datetime:
        """`2026-11-21T09:30Z` and the like, in UTC if there is no zone; or `15m`, `24h`, `7d`."""
        if isinstance(value, datetime):
            return value
        if ago := _AGO.fullmatch(str(value)):
            return datetime.now(UTC) - timedelta(**{_UNITS[ago[2]]: int(ago[1])})
        try:
            instant = datetime.fromisoformat(str(value))
        except ValueError:
            self.fail(
                f"{value!r} is not a time: give 2026-11-21, 2026-11-21T09:30:00Z, or how long ago "
                "it was: 15m, 24h, 7d",
                parameter,
                context,
            )
        return instant if instant.tzinfo else instant.replace(tzinfo=UTC)


@click.group()
def audit() -> None:
    """Show who requested what, and what was decided."""


@audit.command()
@click.option("--account", help="Only this account; or (unknown), (anonymous), (local).")
@click.option("--repository", help="Only records about this repository.")
@click.option("--since", type=Instant(), help="Only from this time on: 2026-11-21T09:30Z, or 24h.")
@click.option("--until", type=Instant(), help="Only before this time.")
@click.option(
    "--outcome",
    type=click.Choice([outcome.value for outcome in Outcome]),
    help="Only records with this outcome.",
)
@click.option(
    "--limit",
    type=click.IntRange(1, MAX_RECORDS),
    help=f"Only this many, the newest. Default: all with --since or --until, else {NEWEST}.",
)
@click.option("--follow", "-f", is_flag=True, help="Wait for new records, and print them too.")
@place_options("data_dir")
@output_option
def list(  # noqa: A001, PLR0913 -- as az, and it has that many options
    *,
    place: Place,
    account: str | None,
    repository: str | None,
    since: datetime | None,
    until: datetime | None,
    outcome: str | None,
    limit: int | None,
    follow: bool,
    output: str,
) -> None:
    """List issued tokens, changes and refusals of credentials, the newest last.

    \b
    Examples:
      acrux audit list --since 24h --outcome refused
      acrux audit list --account ci-team --repository team/app --since 2026-11-01
      acrux audit list --output jsonl --follow >> audit.jsonl
    """
    as_lines = outputs.wanted().form == "jsonl"
    if follow and not as_lines:
        raise click.UsageError("--follow needs --output jsonl")
    if follow and until:
        raise click.UsageError("--follow never ends: leave out --until")
    if limit is None and since is None and until is None:
        limit = NEWEST
    wanted = _search(account, repository, outcome, since, until)
    with place.reach() as api:
        found = followed(api, wanted, since, limit) if follow else _found(api, wanted, limit)
        if as_lines:
            outputs.print_lines(map(_json, found))
        elif output == "json":
            print_json([_json(record) for record in found])
        else:
            print_table(COLUMNS, [_row(record) for record in found])


def _search(
    account: str | None,
    repository: str | None,
    outcome: str | None,
    since: datetime | None,
    until: datetime | None,
) -> Query:
    fields = {
        "account": account,
        "repository": repository,
        "outcome": outcome,
        "since": since.isoformat() if since else None,
        "until": until.isoformat() if until else None,
    }
    return tuple((name, value) for name, value in fields.items() if value is not None)


def _found(api: Api, wanted: Query, limit: int | None) -> Iterator[shapes.Record]:
    if limit is None:
        for page in api.pages(replace(LOG, query=(*wanted, OLDEST_FIRST)), shapes.RecordList):
            yield from page.value
        return
    # Each page holds records that are older than those of the page before.
    pages: Sequence[Sequence[shapes.Record]] = ()
    for page in api.pages(replace(LOG, query=wanted), shapes.RecordList):
        pages = (page.value, *pages)
        if sum(map(len, pages)) >= limit:
            break
    newest = [record for records in pages for record in records]
    yield from newest[-limit:]


class Seen:
    """Which of the newest records were printed already."""

    def __init__(self) -> None:
        self._at: dict[str, datetime] = {}
        self.newest = EARLIEST

    def add(self, record: shapes.Record) -> bool:
        """Whether it is a new one. Those that no search can find any more are forgotten."""
        if record.id in self._at:
            return False
        self._at[record.id] = record.time
        self.newest = max(self.newest, record.time)
        while (first := next(iter(self._at))) and self._at[first] < self.newest - 2 * OVERLAP:
            del self._at[first]
        return True


def followed(
    api: Api, wanted: Query, since: datetime | None, limit: int | None
) -> Iterator[shapes.Record]:
    """What is found, and then without end what is new.

    Only the registry's clock counts: at a URL, ours may differ.
    """
    count, oldest, seen = 0, datetime.max.replace(tzinfo=UTC), Seen()
    for record in _found(api, wanted, limit):
        count, oldest = count + 1, min(oldest, record.time)
        seen.add(record)
        yield record
    # Only the limit leaves out what was there. What else is missing was not written yet.
    began = since or (oldest if count == limit else EARLIEST)
    others = tuple(field for field in wanted if field[0] != "since")
    while True:
        time.sleep(FOLLOW_SECONDS)
        start = max(began, seen.newest - OVERLAP)
        new = filter(seen.add, _found(api, (*others, ("since", start.isoformat())), None))
        yield from new


def _json(record: shapes.Record) -> dict[str, Any]:
    return {**to_builtins(record), "time": _time(record.time, "microseconds")}


def _row(record: shapes.Record) -> tuple[str, ...]:
    is_granted = record.outcome == Outcome.GRANTED.value
    return (
        _time(record.time, "seconds"),
        record.case,
        record.account,
        record.proof,
        record.peer,
        record.outcome,
        record.request,
        " ".join(record.granted if is_granted else record.asked),
        record.reason or record.message,
    )


def _time(at: datetime, unit: str) -> str:
    return at.isoformat(timespec=unit).replace("+00:00", "Z")
