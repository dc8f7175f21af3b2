"""The metadata adapters on each kind of database."""

from collections.abc import Iterator

import pytest

from acrux.adapters.sql.content.metadata_store import SqlMetadata
from acrux.adapters.sql.properties import SqlProperties
from tests.contracts.content import GRACE
from tests.contracts.databases import (
    KINDS,
    Databases,
    OpenDatabase,
    Places,
    on_postgresql,
    on_sqlite,
)
from tests.postgresql import server

__all__ = ["server"]


@pytest.fixture(scope="session", params=KINDS)
def places(request: pytest.FixtureRequest) -> Places:
    """Makes databases of each kind."""
    if request.param == "sqlite":
        return on_sqlite
    return on_postgresql(request.getfixturevalue("server"))


@pytest.fixture
def databases(places: Places) -> Iterator[Databases]:
    """A place for a database of each kind."""
    with places() as place:
        databases = Databases(place)
        yield databases
        databases.close()


@pytest.fixture
def database(databases: Databases) -> OpenDatabase:
    """The database that the adapters use."""
    return databases.open()


@pytest.fixture
def metadata(database: OpenDatabase) -> SqlMetadata:
    """Metadata of an empty registry."""
    return SqlMetadata(database, GRACE)


@pytest.fixture
def properties(database: OpenDatabase) -> SqlProperties:
    """Properties of the same registry."""
    return SqlProperties(database)
