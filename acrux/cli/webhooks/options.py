"""What the commands of acrux webhook share: options and printing."""

from collections.abc import Callable, Sequence
from typing import Any, Final

import click
from msgspec import to_builtins

from acrux.cli.options import print_json, print_table
from acrux.cli.words import Words
from acrux.domain.audit.refusal import to_the_second
from acrux.domain.webhooks.event import Action
from acrux.domain.webhooks.webhook import Format
from acrux.http.management.webhooks import shapes

ONE: Final = "/webhooks/{name}"

MAX_SECRET_CHARACTERS: Final = 200


class Actions(Words[tuple[Action, ...]]):
    """One action or several."""

    name = "push|delete ..."
    known = (Action.PUSH, Action.DELETE)

    def convert(
        self, value: Any, parameter: click.Parameter | None, context: click.Context | None
    ) -> tuple[Action, ...]:
        """`push delete` and the like."""
        if isinstance(value, tuple):
            return value
        words = self.words(value)
        wrong = [word for word in words if word not in self.known]
        if wrong or not words:
            self.fail(f"{' '.join(wrong)!r}: give push, delete or both", parameter, context)
        return tuple(map(Action, dict.fromkeys(words)))


class Headers(Words[tuple[tuple[str, str], ...]]):
    """Headers, each as NAME=VALUE."""

    name = "NAME=VALUE ..."
    splits = False

    def convert(
        self, value: Any, parameter: click.Parameter | None, context: click.Context | None
    ) -> tuple[tuple[str, str], ...]:
        """`"Authorization=Bearer x" X-Team=blue` and the like; the empty text is no header."""
        if isinstance(value, tuple):
            return value
        named = [word.partition("=") for word in self.words(value) if word]
        if not all(separator for _, separator, _ in named):
            self.fail("give each header as NAME=VALUE", parameter, context)
        return tuple((header.strip(), text.strip()) for header, _, text in named)


name_option = click.option("--name", "-n", "webhook_name", required=True, help="Its name.")
status_option = click.option(
    "--status", type=click.Choice(["enabled", "disabled"]), help="Whether it is told of events."
)
format_option = click.option(
    "--format", "format_", type=click.Choice([one.value for one in Format]),
    help="The form of the body: ACR's own, or CloudEvents 1.0.  [default: acr]",
)  # fmt: skip
scope_option = click.option(
    "--scope",
    help='Which events: REPO:*, REPO:TAG, or REPO for its tag latest; "" for all.  [default: all]',
)
secret_option = click.option(
    "--secret-file", type=click.File(), default=None,
    help="A file with the signing secret, such as one that the receiver has; - is standard input. "
    "Without it, one is generated.",
)  # fmt: skip


def uri_option(*, required: bool) -> Callable[[Any], Any]:
    """The option for the receiver."""
    return click.option("--uri", required=required, help="Where events are sent.")


def actions_option(*, required: bool) -> Callable[[Any], Any]:
    """The option for the actions."""
    return click.option(
        "--actions", type=Actions(), required=required, help="What it is told of: push, delete."
    )


headers_option = click.option(
    "--headers", type=Headers(),
    help='Headers to send with each event. They are never shown again. "" is none.',
)  # fmt: skip


def read_secret(file: Any) -> str | None:
    """The secret in the file, if there is one."""
    return None if file is None else str(file.read(MAX_SECRET_CHARACTERS).strip())


def print_webhooks(webhooks: Sequence[shapes.Webhook], output: str, *, many: bool = False) -> None:
    """Print webhooks: as JSON an object, or with `many` a list; as a table a row each."""
    if output == "json":
        shown = to_builtins(webhooks)
        print_json(shown if many else shown[0])
        return
    columns = ("NAME", "STATUS", "RECEIVER", "ACTIONS", "SCOPE", "WAITING", "DEAD", "DELIVERIES")
    print_table(columns, [_row(one) for one in webhooks])


def _row(one: shapes.Webhook) -> tuple[str, ...]:
    if one.failing_since:
        went = f"failing since {to_the_second(one.failing_since)}: {one.problem}"
    elif one.last_success:
        went = f"last at {to_the_second(one.last_success)}"
    else:
        went = "none yet"
    return (
        one.name,
        one.status,
        one.receiver,
        ", ".join(one.actions),
        one.scope or "all",
        str(one.waiting_events),
        str(one.dead_events),
        went,
    )
