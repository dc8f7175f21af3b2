"""Choose where blobs are: files in the data directory, or an object store."""

import os
from collections.abc import Awaitable, Callable, Coroutine
from dataclasses import dataclass
from pathlib import Path
from typing import TYPE_CHECKING, Any, Final

from acrux.adapters.blobs.blob_store import FileBlobStore
from acrux.adapters.inspection import FileInspection
from acrux.adapters.reserve import Reserve
from acrux.adapters.sql.content import copies
from acrux.adapters.sql.database import Database
from acrux.adapters.sql.facts import SqlFacts
from acrux.adapters.sql.uploads import SqlUploads
from acrux.errors import InvalidSettings, RegistryError
from acrux.ports.clock import Clock
from acrux.ports.content.integrity.files import Files
from acrux.settings import Settings

if TYPE_CHECKING:
    from acrux.adapters.objects.object_store import ObjectBlobStore

FACT: Final = "storage"
IN_FILES: Final = "files in the data directory"


async def _nothing() -> None:
    """Do nothing: files need neither."""


@dataclass(frozen=True)
class Storage:
    """The store of blobs, and what else its kind needs.

    `probe` raises InvalidSettings if it cannot be used, and `watch` StorageUnavailable if it does
    not answer. `trouble` says in words why it cannot be used now, or nothing. `close` waits for
    what is under way. `abort_strays` aborts what a killed process left, where the store has it.
    """

    store: "FileBlobStore | ObjectBlobStore"
    files: Files
    probe: Callable[[], Coroutine[Any, Any, None]] = _nothing
    watch: Callable[[], Awaitable[None]] | None = None
    trouble: Callable[[], str] = str
    close: Callable[[], Awaitable[None]] = _nothing
    abort_strays: Callable[[], Awaitable[int]] | None = None


def build_storage(
    settings: Settings, folder: Path, reserve: Reserve, uploads: SqlUploads, clock: Clock
) -> Storage:
    """The storage that the settings name. Raises InvalidSettings."""
    if settings.storage:
        return _objects(settings, uploads, clock)
    store = FileBlobStore(folder, reserve.check)
    store.prepare()
    return Storage(store, FileInspection(folder))


def _objects(settings: Settings, uploads: SqlUploads, clock: Clock) -> Storage:
    try:  # an extra, which takes 50 ms to import
        from acrux.adapters.objects.bucket import Bucket  # noqa: PLC0415
        from acrux.adapters.objects.committing import Commits  # noqa: PLC0415
        from acrux.adapters.objects.inspection import ObjectInspection  # noqa: PLC0415
        from acrux.adapters.objects.location import Location  # noqa: PLC0415
        from acrux.adapters.objects.multipart import MultipartUploads  # noqa: PLC0415
        from acrux.adapters.objects.object_store import ObjectBlobStore  # noqa: PLC0415
    except ModuleNotFoundError as missing:
        raise InvalidSettings(
            "storage: obstore is not installed: in the checkout that this was installed from, "
            "pip install '.[objects]'"
        ) from missing
    location = Location.parse(settings.storage)
    bucket = Bucket(location, os.environ)
    store = ObjectBlobStore(bucket, uploads, clock, settings.blob_cache_bytes)
    inspection = ObjectInspection(bucket, Commits(bucket, uploads, clock))
    multipart = MultipartUploads(location, os.environ, clock)
    return Storage(
        store,
        inspection,
        store.probe,
        store.watch,
        store.trouble,
        store.close,
        multipart.abort_strays if location.scheme == "s3" else None,
    )


class Place:
    """Whether the registry's blobs are where the settings say.

    Started with another storage, a registry would answer that all its content is missing.
    """

    def __init__(self, settings: Settings, facts: SqlFacts, database: Database) -> None:
        self._storage = settings.storage
        self._is_moved = settings.storage_moved
        self._facts = facts
        self._database = database

    async def check(self) -> None:
        """Compare it with what the database says, or note it there. Raises InvalidSettings."""
        kept = await self._facts.find(FACT)
        if kept is None and self._storage and await self._database.read(copies.find_any()):
            kept = ""  # until now, the blobs have been files
        if (kept or "") == self._storage:
            return
        if kept is not None and not self._is_moved:
            raise InvalidSettings(
                f"storage: the blobs of this registry are {kept or IN_FILES}, and not "
                f"{self._storage or IN_FILES}: give the former, or copy all blobs and then start "
                "once with --storage-moved"
            )
        try:
            await self._facts.keep(FACT, self._storage)
        except RegistryError:  # a read-only or full disk: the next start notes it
            if kept is not None:
                raise
