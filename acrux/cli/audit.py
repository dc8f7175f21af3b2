"""acrux audit: who asked what, and what was decided."""

import asyncio
import json
import re
from collections.abc import AsyncIterator
from datetime import UTC, datetime, timedelta
from pathlib import Path
from typing import Any, Final

import click
from msgspec.structs import replace

from acrux.bootstrap import Services
from acrux.cli.options import print_json, print_table, setting_options
from acrux.cli.registry import on_registry
from acrux.domain.decision import Outcome, Record, Search
from acrux.domain.scope import render

MAX_RECORDS: Final = 1_000_000

_AGO: Final = re.compile(r"([0-9]{1,9})([smhd])")
_UNITS: Final = {"s": "seconds", "m": "minutes", "h": "hours", "d": "days"}

# How often the journal is looked into for what is new, and for how long a process may take to
# write what it recorded: until then a record with an earlier id can still come.
FOLLOW_SECONDS: Final = 0.5
OVERLAP: Final = timedelta(seconds=10)


class Instant(click.ParamType[datetime]):
    """An instant, or how long ago it was."""

    name = "TIME"

    def convert(
        self, value: Any, parameter: click.Parameter | None, context: click.Context | None
    ) -> datetime:
        """`2026-11-21T09:30Z` and the like, in UTC where no zone is named; `15m`, `24h`, `7d`."""
        if isinstance(value, datetime):
            return value
        if ago := _AGO.fullmatch(str(value)):
            return datetime.now(UTC) - timedelta(**{_UNITS[ago[2]]: int(ago[1])})
        try:
            instant = datetime.fromisoformat(str(value))
        except ValueError:
            self.fail(
                f"{value!r} is no time: 2026-11-21, 2026-11-21T09:30:00Z, or 15m, 24h, 7d for how "
                "long ago",
                parameter,
                context,
            )
        return instant if instant.tzinfo else instant.replace(tzinfo=UTC)


@click.group()
def audit() -> None:
    """Look who asked what of the registry, and what was decided."""


@audit.command()
@click.option("--account", help="Of this account only; (unknown), (anonymous) and (local) too.")
@click.option("--repository", help="About this repository only.")
@click.option("--since", type=Instant(), help="From this time on: 2026-11-21T09:30Z, or 24h.")
@click.option("--until", type=Instant(), help="Before this time.")
@click.option(
    "--outcome",
    type=click.Choice([outcome.value for outcome in Outcome]),
    help="Only what ended so.",
)
@click.option(
    "--limit",
    type=click.IntRange(1, MAX_RECORDS),
    default=100,
    show_default=True,
    help="The newest so many.",
)
@click.option("--follow", "-f", is_flag=True, help="Go on with what is recorded from now on.")
@click.option(
    "--output", "-o", type=click.Choice(["json", "jsonl", "table"]), default="table",
    show_default=True, help="JSON for programs, a line of JSON each, or a table for people.",
)  # fmt: skip
@setting_options("data_dir")
def list(  # noqa: A001, PLR0913, PLR0917 -- as az, and it has that many options
    config: Path | None,
    account: str | None,
    repository: str | None,
    since: datetime | None,
    until: datetime | None,
    outcome: str | None,
    limit: int,
    follow: bool,  # noqa: FBT001 -- a flag
    output: str,
    **options: object,
) -> None:
    """List tokens issued, changes made, and refusals of credentials, the newest last.

    \b
    Examples:
      acrux audit list --since 24h --outcome refused
      acrux audit list --account ci-team --repository team/app --since 2026-11-01
      acrux audit list --output jsonl --follow >> audit.jsonl
    """
    if follow and output != "jsonl":
        raise click.UsageError("--follow needs --output jsonl")
    if follow and until:
        raise click.UsageError("--follow has no end: leave --until out")
    wanted = Search(account, repository, Outcome(outcome) if outcome else None, since, until, limit)

    async def act(to: Services) -> tuple[Record, ...]:
        found = await to.journal.search(wanted)
        if follow:
            _print(found, output)
            async for record in _new_ones(to, wanted, found):
                _print((record,), output)
        return found

    found = on_registry(config, options, lambda to, _: act(to))
    _print(found, output)


async def _new_ones(
    to: Services, wanted: Search, found: tuple[Record, ...]
) -> AsyncIterator[Record]:
    seen = {record.id: record.at for record in found}
    began = wanted.since or (found[0].at if found else datetime.now(UTC))
    while True:
        await asyncio.sleep(FOLLOW_SECONDS)
        since = max(began, datetime.now(UTC) - OVERLAP)
        for record in await to.journal.search(replace(wanted, since=since, limit=MAX_RECORDS)):
            if record.id not in seen:
                seen[record.id] = record.at
                yield record
        seen = {id_: at for id_, at in seen.items() if at >= since - OVERLAP}


def _print(records: tuple[Record, ...], output: str) -> None:
    if output == "jsonl":
        for record in records:
            click.echo(json.dumps(_json(record), ensure_ascii=False))
    elif output == "json":
        print_json([_json(record) for record in records])
    else:
        columns = ("TIME", "ACCOUNT", "BY", "FROM", "OUTCOME", "REQUEST", "SCOPE", "WHY")
        print_table(columns, [_row(record) for record in records])


def _json(record: Record) -> dict[str, object]:
    decision = record.decision
    return {
        "id": record.id,
        "time": _time(record.at, "microseconds"),
        "outcome": decision.outcome.value,
        "account": decision.account,
        "proof": decision.proof,
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
        decision.account,
        decision.proof,
        decision.peer,
        decision.outcome.value,
        decision.request,
        render(decision.granted if is_granted else decision.asked),
        decision.reason or decision.message,
    )


def _time(at: datetime, unit: str) -> str:
    return at.isoformat(timespec=unit).replace("+00:00", "Z")
