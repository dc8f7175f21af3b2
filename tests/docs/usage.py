"""Whether the command line understands a command that a page prints."""

import re
import shlex

import click

from acrux.cli.main import cli

# Where a command ends within a line of the shell.
_ENDS = re.compile(r"\|+|&&?|;|[0-9]?[<>]+&?.*|\)|\(")
_ELIDED = ("...", "…")


def invocations(line: str) -> list[list[str]]:
    """The arguments of each `acrux` in a line of the shell; what is elided is left out."""
    lexer = shlex.shlex(line, posix=True, punctuation_chars=True)
    lexer.whitespace_split = True
    found: list[list[str]] = []
    current: list[str] | None = None
    for word in lexer:
        if current is None and re.search(r"(^|/)acrux$", word):
            current = []
            found.append(current)
        elif _ENDS.fullmatch(word):
            current = None
        elif current is not None:
            current.append(word)
    return [words for words in found if words and not any(word in _ELIDED for word in words)]


def complaint(arguments: list[str]) -> str:
    """What the command line says against these arguments, empty if it takes them."""
    command: click.Command = cli
    path, left = "acrux", list(arguments)
    try:
        while isinstance(command, click.Group) and left and not left[0].startswith("-"):
            context = click.Context(command, info_name=path)
            _, found, left = command.resolve_command(context, left)
            assert found is not None
            command, path = found, f"{path} {found.name}"
        with command.make_context(path, left, **cli.context_settings):
            return ""
    except click.exceptions.Exit:  # --help
        return ""
    except click.BadParameter as refused:
        if isinstance(refused.param and refused.param.type, click.Path | click.File):
            return ""  # the page does not say that the file is here
        return _told(arguments, refused)
    except click.ClickException as refused:
        return _told(arguments, refused)


def _told(arguments: list[str], refused: click.ClickException) -> str:
    return f"{shlex.join(['acrux', *arguments])}: {refused.format_message()}"
