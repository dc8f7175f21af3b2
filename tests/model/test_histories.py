"""Short histories that once failed, with the checks after every step."""

from collections.abc import Callable, Iterator

import pytest

from tests.model.client import Client
from tests.model.machine import ABSENT, Machine
from tests.model.model import Repository
from tests.running import running

Step = Callable[[Machine], object]

HISTORIES: dict[str, tuple[Step, ...]] = {
    "a repository that may not be read can be pushed to": (
        lambda machine: machine.push("app", "image", "v1"),
        lambda machine: machine.lock_the_repository("app", {"readEnabled": False}),
        lambda machine: machine.push("app", "other image", "v2"),
        lambda machine: machine.unlock_everything("app"),
    ),
    "what a repository that may not be read holds is mounted from nowhere": (
        lambda machine: machine.push("app", "image", "v1"),
        lambda machine: machine.lock_the_repository("app", {"readEnabled": False}),
        lambda machine: machine.mount("app/tools", "layer", "app"),
        lambda machine: machine.mount("app/tools", "layer", None),
        lambda machine: machine.unlock_everything("app"),
        lambda machine: machine.mount("app/tools", "layer", None),
    ),
    "a manifest that is hidden is hidden among the referrers too": (
        lambda machine: machine.push("app", "signature", "v1"),
        lambda machine: machine.push("app", "signed index", "V1"),
        lambda machine: machine.lock_a_manifest("app", 0, {"listEnabled": False}),
    ),
    "a tag keeps its switches when it moves": (
        lambda machine: machine.push("app", "image", "v1"),
        lambda machine: machine.lock_a_tag("app", 0, {"readEnabled": False, "listEnabled": False}),
        lambda machine: machine.push("app", "other image", "v1"),
    ),
    "a tag that may not be written keeps the others from coming with it": (
        lambda machine: machine.push("app", "image", "v1"),
        lambda machine: machine.lock_a_tag("app", 0, {"writeEnabled": False}),
        lambda machine: machine.put("app", "index", ["latest", "v1"], is_by_tag=True),
    ),
    "the last manifest takes the repository and its switches with it": (
        lambda machine: machine.push("app", "image", "v1"),
        lambda machine: machine.lock_the_repository(
            "app", {"readEnabled": False, "listEnabled": False, "deleteEnabled": False}
        ),
        lambda machine: machine.delete_a_manifest("app", 0),
        lambda machine: machine.push("app", "image", "v1"),
    ),
    "a tag that comes again begins unlocked": (
        lambda machine: machine.push("app", "image", "v1"),
        lambda machine: machine.lock_a_tag("app", 0, {"listEnabled": False}),
        lambda machine: machine.delete_a_tag("app", 0, is_acr=True),
        lambda machine: machine.push("app", "image", "v1"),
    ),
    "an upload outlives its repository, as whoever pushes makes it anew": (
        lambda machine: machine.push("app", "image", "v1"),
        lambda machine: machine.start("app", "long layer"),
        lambda machine: machine.append(machine.open_uploads[0], 2, is_named=True),
        lambda machine: machine.delete_the_repository("app"),
        lambda machine: machine.append(machine.open_uploads[0], 4, is_named=False),
        lambda machine: machine.finish(machine.open_uploads[0], is_last_sent=True, is_named=False),
    ),
    "a repository that was locked during an upload takes no blob": (
        lambda machine: machine.push("app", "image", "v1"),
        lambda machine: machine.delete_a_blob("app", 0),
        lambda machine: machine.start("app", "config"),
        lambda machine: machine.lock_the_repository("app", {"writeEnabled": False}),
        lambda machine: machine.append(machine.open_uploads[0], 4, is_named=True),
        lambda machine: machine.finish(machine.open_uploads[0], is_last_sent=False, is_named=False),
        lambda machine: machine.unlock_everything("app"),
    ),
    "an upload that was cancelled stays so in a repository that is locked": (
        lambda machine: machine.push("app", "image", "v1"),
        lambda machine: machine.start("app", "config"),
        lambda machine: machine.cancel(machine.open_uploads[0]),
        lambda machine: machine.lock_the_repository("app", {"writeEnabled": False}),
        lambda machine: machine.finish(machine.open_uploads[0], is_last_sent=False, is_named=False),
        lambda machine: machine.unlock_everything("app"),
    ),
    "half an upload is refused for the lock before its digest": (
        lambda machine: machine.push("app", "image", "v1"),
        lambda machine: machine.start("app", "long layer"),
        lambda machine: machine.append(machine.open_uploads[0], 2, is_named=True),
        lambda machine: machine.lock_the_repository("app", {"writeEnabled": False}),
        lambda machine: machine.finish(machine.open_uploads[0], is_last_sent=False, is_named=False),
        lambda machine: machine.unlock_everything("app"),
    ),
}


@pytest.fixture(scope="module")
def client(tmp_path_factory: pytest.TempPathFactory) -> Iterator[Client]:
    """A client of a registry of two workers."""
    with running(tmp_path_factory.mktemp("histories") / "data", "--workers", "2") as registry:
        client = Client(registry)
        yield client
        client.close()


def look(machine: Machine) -> None:
    """Run the checks that the machine makes after each of its steps."""
    machine.all_that_the_model_holds_can_be_pulled_and_nothing_else()
    machine.listings_are_the_models_page_by_page()


@pytest.mark.xdist_group("model")
@pytest.mark.parametrize("history", HISTORIES)
def test_a_history_goes_as_the_model_says(client: Client, history: str) -> None:
    """Failures that random steps once found, or nearly, must be tried every time."""
    machine = Machine(client, f"history-{list(HISTORIES).index(history)}")

    for step in HISTORIES[history]:
        step(machine)
        look(machine)


DIFFERENCES: dict[str, Callable[[Repository], object]] = {
    "a tag points elsewhere": lambda model: model.tags.update(v1=ABSENT),
    "a blob is not there": lambda model: model.blobs.pop(),
    "a manifest is not there": lambda model: model.manifests.popitem(),
    "a tag more": lambda model: model.tags.update(v2=model.tags["v1"]),
    "the repository may not be read": lambda model: model.switches.update(readEnabled=False),
    "the repository is hidden": lambda model: model.switches.update(listEnabled=False),
    "the tag is hidden": lambda model: model.tag_switches["v1"].update(listEnabled=False),
    "the tag may not be deleted": lambda model: model.tag_switches["v1"].update(
        deleteEnabled=False
    ),
}


@pytest.mark.xdist_group("model")
@pytest.mark.parametrize("difference", DIFFERENCES)
def test_a_difference_is_seen(client: Client, difference: str) -> None:
    """A comparison that accepts everything would find nothing."""
    machine = Machine(client, f"difference-{list(DIFFERENCES).index(difference)}")
    machine.push("app", "signature", "v1")
    look(machine)

    DIFFERENCES[difference](machine.model["app"])

    with pytest.raises((AssertionError, KeyError)):
        look(machine)
