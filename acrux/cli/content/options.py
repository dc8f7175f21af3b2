"""What the commands about content share: options."""

from collections.abc import Callable
from functools import wraps
from typing import Any, Final

import click

from acrux.cli.options import Boolean
from acrux.domain.content.page import Order

Command = Callable[..., None]

_ORDERS: Final = {"time_asc": Order.OLDEST_FIRST, "time_desc": Order.NEWEST_FIRST}
_ATTRIBUTES: Final = {
    "delete": "Whether it may be deleted.",
    "list": "Whether listings show it.",
    "read": "Whether it may be pulled.",
    "write": "Whether it may be pushed again and deleted.",
}

top_option = click.option(
    "--top", type=click.IntRange(min=1), metavar="COUNT", help="Only this many of them."
)


class Ordering(click.Choice[str]):
    """`time_asc` or `time_desc`, as az has it."""

    def __init__(self) -> None:
        super().__init__(tuple(_ORDERS))

    def convert(
        self, value: Any, parameter: click.Parameter | None, context: click.Context | None
    ) -> Any:
        """The order that it means."""
        if isinstance(value, Order):
            return value
        return _ORDERS[super().convert(value, parameter, context)]


orderby_option = click.option(
    "--orderby", "order", type=Ordering(), default=Order.BY_NAME,
    help="By the time of the last change. Default: by name.",
)  # fmt: skip


def attribute_options(command: Command) -> Command:
    """Add --delete-enabled and its like; the command gets those given as `attributes`."""

    @wraps(command)
    def collected(**options: Any) -> None:
        given = {name: options.pop(f"{name}_enabled") for name in _ATTRIBUTES}
        attributes = {f"{name}Enabled": value for name, value in given.items() if value is not None}
        command(attributes=attributes, **options)

    with_options: Command = collected
    for name, sentence in reversed(_ATTRIBUTES.items()):
        option = click.option(f"--{name}-enabled", type=Boolean(), default=None, help=sentence)
        with_options = option(with_options)
    return with_options
