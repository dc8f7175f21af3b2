"""The options that the commands about policies share."""

from collections.abc import Callable
from typing import Any, TypeVar

import click

Command = TypeVar("Command", bound=Callable[..., Any])

_PATTERN = "A repository, all below one (team/*), or all (*)."

name_option = click.option("--name", "-n", "policy_name", required=True, help="Its name.")
patterns_option = click.option(
    "--repository-pattern", "patterns", multiple=True, required=True,
    help=f"{_PATTERN} Repeatable.",
)  # fmt: skip
new_patterns_option = click.option(
    "--repository-pattern", "patterns", multiple=True,
    help=f"{_PATTERN} Repeatable; these replace the old ones.",
)  # fmt: skip
except_option = click.option(
    "--except-tag", "except_tags", multiple=True, metavar="GLOB",
    help="Not these tags: a name, with * for any characters and ? for any one. Repeatable.",
)  # fmt: skip
status_option = click.option(
    "--status", type=click.Choice(["enabled", "disabled"]), help="Whether it is in force."
)


def pattern_option(*, required: bool, default: str | None = None) -> Callable[[Command], Command]:
    """The option for a single pattern."""
    # click takes a default of None for a value, with which a required option would be there.
    shown: dict[str, Any] = {} if default is None else {"default": default, "show_default": True}
    return click.option(
        "--repository-pattern", "pattern", required=required, help=_PATTERN, **shown
    )
