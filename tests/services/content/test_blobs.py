"""Blobs: which copy is read, and what is kept for a push.

| a request           | meanwhile                                  | required outcome            |
|---------------------|--------------------------------------------|-----------------------------|
| has found the copy  | a push replaces it, and it is removed      | the new copy is read        |
| has found the copy  | it is lost                                 | damaged                     |
| mounts, has found it| a push replaces it                         | mounted                     |
| is told it is there | it was collected before it was held        | unknown                     |
"""

from collections.abc import Awaitable, Callable
from pathlib import Path
from typing import Any
from uuid import uuid4

import pytest

from acrux.adapters.blobs.blob_store import FileBlobStore
from acrux.adapters.sql.content.metadata_store import SqlMetadata
from acrux.adapters.sql.database import Statement
from acrux.adapters.sqlite.database import SqliteDatabase
from acrux.domain.content.digest import Digest
from acrux.domain.content.names import RepositoryName
from acrux.domain.content.patterns import RepositoryPattern
from acrux.domain.content.storage.copy import Copy
from acrux.domain.content.upload import Session, Upload, UploadId
from acrux.errors import UNWRITABLE, DamagedBlob, TooManyRequests, UnknownBlob
from acrux.services.content.blobs import Blobs
from tests.contracts.blob_stores import chunked
from tests.http.conftest import HandClock
from tests.tools import blob_file

HELLO, COPIED = map(RepositoryName.parse, ("hello", "copied"))
EVERYWHERE = (RepositoryPattern("*"),)
CONTENT = b"a layer"
DIGEST = Digest.of(CONTENT)

Push = Callable[[], Awaitable[Copy]]


class Interrupted:
    """An object, one of whose methods is interrupted: something happens first, once."""

    def __init__(self, wrapped: Any, method: str, happens: Callable[[], Awaitable[Any]]) -> None:
        self._wrapped = wrapped
        self._method = method
        self._happens: Callable[[], Awaitable[Any]] | None = happens

    def __getattr__(self, name: str) -> Any:
        method = getattr(self._wrapped, name)
        if name != self._method:
            return method

        async def interrupted(*values: Any) -> Any:
            happens, self._happens = self._happens, None
            if happens:
                await happens()
            return await method(*values)

        return interrupted


@pytest.fixture
def push(store: FileBlobStore, metadata: SqlMetadata, clock: HandClock) -> Push:
    """Push the blob, and return its copy."""

    async def push() -> Copy:
        upload = Upload(UploadId(str(uuid4())), Session(HELLO, "acrux"))
        await store.begin(upload)
        await store.append(upload, chunked(CONTENT))
        copy = await store.commit(upload, DIGEST)
        await metadata.link_blob(HELLO, copy, "acrux", clock())
        return copy

    return push


@pytest.fixture
def blobs(store: FileBlobStore, metadata: SqlMetadata, clock: HandClock) -> Blobs:
    """The service."""
    return Blobs(store, metadata, clock)


async def read(blobs: Blobs) -> bytes:
    """The blob's content."""
    blob = await blobs.get(HELLO, DIGEST)
    try:
        return b"".join([piece async for piece in blob.read(0, blob.size)])
    finally:
        blob.close()


async def held(database: SqliteDatabase) -> set[tuple[str, str]]:
    """Which digests are held for whom."""
    rows = await database.read(Statement("SELECT digest, principal FROM holds", {}))
    return {(digest, principal) for digest, principal in rows}


@pytest.mark.parametrize("method", ["open", "size"])
async def test_a_copy_that_is_replaced_and_removed_meanwhile_is_no_damage(
    store: FileBlobStore, metadata: SqlMetadata, clock: HandClock, push: Push, method: str
) -> None:
    """A pull would fail because somebody else pushed the same layer."""
    former = await push()

    async def replace() -> None:
        await push()
        await store.remove([former])

    blobs = Blobs(Interrupted(store, method, replace), metadata, clock)
    if method == "open":
        assert await read(blobs) == CONTENT
    else:
        assert await blobs.size(HELLO, DIGEST) == len(CONTENT)


async def test_a_copy_that_is_gone_is_damage(
    store: FileBlobStore, blobs: Blobs, push: Push
) -> None:
    """The client must push it again, and an operator must learn of it."""
    await store.remove([await push()])

    with pytest.raises(DamagedBlob):
        await blobs.get(HELLO, DIGEST)
    with pytest.raises(DamagedBlob):
        await blobs.size(HELLO, DIGEST)
    assert not await blobs.mount(EVERYWHERE, COPIED, DIGEST, "acrux")
    await push()
    assert await read(blobs) == CONTENT


async def test_a_blob_that_is_unlinked_while_its_copy_is_gone_is_unknown(
    store: FileBlobStore, metadata: SqlMetadata, clock: HandClock, push: Push
) -> None:
    """It was deleted, and nothing is damaged."""
    copy = await push()

    async def delete() -> None:
        await metadata.unlink_blob(HELLO, DIGEST)
        await store.remove([copy])

    blobs = Blobs(Interrupted(store, "open", delete), metadata, clock)
    with pytest.raises(UnknownBlob) as refused:
        await blobs.get(HELLO, DIGEST)
    assert not isinstance(refused.value, DamagedBlob)


async def test_a_blob_whose_copy_is_replaced_while_it_is_mounted_is_mounted(
    store: FileBlobStore, metadata: SqlMetadata, clock: HandClock, push: Push
) -> None:
    """The client would send a layer that is there."""
    await push()
    blobs = Blobs(store, Interrupted(metadata, "mount_blob", push), clock)

    assert await blobs.mount(EVERYWHERE, COPIED, DIGEST, "acrux")


class TestLocation:
    """An address of the blob itself."""

    async def test_only_what_the_repository_links_has_one(
        self, store: FileBlobStore, metadata: SqlMetadata, clock: HandClock, push: Push
    ) -> None:
        """Whoever knows a digest could read the blobs of others past the registry."""
        await push()
        blobs = Blobs(Addressed(store), metadata, clock)

        address = await blobs.location(HELLO, DIGEST)

        assert address.startswith(f"https://store/{DIGEST}.")
        with pytest.raises(UnknownBlob):
            await blobs.location(COPIED, DIGEST)

    async def test_damaged_content_has_none(
        self, store: FileBlobStore, metadata: SqlMetadata, clock: HandClock, push: Push,
        tmp_path: Path,
    ) -> None:  # fmt: skip
        """A client would get half a layer, and no push would repair it."""
        await push()
        blob_file(tmp_path, DIGEST).write_bytes(b"")

        with pytest.raises(DamagedBlob):
            await Blobs(Addressed(store), metadata, clock).location(HELLO, DIGEST)

    async def test_a_file_has_none(self, blobs: Blobs, push: Push) -> None:
        """There is no server of files beside the registry."""
        await push()

        assert not await blobs.location(HELLO, DIGEST)


class Addressed(FileBlobStore):
    """A store whose copies have addresses."""

    def __init__(self, store: FileBlobStore) -> None:
        self.__dict__ = store.__dict__

    async def location(self, copy: Copy) -> str:
        """See ports.BlobStore."""
        return f"https://store/{copy.digest}.{copy.name}"


class TestHolds:
    """What a push was told is there is kept for it."""

    async def test_a_blob_is_held_for_a_pusher_and_for_nobody_else(
        self, blobs: Blobs, push: Push, database: SqliteDatabase
    ) -> None:
        """Each pull would write to the database."""
        await push()

        await read(blobs)
        await blobs.size(HELLO, DIGEST)
        assert await held(database) == {(str(DIGEST), "acrux")}  # by its push

        await blobs.size(HELLO, DIGEST, "zoe")
        holders = {"acrux", "zoe"}
        assert await held(database) == {(str(DIGEST), holder) for holder in holders}

    async def test_a_mounted_blob_is_held(
        self, blobs: Blobs, push: Push, database: SqliteDatabase
    ) -> None:
        """It would be collected before the manifest comes."""
        await push()

        assert await blobs.mount(EVERYWHERE, COPIED, DIGEST, "zoe")

        assert (str(DIGEST), "zoe") in await held(database)

    async def test_a_blob_that_is_not_there_is_not_held(
        self, blobs: Blobs, database: SqliteDatabase
    ) -> None:
        """Each push begins by asking for what is not there."""
        with pytest.raises(UnknownBlob):
            await blobs.size(HELLO, DIGEST, "zoe")

        assert await held(database) == set()

    async def test_a_blob_collected_before_it_is_held_is_unknown(
        self, store: FileBlobStore, metadata: SqlMetadata, clock: HandClock, push: Push
    ) -> None:
        """The client would not push it, and its manifest would be refused."""
        await push()

        async def collect() -> None:
            await metadata.unlink_blob(HELLO, DIGEST)

        blobs = Blobs(store, Interrupted(metadata, "hold", collect), clock)
        with pytest.raises(UnknownBlob):
            await blobs.size(HELLO, DIGEST, "zoe")

    @pytest.mark.parametrize("reason", UNWRITABLE)
    async def test_a_blob_is_read_if_nothing_can_be_written(
        self,
        store: FileBlobStore,
        metadata: SqlMetadata,
        clock: HandClock,
        push: Push,
        reason: Any,
    ) -> None:
        """A full disk, or one that is read-only, must not stop pulls."""
        await push()

        async def fail() -> None:
            raise TooManyRequests(retry_after=1) if reason is TooManyRequests else reason

        blobs = Blobs(store, Interrupted(metadata, "hold", fail), clock)
        assert await blobs.size(HELLO, DIGEST, "zoe") == len(CONTENT)
