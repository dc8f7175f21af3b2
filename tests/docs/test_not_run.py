"""The blocks of commands that are not run, and why."""

from collections import Counter

import pytest

from tests.docs import blocks, usage
from tests.docs.blocks import Block

BLOCKS = [block for page in blocks.pages() for block in blocks.read(page)]
NOT_RUN = [block for block in BLOCKS if block.not_run]

# The reasons that pages give, and the number of blocks for each. A new block is run unless its
# page says why not and it is counted here.
REASONS = {
    "examples, each of which tests/reference/test_commands.py parses": 83,
    "goes on until you stop it": 1,
    "measures for minutes": 1,
    "needs a Kubernetes cluster": 7,
    "needs a bucket": 3,
    "needs systemd as the machine's first process; tests/deploy checks these files": 3,
    "tests/deploy builds this image": 1,
    "tests/deploy checks this file": 1,
    "tests/deploy runs this cluster": 3,
    "tests/deploy runs this image": 2,
    "needs a collector": 1,
    "needs an OpenID provider; tests/web/http/test_openid.py has one of its own": 1,
    "needs a PostgreSQL of yours; tests/wire/test_two_nodes.py has one of its own": 2,
    "the address of the repository is yours": 1,
    "your checkout follows a repository of yours": 1,
}


def test_a_block_that_is_not_run_is_counted_by_its_reason() -> None:
    """Commands that nobody runs become wrong one day."""
    assert Counter(block.not_run for block in NOT_RUN) == REASONS, [
        f"{block.name}: {block.not_run}" for block in NOT_RUN
    ]


@pytest.mark.parametrize("block", NOT_RUN, ids=lambda block: block.name)
def test_a_command_that_is_not_run_is_understood(block: Block) -> None:
    """A renamed option is noticed all the same."""
    complaints = [
        usage.complaint(arguments)
        for step in block.steps
        for arguments in usage.invocations(step.command.replace("\\\n", " "))
    ]

    assert list(filter(None, complaints)) == []
