"""Clients that go on whatever fails, and what they were told meanwhile."""

import json
import random
import threading
from collections.abc import Callable, Iterator, Sequence
from contextlib import contextmanager
from typing import Final

from tests.cluster.clients import WRONG, Client, FailedError
from tests.crash.load import ALSO_LARGE, BROKEN, Load
from tests.crash.promises import Ledger
from tests.running import RunningRegistry

STEPS: Final = 5
MOST: Final = 1000
PULLED_EVERY: Final = 2
DELETED_EVERY: Final = 3


class Going(threading.Thread):
    """Repeats a step until it is stopped. `wrong` is what should not have been answered."""

    def __init__(self) -> None:
        super().__init__()
        self.succeeded = 0
        self.failed = 0
        self.wrong: list[str] = []
        self._stopped = threading.Event()

    def stop(self) -> None:
        """End after the step that is under way."""
        self._stopped.set()

    def run(self) -> None:
        """Repeat the step."""
        for turn in range(MOST):
            if self._stopped.is_set():
                return
            self.step(turn)

    def step(self, turn: int) -> None:
        """One step, which may fail."""

    def attempt(self, call: Callable[[], object]) -> bool:
        """Whether the call succeeded."""
        try:
            call()
        except FailedError as failed:
            self.failed += 1
            if WRONG.search(str(failed)):
                self.wrong.append(str(failed))
            return False
        self.succeeded += 1
        return True


class Pushing(Going):
    """A real client that pushes until it is told that it did, and pulls and deletes."""

    def __init__(self, client: Client) -> None:
        super().__init__()
        self.client = client
        self.digests: dict[str, str] = {}
        self.deleted: set[str] = set()

    def step(self, turn: int) -> None:
        """Push a new tag, pull an earlier one, delete one."""
        self._push(f"v{turn}")
        kept = sorted(self.digests)
        if kept and turn % PULLED_EVERY == 0:
            self.attempt(lambda: self._pull(kept[turn % len(kept)]))
        if self.client.deletes and len(kept) > 1 and turn % DELETED_EVERY == 0:
            self._delete_one(kept[0])

    def _push(self, tag: str) -> None:
        def push() -> None:
            self.digests[tag] = self.client.push(tag)

        while not self.attempt(push) and not self._stopped.is_set():
            pass

    def _pull(self, tag: str) -> None:
        if (found := self.client.pull(tag)) != self.digests[tag]:
            self.wrong.append(f"{tag} is {found}")

    def _delete_one(self, tag: str) -> None:
        del self.digests[tag]  # nobody knows, until it is acknowledged
        if self.attempt(lambda: self.client.delete(tag)):
            self.deleted.add(tag)


class TagsOnly(Load):
    """As Load, where what lost its last tag is collected at once."""

    def _put_manifest(self, tag: str, content: bytes) -> None:
        manifest, path = json.loads(content), self._manifest(tag)
        self.ledger.attempt(path, content)
        for blob in (manifest["config"], *manifest["layers"]):  # from now on, it goes with the tag
            self.ledger.attempt(f"/v2/{self._name}/blobs/{blob['digest']}", None)
        self._call(201, "PUT", path, content, Content_Type=manifest["mediaType"])
        self.ledger.keep(path, content)


class Loading(Going):
    """Every kind of request of its own, with a ledger of what was acknowledged."""

    def __init__(self, registry: RunningRegistry, number: int) -> None:
        super().__init__()
        self.load = TagsOnly(registry, registry.password, Ledger(), f"load-{number}", ALSO_LARGE)
        self._chance = random.Random(number)

    def step(self, turn: int) -> None:
        """Some steps, and the closing PUT once more that got no answer."""
        self.attempt(self._take_steps)
        if self.load.ledger.closing is not None:
            self.attempt(self._close_again)

    def _take_steps(self) -> None:
        if failure := self.load.run(self._chance, STEPS):
            raise FailedError(repr(failure)) from failure

    def _close_again(self) -> None:
        try:
            self.load.log_in()
            self.load.close_again(201)
        except BROKEN as failure:
            raise FailedError(repr(failure)) from failure
        finally:
            self.load.connection.close()


@contextmanager
def going(threads: Sequence[Going]) -> Iterator[None]:
    """Let all of them go on until the block ends."""
    for thread in threads:
        thread.start()
    try:
        yield
    finally:
        for thread in threads:
            thread.stop()
        for thread in threads:
            thread.join()
