"""The databases under test, and a record of the statements on each."""

from collections.abc import Callable, Iterator
from contextlib import AbstractContextManager, contextmanager
from pathlib import Path
from tempfile import TemporaryDirectory
from threading import Event
from typing import TypeAlias

import pytest

from acrux.adapters.sql.database import Observer, Statement, Steps
from acrux.adapters.sqlite.database import SqliteDatabase
from tests.postgresql import PATIENCE, PostgreSql, ThreadedDatabase

OpenDatabase: TypeAlias = SqliteDatabase | ThreadedDatabase

# Opens a stored database once more, with who watches the statements.
Open: TypeAlias = Callable[[Observer], OpenDatabase]

# Makes a new database, for as long as the context lasts.
Places: TypeAlias = Callable[[], AbstractContextManager[Open]]

KINDS = ("sqlite", "postgresql")

# A test of what only SQLite has, such as its plans; tests/adapters/postgresql has its like.
only_sqlite = pytest.mark.parametrize("places", ["sqlite"], indirect=True)


@contextmanager
def on_sqlite() -> Iterator[Open]:
    """A database in a file of a new folder."""
    with TemporaryDirectory() as folder:
        yield in_folder(Path(folder))


def in_folder(folder: Path) -> Open:
    """The database in the folder."""

    def open_(observe: Observer) -> SqliteDatabase:
        database = SqliteDatabase(folder / "registry.sqlite", observe)
        database.open()
        return database

    return open_


def on_postgresql(server: PostgreSql) -> Places:
    """New databases on the server."""

    @contextmanager
    def place() -> Iterator[Open]:
        name = server.new_database()

        def open_(observe: Observer) -> ThreadedDatabase:
            database = ThreadedDatabase(server.url(name), observe)
            database.open()
            return database

        try:
            yield open_
        finally:
            server.drop(name)

    return place


class Databases:
    """One stored database, opened once for each worker of a test; records every statement."""

    def __init__(self, open_: Open) -> None:
        self.statements: list[Statement] = []
        self._open = open_
        self._opened: list[OpenDatabase] = []

    def open(self) -> OpenDatabase:
        """Open it once more, like another worker."""
        self._opened.append(self._open(self.statements.append))
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
