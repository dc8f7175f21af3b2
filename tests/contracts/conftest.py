"""The metadata adapters on each kind of database."""

from collections.abc import Callable, Iterator
from contextlib import ExitStack
from pathlib import Path

import pytest

from acrux.adapters.keys.secrets import FileSecrets
from acrux.adapters.sql.content.metadata_store import SqlMetadata
from acrux.adapters.sql.properties import SqlProperties
from acrux.adapters.sql.secrets.master_key import MasterKey
from acrux.adapters.sql.secrets.sealed import SealedSecrets
from acrux.ports.content.blobs import BlobStore
from acrux.ports.secrets import Secrets
from tests import object_servers
from tests.contracts.blob_stores import BlobStores, FileBlobStores
from tests.contracts.content import GRACE
from tests.contracts.databases import (
    KINDS,
    Databases,
    OpenDatabase,
    Places,
    on_postgresql,
    on_sqlite,
)
from tests.contracts.object_stores import ObjectBlobStores
from tests.object_servers import ObjectServer
from tests.postgresql import server

__all__ = ["server"]

BUCKET = "contracts"


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


@pytest.fixture(scope="session")
def object_server(
    tmp_path_factory: pytest.TempPathFactory,
) -> Iterator[Callable[[str], ObjectServer]]:
    """A server of each kind that a test wants, with a bucket; it runs to the end."""
    started: dict[str, ObjectServer] = {}
    with ExitStack() as ending:

        def find(kind: str) -> ObjectServer:
            if kind not in started:
                server = ending.enter_context(object_servers.running(kind, tmp_path_factory))
                server.make(BUCKET)
                started[kind] = server
            return started[kind]

        yield find


@pytest.fixture
def on_objects(
    object_server: Callable[[str], ObjectServer],
    tmp_path: Path,
    monkeypatch: pytest.MonkeyPatch,
) -> Iterator[Callable[[str], ObjectBlobStores]]:
    """Makes a place for blobs on a server of a kind; fails if a test leaves something behind."""
    opened: list[ObjectBlobStores] = []

    def make(kind: str) -> ObjectBlobStores:
        server = object_server(kind)
        for name, value in server.variables.items():
            monkeypatch.setenv(name, value)
        opened.append(ObjectBlobStores(tmp_path / "data", server, BUCKET))
        return opened[-1]

    yield make
    try:
        assert [stores.leftovers() for stores in opened] == [set() for _ in opened]
    finally:
        for stores in opened:
            stores.close()


@pytest.fixture(params=["files", *object_servers.KINDS])
def stores(request: pytest.FixtureRequest) -> BlobStores:
    """A place for blobs of each kind; fails if a test leaves something behind in it."""
    if request.param == "files":
        files: FileBlobStores = request.getfixturevalue("files")
        return files
    make: Callable[[str], ObjectBlobStores] = request.getfixturevalue("on_objects")
    return make(request.param)


@pytest.fixture
def store(stores: BlobStores) -> BlobStore:
    """An empty store."""
    return stores.open()


@pytest.fixture
def files(tmp_path: Path) -> Iterator[FileBlobStores]:
    """A folder for blobs, for promises that only files make."""
    files = FileBlobStores(tmp_path / "data")
    yield files
    assert files.leftovers() == set()


@pytest.fixture(params=["files", *KINDS])
def secrets(request: pytest.FixtureRequest, tmp_path: Path) -> Iterator[Secrets]:
    """Secrets in files, and sealed on each kind of database; there are none yet."""
    if request.param == "files":
        yield FileSecrets(tmp_path)
        return
    at = (
        on_sqlite if request.param == "sqlite" else on_postgresql(request.getfixturevalue("server"))
    )
    with at() as place:
        databases = Databases(place)
        yield SealedSecrets(databases.open(), lambda: MasterKey(bytes(32), "master-key"))
        databases.close()
