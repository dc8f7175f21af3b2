"""Print, one by one, what retention or a purge removes, and how much."""

import click
import msgspec

from acrux.domain.content.policies.retention import Fact, TagFact

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
        if output == "json":
            click.echo('{"removed": [', nl=False)

    def add(self, repository: str, item: Fact, **why: str) -> None:
        """Print and count one item; `why` are its rule and the reason."""
        is_first = self._tags + self._manifests == 0
        tag = item.name if isinstance(item, TagFact) else ""
        self._tags += bool(tag)
        self._manifests += not tag
        if self._output == "table":
            place = f"{repository}:{tag}" if tag else f"{repository}@{item.digest}"
            verb = "Would remove" if self._is_dry else "Removed"
            click.echo(": ".join((f"{verb} {place}", *filter(None, [why.get("reason")]))))
            return
        named = {"tag": tag} if tag else {}
        shown = _json({"repository": repository, **named, "digest": item.digest, **why})
        if self._output == "jsonl":
            click.echo(shown)
        else:
            click.echo(("" if is_first else ",") + f"\n  {shown}", nl=False)

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
            click.echo(f"\n], {_json(totals)[1:]}")


def _json(content: object) -> str:
    return msgspec.json.encode(content).decode()
