"""Random histories with deletion, grace and collection; and bugs that they must find."""

import itertools
from collections.abc import Callable, Iterator
from pathlib import Path

import pytest
from hypothesis import settings
from hypothesis.stateful import run_state_machine_as_test

from tests.model.bugs import BUGS
from tests.model.collecting import CollectingMachine, InProcess, in_process
from tests.model.test_histories import look

Step = Callable[[CollectingMachine], object]

EXAMPLES = 12
STEPS = 30


@pytest.fixture
def client(tmp_path: Path) -> Iterator[InProcess]:
    """A registry in this process."""
    with in_process(tmp_path / "data") as client:
        yield client


def machine(
    client: InProcess, kind: type[CollectingMachine] = CollectingMachine
) -> type[CollectingMachine]:
    """The machine on this client; each history has its own prefix."""
    prefixes = (f"example-{number:06}" for number in itertools.count(1))

    class OnClient(kind):  # type: ignore[misc, valid-type]  # the kind is given
        def __init__(self) -> None:
            super().__init__(client, next(prefixes))

    return OnClient


def test_a_registry_collects_what_its_model_collects(client: InProcess) -> None:
    """Nobody foresees the third step that takes away what the first one needs."""
    chosen = settings(
        max_examples=EXAMPLES, stateful_step_count=STEPS, deadline=None, print_blob=True
    )
    run_state_machine_as_test(machine(client), settings=chosen)


IMAGE = ("app", "image", "v1")

# For each bug a short history that comes upon it. Random histories do too, after minutes.
HISTORIES: dict[str, tuple[Step, ...]] = {
    "a review ignores what pushes hold": (
        lambda machine: machine.push(*IMAGE),
        lambda machine: machine.delete_a_tag("app", 0, is_acr=True),
        lambda machine: machine.collect(23),
        lambda machine: machine.ask_for_a_manifest("app", "image"),
        lambda machine: machine.collect(1),
    ),
    "bytes go with the first repository that lets go of them": (
        lambda machine: machine.push(*IMAGE),
        lambda machine: machine.push("app/tools", "image", "v1"),
        lambda machine: machine.delete_a_manifest("app", 0),
        lambda machine: machine.collect(24),
    ),
    "an index refers to nothing": (
        lambda machine: machine.push(*IMAGE),
        lambda machine: machine.push("app", "index", "latest"),
        lambda machine: machine.delete_a_tag("app", 0, is_acr=False),
        lambda machine: machine.collect(24),
    ),
    "a repository is cleared before its time": (
        lambda machine: machine.push(*IMAGE),
        lambda machine: machine.delete_the_repository("app"),
        lambda machine: machine.push(*IMAGE),
        lambda machine: machine.collect(12),
    ),
    "bytes are removed before the rows are": (
        lambda machine: machine.push(*IMAGE),
        lambda machine: machine.delete_a_manifest("app", 0),
        lambda machine: machine.collect(3),
    ),
    "nothing is kept for a grace": (
        lambda machine: machine.push(*IMAGE),
        lambda machine: machine.push("app", "other image", "v1"),
        lambda machine: machine.collect(0),
    ),
    "referrers outlive their subject": (
        lambda machine: machine.push(*IMAGE),
        lambda machine: machine.put("app", "signature", [], is_by_tag=False),
        lambda machine: machine.delete_a_manifest("app", 0),
    ),
    "what is locked is collected": (
        lambda machine: machine.push(*IMAGE),
        lambda machine: machine.lock_a_manifest("app", 0, {"deleteEnabled": False}),
        lambda machine: machine.delete_a_tag("app", 0, is_acr=False),
        lambda machine: machine.collect(24),
    ),
    "a second tag does not count": (
        lambda machine: machine.push(*IMAGE),
        lambda machine: machine.push("app", "image", "latest"),
        lambda machine: machine.delete_a_tag("app", 0, is_acr=False),
        lambda machine: machine.collect(24),
    ),
    "what goes is not counted": (
        lambda machine: machine.push(*IMAGE),
        lambda machine: machine.delete_a_manifest("app", 0),
        lambda machine: machine.collect(0),
    ),
}
HISTORIES["a push that asks by HEAD holds nothing"] = HISTORIES["a review ignores what pushes hold"]


def go_through(client: InProcess, history: str) -> None:
    """Take the steps, with the checks of the machine after each."""
    steps = CollectingMachine(client, f"history-{list(HISTORIES).index(history)}")
    for step in HISTORIES[history]:
        step(steps)
        look(steps)


def test_a_history_goes_as_the_model_says(client: InProcess) -> None:
    """A difference that is always seen would say nothing of a bug."""
    for history in HISTORIES:
        go_through(client, history)


@pytest.mark.parametrize("bug", BUGS)
def test_a_bug_is_found(tmp_path: Path, monkeypatch: pytest.MonkeyPatch, bug: str) -> None:
    """A comparison that accepts everything would find nothing."""
    BUGS[bug](monkeypatch)

    with in_process(tmp_path / "data") as client, pytest.raises(AssertionError):
        go_through(client, bug)
