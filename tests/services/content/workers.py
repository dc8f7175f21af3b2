"""Workers that share one registry's folder, and what happens between two of their steps."""

import json
import os
from collections.abc import AsyncIterator, Awaitable, Callable
from datetime import timedelta
from pathlib import Path
from typing import Any
from uuid import uuid4

from acrux.adapters.blobs.blob_store import FileBlobStore
from acrux.adapters.keys.capabilities import KeyedCapabilities
from acrux.adapters.sql.collection.garbage import SqlGarbage
from acrux.adapters.sql.collection.reviewing import Rules
from acrux.adapters.sql.content.grace import Grace
from acrux.adapters.sql.content.metadata_store import SqlMetadata
from acrux.adapters.sql.database import Observer, Statement, nobody
from acrux.adapters.sql.facts import SqlFacts
from acrux.adapters.sql.integrity.rows import SqlRows
from acrux.adapters.sql.leases import SqlLeases
from acrux.adapters.sql.properties import SqlProperties
from acrux.adapters.sqlite.database import SqliteDatabase
from acrux.domain.content.digest import Digest
from acrux.domain.content.media_types import OCI_INDEX, OCI_MANIFEST, Accept
from acrux.domain.content.names import Reference, RepositoryName, Tag
from acrux.domain.content.upload import Session
from acrux.errors import Unknown
from acrux.services.content.blobs import Blobs
from acrux.services.content.collection import Collection, Freed
from acrux.services.content.manifests import Manifests
from acrux.services.content.orphans import Orphans
from acrux.services.content.uploads import Uploads
from tests.consistency import file_faults, row_faults
from tests.http.conftest import HandClock

PUSHER = "ci"
APP, OTHER = RepositoryName.parse("team/app"), RepositoryName.parse("team/other")
V1, V2, LATEST = map(Tag.parse, ("v1", "v2", "latest"))
GRACE = timedelta(days=1)
HELD = timedelta(hours=2)  # how long what a push may rely on is kept
LAYER = "application/vnd.oci.image.layer.v1.tar"
CONFIG = "application/vnd.oci.image.config.v1+json"

Happening = Callable[[], Awaitable[object]]


class Between:
    """A part of a worker, and what happens once before or after one of its methods."""

    def __init__(self, part: Any) -> None:
        self._part = part
        self._before: dict[str, Happening] = {}
        self._after: dict[str, Happening] = {}

    def before(self, method: str, happens: Happening) -> None:
        """Let this happen before the method is called the next time."""
        self._before[method] = happens

    def after(self, method: str, happens: Happening) -> None:
        """Let this happen after the method has been called the next time."""
        self._after[method] = happens

    @property
    def has_happened(self) -> bool:
        """Whether nothing is left to happen."""
        return not self._before and not self._after

    def __getattr__(self, name: str) -> Any:
        method = getattr(self._part, name)

        async def call(*arguments: Any, **options: Any) -> Any:
            if happens := self._before.pop(name, None):
                await happens()
            result = await method(*arguments, **options)
            if happens := self._after.pop(name, None):
                await happens()
            return result

        return call if callable(method) else method


class Worker:
    """One of several processes that serve the same folder, with its collector."""

    def __init__(
        self,
        folder: Path,
        clock: HandClock,
        *,
        grace: timedelta = GRACE,
        observe: Observer = nobody,
        untagged: bool = True,
        referrers: bool = True,
    ) -> None:
        self.folder, self.clock = folder, clock
        self.database = SqliteDatabase(folder / "registry.sqlite", observe)
        self.database.open()
        kept = Grace(clock, grace, held=HELD, referrers=referrers)
        self.metadata = Between(SqlMetadata(self.database, kept))
        self.garbage = Between(SqlGarbage(self.database, Rules(kept, untagged=untagged)))
        self.leases = Between(SqlLeases(self.database))
        self.properties = SqlProperties(self.database)
        self.checked_rows = SqlRows(self.database, Rules(kept, untagged=untagged))
        files = FileBlobStore(folder)
        files.prepare()
        self.store = Between(files)
        self._build()

    def _build(self) -> None:
        metadata: Any = self.metadata
        store: Any = self.store
        garbage: Any = self.garbage
        leases: Any = self.leases
        clock, holder, facts = self.clock, uuid4().hex, SqlFacts(self.database)
        capabilities = KeyedCapabilities(lambda: bytes(32))
        self.blobs = Blobs(store, metadata, clock)
        self.manifests = Manifests(metadata, store, clock)
        self.uploads = Uploads(store, metadata, capabilities, clock, timedelta(hours=1))
        self.collection = Collection(garbage, store, leases, clock, holder, HELD, self.rest)
        self.orphans = Orphans(
            garbage, self.checked_rows, store, facts, leases, clock, holder, HELD, self.rest
        )

    async def rest(self) -> None:
        """Nobody else waits for a turn."""

    def close(self) -> None:
        """Close the database."""
        self.database.close()

    # Pushing ------------------------------------------------------------------------------------

    async def push_blob(
        self, content: bytes, repository: RepositoryName = APP, principal: str = PUSHER
    ) -> Digest:
        """Push a blob in one request."""
        digest = Digest.of(content)
        await self.uploads.put(Session(repository, principal), digest, chunks(content))
        return digest

    async def put(
        self,
        manifest: bytes,
        *tags: Tag,
        repository: RepositoryName = APP,
        principal: str = PUSHER,
    ) -> Digest:
        """Put a manifest by its digest, with tags."""
        digest = Digest.of(manifest)
        media_type = json.loads(manifest)["mediaType"]
        await self.manifests.put(
            repository, digest, manifest, media_type, tags, principal=principal
        )
        return digest

    async def push(
        self, manifest: bytes, *tags: Tag, repository: RepositoryName = APP, **by: str
    ) -> Digest:
        """Push an image: its blobs, whose content `image` made of their names, and its manifest."""
        document = json.loads(manifest)
        for named in (document.get("config"), *document.get("layers", ())):
            if named:
                await self.push_blob(content_of(named), repository, **by)
        return await self.put(manifest, *tags, repository=repository, **by)

    # Looking ------------------------------------------------------------------------------------

    async def has_blob(self, digest: Digest, repository: RepositoryName = APP) -> bool:
        """Whether the blob can be pulled, whole."""
        try:
            blob = await self.blobs.get(repository, digest)
        except Unknown:
            return False
        try:
            content = b"".join([piece async for piece in blob.read(0, blob.size)])
        finally:
            blob.close()
        assert Digest.of(content) == digest
        return True

    async def has(self, reference: Reference, repository: RepositoryName = APP) -> bool:
        """Whether the manifest can be pulled, with all its blobs."""
        try:
            found = await self.manifests.get(repository, reference, Accept())
        except Unknown:
            return False
        document = json.loads(found.content)
        for named in (document.get("config"), *document.get("layers", ())):
            if named:
                digest = Digest.parse(named["digest"])
                assert await self.has_blob(digest, repository), f"{reference} without {digest}"
        return True

    async def rows(self, sql: str) -> list[tuple[Any, ...]]:
        """The rows of a statement."""
        return [tuple(row) for row in await self.database.read(Statement(sql, {}))]

    # Collecting ---------------------------------------------------------------------------------

    async def collect(self, **passed: float) -> Freed:
        """Collect all that is due, after this time has passed."""
        self.clock.forward(**passed)
        freed = await self.collection.run()
        assert freed is not None, "another collector has the lease"
        return freed

    async def faults(self) -> list[str]:
        """Where rows and files contradict each other."""
        found: dict[str, list[tuple[Any, ...]]] = {}

        def rows(sql: str) -> list[tuple[Any, ...]]:
            return found[sql]

        while True:  # the checks are synchronous: each asks for the rows that it needs next
            try:
                return [*row_faults(rows), *file_faults(rows, self.folder)]
            except KeyError as missing:
                found[missing.args[0]] = await self.rows(missing.args[0])

    def age_uploads(self, **by: float) -> None:
        """Date the uploads' files back from the clock's present, as if this time had passed."""
        at = (self.clock() - timedelta(**by)).timestamp()
        for file in (self.folder / "uploads").iterdir():
            os.utime(file, (at, at))


def image(name: str, *layers: str, **fields: object) -> bytes:
    """An image of these layers; its configuration is its own."""
    document = {
        "schemaVersion": 2,
        "mediaType": OCI_MANIFEST,
        "config": _described(f"config of {name}", CONFIG),
        "layers": [_described(layer, LAYER) for layer in layers],
        **fields,
    }
    return json.dumps(document).encode()


def index(*manifests: bytes, **fields: object) -> bytes:
    """An index of these manifests."""
    entries = [descriptor(manifest) for manifest in manifests]
    document = {"schemaVersion": 2, "mediaType": OCI_INDEX, "manifests": entries, **fields}
    return json.dumps(document).encode()


def descriptor(manifest: bytes) -> dict[str, object]:
    """A descriptor of a manifest."""
    media_type = json.loads(manifest)["mediaType"]
    return {"mediaType": media_type, "digest": str(Digest.of(manifest)), "size": len(manifest)}


def referrer(name: str, subject: bytes) -> bytes:
    """A signature of a manifest."""
    return image(name, artifactType="application/vnd.test", subject=descriptor(subject))


def _described(text: str, media_type: str) -> dict[str, object]:
    content = text.encode()
    return {
        "mediaType": media_type,
        "digest": str(Digest.of(content)),
        "size": len(content),
        "annotations": {"content": text},
    }


def content_of(named: dict[str, Any]) -> bytes:
    """The content of a blob that `image` described."""
    return str(named["annotations"]["content"]).encode()


def layer(name: str) -> Digest:
    """The digest of the layer of this name."""
    return Digest.of(name.encode())


async def chunks(content: bytes) -> AsyncIterator[bytes]:
    """A body."""
    yield content
