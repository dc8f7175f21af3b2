"""Every command of `acrux`: from the parser itself."""

from collections.abc import Iterator
from dataclasses import dataclass
from inspect import cleandoc
from textwrap import dedent

import click

from acrux.cli.main import cli
from tests.reference import markdown

EXAMPLES = "\b\nExamples:\n"


@dataclass(frozen=True)
class Command:
    """A command, and how you type it."""

    path: str
    command: click.Command

    @property
    def context(self) -> click.Context:
        """The context in which the parser prints its usage."""
        return click.Context(self.command, info_name=self.path)

    @property
    def help(self) -> str:
        """What it does, without the examples."""
        return self._parts[0].strip()

    @property
    def examples(self) -> str:
        """The examples, one a line."""
        return dedent(self._parts[2]).strip()

    @property
    def _parts(self) -> tuple[str, str, str]:
        return cleandoc(self.command.help or "").partition(EXAMPLES)


def every() -> Iterator[Command]:
    """Every command, groups included, in the order of the help."""
    yield from _within(Command("acrux", cli))


def _within(above: Command) -> Iterator[Command]:
    yield above
    if isinstance(above.command, click.Group):
        for name in above.command.list_commands(above.context):
            found = above.command.get_command(above.context, name)
            assert found is not None
            yield from _within(Command(f"{above.path} {name}", found))


def render() -> str:
    """The page of the commands."""
    return markdown.page(
        "Commands",
        "the commands in `acrux/cli/`",
        markdown.prose(
            """Every command prints this with `-h` or `--help`. Commands that manage the registry
            open its data directory (`--data-dir`), whether the registry is running or not; give
            them the settings that `acrux serve` has. Those with `--registry` call a registry that
            runs at a URL instead. `acrux login`, `logout`, `api`, `auth` and `doctor` call
            a registry over HTTP. A command exits with 0 if it succeeded, 1 if something was
            refused or failed, 2 if its usage or its input was wrong, 3 if a registry could not be
            reached, 4 if what it names does not exist, and 5 if that conflicts with what there is,
            such as a name that is taken. Deleting and revoking ask first on a terminal; with
            `--yes` they do not."""
        ),
        markdown.prose(
            """`acrux completion` makes your shell complete commands, options and values, and
            `man acrux` shows this page by parts ([Install](../how-to/install.md))."""
        ),
        *(part for command in every() for part in _section(command)),
    )


def _section(one: Command) -> Iterator[str]:
    yield f"## {one.path}"
    yield from (_paragraph(paragraph) for paragraph in one.help.split("\n\n"))
    yield markdown.fenced(" ".join([one.path, *one.command.collect_usage_pieces(one.context)]))
    if isinstance(one.command, click.Group):
        yield markdown.table(("Command", "What it does"), _commands(one.command, one))
    elif options := list(_options(one)):
        yield markdown.table(("Option", "Meaning"), options)
    if one.examples:
        yield "<!-- not run: examples, each of which tests/reference/test_commands.py parses -->"
        yield markdown.fenced(_prompted(one.examples), "console")


def _paragraph(text: str) -> str:
    # A paragraph that begins with \b is formatted already.
    laid_out = text.partition("\b\n")[2]
    return markdown.fenced(laid_out) if laid_out else markdown.prose(text)


def _commands(group: click.Group, one: Command) -> Iterator[tuple[str, str]]:
    for name in group.list_commands(one.context):
        found = group.get_command(one.context, name)
        assert found is not None
        path = f"{one.path} {name}"
        yield f"[`{path}`](#{path.replace(' ', '-')})", found.get_short_help_str(200)


def _options(one: Command) -> Iterator[tuple[str, str]]:
    for parameter in one.command.params:  # all but --help
        if record := parameter.get_help_record(one.context):
            yield f"`{record[0]}`", record[1]


def _prompted(examples: str) -> str:
    lines = examples.splitlines()
    return "\n".join(line if line.startswith(" ") else f"$ {line}" for line in lines)
