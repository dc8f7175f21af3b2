"""The databases under test, and a record of the statements on each."""

from collections.abc import Callable, Iterator
from contextlib import contextmanager
from pathlib import Path
from threading import Event

from acrux.adapters.sql.database import Observer, Statement, Steps
from acrux.adapters.sqlite.database import SqliteDatabase

PATIENCE = 30.0  # seconds after which a test that waits in vain fails


def _sqlite(folder: Path, observe: Observer) -> SqliteDatabase:
    database = SqliteDatabase(folder / "registry.sqlite", observe)
    database.open()
    return database


# Add PostgreSQL here.
KINDS: dict[str, Callable[[Path, Observer], SqliteDatabase]] = {"sqlite": _sqlite}


class Databases:
    """One stored database, opened once for each worker of a test; records every statement."""

    def __init__(self, kind: str, folder: Path) -> None:
        self.statements: list[Statement] = []
        self._kind = kind
        self._folder = folder
        self._opened: list[SqliteDatabase] = []

    def open(self) -> SqliteDatabase:
        """Open it once more, like another worker."""
        self._opened.append(KINDS[self._kind](self._folder, self.statements.append))
        return self._opened[-1]

    def close(self) -> None:
        """Close everything that was opened."""
        for database in self._opened:
            database.close()

    def count(self, beginning: str) -> int:
        """How many statements began with this text."""
        return sum(statement.sql.startswith(beginning) for statement in self.statements)

    @contextmanager
    def watched(self) -> Iterator[list[Statement]]:
        """The statements executed inside the block."""
        before = len(self.statements)
        inside: list[Statement] = []
        try:
            yield inside
        finally:
            inside += self.statements[before:]


class Hold:
    """A transaction that begins, and continues only when it is released."""

    def __init__(self) -> None:
        self.begun = Event()
        self.go_on = Event()

    def steps(self, *statements: Statement) -> Steps[None]:
        """Execute the statements, then wait for the release."""
        for statement in statements:  # noqa: UP028 -- a tuple's iterator accepts no rows
            yield statement
        self.begun.set()
        if not self.go_on.wait(PATIENCE):
            raise TimeoutError
