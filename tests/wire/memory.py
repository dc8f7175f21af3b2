"""How much memory a registry takes while something is done."""

import threading
from collections.abc import Callable

from tests.running import RunningRegistry
from tests.wire.connection import MEBIBYTE

# A transfer holds a few chunks, whatever its size.
ALLOWED_GROWTH = 64 * MEBIBYTE


class Watch:
    """The peak memory of a registry during an action."""

    def __init__(self, registry: RunningRegistry) -> None:
        self._registry = registry
        self._done = threading.Event()
        self.before = registry.resident_bytes()
        self.most = self.before

    def during(self, act: Callable[[], object]) -> int:
        """Call `act`, and return by how many bytes the memory grew at most."""
        watcher = threading.Thread(target=self._watch)
        watcher.start()
        try:
            act()
        finally:
            self._done.set()
            watcher.join()
        return self.most - self.before

    def _watch(self) -> None:
        while not self._done.wait(0.02):
            self.most = max(self.most, self._registry.resident_bytes())
