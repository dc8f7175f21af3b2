"""Whether the server takes writes: what it refused, and what it says."""

import time
from collections.abc import Callable, Iterator
from contextlib import contextmanager
from typing import Final

from acrux.adapters.sql.database import Statement
from acrux.errors import StorageExhausted, StorageReadOnly

# A full disk refuses only what grows, so a write that succeeds does not say that there is room.
LASTING_SECONDS: Final = 15.0

# A standby is not.
IS_WRITABLE: Final = Statement("SELECT current_setting('transaction_read_only') = 'off'", {})


class Refusals:
    """Remembers for LASTING_SECONDS that a write was refused."""

    def __init__(self, ticks: Callable[[], float] = time.monotonic) -> None:
        self._ticks = ticks
        self._message = ""
        self._until = ticks()

    @contextmanager
    def noted(self) -> Iterator[None]:
        """Remember what is raised within it, if it says that nothing can be written."""
        try:
            yield
        except (StorageReadOnly, StorageExhausted) as refused:
            self._message, self._until = refused.message, self._ticks() + LASTING_SECONDS
            raise

    def last(self) -> str:
        """Why writes are refused, in words; empty if they seem to be accepted."""
        return self._message if self._ticks() < self._until else ""
