"""Whether anybody else has the embedded database open."""

from contextlib import closing
from pathlib import Path

import pytest

from acrux.adapters.sqlite.alone import is_used
from acrux.adapters.sqlite.connection import Connection
from acrux.adapters.sqlite.database import SqliteDatabase


@pytest.fixture
def path(tmp_path: Path) -> Path:
    """A database that nobody has open."""
    path = tmp_path / "registry.sqlite"
    with closing(SqliteDatabase(path)) as database:
        database.open()
    return path


def test_a_database_is_in_use_while_a_connection_is_open(path: Path) -> None:
    """A registry that is idle can take a push at any moment."""
    seen = [is_used(path)]
    with closing(SqliteDatabase(path)) as database:
        database.open()
        seen.append(is_used(path))
    seen.append(is_used(path))

    assert seen == [False, True, False]


def test_the_look_disturbs_nobody(path: Path) -> None:
    """The registry that is found to run goes on answering."""
    with closing(Connection(path)) as running:
        assert is_used(path)
        version = running.version()

    assert version > 0
    assert not path.with_name("registry.sqlite-wal").exists()
