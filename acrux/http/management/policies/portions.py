"""What one request does of a long run, and where the next one goes on."""

from collections.abc import Callable, Sequence
from time import monotonic
from typing import Final, Generic, TypeVar

Item = TypeVar("Item")

RUN_SECONDS: Final = 10.0  # of one request: callers and proxies do not wait for ever
MAX_ITEMS: Final = 10_000  # of one answer; a step more may come


class Portion(Generic[Item]):
    """Collects what the steps of a run do, until the time or the room of one request is used up.

    The next request begins `after` a repository. If nothing is removed, it skips the first items
    that it finds, because they were `told`. Without a next request, the run `is_done`.
    """

    def __init__(
        self, after: str, told: int, *, is_dry: bool, ticks: Callable[[], float] = monotonic
    ) -> None:
        self.items: list[Item] = []
        self.after = after
        self.is_done = True
        self._begins_after = after
        self._repository = ""
        self._skip = told if is_dry else 0
        self._seen = 0
        self._is_dry = is_dry
        self._ticks = ticks
        self._began = ticks()
        self._ends = self._began + RUN_SECONDS

    @property
    def told(self) -> int:
        """How many items of the repository that comes next were told."""
        return max(self._seen, self._skip) if self._is_dry else 0

    def add(self, repository: str, items: Sequence[Item]) -> bool:
        """Add a step in a repository, and return whether another one fits.

        Each request gets on: it ends a repository, or tells something new of it. What it had to
        pass over before that may take long, so it then goes on for as long again.
        """
        if self._repository not in ("", repository):
            self.after, self._seen, self._skip = self._repository, 0, 0
        self._repository = repository
        new = items[max(0, self._skip - self._seen) :]
        self._seen += len(items)
        now = self._ticks()
        if new and not self.items:
            self._ends = max(self._ends, now + (now - self._began))
        self.items += new
        gets_on = bool(self.items) or self.after != self._begins_after
        self.is_done = not gets_on or (len(self.items) < MAX_ITEMS and now < self._ends)
        return self.is_done
