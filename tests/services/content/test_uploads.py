"""The closing PUT can be repeated after any failed or killed step.

| the first one ended when   | the same PUT again                              |
|----------------------------|-------------------------------------------------|
| the last chunk was stored  | the chunk is not added twice, 201               |
| the note was written       | commits, links, 201                             |
| the file was renamed       | links, 201                                      |
| the blob was linked        | answers 201                                     |
| the answer was sent        | answers 201, for an hour, with no further copy  |
| the upload was cancelled   | 404                                             |
"""

import asyncio
import os
from collections.abc import AsyncIterator
from datetime import timedelta
from pathlib import Path
from typing import Any
from uuid import uuid4

import pytest

from acrux.adapters.blobs.blob_store import FileBlobStore
from acrux.adapters.keys.capabilities import KeyedCapabilities
from acrux.adapters.sql.content.metadata_store import SqlMetadata
from acrux.domain.content.digest import Digest
from acrux.domain.content.names import RepositoryName
from acrux.domain.content.upload import APPENDED, Place, Session, Upload, UploadId
from acrux.errors import Disallowed, QuotaExceeded, TooManyRequests, UnknownBlob, UnknownUpload
from acrux.services.content.uploads import Uploads
from tests.contracts.blob_stores import SESSION, copies_in, stored
from tests.http.conftest import HandClock
from tests.tools import blob_file

FIRST, LAST = b"abc", b"de"
DIGEST = Digest.of(FIRST + LAST)


class Busy:
    """Metadata that refuses this many links, as if another process were writing for long."""

    def __init__(self, metadata: SqlMetadata, times: int) -> None:
        self._metadata = metadata
        self._times = times

    async def link_blob(self, *link: Any) -> None:
        """Fail, or link."""
        self._times -= 1
        if self._times >= 0:
            raise TooManyRequests(retry_after=1)
        await self._metadata.link_blob(*link)

    def __getattr__(self, name: str) -> Any:
        return getattr(self._metadata, name)


class Locked:
    """Metadata in which every repository has a quota and is locked against writing."""

    def __init__(self, metadata: SqlMetadata) -> None:
        self._metadata = metadata

    async def check_writable(self, repository: RepositoryName, added: int = 0) -> None:
        """Refuse."""
        raise Disallowed(name=str(repository))

    async def has_quotas(self, repository: RepositoryName) -> bool:
        """Yes."""
        return True

    def __getattr__(self, name: str) -> Any:
        return getattr(self._metadata, name)


def uploads_of(store: FileBlobStore, metadata: Any, clock: HandClock) -> Uploads:
    """The upload service on these."""
    return Uploads(store, metadata, KeyedCapabilities(lambda: bytes(32)), clock, timedelta(hours=1))


async def chunks(content: bytes) -> AsyncIterator[bytes]:
    """A body."""
    yield content


async def with_first_chunk(uploads: Uploads) -> Upload:
    """An upload that waits for its last chunk."""
    upload = await uploads.start(SESSION)
    await uploads.append(upload, chunks(FIRST), Place(offset=0))
    return upload


async def close(uploads: Uploads, upload: Upload) -> None:
    """Send the closing PUT with the last chunk."""
    await uploads.finish(upload, DIGEST, chunks(LAST), Place(offset=len(FIRST)))


async def is_linked(metadata: SqlMetadata) -> bool:
    """Whether the repository links the blob."""
    try:
        return (await metadata.find_blob(SESSION.repository, DIGEST)).size == len(FIRST + LAST)
    except UnknownBlob:
        return False


@pytest.mark.parametrize("times", [1, 3])
async def test_a_put_that_a_busy_database_refused_can_be_sent_again(
    store: FileBlobStore, metadata: SqlMetadata, clock: HandClock, tmp_path: Path, times: int
) -> None:
    """All bytes of a layer would have to be sent again."""
    uploads = uploads_of(store, Busy(metadata, times), clock)
    upload = await with_first_chunk(uploads)
    for _ in range(times):
        with pytest.raises(TooManyRequests):
            await close(uploads, upload)
        assert not await is_linked(metadata)

    await close(uploads, upload)

    assert await is_linked(metadata)
    assert list((tmp_path / "uploads").iterdir()) == []


async def test_a_put_without_a_body_that_was_refused_can_be_sent_again(
    store: FileBlobStore, metadata: SqlMetadata, clock: HandClock, tmp_path: Path
) -> None:
    """docker sends all bytes before, and closes with an empty body."""
    uploads = uploads_of(store, Busy(metadata, 1), clock)
    upload = await with_first_chunk(uploads)
    await uploads.append(upload, chunks(LAST), Place(offset=len(FIRST)))
    with pytest.raises(TooManyRequests):
        await uploads.finish(upload, DIGEST, None)

    await uploads.finish(upload, DIGEST, None)

    assert await is_linked(metadata)
    assert list((tmp_path / "uploads").iterdir()) == []


async def test_a_put_that_was_refused_and_then_cancelled_stays_cancelled(
    store: FileBlobStore, metadata: SqlMetadata, clock: HandClock
) -> None:
    """Content that a client gave up would appear."""
    uploads = uploads_of(store, Busy(metadata, 1), clock)
    upload = await with_first_chunk(uploads)
    with pytest.raises(TooManyRequests):
        await close(uploads, upload)

    with pytest.raises(UnknownUpload):  # its bytes are an unlinked blob
        await uploads.cancel(upload)

    with pytest.raises(UnknownUpload):
        await close(uploads, upload)
    assert not await is_linked(metadata)


async def test_a_blob_in_one_request_that_is_refused_leaves_no_upload(
    store: FileBlobStore, metadata: SqlMetadata, clock: HandClock, tmp_path: Path
) -> None:
    """Nobody knows its name, so nobody would remove it."""
    uploads = uploads_of(store, Busy(metadata, 1), clock)

    with pytest.raises(TooManyRequests):
        await uploads.put(SESSION, DIGEST, chunks(FIRST + LAST))

    assert list((tmp_path / "uploads").iterdir()) == []


async def test_a_put_whose_answer_was_lost_is_answered_as_the_first_time(
    store: FileBlobStore, metadata: SqlMetadata, clock: HandClock, tmp_path: Path
) -> None:
    """The client would be told that its upload is unknown, and give up though all went well."""
    uploads = uploads_of(store, metadata, clock)
    upload = await with_first_chunk(uploads)
    await close(uploads, upload)

    await close(uploads, upload)
    await uploads.finish(upload, DIGEST, None)
    restarted = FileBlobStore(tmp_path)
    restarted.prepare()
    await close(uploads_of(restarted, metadata, clock), upload)

    assert await is_linked(metadata)
    assert list((tmp_path / "uploads").iterdir()) == []


async def test_a_put_repeated_while_the_first_goes_on_gets_the_same_answer(
    store: FileBlobStore, metadata: SqlMetadata, clock: HandClock
) -> None:
    """A gateway gave up on it, and the client sends everything again at once."""
    uploads = uploads_of(store, metadata, clock)
    upload = await with_first_chunk(uploads)
    sent, gone_on = asyncio.Event(), asyncio.Event()

    async def slow() -> AsyncIterator[bytes]:
        yield LAST
        sent.set()
        await gone_on.wait()

    first = asyncio.create_task(uploads.finish(upload, DIGEST, slow(), Place(offset=len(FIRST))))
    await sent.wait()
    again = asyncio.create_task(close(uploads, upload))
    await asyncio.sleep(0)
    gone_on.set()

    await asyncio.gather(first, again)
    assert await is_linked(metadata)


async def test_no_other_request_gets_the_stored_answer(
    store: FileBlobStore, metadata: SqlMetadata, clock: HandClock
) -> None:
    """A caller who guesses a name, or names another repository, would see who pushed what."""
    uploads = uploads_of(store, metadata, clock)
    upload = await with_first_chunk(uploads)
    await close(uploads, upload)
    elsewhere = Session(RepositoryName.parse("elsewhere"), SESSION.principal)
    somebody = Session(SESSION.repository, "somebody else")

    for other, digest in (
        (upload, Digest.of(FIRST)),
        (upload, Digest.of(FIRST + LAST, "sha512")),
        (Upload(UploadId(str(uuid4())), SESSION), DIGEST),
        (Upload(upload.id, elsewhere), DIGEST),
        (Upload(upload.id, somebody), DIGEST),
    ):
        for body in (None, chunks(LAST)):
            with pytest.raises(UnknownUpload):
                await uploads.finish(other, digest, body, Place(offset=len(FIRST)))
    await close(uploads, upload)


async def test_a_closed_upload_that_is_cancelled_is_forgotten_and_its_blob_stays(
    store: FileBlobStore, metadata: SqlMetadata, clock: HandClock
) -> None:
    """What was cancelled stays cancelled, and what was acknowledged stays stored."""
    uploads = uploads_of(store, metadata, clock)
    upload = await with_first_chunk(uploads)
    await close(uploads, upload)

    with pytest.raises(UnknownUpload):
        await uploads.cancel(upload)

    with pytest.raises(UnknownUpload):
        await close(uploads, upload)
    assert await is_linked(metadata)


async def test_a_repository_that_was_locked_meanwhile_takes_no_second_put(
    store: FileBlobStore, metadata: SqlMetadata, clock: HandClock
) -> None:
    """It would be a way around the lock."""
    uploads = uploads_of(store, metadata, clock)
    upload = await with_first_chunk(uploads)
    await close(uploads, upload)
    uploads = uploads_of(store, Locked(metadata), clock)

    with pytest.raises(Disallowed):
        await close(uploads, upload)


STEPS = ("utime", "pwrite", "rename", "fsync")


class Killed(BaseException):
    """The process ends here."""


@pytest.mark.parametrize("killed", [(step, after) for step in STEPS for after in (False, True)])
async def test_a_put_that_is_killed_at_any_step_can_be_sent_again(
    store: FileBlobStore,
    metadata: SqlMetadata,
    clock: HandClock,
    monkeypatch: pytest.MonkeyPatch,
    killed: tuple[str, bool],
) -> None:
    """A machine that is short of memory may kill any process at any time."""
    uploads = uploads_of(store, metadata, clock)
    upload = await with_first_chunk(uploads)
    step, after = killed
    call = getattr(os, step)

    def kill(*values: Any, **_: Any) -> None:
        if after:
            call(*values)
        raise Killed

    monkeypatch.setattr(os, step, kill)
    with pytest.raises(Killed):
        await close(uploads, upload)
    monkeypatch.setattr(os, step, call)

    await close(uploads, upload)

    assert await is_linked(metadata)
    await close(uploads, upload)


class TestRepeated:
    """A closing PUT that comes again after the first one has linked its blob."""

    async def test_it_makes_no_further_copy(
        self, store: FileBlobStore, metadata: SqlMetadata, clock: HandClock
    ) -> None:
        """Each repetition would fill the disk and replace the copy in use."""
        uploads = uploads_of(store, metadata, clock)
        upload = await with_first_chunk(uploads)
        for _ in range(3):
            await close(uploads, upload)

        assert len(await copies_in(store)) == 1

    async def test_it_succeeds_if_another_push_replaced_its_copy(
        self, store: FileBlobStore, metadata: SqlMetadata, clock: HandClock
    ) -> None:
        """All bytes would have to be sent again, though the blob is there."""
        uploads = uploads_of(store, metadata, clock)
        upload = await with_first_chunk(uploads)
        await close(uploads, upload)
        first = await metadata.find_blob(SESSION.repository, DIGEST)
        await close(uploads, await with_first_chunk(uploads))
        await store.remove([first])

        await close(uploads, upload)

        assert await is_linked(metadata)

    async def test_it_links_a_blob_that_was_deleted_since_with_a_copy_of_its_own(
        self, store: FileBlobStore, metadata: SqlMetadata, clock: HandClock
    ) -> None:
        """The first copy is on its way out: linked again, it would be missing soon."""
        uploads = uploads_of(store, metadata, clock)
        upload = await with_first_chunk(uploads)
        await close(uploads, upload)
        first = await metadata.find_blob(SESSION.repository, DIGEST)
        await metadata.unlink_blob(SESSION.repository, DIGEST)

        await close(uploads, upload)
        await store.remove([first])

        copy = await metadata.find_blob(SESSION.repository, DIGEST)
        assert await stored(store, copy) == FIRST + LAST

    async def test_it_finds_no_upload_if_the_blob_was_deleted_and_its_bytes_are_gone(
        self, store: FileBlobStore, metadata: SqlMetadata, clock: HandClock
    ) -> None:
        """A client would be told that missing content is stored."""
        uploads = uploads_of(store, metadata, clock)
        upload = await with_first_chunk(uploads)
        await close(uploads, upload)
        copy = await metadata.find_blob(SESSION.repository, DIGEST)
        await metadata.unlink_blob(SESSION.repository, DIGEST)
        await store.remove([copy])

        with pytest.raises(UnknownUpload):
            await close(uploads, upload)
        assert not await is_linked(metadata)

    @pytest.mark.parametrize("left", [b"", FIRST + LAST + b"x", None])
    async def test_it_finds_no_upload_if_the_blob_was_damaged_since(
        self,
        store: FileBlobStore,
        metadata: SqlMetadata,
        clock: HandClock,
        tmp_path: Path,
        left: bytes | None,
    ) -> None:
        """Damaged bytes would be linked once more; only new ones repair the blob."""
        uploads = uploads_of(store, metadata, clock)
        upload = await with_first_chunk(uploads)
        await close(uploads, upload)
        file = blob_file(tmp_path, DIGEST)
        if left is None:
            file.unlink()
        else:
            file.write_bytes(left)

        with pytest.raises(UnknownUpload):
            await close(uploads, upload)

        await close(uploads, await with_first_chunk(uploads))
        copy = await metadata.find_blob(SESSION.repository, DIGEST)
        assert await stored(store, copy) == FIRST + LAST


class Full(Locked):
    """Metadata in which no quota has room."""

    async def check_writable(self, repository: RepositoryName, added: int = 0) -> None:
        """Refuse."""
        raise QuotaExceeded(name=str(repository))


async def test_a_chunk_is_taken_although_the_repository_was_locked(
    store: FileBlobStore, metadata: SqlMetadata, clock: HandClock
) -> None:
    """The lock may be gone when the upload is closed, and the client would begin anew."""
    upload = await uploads_of(store, metadata, clock).start(SESSION)
    locked = uploads_of(store, Locked(metadata), clock)

    assert await locked.append(upload, chunks(FIRST), APPENDED, len(FIRST)) == len(FIRST)
    with pytest.raises(Disallowed):
        await locked.finish(upload, DIGEST, chunks(LAST))


async def test_a_chunk_that_no_quota_has_room_for_is_not_taken(
    store: FileBlobStore, metadata: SqlMetadata, clock: HandClock
) -> None:
    """Gigabytes would be sent, to be refused at their end."""
    upload = await uploads_of(store, metadata, clock).start(SESSION)
    full = uploads_of(store, Full(metadata), clock)

    with pytest.raises(QuotaExceeded):
        await full.append(upload, chunks(FIRST), APPENDED, len(FIRST))
    with pytest.raises(QuotaExceeded):
        await full.finish(upload, DIGEST, chunks(FIRST), APPENDED, len(FIRST))
    assert await store.offset(upload) == 0
