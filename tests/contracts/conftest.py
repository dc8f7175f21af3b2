"""The metadata adapters on each kind of database."""

from collections.abc import Iterator
from pathlib import Path

import pytest

from acrux.adapters.sql.content.metadata_store import SqlMetadata
from acrux.adapters.sql.properties import SqlProperties
from acrux.adapters.sqlite.database import SqliteDatabase
from tests.contracts.content import GRACE
from tests.contracts.databases import KINDS, Databases


@pytest.fixture(params=KINDS)
def databases(request: pytest.FixtureRequest, tmp_path: Path) -> Iterator[Databases]:
    """A place for a database of each kind."""
    databases = Databases(request.param, tmp_path)
    yield databases
    databases.close()


@pytest.fixture
def database(databases: Databases) -> SqliteDatabase:
    """The database that the adapters use."""
    return databases.open()


@pytest.fixture
def metadata(database: SqliteDatabase) -> SqlMetadata:
    """Metadata of an empty registry."""
    return SqlMetadata(database, GRACE)


@pytest.fixture
def properties(database: SqliteDatabase) -> SqlProperties:
    """Properties of the same registry."""
    return SqlProperties(database)
