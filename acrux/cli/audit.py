"""acrux audit: who asked what, and what was decided."""

import asyncio
import json
import re
from collections.abc import AsyncIterator, Sequence
from datetime import UTC, datetime, timedelta
from pathlib import Path
from typing import Any, Final

import click
from msgspec.structs import replace

from acrux.bootstrap.services import Services
from acrux.cli.options import print_json, print_table, setting_options
from acrux.cli.registry import on_registry
from acrux.domain.access.scope import render
from acrux.domain.audit.decision import Outcome, Record, Search

MAX_RECORDS: Final = 1_000_000
NEWEST: Final = 100  # if no option says how far back
AT_ONCE: Final = 1000  # records read from the database in each step of a long list

_AGO: Final = re.compile(r"([0-9]{1,9})([smhd])")
_UNITS: Final = {"s": "seconds", "m": "minutes", "h": "hours", "d": "days"}

# How often the audit log is searched for new records, and how long a process may take to write what
# it recorded: until then a record with an earlier id can still appear.
FOLLOW_SECONDS: Final = 0.5
OVERLAP: Final = timedelta(seconds=10)


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
@click.option(
    "--output", "-o", type=click.Choice(["json", "jsonl", "table"]), default="table",
    show_default=True, help="JSON, one line of JSON for each record, or a table for people.",
)  # fmt: skip
@setting_options("data_dir")
def list(  # noqa: A001, PLR0913, PLR0917 -- as az, and it has that many options
    config: Path | None,
    account: str | None,
    repository: str | None,
    since: datetime | None,
    until: datetime | None,
    outcome: str | None,
    limit: int | None,
    follow: bool,  # noqa: FBT001 -- a flag
    output: str,
    **options: object,
) -> None:
    """List issued tokens, changes and refusals of credentials, the newest last.

    \b
    Examples:
      acrux audit list --since 24h --outcome refused
      acrux audit list --account ci-team --repository team/app --since 2026-11-01
      acrux audit list --output jsonl --follow >> audit.jsonl
    """
    if follow and output != "jsonl":
        raise click.UsageError("--follow needs --output jsonl")
    if follow and until:
        raise click.UsageError("--follow never ends: leave out --until")
    if limit is None and since is None and until is None:
        limit = NEWEST
    wanted = Search(account, repository, Outcome(outcome) if outcome else None, since, until)

    async def act(services: Services) -> None:
        found = _followed(services, wanted, limit) if follow else _found(services, wanted, limit)
        if output != "jsonl":
            _print([record async for record in found], output)
            return
        async for record in found:
            click.echo(json.dumps(_json(record), ensure_ascii=False))

    on_registry(config, options, lambda services, _: act(services))


async def _found(services: Services, wanted: Search, limit: int | None) -> AsyncIterator[Record]:
    if limit is not None:
        for record in await services.audit_log.search(replace(wanted, limit=limit)):
            yield record
        return
    step = replace(wanted, limit=AT_ONCE, oldest_first=True)
    while records := await services.audit_log.search(step):
        for record in records:
            yield record
        step = replace(step, after=records[-1].id)


async def _followed(services: Services, wanted: Search, limit: int | None) -> AsyncIterator[Record]:
    oldest, count = datetime.now(UTC), 0
    seen: dict[str, datetime] = {}
    async for record in _found(services, wanted, limit):
        oldest, count = min(oldest, record.at), count + 1
        if record.at >= datetime.now(UTC) - 2 * OVERLAP:
            seen[record.id] = record.at
        yield record
    # Only the limit leaves out what was there. What else is missing was not written yet.
    began = wanted.since or (oldest if count == limit else datetime.min.replace(tzinfo=UTC))
    while True:
        await asyncio.sleep(FOLLOW_SECONDS)
        since = max(began, datetime.now(UTC) - OVERLAP)
        async for record in _found(services, replace(wanted, since=since), None):
            if record.id not in seen:
                seen[record.id] = record.at
                yield record
        seen = {id_: at for id_, at in seen.items() if at >= since - OVERLAP}


def _print(records: Sequence[Record], output: str) -> None:
    if output == "json":
        print_json([_json(record) for record in records])
    else:
        columns = ("TIME", "CASE", "ACCOUNT", "BY", "FROM", "OUTCOME", "REQUEST", "SCOPE", "WHY")
        print_table(columns, [_row(record) for record in records])


def _json(record: Record) -> dict[str, object]:
    decision = record.decision
    return {
        "id": record.id,
        "time": _time(record.at, "microseconds"),
        "outcome": decision.outcome.value,
        "account": decision.account,
        "proof": decision.authentication_method,
        "peer": decision.peer,
        "request": decision.request,
        "status": decision.status,
        "repository": decision.repository,
        "asked": [str(scope) for scope in decision.asked],
        "granted": [str(scope) for scope in decision.granted],
        "reason": decision.reason,
        "message": decision.message,
        "facts": dict(decision.facts),
        "case": decision.case,
        "correlationRequestId": decision.correlation,
    }


def _row(record: Record) -> tuple[str, ...]:
    decision = record.decision
    is_granted = decision.outcome is Outcome.GRANTED
    return (
        _time(record.at, "seconds"),
        decision.case,
        decision.account,
        decision.authentication_method,
        decision.peer,
        decision.outcome.value,
        decision.request,
        render(decision.granted if is_granted else decision.asked),
        decision.reason or decision.message,
    )


def _time(at: datetime, unit: str) -> str:
    return at.isoformat(timespec=unit).replace("+00:00", "Z")
