"""acrux settings: every setting, its value, where it came from."""

from pathlib import Path

import click

from acrux.cli.options import load, output_option, print_json, print_table, setting_options


@click.command()
@setting_options()
@output_option
def settings(config: Path | None, output: str, **options: object) -> None:
    """Show every setting, its value, and where the value came from.

    \b
    Examples:
      acrux settings
      ACRUX_PORT=5001 acrux settings --output json
    """
    origins = load(config, options).origins
    if output == "json":
        print_json(
            [{"name": row.name, "value": row.value, "source": row.source} for row in origins]
        )
    else:
        print_table(
            ("SETTING", "VALUE", "SOURCE", "MEANING"),
            [(row.name, _text(row.value), row.source, row.sentence) for row in origins],
        )


def _text(value: object) -> str:
    if value is None or value == ():
        return "-"
    return ", ".join(value) if isinstance(value, tuple) else str(value)
