"""acrux auth explain: why a request was refused, and what would allow it."""

import time
from collections.abc import Callable
from contextlib import suppress
from datetime import datetime
from functools import partial
from typing import Final

import click
from msgspec import to_builtins

from acrux.cli.carrier.place import Place, place_options
from acrux.cli.options import output_option, print_json, print_table
from acrux.errors import Unknown
from acrux.http.management import shapes

LOOKS: Final = 6  # for a record: people paste the id of a case as soon as they see it
LOOK_SECONDS: Final = 0.2


@click.command()
@click.argument("case")
@place_options("data_dir")
@output_option
def explain(place: Place, case: str, output: str) -> None:
    """Explain why the registry refused CASE, and what would allow it.

    CASE is the id that the answer carried: in the header X-Acrux-Case, in the message that docker
    shows, or in the detail that az shows.

    \b
    Examples:
      acrux auth explain k7w4zn9q2m
      acrux auth explain k7w4zn9q2m --data-dir /srv/acrux --output json
      acrux auth explain k7w4zn9q2m --registry registry.example.com
    """
    with place.reach() as api:
        explained = soon(partial(api.get, "/cases/{name}", shapes.Case, name=case))
    if output == "json":
        print_json(to_builtins(explained))
    else:
        _print(explained)


def soon(
    explained: Callable[[], shapes.Case], pause: Callable[[float], None] = time.sleep
) -> shapes.Case:
    """The explanation, of which a running registry writes the record within half a second.

    Raises Unknown if it is still missing after LOOKS.
    """
    for _ in range(LOOKS - 1):
        with suppress(Unknown):
            return explained()
        pause(LOOK_SECONDS)
    return explained()


def _print(explained: shapes.Case) -> None:
    by = f", by {explained.proof}" if explained.proof else ""
    pairs = {
        "case": explained.case,
        "time": _time(explained.time),
        "request": f"{explained.request} ({explained.status})" if explained.request else "",
        "account": f"{explained.account}{by}" if explained.account else "",
        "from": explained.peer,
        "reason": explained.reason,
        "needed": " ".join(explained.needed),
        "held": " ".join(explained.held),
        "scope map": explained.scope_map,
    }
    for name, value in pairs.items():
        if value:
            click.echo(f"{name:<9}  {value}")
    if explained.rights:
        click.echo("\nWhat was needed, as the scope map grants it now:")
        columns = ("RESOURCE", "ACTION", "GRANTED BY")
        print_table(columns, [(one.resource, one.action, _by(one)) for one in explained.rights])
    for sentence in filter(None, (explained.explanation, explained.changed_since)):
        click.echo(f"\n{sentence}")
    if explained.fixes:
        click.echo("\nWhat helps:")
    for fix in explained.fixes:
        click.echo(f"  {fix}")


def _by(right: shapes.Right) -> str:
    if right.held:
        return right.permission or "the scope map"
    return "(nothing)"


def _time(at: datetime) -> str:
    return at.isoformat(timespec="seconds").replace("+00:00", "Z")
