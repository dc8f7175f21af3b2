"""Random histories of a registry, compared step by step with a model."""

import itertools
from contextlib import closing
from pathlib import Path

import pytest
from hypothesis import settings
from hypothesis.stateful import run_state_machine_as_test

from tests.model.client import Client
from tests.model.machine import Machine
from tests.running import running

# Half a minute for each layout: each step is followed by some fifty requests that check it.
EXAMPLES = 25
STEPS = 40


def machine(client: Client) -> type[Machine]:
    """The machine on this client; each history has its own prefix, and sees no other's content."""
    prefixes = (f"example-{number:06}" for number in itertools.count(1))

    class OnClient(Machine):
        def __init__(self) -> None:
            super().__init__(client, next(prefixes))

    return OnClient


@pytest.mark.parametrize("workers", [1, 2])
def test_a_registry_does_what_its_model_does(tmp_path: Path, workers: int) -> None:
    """No list of cases foresees the third step that undoes what the first one promised."""
    chosen = settings(
        max_examples=EXAMPLES, stateful_step_count=STEPS, deadline=None, print_blob=True
    )
    with (
        running(tmp_path / "data", "--workers", str(workers)) as registry,
        closing(Client(registry)) as client,
    ):
        run_state_machine_as_test(machine(client), settings=chosen)
