"""Random histories with deletion, grace and collection; and bugs that they must find."""

import itertools
from collections.abc import Iterator
from pathlib import Path

import pytest
from hypothesis import settings
from hypothesis.stateful import run_state_machine_as_test

from tests.model.collecting import CollectingMachine, InProcess, in_process

EXAMPLES = 12
STEPS = 30


@pytest.fixture
def client(tmp_path: Path) -> Iterator[InProcess]:
    """A registry in this process."""
    with in_process(tmp_path / "data") as client:
        yield client


def machine(client: InProcess) -> type[CollectingMachine]:
    """The machine on this client; each history has its own prefix."""
    prefixes = (f"example-{number:06}" for number in itertools.count(1))

    class OnClient(CollectingMachine):
        def __init__(self) -> None:
            super().__init__(client, next(prefixes))

    return OnClient


def test_a_registry_collects_what_its_model_collects(client: InProcess) -> None:
    """Nobody foresees the third step that takes away what the first one needs."""
    chosen = settings(
        max_examples=EXAMPLES, stateful_step_count=STEPS, deadline=None, print_blob=True
    )
    run_state_machine_as_test(machine(client), settings=chosen)
