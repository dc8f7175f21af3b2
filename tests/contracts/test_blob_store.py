"""The contract of ports.BlobStore: uploads, races, restarts, durability.

The races, and the required outcome of each:


one request or worker
another one, meanwhile
required outcome

|-------------------------|----------------------------|------------------------------------------|
| appends                 | appends                    | one is refused with the offset           |
| appends                 | commits                    | one is refused                           |

commits
commits the same upload
one commits, the other is asked to wait


has committed
commits the same upload
it gets another copy of the same bytes


appends, and stops
waits to append or commit
continues where the first one stopped


commits, and stops
waits to commit the same
it gets another copy of the same bytes


appends
discards
a later commit finds no such upload

| commits, has verified   | discards                   | nothing is visible, the upload is gone   |
| has committed           | discards                   | the blob stays, the upload is gone       |
| opened to append        | has committed              | refused: a blob never changes            |
| commits a digest        | commits the same digest    | each gets a copy of its own              |

reads a damaged blob
pushes it once more
the reader continues, new readers succeed


appends
continued since, elsewhere
the digest is of all the bytes

| its thread writes       | its request is cancelled   | the file is closed after the write       |
| its thread is ending    | chunks come                | they are written by another thread       |
| its thread reads        | its request is cancelled   | the blob is closed after the read        |
| always has more to write| wants a thread too         | gets one                                 |
"""

import asyncio
import os
import tracemalloc
from contextlib import suppress
from pathlib import Path

import pytest
from hypothesis import HealthCheck, given, settings
from hypothesis import strategies as st

from acrux.adapters.blobs.batches import BATCH_BYTES, BATCHES_A_TURN
from acrux.adapters.blobs.blob_files import PIECE_BYTES
from acrux.adapters.blobs.blob_store import FileBlobStore
from acrux.adapters.blobs.hashers import Hashers
from acrux.adapters.blobs.upload_files import Stamp, lock
from acrux.domain.content.digest import Digest, new_hasher
from acrux.domain.content.names import RepositoryName
from acrux.domain.content.storage.copy import Copy
from acrux.domain.content.upload import APPENDED, ContentRange, Place, Session, Upload, UploadId
from acrux.errors import (
    DigestMismatch,
    IncompleteBody,
    InvalidSettings,
    SizeMismatch,
    StorageReadOnly,
    UnknownBlob,
    UnknownUpload,
    UploadOutOfOrder,
)
from acrux.ports.content.blobs import BlobStore, StoredBlob
from tests.contracts.blob_stores import (
    LARGE,
    PATIENCE,
    SESSION,
    BlobStores,
    Client,
    FileBlobStores,
    Threads,
    begun,
    chunked,
    copies_in,
    in_order,
    mounted,
    new_upload,
    pushed,
    remount,
    says_what_is_in_memory,
    stored,
    traced,
)

NOBODY = Copy(Digest.of(b"nobody has pushed this"), "0123456789abcdef", 22)


@pytest.fixture
async def threads() -> Threads:
    """The event loop's threads, which a test can hold back."""
    threads = Threads()
    asyncio.get_running_loop().set_default_executor(threads)
    return threads


async def reading_from_disk(files: FileBlobStores) -> tuple[StoredBlob, asyncio.Task[bytes]]:
    """A large blob that is not in the page cache, and a task that starts to read all of it."""
    store = files.open()
    copy = await pushed(store, LARGE)
    with files.path(copy).open("rb") as opened:
        os.posix_fadvise(opened.fileno(), 0, 0, os.POSIX_FADV_DONTNEED)
    blob = await store.open(copy)

    async def read() -> bytes:
        return b"".join([piece async for piece in blob.read(0, blob.size)])

    return blob, asyncio.create_task(read())


async def appending(
    store: BlobStore, client: Client, *first: bytes
) -> tuple[Upload, "asyncio.Task[int]"]:
    """An upload that holds the first chunks, and an append to it that waits for more."""
    upload = await begun(store, *first)
    task = asyncio.create_task(store.append(upload, client.chunks()))
    await asyncio.wait_for(client.asked.wait(), PATIENCE)
    return upload, task


async def turns() -> None:
    """Let everything that can run, run."""
    for _ in range(10):
        await asyncio.sleep(0)


class TestUploads:
    """An upload grows by chunks, in order."""

    async def test_an_upload_that_begins_holds_no_bytes(
        self, store: BlobStore, stores: BlobStores
    ) -> None:
        """A client asks where to begin."""
        upload = await begun(store)
        stores.forgotten.add(upload)

        assert await store.offset(upload) == 0

    @pytest.mark.parametrize("content", [b"", b"a", LARGE], ids=["empty", "small", "large"])
    @pytest.mark.parametrize("algorithm", ["sha256", "sha512"])
    async def test_a_committed_upload_is_a_blob_of_the_same_bytes(
        self, store: BlobStore, content: bytes, algorithm: str
    ) -> None:
        """What is pulled is what was pushed, byte for byte."""
        digest = Digest.of(content, algorithm)
        upload = await begun(store, content)

        copy = await store.commit(upload, digest)

        assert (copy.digest, copy.size) == (digest, len(content))
        assert await stored(store, copy) == content
        with pytest.raises(UnknownUpload):
            await store.offset(upload)

    @settings(max_examples=25, suppress_health_check=[HealthCheck.function_scoped_fixture])
    @given(requests=st.lists(st.lists(st.binary(max_size=9), max_size=5), max_size=4))
    async def test_chunks_of_any_size_in_any_number_of_requests_make_one_blob(
        self, store: BlobStore, requests: list[list[bytes]]
    ) -> None:
        """Where a network splits a body must not matter."""
        upload = await begun(store)
        content = b""
        for chunks in requests:
            content += b"".join(chunks)

            assert await store.append(upload, chunked(*chunks)) == len(content)
        assert await stored(store, await store.commit(upload, Digest.of(content))) == content

    async def test_chunks_with_ranges_are_taken_in_order(self, store: BlobStore) -> None:
        """A chunked push, as done by Azure's SDKs and oras."""
        upload = await begun(store)

        assert await store.append(upload, chunked(b"abc"), Place(ContentRange(0, 2))) == 3
        assert await store.append(upload, chunked(b"d", b"e"), Place(ContentRange(3, 4))) == 5

        await store.commit(upload, Digest.of(b"abcde"))

    @pytest.mark.parametrize("start", [0, 2, 4])
    async def test_a_chunk_that_starts_elsewhere_is_refused_with_the_offset(
        self, store: BlobStore, stores: BlobStores, start: int
    ) -> None:
        """A client that lost an answer learns the offset at which to continue."""
        upload = await begun(store, b"abc")
        stores.forgotten.add(upload)

        with pytest.raises(UploadOutOfOrder) as refusal:
            await store.append(upload, chunked(b"x"), Place(ContentRange(start, start)))

        assert refusal.value.offset == 3
        assert await store.offset(upload) == 3

    @pytest.mark.parametrize("chunks", [[b"d"], [], [b"def"], [b"de", b"f" * 10]])
    async def test_a_chunk_that_contradicts_its_range_is_not_taken(
        self, store: BlobStore, chunks: list[bytes]
    ) -> None:
        """Bytes too many or too few would end up in the middle of a layer."""
        upload = await begun(store, b"abc")

        with pytest.raises(SizeMismatch, match="announces 2 bytes"):
            await store.append(upload, chunked(*chunks), Place(ContentRange(3, 4)))

        assert await store.offset(upload) == 3
        await store.append(upload, chunked(b"de"), Place(ContentRange(3, 4)))
        await store.commit(upload, Digest.of(b"abcde"))

    async def test_a_chunk_that_is_longer_than_its_range_is_not_read_to_its_end(
        self, store: BlobStore, stores: BlobStores
    ) -> None:
        """A client could fill the disk with bytes that will be discarded."""
        upload = await begun(store)
        stores.forgotten.add(upload)
        client = Client()
        for _ in range(3):
            client.send(b"abc")

        taken = store.append(upload, client.chunks(), Place(ContentRange(0, 3)))
        with pytest.raises(SizeMismatch, match="holds more"):
            await asyncio.wait_for(taken, PATIENCE)

        assert await store.offset(upload) == 0

    @pytest.mark.parametrize("place", [APPENDED, Place(ContentRange(3, len(LARGE) + 10))])
    async def test_what_a_client_sent_before_it_vanished_stays_and_can_be_resumed(
        self, store: BlobStore, place: Place
    ) -> None:
        """A broken connection must not cost the gigabytes that were sent already."""
        upload = await begun(store, b"abc")
        client = Client()
        client.send(LARGE)
        client.vanish(IncompleteBody())

        with pytest.raises(IncompleteBody):
            await store.append(upload, client.chunks(), place)

        offset = await store.offset(upload)
        assert offset == 3 + len(LARGE)
        await store.append(upload, chunked(b"rest"), Place(ContentRange(offset, offset + 3)))
        await store.commit(upload, Digest.of(b"abc" + LARGE + b"rest"))

    async def test_an_unknown_upload_is_known_to_no_method(self, store: BlobStore) -> None:
        """The caller is guessing, or comes back after the upload was cancelled."""
        upload = await begun(store, b"abc")
        await store.discard(upload)

        with pytest.raises(UnknownUpload):
            await store.offset(upload)
        with pytest.raises(UnknownUpload):
            await store.append(upload, chunked(b"x"))
        with pytest.raises(UnknownUpload):
            await store.commit(upload, Digest.of(b"abc"))
        with pytest.raises(UnknownUpload):
            await store.discard(upload)

    @pytest.mark.parametrize(
        "session",
        [
            Session(RepositoryName.parse("hello"), "somebody else"),
            Session(RepositoryName.parse("elsewhere"), "acrux"),
        ],
        ids=["somebody else", "elsewhere"],
    )
    async def test_an_upload_is_known_only_in_the_session_that_began_it(
        self, store: BlobStore, session: Session
    ) -> None:
        """A user who may push somewhere could write into everyone's uploads (CVE-2026-32589)."""
        upload = await begun(store, b"abc")
        taken = Upload(upload.id, session)

        for attempt in (
            store.offset(taken),
            store.append(taken, chunked(b"x")),
            store.commit(taken, Digest.of(b"abc")),
            store.discard(taken),
        ):
            with pytest.raises(UnknownUpload):
                await attempt

        assert (await store.commit(upload, Digest.of(b"abc"))).size == 3

    async def test_what_a_committed_upload_became_outlives_its_discard(
        self, store: BlobStore
    ) -> None:
        """One client would be told that its blob exists, and another that it does not."""
        upload = await begun(store, b"abc")
        copy = await store.commit(upload, Digest.of(b"abc"))

        for _ in range(2):
            with pytest.raises(UnknownUpload):
                await store.discard(upload)

        assert not await store.committed(upload, Digest.of(b"abc"))
        with pytest.raises(UnknownUpload):
            await store.commit(upload, Digest.of(b"abc"))
        assert await stored(store, copy) == b"abc"

    async def test_an_upload_can_be_committed_again_elsewhere(
        self, store: BlobStore, stores: BlobStores
    ) -> None:
        """The link could not be created, or the answer was lost, and the request is repeated."""
        digest, upload = Digest.of(b"abc"), await begun(store, b"abc")
        assert not await store.committed(upload, digest)
        copy = await store.commit(upload, digest)
        other = stores.open()

        assert await other.committed(upload, digest)
        again = await other.commit(upload, digest)
        assert (again.digest, again.size, again != copy) == (digest, 3, True)
        assert await stored(store, again) == b"abc"
        with pytest.raises(UnknownUpload):
            await other.commit(upload, Digest.of(b"abc", "sha512"))
        with pytest.raises(UnknownUpload):
            await other.append(upload, chunked(b"d"))

    async def test_an_upload_whose_blob_is_gone_cannot_be_committed_again(
        self, store: BlobStore, stores: BlobStores
    ) -> None:
        """A client would be told that missing content is stored."""
        digest, upload = Digest.of(b"abc"), await begun(store, b"abc")
        copy = await store.commit(upload, digest)
        stores.lose(copy)

        with pytest.raises(UnknownUpload):
            await store.commit(upload, digest)

    @pytest.mark.parametrize("again", [b"abc", b"abcde", b"bcde"])
    async def test_a_chunk_that_is_sent_once_more_is_not_added_twice(
        self, store: BlobStore, again: bytes
    ) -> None:
        """The answer was lost; some or all of the chunk had arrived (Azure's SDKs)."""
        upload = await begun(store, b"abc")
        place = Place(offset=b"abcde".index(again))

        offset = await store.append(upload, chunked(*(bytes([byte]) for byte in again)), place)

        assert offset == max(3, place.offset + len(again)) if place.offset else len(again)
        await store.commit(upload, Digest.of(b"abcde"[:offset]))

    @pytest.mark.parametrize(
        ("chunks", "offset"),
        [([b"ab", b"X"], 0), ([b"ab"], 0), ([], 2), ([b"d"], 4)],
        ids=["others", "fewer", "none", "a gap"],
    )
    async def test_a_chunk_that_is_not_a_repetition_is_refused_at_once_with_the_offset(
        self, store: BlobStore, chunks: list[bytes], offset: int
    ) -> None:
        """A layer of gigabytes would be refused at its end, for an error at its start."""
        upload = await begun(store, b"abc")

        with pytest.raises(UploadOutOfOrder) as refusal:
            await store.append(upload, chunked(*chunks), Place(offset=offset))

        assert refusal.value.offset == 3
        await store.commit(upload, Digest.of(b"abc"))

    async def test_memory_does_not_grow_with_the_size_of_a_blob(
        self, store: BlobStore, stores: BlobStores
    ) -> None:
        """A layer of ten gigabytes must not stop a registry with one gigabyte of memory."""
        upload = await begun(store)
        chunk = bytes(400_000)
        digest = Digest.of(chunk * 100, "sha512")
        tracemalloc.start()

        await store.append(upload, chunked(*[chunk] * 100))
        await store.commit(upload, digest)

        used = tracemalloc.get_traced_memory()[1]
        tracemalloc.stop()
        assert used < stores.most_memory


class TestMismatch:
    """Bytes that do not match the claimed digest."""

    @pytest.mark.parametrize("algorithm", ["sha256", "sha512"])
    async def test_a_wrong_digest_leaves_nothing(self, store: BlobStore, algorithm: str) -> None:
        """Damaged or forged bytes must never be visible, nor fill the disk."""
        claimed, computed = Digest.of(b"abd", algorithm), Digest.of(b"abc", algorithm)
        upload = await begun(store, b"abc")

        with pytest.raises(DigestMismatch) as refusal:
            await store.commit(upload, claimed)

        assert refusal.value.detail == {"computed": str(computed), "claimed": str(claimed)}
        assert await copies_in(store) == []
        with pytest.raises(UnknownUpload):
            await store.offset(upload)

    async def test_a_mismatch_does_not_harm_a_blob_that_is_there(self, store: BlobStore) -> None:
        """Otherwise anyone who may push could remove the layers of others."""
        copy = await pushed(store, b"abc")

        with pytest.raises(DigestMismatch):
            await store.commit(await begun(store, b"abd"), copy.digest)

        assert await stored(store, copy) == b"abc"


class TestBlobs:
    """An open blob."""

    async def test_a_missing_blob_is_unknown(self, store: BlobStore) -> None:
        """A pull of a digest that was never pushed."""
        with pytest.raises(UnknownBlob) as refusal:
            await store.open(NOBODY)

        assert refusal.value.detail == {"digest": str(NOBODY.digest)}

    @pytest.mark.parametrize(
        ("start", "stop"),
        [(0, 0), (0, 1), (5, 9), (BATCH_BYTES - 1, 2 * BATCH_BYTES + 1), (0, len(LARGE))],
    )
    async def test_any_part_of_a_blob_can_be_read(
        self, store: BlobStore, start: int, stop: int
    ) -> None:
        """A client resumes a pull with a range."""
        blob = await store.open(await pushed(store, LARGE))

        pieces = [piece async for piece in blob.read(start, stop)]

        blob.close()
        assert b"".join(pieces) == LARGE[start:stop]
        assert all(len(piece) <= PIECE_BYTES for piece in pieces)
        assert blob.size == len(LARGE)

    async def test_a_blob_cut_short_while_it_is_read_is_an_error_and_never_an_early_end(
        self, files: FileBlobStores
    ) -> None:
        """A client would wait forever, or take half a layer for all of it."""
        store = files.open()
        copy = await pushed(store, LARGE)
        blob = await store.open(copy)
        files.damage(copy, LARGE[:5])

        with pytest.raises(EOFError, match="ends at byte 5"):
            [piece async for piece in blob.read(0, blob.size)]

        blob.close()
        await store.remove([copy])

    @pytest.mark.parametrize(("start", "stop"), [(0, 6), (2, 5), (5, 6)])
    async def test_what_is_in_memory_can_be_read_at_once(
        self, files: FileBlobStores, tmp_path: Path, start: int, stop: int
    ) -> None:
        """Handing a small blob to a thread takes longer than reading it."""
        store = files.open()
        blob = await store.open(await pushed(store, b"abcdef"))
        expected = b"abcdef"[start:stop] if says_what_is_in_memory(tmp_path) else None

        assert blob.read_at_once(start, stop) == expected
        blob.close()

    async def test_a_blob_cut_short_is_not_read_at_once(self, files: FileBlobStores) -> None:
        """Its length has been announced: with fewer bytes the client would wait for the rest."""
        store = files.open()
        copy = await pushed(store, b"abcdef")
        files.damage(copy, b"abc")
        blob = await store.open(copy)

        assert blob.read_at_once(0, 6) is None
        blob.close()
        await store.remove([copy])

    async def test_bytes_that_are_not_in_memory_are_waited_for_in_a_thread(
        self, files: FileBlobStores, threads: Threads
    ) -> None:
        """A slow disk must delay one client, and not all."""
        blob, task = await reading_from_disk(files)
        with threads.held() as hold:
            await asyncio.wait_for(hold.begun.wait(), PATIENCE)

            assert not task.done()

        assert await task == LARGE
        blob.close()

    async def test_a_read_that_is_cancelled_ends_after_its_thread(
        self, files: FileBlobStores, threads: Threads
    ) -> None:
        """The thread would read from whatever file is opened next."""
        blob, task = await reading_from_disk(files)
        with threads.held() as hold:
            await asyncio.wait_for(hold.begun.wait(), PATIENCE)
            task.cancel()
            await turns()

            assert not task.done()

        with pytest.raises(asyncio.CancelledError):
            await task
        blob.close()


class TestRaces:
    """The table above."""

    @pytest.mark.parametrize("same_worker", [True, False])
    async def test_of_two_appends_at_the_same_time_one_is_refused_with_the_offset(
        self, store: BlobStore, stores: BlobStores, same_worker: bool
    ) -> None:
        """Two chunks would be mixed; which of them counts is the store's to decide."""
        client, other = Client(), store if same_worker else stores.open()
        upload, first = await appending(store, client, b"abc")
        client.send(b"de")
        second = asyncio.ensure_future(other.append(upload, chunked(b"x")))
        await asyncio.wait([second])
        client.end()
        await asyncio.wait([first])

        [refused] = [each for each in (first, second) if each.exception()]
        [taken] = [each for each in (first, second) if not each.exception()]
        content = b"abcde" if taken is first else b"abcx"
        assert isinstance(refused.exception(), UploadOutOfOrder)
        assert taken.result() == await other.offset(upload) == len(content)
        await other.commit(upload, Digest.of(content))

    @pytest.mark.parametrize("same_worker", [True, False])
    async def test_of_an_append_and_a_commit_at_the_same_time_one_is_refused(
        self, store: BlobStore, stores: BlobStores, same_worker: bool
    ) -> None:
        """A blob would grow after it was verified."""
        client, other = Client(), store if same_worker else stores.open()
        upload, append = await appending(store, client, b"abc")
        client.send(b"de")
        commit = asyncio.ensure_future(other.commit(upload, Digest.of(b"abc")))
        await asyncio.wait([commit])
        client.end()
        await asyncio.wait([append])

        [refused] = [each for each in (append, commit) if each.exception()]
        assert isinstance(refused.exception(), (UploadOutOfOrder, UnknownUpload))
        if refused is commit:
            await other.commit(upload, Digest.of(b"abcde"))
        else:
            assert await stored(other, commit.result()) == b"abc"

    @pytest.mark.parametrize("same_worker", [True, False])
    async def test_a_second_append_at_the_same_time_is_refused_with_the_offset(
        self, files: FileBlobStores, same_worker: bool
    ) -> None:
        """Two chunks would be mixed."""
        store = files.open()
        client, other = Client(), store if same_worker else files.open()
        upload, task = await appending(store, client, b"abc")

        with pytest.raises(UploadOutOfOrder) as refusal:
            await other.append(upload, chunked(b"x"))

        assert refusal.value.offset == 3
        client.send(b"de")
        client.end()
        assert await task == 5
        await other.commit(upload, Digest.of(b"abcde"))

    @pytest.mark.parametrize("same_worker", [True, False])
    async def test_a_commit_while_another_request_appends_is_refused_with_the_offset(
        self, files: FileBlobStores, same_worker: bool
    ) -> None:
        """A blob would grow after it was verified."""
        store = files.open()
        client, other = Client(), store if same_worker else files.open()
        upload, task = await appending(store, client, b"abc")

        with pytest.raises(UploadOutOfOrder) as refusal:
            await other.commit(upload, Digest.of(b"abc"))

        assert refusal.value.offset == 3
        client.end()
        await task
        await other.commit(upload, Digest.of(b"abc"))

    async def test_the_second_commit_of_an_upload_waits_for_the_first(
        self, files: FileBlobStores, threads: Threads
    ) -> None:
        """A proxy sent the request twice."""
        store = files.open()
        upload = await begun(store, b"abc")
        with threads.held() as hold:
            first = asyncio.create_task(store.commit(upload, Digest.of(b"abc")))
            await asyncio.wait_for(hold.begun.wait(), PATIENCE)

            with pytest.raises(UploadOutOfOrder):
                await files.open().commit(upload, Digest.of(b"abc"))

        copies = {await first, await store.commit(upload, Digest.of(b"abc"))}
        assert {found.copy for found in await copies_in(store)} == copies

    async def test_a_chunk_that_comes_again_before_the_first_was_given_up_waits_for_it(
        self, store: BlobStore, stores: BlobStores
    ) -> None:
        """The client's connection was cut, unnoticed by the registry (Azure's SDKs)."""
        client = Client()
        upload, task = await appending(store, client, b"abc")
        again = asyncio.create_task(
            stores.open(PATIENCE).append(upload, chunked(b"abcde"), Place(offset=0))
        )
        await turns()
        client.vanish(IncompleteBody("cut off"))
        with pytest.raises(IncompleteBody):
            await task

        assert await asyncio.wait_for(again, PATIENCE) == 5
        await store.commit(upload, Digest.of(b"abcde"))

    async def test_a_commit_that_comes_again_before_the_first_has_ended_waits_for_it(
        self, files: FileBlobStores, threads: Threads
    ) -> None:
        """The client's connection was cut while a large layer was synced."""
        store = files.open()
        upload = await begun(store, b"abc")
        with threads.held() as hold:
            first = asyncio.create_task(store.commit(upload, Digest.of(b"abc")))
            await asyncio.wait_for(hold.begun.wait(), PATIENCE)
            again = asyncio.create_task(files.open(PATIENCE).commit(upload, Digest.of(b"abc")))
            await turns()
            assert not again.done()

        copies = {await first, await asyncio.wait_for(again, PATIENCE)}
        assert {found.copy for found in await copies_in(store)} == copies

    async def test_an_upload_discarded_while_a_chunk_arrives_can_never_be_committed(
        self, store: BlobStore, stores: BlobStores
    ) -> None:
        """A cancelled upload must stay cancelled."""
        client = Client()
        upload, task = await appending(store, client, b"abc")

        await stores.open().discard(upload)

        client.send(b"de")
        client.end()
        with suppress(UnknownUpload):
            await task
        with pytest.raises(UnknownUpload):
            await store.commit(upload, Digest.of(b"abcde"))
        assert await copies_in(store) == []

    async def test_an_upload_discarded_during_its_commit_becomes_no_blob(
        self, files: FileBlobStores, threads: Threads
    ) -> None:
        """Either the cancel or the commit takes effect, never half of each."""
        store = files.open()
        upload = await begun(store, b"abc")
        with threads.held() as hold:
            commit = asyncio.create_task(store.commit(upload, Digest.of(b"abc")))
            await asyncio.wait_for(hold.begun.wait(), PATIENCE)
            await files.open().discard(upload)

        with pytest.raises(UnknownUpload):
            await commit
        assert await copies_in(store) == []

    async def test_a_file_opened_as_an_upload_and_committed_before_it_is_locked_is_refused(
        self, files: FileBlobStores
    ) -> None:
        """An append would modify a blob that others already pull."""
        store = files.open()
        upload = await begun(store, b"abc")
        path = files.root / "uploads" / upload.key
        descriptor = os.open(path, os.O_RDWR)

        await store.commit(upload, Digest.of(b"abc"))

        with pytest.raises(UnknownUpload):
            lock(upload, str(path), descriptor)
        os.close(descriptor)

    async def test_two_uploads_of_the_same_digest_can_commit_at_once(
        self, files: FileBlobStores, threads: Threads
    ) -> None:
        """Two clients push images with the same base layer."""
        store = files.open()
        other = files.open()
        digest = Digest.of(LARGE)
        uploads = [await begun(store, LARGE), await begun(other, LARGE)]
        threads.together(2)

        first, second = await asyncio.gather(
            store.commit(uploads[0], digest), other.commit(uploads[1], digest)
        )

        assert first != second
        assert await stored(other, first) == await stored(store, second) == LARGE

    @pytest.mark.parametrize("damaged", [b"", b"abX", b"abcde"], ids=["empty", "same size", "long"])
    async def test_a_push_repairs_a_damaged_blob_and_readers_of_the_old_one_continue(
        self, files: FileBlobStores, damaged: bytes
    ) -> None:
        """In other registries, an empty blob stayed damaged forever."""
        store = files.open()
        copy = await pushed(store, b"abc")
        files.damage(copy, damaged)
        reader = await store.open(copy)

        again = await pushed(files.open(), b"abc")
        await store.remove([copy])

        assert await stored(store, again) == b"abc"
        assert b"".join([piece async for piece in reader.read(0, reader.size)]) == damaged
        reader.close()

    async def test_the_digest_is_of_all_bytes_if_workers_take_turns(
        self, store: BlobStore, stores: BlobStores
    ) -> None:
        """Requests of one upload may reach any worker."""
        other = stores.open()
        upload = await begun(store, b"a")
        await other.append(upload, chunked(b"b"))
        await store.append(upload, chunked(b"c"))
        await other.append(upload, chunked(b"d"))

        copy = await store.commit(upload, Digest.of(b"abcd"))

        assert await stored(other, copy) == b"abcd"

    async def test_bytes_replaced_elsewhere_by_as_many_others_are_digested_again(
        self, files: FileBlobStores
    ) -> None:
        """A digest remembered for other bytes would turn a forgery into a verified blob."""
        store = files.open()
        upload = await begun(store, b"abc")
        path = files.root / "uploads" / upload.key
        path.write_bytes(b"abX")
        os.utime(path, ns=(0, path.stat().st_mtime_ns + 1))  # file timestamps are coarse

        with pytest.raises(DigestMismatch):
            await store.commit(upload, Digest.of(b"abc"))

    @pytest.mark.parametrize("times", [1, 2, 5])
    async def test_a_request_cancelled_while_batches_wait_ends_after_its_thread(
        self, files: FileBlobStores, threads: Threads, times: int
    ) -> None:
        """A waiting batch would be written into whatever file is opened next."""
        store = files.open()
        chunks = [bytes([number]) * BATCH_BYTES for number in range(4)]
        client = Client()
        upload, task = await appending(store, client)
        with threads.held() as hold:
            for chunk in chunks:
                client.send(chunk)
            await asyncio.wait_for(hold.begun.wait(), PATIENCE)
            await turns()
            for _ in range(times):
                task.cancel()
                await turns()

            assert not task.done()

        with pytest.raises(asyncio.CancelledError):
            await task
        written, part = divmod(await store.offset(upload), BATCH_BYTES)
        assert (written > 0, part) == (True, 0)
        await store.append(upload, chunked(*chunks[written:]))
        await store.commit(upload, Digest.of(b"".join(chunks)))

    @pytest.mark.parametrize("times", [1, 5])
    async def test_a_cancelled_request_ends_after_its_thread_and_the_bytes_stay(
        self, files: FileBlobStores, threads: Threads, times: int
    ) -> None:
        """A thread would write into whatever file is opened next."""
        store = files.open()
        client = Client()
        upload, task = await appending(store, client)
        with threads.held() as hold:
            client.send(LARGE)
            await asyncio.wait_for(hold.begun.wait(), PATIENCE)
            for _ in range(times):
                task.cancel()
                await turns()

            assert not task.done()
            with pytest.raises(UploadOutOfOrder):
                await store.append(upload, chunked(b"x"))

        with pytest.raises(asyncio.CancelledError):
            await task
        assert await store.offset(upload) == len(LARGE)
        await store.commit(upload, Digest.of(LARGE))

    @pytest.mark.parametrize("more", [1, 2, 5])
    async def test_chunks_that_come_while_the_thread_is_ending_are_written_in_order(
        self, files: FileBlobStores, threads: Threads, more: int
    ) -> None:
        """The thread has seen an empty queue, and nobody else would write the new chunks."""
        store = files.open()
        chunks = [bytes([number]) * BATCH_BYTES for number in range(1 + more)]
        client = Client()
        upload, task = await appending(store, client)
        with threads.held_at_the_end() as hold:
            client.send(chunks[0])
            await asyncio.wait_for(hold.begun.wait(), PATIENCE)
            for chunk in chunks[1:]:
                client.send(chunk)
            client.end()
            await turns()
            assert await store.offset(upload) == BATCH_BYTES

        assert await asyncio.wait_for(task, PATIENCE) == len(chunks) * BATCH_BYTES
        await store.commit(upload, Digest.of(b"".join(chunks)))

    async def test_an_upload_that_always_has_more_to_write_lets_others_have_their_turn(
        self, files: FileBlobStores
    ) -> None:
        """A few large uploads to a slow disk would delay all other pushes."""
        store = files.open()
        threads = Threads(1)
        asyncio.get_running_loop().set_default_executor(threads)
        client, count = Client(), 2 * BATCHES_A_TURN
        chunk = bytes(16 * BATCH_BYTES)  # which takes longer to write than to send
        upload, task = await appending(store, client)
        with threads.held() as hold:
            for _ in range(count):
                client.send(chunk)
            client.end()
            await asyncio.wait_for(hold.begun.wait(), PATIENCE)
            other = new_upload()
            beginning = asyncio.create_task(store.begin(other))
            await turns()

        await asyncio.wait_for(beginning, PATIENCE)

        assert not task.done()
        assert await asyncio.wait_for(task, PATIENCE) == count * len(chunk)
        await store.discard(upload)
        await store.discard(other)

    @pytest.mark.parametrize("more", [1, 2, 5])
    async def test_no_more_than_a_few_batches_of_an_upload_are_held(
        self, files: FileBlobStores, threads: Threads, more: int
    ) -> None:
        """A disk slower than the network would fill the memory."""
        store = files.open()
        client = Client()
        upload, task = await appending(store, client)
        with threads.held() as hold:
            for _ in range(2 + more):
                client.send(bytes(BATCH_BYTES))
            client.end()
            await asyncio.wait_for(hold.begun.wait(), PATIENCE)
            await turns()

            assert client.left == more + 1  # and its end: one batch waits, and one is full

        assert await asyncio.wait_for(task, PATIENCE) == (2 + more) * BATCH_BYTES
        await store.discard(upload)


class TestRestarts:
    """Uploads that began before a restart continue after it."""

    async def test_an_upload_goes_on_after_a_restart(self, stores: BlobStores) -> None:
        """A registry is upgraded while clients push."""
        upload = await begun(stores.open(), b"abc", LARGE)

        restarted = stores.open()

        assert await restarted.offset(upload) == 3 + len(LARGE)
        await restarted.append(upload, chunked(b"rest"))
        content = b"abc" + LARGE + b"rest"
        copy = await restarted.commit(upload, Digest.of(content))
        assert await stored(restarted, copy) == content

    async def test_an_upload_can_be_committed_after_a_restart(self, stores: BlobStores) -> None:
        """All bytes had arrived; only the last request was lost."""
        upload = await begun(stores.open(), LARGE)

        copy = await stores.open().commit(upload, Digest.of(LARGE))

        assert await stored(stores.open(), copy) == LARGE

    def test_no_more_than_the_latest_hashers_are_kept(self) -> None:
        """Abandoned uploads would fill the memory."""
        hashers, stamp = Hashers(2), Stamp(size=3, written_at=0)
        uploads = [Upload(UploadId(name), SESSION) for name in "abc"]
        kept = [new_hasher("sha256") for _ in uploads]
        for upload, hasher in zip(uploads, kept, strict=True):
            hashers.keep(upload, stamp, hasher)

        taken = [hashers.take(upload, stamp) for upload in uploads]

        assert taken == [None, kept[1], kept[2]]


class TestFiles:
    """Promises about folders and files."""

    async def test_only_their_owner_may_touch_them(self, files: FileBlobStores) -> None:
        """Another user of the machine could read private images."""
        store = files.open()
        await pushed(store, b"abc")
        upload = await begun(store, b"abd")
        files.forgotten.add(upload)

        kept = [path for path in files.root.rglob("*") if not path.is_symlink()]
        modes = {path.is_dir(): oct(path.stat().st_mode & 0o777) for path in kept}

        assert modes == {True: "0o700", False: "0o600"}

    async def test_preparing_twice_changes_nothing(self, files: FileBlobStores) -> None:
        """Every worker prepares, at every start."""
        copy = await pushed(files.open(), b"abc")

        assert await stored(files.open(), copy) == b"abc"

    @pytest.mark.parametrize("name", ["uploads", "blobs"])
    def test_a_file_where_a_folder_belongs_stops_the_start(self, tmp_path: Path, name: str) -> None:
        """One clear line instead of a failure at the first push."""
        (tmp_path / name).touch()

        with pytest.raises(InvalidSettings, match="data_dir: the folders for blobs cannot be made"):
            FileBlobStore(tmp_path).prepare()

    @pytest.mark.parametrize(
        ("options", "complaint"),
        [("size=1m", "different volumes"), ("size=1m,ro", "the folders for blobs cannot be made")],
    )
    def test_a_volume_that_cannot_be_used_stops_the_start(
        self, tmp_path: Path, options: str, complaint: str
    ) -> None:
        """A rename to another volume is a copy, and a half-finished copy can be visible."""
        (tmp_path / "blobs").mkdir()

        with (
            mounted(tmp_path / "blobs", options),
            pytest.raises(InvalidSettings, match=complaint),
        ):
            FileBlobStore(tmp_path).prepare()

    def test_a_single_folder_that_cannot_be_written_stops_the_start(self, tmp_path: Path) -> None:
        """The first push would fail, and nothing would warn before."""
        FileBlobStore(tmp_path).prepare()
        uploads = tmp_path / "uploads"
        with mounted(uploads, "bind", str(uploads)):
            remount(uploads, "ro,bind")

            with pytest.raises(InvalidSettings, match="uploads is not readable and writable"):
                FileBlobStore(tmp_path).prepare()

    async def test_blobs_are_read_if_everything_is_read_only(self, tmp_path: Path) -> None:
        """A failing disk is remounted read-only, and holds what machines pull."""
        with mounted(tmp_path, "size=1m"):
            store = FileBlobStore(tmp_path)
            store.prepare()
            copy = await pushed(store, b"abc")
            del store  # its process has exited
            remount(tmp_path, "ro")

            store = FileBlobStore(tmp_path)
            store.prepare()
            assert await stored(store, copy) == b"abc"
            with pytest.raises(StorageReadOnly, match="read-only"):
                await store.begin(new_upload())


class TestDurability:
    """The store's writes and syncs, and their order."""

    folder = "blobs/sha256/" + Digest.of(LARGE).encoded[:2]

    def test_bytes_and_names_are_synced_in_an_order_that_survives_a_power_loss(
        self, files: FileBlobStores
    ) -> None:
        """Otherwise a power loss right after the answer leaves an empty file, or none."""
        files.open()

        calls = traced(files.root, new_upload())

        assert in_order(
            calls,
            rf"fsync\(\d+<{files.root}/uploads/",
            rf'mkdir(at)?\(.*"{files.root}/{self.folder}"',
            rf"fsync\(\d+<{files.root}/blobs/sha256>",
            r"rename(at2?)?\(.*/uploads/",
            rf"fsync\(\d+<{files.root}/{self.folder}>",
            r"write\(1<",
        ), calls

    def test_a_folder_that_another_process_made_is_synced_once_more(
        self, files: FileBlobStores
    ) -> None:
        """The power fails before that process has synced it."""
        files.open()
        (files.root / self.folder).mkdir(mode=0o700)

        calls = traced(files.root, new_upload())

        assert in_order(
            calls,
            rf"fsync\(\d+<{files.root}/blobs/sha256>",
            r"rename(at2?)?\(.*/uploads/",
            r"write\(1<",
        ), calls
