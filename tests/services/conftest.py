"""What services need: adapters in a temporary folder, a clock by hand."""

from collections.abc import Iterator
from datetime import timedelta
from pathlib import Path

import pytest

from acrux.adapters.blobs.blob_store import FileBlobStore
from acrux.adapters.sql.content.grace import Grace
from acrux.adapters.sql.content.metadata_store import SqlMetadata
from acrux.adapters.sql.properties import SqlProperties
from acrux.adapters.sqlite.database import SqliteDatabase
from tests.http.conftest import HandClock

HELD = timedelta(hours=2)  # how long what a push may rely on is kept


@pytest.fixture
def clock() -> HandClock:
    """Noon, until a test moves it."""
    return HandClock()


@pytest.fixture
def database(tmp_path: Path) -> Iterator[SqliteDatabase]:
    """An empty database."""
    database = SqliteDatabase(tmp_path / "registry.sqlite")
    database.open()
    yield database
    database.close()


@pytest.fixture
def metadata(database: SqliteDatabase, clock: HandClock) -> SqlMetadata:
    """The metadata of an empty registry."""
    return SqlMetadata(database, Grace(clock, timedelta(days=1), held=HELD))


@pytest.fixture
def properties(database: SqliteDatabase) -> SqlProperties:
    """The properties of the same registry."""
    return SqlProperties(database)


@pytest.fixture
def store(tmp_path: Path) -> FileBlobStore:
    """An empty blob store."""
    store = FileBlobStore(tmp_path)
    store.prepare()
    return store
