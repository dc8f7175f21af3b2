"""Print why a request was refused, for people and for programs."""

from datetime import datetime
from pathlib import Path

import click
from msgspec import to_builtins

from acrux.cli.options import print_json, print_table
from acrux.cli.registry import on_registry
from acrux.domain.audit.explanation import Explanation, Right
from acrux.http.management import shapes


def explain(config: Path | None, case: str, output: str, options: dict[str, object]) -> None:
    """Print the explanation of a case. Raises InvalidInput, UnknownCase."""
    told = on_registry(config, options, lambda to, _: to.explanations.explain(case))
    if output == "json":
        print_json(to_builtins(shapes.case(told)))
    else:
        _print(told)


def _print(told: Explanation) -> None:
    by = f", by {told.authentication_method}" if told.authentication_method else ""
    pairs = {
        "case": told.case,
        "time": _time(told.at),
        "request": f"{told.request} ({told.status})" if told.request else "",
        "account": f"{told.account}{by}" if told.account else "",
        "from": told.peer,
        "reason": told.reason,
        "needed": " ".join(map(str, told.needed)),
        "held": " ".join(map(str, told.held)),
        "scope map": told.scope_map,
    }
    for name, value in pairs.items():
        if value:
            click.echo(f"{name:<9}  {value}")
    if told.rights:
        click.echo("\nWhat was needed, as the scope map grants it now:")
        columns = ("RESOURCE", "ACTION", "GRANTED BY")
        print_table(columns, [(one.resource, one.action, _by(one)) for one in told.rights])
    for sentence in filter(None, (told.why, told.changes)):
        click.echo(f"\n{sentence}")
    if told.fixes:
        click.echo("\nWhat helps:")
    for fix in told.fixes:
        click.echo(f"  {fix}")


def _by(right: Right) -> str:
    if right.is_held:
        return right.permission or "the scope map"
    return "(nothing)"


def _time(at: datetime) -> str:
    return at.isoformat(timespec="seconds").replace("+00:00", "Z")
