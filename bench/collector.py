"""The collection of a running acrux: paused, resumed, and awaited."""

import sqlite3
import time
from collections.abc import Iterator
from contextlib import closing, contextmanager
from pathlib import Path

from bench.processes import BenchError

PAUSE_SECONDS = 2  # after which a step that was under way has ended
PATIENCE_SECONDS = 3600
LOOK_SECONDS = 0.1

_PAUSED_UNTIL = 1 << 62

_DONE = (
    "SELECT NOT EXISTS (SELECT 1 FROM repositories WHERE name IS NULL)"
    " AND NOT EXISTS (SELECT 1 FROM reviews) AND NOT EXISTS (SELECT 1 FROM removals)"
)


class Collector:
    """What collects in a data directory. It runs until it is paused."""

    def __init__(self, folder: Path) -> None:
        self._path = folder / "registry.sqlite"
        self._resumed_at: float | None = time.monotonic()
        self._seconds = 0.0

    @property
    def seconds(self) -> float:
        """For how long it was not paused, all in all."""
        running = 0.0 if self._resumed_at is None else time.monotonic() - self._resumed_at
        return self._seconds + running

    def pause(self) -> None:
        """Take the lease without which no process collects."""
        if self._resumed_at is None:
            return
        self._write(
            "INSERT OR REPLACE INTO leases (name, holder, expires_at)"
            f" VALUES ('collection', 'bench', {_PAUSED_UNTIL})"
        )
        self._seconds, self._resumed_at = self.seconds, None
        time.sleep(PAUSE_SECONDS)

    def resume(self) -> None:
        """Give the lease back."""
        if self._resumed_at is None:
            self._write("DELETE FROM leases WHERE holder = 'bench'")
            self._resumed_at = time.monotonic()

    def is_done(self) -> bool:
        """Whether nothing is left to collect: no row, and no byte."""
        with self._opened() as database:
            return bool(database.execute(_DONE).fetchone()[0])

    def await_end(self) -> float:
        """Wait until nothing is left; return how many seconds that took. Raises BenchError."""
        began = time.monotonic()
        while not self.is_done():
            time.sleep(LOOK_SECONDS)
            if time.monotonic() - began > PATIENCE_SECONDS:
                raise BenchError(f"the collection did not end within {PATIENCE_SECONDS} seconds")
        return time.monotonic() - began

    def _write(self, statement: str) -> None:
        with self._opened() as database, database:
            database.execute(statement)

    @contextmanager
    def _opened(self) -> Iterator[sqlite3.Connection]:
        with closing(sqlite3.connect(self._path, timeout=60)) as database:
            yield database
