"""Random histories with a quota; and bugs that they must find."""

from collections.abc import Callable, Iterator
from pathlib import Path

import pytest
from hypothesis import settings
from hypothesis.stateful import run_state_machine_as_test

from tests.model.bugs import QUOTA_BUGS
from tests.model.collecting import InProcess, in_process
from tests.model.limiting import LimitingMachine
from tests.model.test_collecting import machine
from tests.model.test_histories import look

Step = Callable[[LimitingMachine], object]

EXAMPLES = 8
STEPS = 25


@pytest.fixture
def client(tmp_path: Path) -> Iterator[InProcess]:
    """A registry in this process."""
    with in_process(tmp_path / "data") as client:
        yield client


def test_a_registry_refuses_what_its_model_refuses(client: InProcess) -> None:
    """A byte that is counted twice, or never, shows only after many steps."""
    chosen = settings(
        max_examples=EXAMPLES, stateful_step_count=STEPS, deadline=None, print_blob=True
    )
    run_state_machine_as_test(machine(client, LimitingMachine), settings=chosen)


IMAGE = ("app", "image", "v1")

# For each bug a short history that comes upon it.
HISTORIES: dict[str, tuple[Step, ...]] = {
    "a quota is asked without the bytes to come": (
        lambda machine: machine.limit(30),
        lambda machine: machine.push_a_blob_at_once("app", "long layer"),
    ),
    "a mount asks no quota": (
        lambda machine: machine.push(*IMAGE),
        lambda machine: machine.limit(1),
        lambda machine: machine.mount("app/tools", "config", "app"),
        lambda machine: machine.mount("app", "config", "app"),
    ),
    "a manifest asks no quota": (
        lambda machine: machine.push(*IMAGE),
        lambda machine: machine.limit(0),
        lambda machine: machine.put("app", "other image", ["v1"], is_by_tag=True),
        lambda machine: machine.put("app", "image", ["latest"], is_by_tag=True),
    ),
    "what was deleted takes room": (
        lambda machine: machine.push(*IMAGE),
        lambda machine: machine.limit(0),
        lambda machine: machine.delete_the_repository("app"),
        lambda machine: machine.push("app/tools", "image", "v1"),
    ),
    "a link that goes is not counted": (
        lambda machine: machine.push(*IMAGE),
        lambda machine: machine.push("app", "other image", "latest"),
        lambda machine: machine.limit(0),
        lambda machine: machine.delete_a_manifest("app", 1),
        lambda machine: machine.push("app/tools", "image", "v1"),
        lambda machine: machine.collect(24),
        lambda machine: machine.push("app/tools", "image", "v1"),
    ),
    "a chunk is let in without what the upload holds": (
        lambda machine: machine.start("app", "long layer"),
        lambda machine: machine.limit(10_000),
        lambda machine: machine.append(machine.open_uploads[0], 2, is_named=True),
        lambda machine: machine.append(machine.open_uploads[0], 2, is_named=True),
        lambda machine: machine.append(machine.open_uploads[0], 4, is_named=True),
    ),
}


def go_through(client: InProcess, history: str) -> None:
    """Take the steps, with the checks of the machine after each."""
    steps = LimitingMachine(client, f"history-{list(HISTORIES).index(history)}")
    for step in HISTORIES[history]:
        step(steps)
        look(steps)
        steps.what_counts_is_what_there_is()


def test_a_history_goes_as_the_model_says(client: InProcess) -> None:
    """A difference that is always seen would say nothing of a bug."""
    for history in HISTORIES:
        go_through(client, history)


@pytest.mark.parametrize("bug", QUOTA_BUGS)
def test_a_bug_is_found(tmp_path: Path, monkeypatch: pytest.MonkeyPatch, bug: str) -> None:
    """A comparison that accepts everything would find nothing."""
    QUOTA_BUGS[bug](monkeypatch)

    with in_process(tmp_path / "data") as client, pytest.raises(AssertionError):
        go_through(client, bug)
