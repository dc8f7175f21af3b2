"""The examples that `--help` prints are commands that there are."""

import pytest

from tests.docs import usage
from tests.reference import commands

EXAMPLES = [
    (command.path, line)
    for command in commands.every()
    for line in command.examples.replace("\\\n", " ").splitlines()
]


@pytest.mark.parametrize(("path", "line"), EXAMPLES)
def test_an_example_is_understood(path: str, line: str) -> None:
    """The first thing that you copy would be refused."""
    complaints = [usage.complaint(arguments) for arguments in usage.invocations(line)]

    assert list(filter(None, complaints)) == [], path


def test_an_example_that_is_not_understood_is_seen() -> None:
    """A check that takes everything would guard nothing."""
    line = "echo x | acrux token create --nmae ci && acrux tokens list; acrux audit list --limit 0"

    complaints = [usage.complaint(arguments) for arguments in usage.invocations(line)]
    assert [text.partition(": ")[2].partition(": ")[0] for text in complaints] == [
        "No such option '--nmae'. Did you mean '--name'?",
        "No such command 'tokens'. Did you mean 'token'?",
        "Invalid value for '--limit'",
    ]
