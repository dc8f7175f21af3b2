"""Print why a request was refused, for people and for programs."""

import asyncio
from collections.abc import Awaitable, Callable
from contextlib import suppress
from datetime import datetime
from functools import partial
from pathlib import Path
from typing import Final

import click
from msgspec import to_builtins

from acrux.cli.options import print_json, print_table
from acrux.cli.registry import on_registry
from acrux.domain.audit.rights import Explanation, Right
from acrux.errors import UnknownCase
from acrux.http.management import shapes

LOOKS: Final = 6  # for a record: people paste the id of a case as soon as they see it
LOOK_SECONDS: Final = 0.2


def explain(config: Path | None, case: str, output: str, options: dict[str, object]) -> None:
    """Print the explanation of a case. Raises InvalidInput, UnknownCase."""
    explanation = on_registry(
        config, options, lambda services, _: soon(partial(services.explanations.explain, case))
    )
    if output == "json":
        print_json(to_builtins(shapes.case(explanation)))
    else:
        _print(explanation)


async def soon(
    explained: Callable[[], Awaitable[Explanation]],
    pause: Callable[[float], Awaitable[None]] = asyncio.sleep,
) -> Explanation:
    """The explanation, of which a running registry writes the record within half a second.

    Raises UnknownCase if it is still missing after LOOKS.
    """
    for _ in range(LOOKS - 1):
        with suppress(UnknownCase):
            return await explained()
        await pause(LOOK_SECONDS)
    return await explained()


def _print(explanation: Explanation) -> None:
    by = f", by {explanation.authentication_method}" if explanation.authentication_method else ""
    pairs = {
        "case": explanation.case,
        "time": _time(explanation.at),
        "request": f"{explanation.request} ({explanation.status})" if explanation.request else "",
        "account": f"{explanation.account}{by}" if explanation.account else "",
        "from": explanation.peer,
        "reason": explanation.reason,
        "needed": " ".join(map(str, explanation.needed)),
        "held": " ".join(map(str, explanation.held)),
        "scope map": explanation.scope_map,
    }
    for name, value in pairs.items():
        if value:
            click.echo(f"{name:<9}  {value}")
    if explanation.rights:
        click.echo("\nWhat was needed, as the scope map grants it now:")
        columns = ("RESOURCE", "ACTION", "GRANTED BY")
        print_table(columns, [(one.resource, one.action, _by(one)) for one in explanation.rights])
    for sentence in filter(None, (explanation.why, explanation.changes)):
        click.echo(f"\n{sentence}")
    if explanation.fixes:
        click.echo("\nWhat helps:")
    for fix in explanation.fixes:
        click.echo(f"  {fix}")


def _by(right: Right) -> str:
    if right.is_held:
        return right.permission or "the scope map"
    return "(nothing)"


def _time(at: datetime) -> str:
    return at.isoformat(timespec="seconds").replace("+00:00", "Z")
