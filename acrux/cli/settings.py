"""acrux settings: every setting, its value, where it came from."""

import json
from collections.abc import Iterable, Iterator
from pathlib import Path

import click

from acrux.cli.options import load, print_json, print_table, setting_options
from acrux.settings import as_text
from acrux.settings_sources import Origin


@click.command()
@setting_options()
@click.option(
    "--output", "-o", type=click.Choice(["json", "table", "toml"]), default="table",
    show_default=True, help="JSON for programs, a table for people, or a file for --config.",
)  # fmt: skip
def settings(config: Path | None, output: str, **options: object) -> None:
    """Show every setting, its value, and where the value came from.

    \b
    Examples:
      acrux settings
      ACRUX_PORT=5001 acrux settings --output json
      acrux settings --output toml > acrux.toml
    """
    origins = load(config, options).origins
    match output:
        case "json":
            print_json(
                [{"name": row.name, "value": row.value, "source": row.source} for row in origins]
            )
        case "toml":
            click.echo("\n".join(_toml(origins)))
        case _:
            print_table(
                ("SETTING", "VALUE", "SOURCE", "MEANING"),
                [(row.name, as_text(row.value), row.source, row.sentence) for row in origins],
            )


def _toml(origins: Iterable[Origin]) -> Iterator[str]:
    yield "# The settings of acrux: start it with acrux serve --config and this file."
    for row in origins:
        yield ""
        yield f"# {row.sentence}"
        is_default = row.source == "default"
        # A default is left to the release that reads the file.
        yield f"{'# ' if is_default else ''}{row.name} = {_toml_value(row.value)}"


def _toml_value(value: object) -> str:
    # These are the same in JSON.
    if isinstance(value, tuple):
        return json.dumps(value)
    if isinstance(value, bool | int):
        return json.dumps(value)
    return json.dumps("" if value is None else str(value))
