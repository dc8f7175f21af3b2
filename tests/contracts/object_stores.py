"""Object stores under test: a prefix of a bucket, and a database beside it."""

import asyncio
import hashlib
import os
from collections.abc import Callable
from contextlib import suppress
from datetime import UTC, datetime
from pathlib import Path
from secrets import token_hex
from typing import Any

import obstore

from acrux.adapters.objects import keys
from acrux.adapters.objects.bucket import PART_BYTES, Bucket
from acrux.adapters.objects.location import Location
from acrux.adapters.objects.object_store import ObjectBlobStore
from acrux.adapters.sql.uploads import SqlUploads
from acrux.adapters.sqlite.database import SqliteDatabase
from acrux.domain.content.storage.copy import Copy
from acrux.domain.content.upload import Upload
from acrux.ports.content.segments import Segments
from tests.object_servers import ObjectServer


def now() -> datetime:
    """The present."""
    return datetime.now(UTC)


class ObjectBlobStores:
    """A prefix of its own in a bucket. See tests.contracts.blob_stores.BlobStores."""

    most_memory = 4 * PART_BYTES

    def __init__(self, root: Path, server: ObjectServer, bucket: str) -> None:
        self.forgotten: set[Upload] = set()
        self.server = server
        self.name = bucket
        self.location = Location(server.scheme, bucket, f"tests/{token_hex(8)}")
        self.clock: Callable[[], datetime] = now
        self.bucket = Bucket(self.location, os.environ)
        self.objects: Any = self.bucket._store  # noqa: SLF001 -- the bucket has no method that blocks
        """The client library's own view of the prefix, for what blocks."""
        root.mkdir(exist_ok=True)
        self._path = root / "registry.sqlite"
        self._opened: list[SqliteDatabase] = []

    def segments(self) -> SqlUploads:
        """The database, opened once more."""
        database = SqliteDatabase(self._path)
        database.open()
        self._opened.append(database)
        return SqlUploads(database, database)

    def open(self, patience: float = 0) -> ObjectBlobStore:
        """See BlobStores. Nobody waits for anybody."""
        return self.over(self.segments())

    def over(self, segments: Segments, cached_bytes: int = 0) -> ObjectBlobStore:
        """The same store over another view of the database."""
        bucket = Bucket(self.location, os.environ)
        return ObjectBlobStore(bucket, segments, self._now, cached_bytes)

    def _now(self) -> datetime:
        return self.clock()

    def damage(self, copy: Copy, content: bytes) -> None:
        """See BlobStores."""
        obstore.put(self.objects, keys.of_copy(copy), content)

    def lose(self, copy: Copy) -> None:
        """See BlobStores."""
        obstore.delete(self.objects, keys.of_copy(copy))

    def listed(self) -> dict[str, int]:
        """The keys of all objects, and their sizes in bytes."""
        return {
            found["path"]: found["size"] for page in obstore.list(self.objects) for found in page
        }

    def leftovers(self) -> set[str]:
        """See BlobStores. Parts of objects that were never completed are leftovers too."""
        expected = {keys.of_segment(name) for name in self._forgotten_segments()}
        strange = {key for key in self.listed() if key not in expected and not self._is_blob(key)}
        return strange | self.unfinished()

    def unfinished(self) -> set[str]:
        """Objects of which parts were sent, and which were not completed."""
        return self.server.unfinished(self.name)

    def _forgotten_segments(self) -> set[str]:
        segments = self.segments()
        return {
            segment.name
            for upload in self.forgotten
            for segment in asyncio.run(segments.list(upload))
        }

    def _is_blob(self, key: str) -> bool:
        copy = keys.read_copy(key, 0)
        content = bytes(obstore.get(self.objects, key).bytes())
        return copy is not None and (
            hashlib.new(copy.digest.algorithm, content).hexdigest() == copy.digest.encoded
        )

    def close(self) -> None:
        """Close the databases."""
        for database in self._opened:
            database.close()
        with suppress(FileNotFoundError):
            obstore.delete(self.objects, list(self.listed()))
