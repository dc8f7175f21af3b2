"""Options that take all words up to the next option, as those of `az` do."""

from collections.abc import Sequence
from typing import Any, Final, TypeVar

import click
from click.shell_completion import CompletionItem

from acrux.cli.options import completed

Value = TypeVar("Value")

_BETWEEN: Final = "\0"  # in no word of a command line
_OPEN: Final = "acrux.open"  # the option of which the last word of a command line is one


class Words(click.ParamType[Value]):
    """The type of an option that takes several words; of use in a WordsCommand."""

    splits = True  # a word is split at spaces, too: "team/* content/read"
    known: Sequence[str] = ()  # what a word may be, where that can be listed
    is_first_known = True  # or the first word names something

    def shell_complete(
        self, ctx: click.Context, param: click.Parameter, incomplete: str
    ) -> list[CompletionItem]:
        """The first word."""
        del ctx, param
        return completed(self.known, incomplete) if self.is_first_known else []

    def words(self, value: Any) -> list[str]:
        """The words that were given."""
        given = str(value).split(_BETWEEN)
        return [part for word in given for part in word.split()] if self.splits else given


class WordsCommand(click.Command):
    """A command with such options."""

    def parse_args(self, context: click.Context, args: list[str]) -> list[str]:
        """Join the words of each: options of click take a fixed number of values."""
        options = {
            name
            for parameter in self.params
            if isinstance(parameter.type, Words)
            for name in parameter.opts
        }
        joined: list[str] = []
        open_option = False
        for word in args:
            if word.startswith("-"):
                open_option = word in options
                joined.append(word)
            elif open_option and not joined[-1].startswith("-"):
                joined[-1] += f"{_BETWEEN}{word}"
            else:
                joined.append(word)
        if open_option:
            context.meta[_OPEN] = next(word for word in reversed(args) if word.startswith("-"))
        return super().parse_args(context, joined)

    def shell_complete(self, ctx: click.Context, incomplete: str) -> list[CompletionItem]:
        """Also the further words of such an option."""
        found = super().shell_complete(ctx, incomplete)
        for parameter in self.params:
            if isinstance(parameter.type, Words) and ctx.meta.get(_OPEN) in parameter.opts:
                found += completed(parameter.type.known, incomplete)
        return found
