"""Options that take all words up to the next option, as those of `az` do."""

from typing import Any, Final, TypeVar

import click

Value = TypeVar("Value")

_BETWEEN: Final = "\0"  # in no word of a command line


class Words(click.ParamType[Value]):
    """The type of an option that takes several words; of use in a WordsCommand."""

    splits = True  # a word is split at spaces, too: "team/* content/read"

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
        return super().parse_args(context, joined)
