"""Builds the page of all metrics, for a worker or a process of its own."""

from acrux.adapters.blobs.blob_store import FileBlobStore
from acrux.adapters.metrics.board import Board
from acrux.adapters.metrics.facts import Facts
from acrux.adapters.metrics.page import MetricsPage
from acrux.adapters.metrics.publisher import Publisher
from acrux.adapters.reserve import Reserve
from acrux.adapters.sql.uploads import SqlUploads
from acrux.bootstrap.adapters import Adapters
from acrux.bootstrap.databases import build_database, open_database
from acrux.clocks import now
from acrux.settings import Settings


def of_worker(adapters: Adapters, publisher: Publisher) -> MetricsPage:
    """The page of a worker, with what it counts itself up to this moment."""
    facts = Facts(
        adapters.database, adapters.storage.store.open_uploads, adapters.reserve, adapters.lenient
    )
    return MetricsPage(publisher.publish, publisher.read, facts.values)


async def alone(settings: Settings, board: Board) -> MetricsPage:
    """The page of a process that counts nothing itself. Raises InvalidSettings.

    It opens the database, and neither keys nor passwords.
    """
    folder = settings.data_dir
    database = build_database(settings)
    await open_database(database)
    uploads = SqlUploads(database, database).count
    if not settings.storage:
        uploads = FileBlobStore(folder).open_uploads
    facts = Facts(database, uploads, Reserve(folder / "reserve"), now)
    return MetricsPage(lambda: None, board.read, facts.values)
