"""The metadata adapters on each kind of database."""

from collections.abc import Iterator
from pathlib import Path

import pytest

from acrux.adapters.keys.secrets import FileSecrets
from acrux.adapters.sql.content.metadata_store import SqlMetadata
from acrux.adapters.sql.properties import SqlProperties
from acrux.adapters.sql.secrets.master_key import MasterKey
from acrux.adapters.sql.secrets.sealed import SealedSecrets
from acrux.adapters.sqlite.database import SqliteDatabase
from acrux.ports.secrets import Secrets
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


@pytest.fixture(params=["files", *KINDS])
def secrets(request: pytest.FixtureRequest, tmp_path: Path) -> Iterator[Secrets]:
    """Secrets in files, and sealed on each kind of database; there are none yet."""
    if request.param == "files":
        yield FileSecrets(tmp_path)
        return
    databases = Databases(request.param, tmp_path)
    yield SealedSecrets(databases.open(), lambda: MasterKey(bytes(32), "master-key"))
    databases.close()
