"""What the commands share: options, reading a password, printing."""

import os
import sys
from collections.abc import Callable, Iterable, Sequence
from contextlib import suppress
from functools import wraps
from pathlib import Path
from typing import Any, Literal, TypeVar, cast, get_args, get_origin

import click
from click.shell_completion import CompletionItem

from acrux import settings, settings_sources
from acrux.cli import output
from acrux.domain.access.credential import Secret
from acrux.settings_sources import Loaded

Command = TypeVar("Command", bound=Callable[..., Any])

_QUERY = "acrux.query"

config_option = click.option(
    "--config",
    type=click.Path(path_type=Path),
    envvar="ACRUX_CONFIG",
    help="A TOML file of settings.",
)


def output_option(command: Command) -> Command:
    """Add --output and --query. The command gets `output`: `table`, or `json` for programs.

    A command that gets `json` calls `print_json`, which prints what the two options want.
    """

    def form(context: click.Context, _: click.Parameter, value: str) -> str:
        return output.keep(context, value, context.meta.get(_QUERY))

    def query(context: click.Context, _: click.Parameter, value: Any) -> None:
        context.meta[_QUERY] = value

    select = click.option(
        "--query", type=output.Expression(), expose_value=False, is_eager=True, callback=query,
        help='Only what this JMESPath expression selects, such as "[].name". Without --output it '
        "is printed as JSON; with jsonl it is applied to each line.",
    )  # fmt: skip
    choose = click.option(
        "--output", "-o", type=click.Choice(output.FORMS), default="table", show_default=True,
        callback=form, help="JSON, a line of JSON for each item, or a table for people.",
    )  # fmt: skip
    return choose(select(command))


def setting_options(*names: str) -> Callable[[Command], Command]:
    """An option for each of these settings, or for all if none is named.

    With that of the data directory come the others that open its registry.
    """
    named = settings.with_place(names)
    rows = [row for row in settings.rows() if not named or row.name in named]

    def add(command: Command) -> Command:
        for row in reversed(rows):
            command = click.option(*_declaration(row), **_attributes(row))(command)
        return config_option(command)

    return add


def load(config: Path | None, options: dict[str, object]) -> Loaded:
    """The settings of a command: its options, the environment, the file, the defaults.

    Prints to standard error what was ignored.
    """
    loaded = settings_sources.load(os.environ, options, config)
    for sentence in loaded.ignored:
        tell(loaded.settings.log_format, "setting-ignored", sentence, "warning")
    return loaded


def tell(style: Literal["console", "json"], event: str, text: str, level: str = "error") -> None:
    """Print to standard error, in the format of the log."""
    from acrux.adapters import log  # noqa: PLC0415 -- a command imports what it uses

    click.echo(log.sentence(style, event, text, level), err=True, nl=False)


class Boolean(click.types.BoolParamType):
    """`true` or `false` and the like; an empty variable of a script is neither."""

    def convert(self, value: Any, param: click.Parameter | None, ctx: click.Context | None) -> bool:
        """As click does, except that the empty text, which it takes for false, is refused."""
        wrong = f"give true or false, not {value!r}"
        if isinstance(value, str) and not value.strip():
            self.fail(wrong, param, ctx)
        try:
            return super().convert(value, param, ctx)
        except click.BadParameter:
            self.fail(wrong, param, ctx)

    def shell_complete(
        self, ctx: click.Context, param: click.Parameter, incomplete: str
    ) -> list[CompletionItem]:
        """The two words that the documents use."""
        del ctx, param
        return completed(("true", "false"), incomplete)


def completed(words: Iterable[str], incomplete: str) -> list[CompletionItem]:
    """Those of the words with which a shell can complete what was typed so far."""
    return [CompletionItem(word) for word in words if word.startswith(incomplete)]


def warn(*sentences: str) -> None:
    """Print each sentence as a warning."""
    for sentence in sentences:
        click.echo(f"acrux: warning: {sentence}", err=True)


yes_option = click.option(
    "--yes", "-y", is_flag=True, help="Do not ask. Without a terminal this is needed."
)


def confirm(question: str) -> None:
    """Ask on a terminal, and end the command unless the answer is yes.

    Without a terminal nobody can answer: raises click.UsageError, as az refuses then
    (knack.prompting.NoTTYException).
    """
    check_terminal(question)
    click.confirm(question, abort=True, err=True)


def check_terminal(question: str) -> None:
    """Raise click.UsageError if there is no terminal to ask on."""
    if sys.stdin is None or not sys.stdin.isatty():
        raise click.UsageError(f"{question} Nobody can answer without a terminal: give --yes.")


def asking(question: str, *, unless: str = "") -> Callable[[Command], Command]:
    """Ask before the command is carried out, unless `--yes` is given.

    `question` may name options of the command in braces; the flag `unless` makes it harmless.
    Without a terminal `--yes` is needed.
    """

    def decorate(command: Command) -> Command:
        @yes_option
        @wraps(command)
        def asked(*, yes: bool, **options: Any) -> Any:
            if not (yes or options.get(unless)):
                confirm(question.format(**options))
            return command(**options)

        return cast("Command", asked)

    return decorate


def read_password() -> Secret:
    """The first line of standard input. Raises click.UsageError if it is empty or not UTF-8."""
    try:
        line = sys.stdin.buffer.readline().decode().rstrip("\r\n")
    except UnicodeDecodeError:
        raise click.UsageError("the password on standard input is not UTF-8.") from None
    if not line:
        raise click.UsageError("there is no password on standard input.")
    return Secret(line)


def _declaration(row: Any) -> tuple[str, str]:
    # A list is given item by item: --login-server a --login-server b.
    name: str = row.name
    singular = name.removesuffix("s").removesuffix("ie") + "y" * name.endswith("ies")
    option = (singular if get_origin(row.type) is tuple else name).replace("_", "-")
    # What is on by default can be turned off, too.
    return f"--{option}" + f"/--no-{option}" * (row.default is True), name


def _attributes(row: Any) -> dict[str, Any]:
    shown = row.default not in (None, (), False, "")
    help_ = row.metadata["sentence"] + (
        f" [default: {settings.as_text(row.default)}]" if shown else ""
    )
    attributes: dict[str, Any] = {"help": help_, "default": None}
    if row.type is bool:
        return attributes | {"is_flag": True}
    if get_origin(row.type) is tuple:
        return attributes | {"multiple": True, "default": ()}
    if get_origin(row.type) is Literal:
        return attributes | {"type": _Choice(get_args(row.type))}
    if row.type is int:
        return attributes | {"type": _Number()}
    is_path = row.type in (Path, Path | None)
    return attributes | {"type": click.Path(path_type=Path) if is_path else row.type}


class _Number(click.types.IntParamType):
    """A whole number. If it is none, `load` says so, together with all other problems."""

    def convert(self, value: Any, param: click.Parameter | None, ctx: click.Context | None) -> Any:
        """As click does, except that what is wrong stays as it was given."""
        with suppress(click.BadParameter):
            return super().convert(value, param, ctx)
        return value


class _Choice(click.Choice[str]):
    """One of several texts. If it is none of them, `load` says so, as for a number."""

    def convert(self, value: Any, param: click.Parameter | None, ctx: click.Context | None) -> Any:
        """As click does, except that what is wrong stays as it was given."""
        with suppress(click.BadParameter):
            return super().convert(value, param, ctx)
        return value


def print_json(content: object) -> None:
    """Print an object for programs, as --output and --query want it."""
    output.print_content(content, print_table)


def print_table(columns: Sequence[str], rows: Sequence[Sequence[str]]) -> None:
    """Print rows under their columns."""
    from rich.console import Console  # noqa: PLC0415 -- slow to import
    from rich.table import Table  # noqa: PLC0415 -- slow to import

    table = Table(box=None, pad_edge=False, header_style="bold")
    for column in columns:
        # What does not fit goes on in the next line: the end of a name or a digest matters too.
        table.add_column(column, overflow="fold")
    for row in rows:
        table.add_row(*row)
    # Without a terminal each row is one line: nothing is folded to the width of a terminal.
    console = Console(markup=False, emoji=False, highlight=False, soft_wrap=False)
    if not console.is_terminal:
        console = Console(markup=False, emoji=False, highlight=False, width=10_000)
    console.print(table)
