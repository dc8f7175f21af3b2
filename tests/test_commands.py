"""The command line as a whole: what holds for every command."""

from collections import Counter
from collections.abc import Iterator

import click
import pytest

from acrux.cli.main import cli


def commands(group: click.Group = cli, name: str = "acrux") -> Iterator[tuple[str, click.Command]]:
    """Each command that does something, with its full name."""
    context = click.Context(group)
    for word in group.list_commands(context):
        command = group.get_command(context, word)
        assert command is not None
        if isinstance(command, click.Group):
            yield from commands(command, f"{name} {word}")
        else:
            yield f"{name} {word}", command


ALL = dict(commands())


@pytest.mark.parametrize("name", ALL)
def test_an_option_means_one_thing(name: str) -> None:
    """`--name alice` must not name the registry where it should name a person."""
    spellings = Counter(option for one in ALL[name].params for option in one.opts)

    assert [option for option, times in spellings.items() if times > 1] == []


@pytest.mark.parametrize("name", ALL)
def test_a_command_says_what_it_does(name: str) -> None:
    """`--help` is the first page that anybody reads."""
    assert (ALL[name].help or "").strip()
