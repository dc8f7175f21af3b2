"""Random histories with soft delete; and bugs that they must find."""

from collections.abc import Callable, Iterator
from pathlib import Path

import pytest
from hypothesis import settings
from hypothesis.stateful import run_state_machine_as_test

from tests.model.bugs import RESTORE_BUGS
from tests.model.collecting import InProcess, in_process
from tests.model.restoring import RestoringMachine
from tests.model.test_collecting import machine
from tests.model.test_histories import look

Step = Callable[[RestoringMachine], object]

EXAMPLES = 8
STEPS = 30


@pytest.fixture
def client(tmp_path: Path) -> Iterator[InProcess]:
    """A registry in this process."""
    with in_process(tmp_path / "data") as client:
        yield client


def test_a_registry_restores_what_its_model_restores(client: InProcess) -> None:
    """What is listed as deleted must come back whole, whatever happened meanwhile."""
    chosen = settings(
        max_examples=EXAMPLES, stateful_step_count=STEPS, deadline=None, print_blob=True
    )
    run_state_machine_as_test(machine(client, RestoringMachine), settings=chosen)


IMAGE = ("app", "image", "v1")


def _restore(machine: RestoringMachine) -> None:
    machine.restore("app", 0, None, force=False)


# For each bug a short history that comes upon it.
HISTORIES: dict[str, tuple[Step, ...]] = {
    "what is restored is not counted": (
        lambda machine: machine.push(*IMAGE),
        lambda machine: machine.delete_a_manifest("app", 0),
        lambda machine: machine.collect(24),
        _restore,
    ),
    "a restoration asks no quota": (
        lambda machine: machine.push(*IMAGE),
        lambda machine: machine.delete_the_repository("app"),
        lambda machine: machine.limit(30),
        _restore,
        lambda machine: machine.restore_the_repository("app"),
        lambda machine: machine.limit(60_000),
        lambda machine: machine.restore_the_repository("app"),
    ),
    "the graveyard keeps no links": (
        lambda machine: machine.push(*IMAGE),
        lambda machine: machine.delete_a_manifest("app", 0),
        lambda machine: machine.collect(24),
        _restore,
    ),
    "what was deleted expires before its time": (
        lambda machine: machine.push(*IMAGE),
        lambda machine: machine.delete_a_manifest("app", 0),
        lambda machine: machine.collect(24),
        lambda machine: machine.collect(24),
        _restore,
    ),
    "what an index lists stays deleted": (
        lambda machine: machine.push(*IMAGE),
        lambda machine: machine.push("app", "other image", "v1"),
        lambda machine: machine.push("app", "index", "latest"),
        lambda machine: machine.delete_the_repository("app"),
        lambda machine: machine.restore("app", 2, None, force=False),
    ),
    "a signature that was deleted before comes back": (
        lambda machine: machine.push(*IMAGE),
        lambda machine: machine.put("app", "signature", [], is_by_tag=False),
        lambda machine: machine.delete_a_manifest("app", 1),
        lambda machine: machine.put("app", "signed index", [], is_by_tag=False),
        lambda machine: machine.delete_a_manifest("app", 0),
        lambda machine: machine.restore("app", 1, None, force=False),
    ),
    "a tag that was pushed again is moved without force": (
        lambda machine: machine.push(*IMAGE),
        lambda machine: machine.delete_a_manifest("app", 0),
        lambda machine: machine.push("app", "other image", "v1"),
        lambda machine: machine.restore("app", 0, "v1", force=False),
        lambda machine: machine.restore("app", 0, "v1", force=True),
    ),
    "what is purged can be restored": (
        lambda machine: machine.push(*IMAGE),
        lambda machine: machine.delete_a_manifest("app", 0),
        lambda machine: machine.purge_a_manifest("app", 0),
        _restore,
        lambda machine: machine.purge_the_repository("app"),
    ),
    "a restored tag is still listed as deleted": (
        lambda machine: machine.push(*IMAGE),
        lambda machine: machine.delete_a_tag("app", 0, is_acr=True),
        lambda machine: machine.restore("app", 0, "v1", force=False),
        lambda machine: machine.delete_a_manifest("app", 0),
        lambda machine: machine.push(*IMAGE),
        _restore,
    ),
    # One expires, and its layers are looked at, when another one that has them is buried.
    "what was buried just now loses its blobs": (
        lambda machine: machine.push(*IMAGE),
        lambda machine: machine.push("app", "other image", "latest"),
        lambda machine: machine.delete_a_manifest("app", 0),
        lambda machine: machine.collect(24),
        lambda machine: machine.delete_a_tag("app", 0, is_acr=False),
        lambda machine: machine.collect(24),
        _restore,
    ),
}


def go_through(client: InProcess, history: str) -> None:
    """Take the steps, with the checks of the machine after each."""
    steps = RestoringMachine(client, f"history-{list(HISTORIES).index(history)}")
    for step in HISTORIES[history]:
        step(steps)
        look(steps)
        steps.what_counts_is_what_there_is()
        steps.what_can_be_restored_is_listed()


@pytest.mark.parametrize("history", HISTORIES)
def test_a_history_goes_as_the_model_says(client: InProcess, history: str) -> None:
    """A difference that is always seen would say nothing of a bug."""
    go_through(client, history)


@pytest.mark.parametrize("bug", RESTORE_BUGS)
def test_a_bug_is_found(tmp_path: Path, monkeypatch: pytest.MonkeyPatch, bug: str) -> None:
    """A comparison that accepts everything would find nothing."""
    RESTORE_BUGS[bug](monkeypatch)

    with in_process(tmp_path / "data") as client, pytest.raises(AssertionError):
        go_through(client, bug)
