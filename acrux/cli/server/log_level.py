"""acrux log-level: how much the registry logs while it runs."""

from typing import Final

import click
from msgspec import to_builtins

from acrux.cli.carrier.place import Place, place_options
from acrux.cli.options import output_option, print_json, print_table
from acrux.domain.audit.refusal import to_the_second
from acrux.domain.server.log_level import LEVELS, Level
from acrux.http.management.server import shapes
from acrux.http.management.server.bodies import ChangeLogLevel

ONE: Final = "/logLevel"


@click.group("log-level")
def log_level() -> None:
    """Show and change how much the registry logs, without a restart.

    A change replaces the setting log_level in all workers of all nodes within a second. It holds
    until it is reset, or until a node of the registry is started.
    """


@log_level.command()
@place_options("data_dir")
@output_option
def show(place: Place, output: str) -> None:
    """Show the least level of what is logged."""
    with place.reach() as api:
        found = api.get(ONE, shapes.LogLevel)
    _print(found, output)


@log_level.command()
@click.option(
    "--level", type=click.Choice(LEVELS), required=True, help="The least level of what is logged."
)
@place_options("data_dir")
@output_option
def update(place: Place, level: Level, output: str) -> None:
    """Log from another level on.

    \b
    Examples:
      acrux log-level update --level debug
    """
    with place.reach() as api:
        changed = api.put("PUT", ONE, ChangeLogLevel(level=level), shapes.LogLevel)
    _print(changed, output)


@log_level.command()
@place_options("data_dir")
def reset(place: Place) -> None:
    """Log as the setting log_level says."""
    with place.reach() as api:
        api.do("DELETE", ONE)
        found = api.get(ONE, shapes.LogLevel)
    click.echo(f"The log level is {found.level} again, as the settings say.")


def _print(found: shapes.LogLevel, output: str) -> None:
    if output == "json":
        print_json(to_builtins(found))
        return
    changed = to_the_second(found.changed_at) if found.changed_at else "-"
    print_table(
        ("LEVEL", "CONFIGURED", "CHANGED"), [(found.level, found.configured_level, changed)]
    )
