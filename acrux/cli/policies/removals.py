"""Print, one by one, what retention or a purge removes, and how much."""

from collections.abc import Callable, Iterator
from typing import Final, TypeVar

import click
import msgspec

from acrux.cli.caller.http_client import Refused
from acrux.http.management.policies.shapes import (
    PurgePortion,
    Removal,
    RetentionPortion,
    RetentionVerdict,
)

_BEGINNING: Final = '{"removed": ['

Portion = TypeVar("Portion", RetentionPortion, PurgePortion)

removals_option = click.option(
    "--output", "-o", type=click.Choice(["json", "jsonl", "table"]), default="table",
    show_default=True,
    help="JSON or JSON lines for programs, a line for each item for people.",
)  # fmt: skip


class Removals:
    """Prints each removal at once, as an item or a line, so that any number takes no memory.

    As `json` it is one object, as `jsonl` a line for each item and a last one with the totals.
    """

    def __init__(self, output: str, *, is_dry: bool) -> None:
        self._output = output
        self._is_dry = is_dry
        self._tags = 0
        self._manifests = 0

    def add(self, item: Removal) -> None:
        """Print and count one item."""
        is_first = self._tags + self._manifests == 0
        self._tags += bool(item.tag)
        self._manifests += not item.tag
        if self._output == "table":
            verb = "Would remove" if self._is_dry else "Removed"
            why = (item.reason,) if isinstance(item, RetentionVerdict) else ()
            click.echo(": ".join((f"{verb} {_place(item)}", *why)))
        elif self._output == "jsonl":
            click.echo(_json(item))
        else:
            click.echo((_BEGINNING if is_first else ",") + f"\n  {_json(item)}", nl=False)

    def end(self) -> None:
        """Print the totals."""
        totals = {"dryRun": self._is_dry, "tags": self._tags, "manifests": self._manifests}
        if self._output == "table":
            verb = "to be removed" if self._is_dry else "removed"
            click.echo(f"Tags {verb}: {self._tags}")
            click.echo(f"Manifests {verb}: {self._manifests}")
        elif self._output == "jsonl":
            click.echo(_json(totals))
        else:
            beginning = "" if self._tags + self._manifests else _BEGINNING
            click.echo(f"{beginning}\n], {_json(totals)[1:]}")


def portions(ask: Callable[[str, int], Portion]) -> Iterator[Portion]:
    """What is asked for after a repository, and after so many items of the next, until all is done.

    Raises Refused if a registry does not get on.
    """
    after, told = "", 0
    while True:
        portion = ask(after, told)
        yield portion
        if portion.is_done:
            return
        if not portion.value and portion.after == after:
            raise Refused("the registry says again and again that it has not done anything yet")
        after, told = portion.after, portion.told


def _place(item: Removal) -> str:
    return f"{item.repository}:{item.tag}" if item.tag else f"{item.repository}@{item.digest}"


def _json(content: object) -> str:
    return msgspec.json.encode(content).decode()
