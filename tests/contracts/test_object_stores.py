"""Promises of object stores only: races, leftovers, damage, memory, traps.

Every trap that was found while libraries and servers were compared has a test here: whole bodies
that time out, ranges that count from the end, deletion of what is missing, cancelled transfers,
buckets in host names, and stores that overwrite what must not be overwritten.
"""

import asyncio
import os
from collections.abc import Callable, Sequence
from datetime import UTC, datetime, timedelta
from typing import Any

import pytest

from acrux.adapters.objects import keys, object_store, receiving
from acrux.adapters.objects.bucket import PART_BYTES, Bucket, probe
from acrux.adapters.objects.committing import Commits
from acrux.adapters.objects.failures import Missing
from acrux.adapters.objects.inspection import ObjectInspection
from acrux.adapters.objects.location import Location
from acrux.adapters.sql.uploads import SqlUploads
from acrux.domain.content.digest import Digest
from acrux.domain.content.storage.copy import Copy
from acrux.domain.content.upload import Place, Upload
from acrux.errors import (
    ContentTooLarge,
    DamagedBlob,
    IncompleteBody,
    InvalidSettings,
    StorageUnavailable,
    UnknownBlob,
    UnknownUpload,
    UploadOutOfOrder,
)
from acrux.ports.content.blobs import Abandoned
from acrux.ports.content.segments import Segment
from tests.contracts.blob_stores import (
    PATIENCE,
    Client,
    begun,
    chunked,
    copies_in,
    new_upload,
    pushed,
    stored,
)
from tests.contracts.object_stores import ObjectBlobStores
from tests.object_servers import Moto, Versity

LARGE = os.urandom(2 * PART_BYTES + 1000)
DAY = timedelta(days=1)


@pytest.fixture(params=["moto", "versitygw", "azurite"])
def stores(
    request: pytest.FixtureRequest, on_objects: Callable[[str], ObjectBlobStores]
) -> ObjectBlobStores:
    """A place for blobs on each server; fails if a test leaves something behind in it."""
    return on_objects(request.param)


class Interrupted:
    """A database in which something else happens right before a method is carried out."""

    def __init__(self, segments: SqlUploads, method: str, first: Callable[[], Any]) -> None:
        self._segments = segments
        self._method = method
        self._first: Callable[[], Any] | None = first

    def __getattr__(self, name: str) -> Any:
        if name != self._method or self._first is None:
            return getattr(self._segments, name)

        async def after_the_other(*values: Any) -> Any:
            first, self._first = self._first, None
            assert first is not None
            await first()
            return await getattr(self._segments, name)(*values)

        return after_the_other


def interrupted(
    stores: ObjectBlobStores, method: str, first: Callable[[], Any]
) -> object_store.ObjectBlobStore:
    """A store to whose request something else happens before it is decided."""
    return stores.over(Interrupted(stores.segments(), method, first))


class TestRaces:
    """The database decides, whatever was written to the bucket before."""

    async def test_what_is_appended_elsewhere_meanwhile_counts_and_this_does_not(
        self, stores: ObjectBlobStores
    ) -> None:
        """Two chunks for the same place would both be added."""
        other = stores.open()
        upload = await begun(other, b"abc")
        store = interrupted(stores, "extend", lambda: other.append(upload, chunked(b"de")))

        with pytest.raises(UploadOutOfOrder) as refusal:
            await store.append(upload, chunked(b"xyz"))

        assert refusal.value.offset == 5
        await other.commit(upload, Digest.of(b"abcde"))

    async def test_of_two_commits_at_once_each_gets_a_copy_of_its_own(
        self, stores: ObjectBlobStores
    ) -> None:
        """A proxy sent the request twice, and one answer must not name the other's copy."""
        other, made = stores.open(), list[Copy]()
        upload, digest = await begun(other, b"abc"), Digest.of(b"abc")

        async def commit() -> None:
            made.append(await other.commit(upload, digest))

        mine = await interrupted(stores, "close", commit).commit(upload, digest)

        assert mine != made[0]
        assert {found.copy for found in await copies_in(other)} == {mine, made[0]}

    async def test_a_commit_whose_segments_are_gone_follows_the_one_that_took_them(
        self, stores: ObjectBlobStores
    ) -> None:
        """The first one has just removed what the second is about to copy."""
        other, made = stores.open(), list[Copy]()
        upload, digest = await begun(other, b"abc"), Digest.of(b"abc")
        listed = await stores.segments().list(upload)

        class Late(SqlUploads):
            async def list(self, upload: Upload) -> Sequence[Segment]:
                made.append(await other.commit(upload, digest))
                return listed

        late = stores.segments()
        late.__class__ = Late
        mine = await stores.over(late).commit(upload, digest)

        assert mine != made[0]
        assert await stored(other, mine) == b"abc"

    @pytest.mark.parametrize("event", ["discarded", "continued"])
    async def test_a_commit_that_something_else_overtakes_leaves_nothing(
        self, stores: ObjectBlobStores, event: str
    ) -> None:
        """A cancelled upload would become a blob, or one whose bytes nobody has verified."""
        other = stores.open()
        upload = await begun(other, b"abc")

        async def overtake() -> None:
            if event == "discarded":
                await other.discard(upload)
            else:
                await other.append(upload, chunked(b"de"))

        with pytest.raises(UnknownUpload if event == "discarded" else UploadOutOfOrder):
            await interrupted(stores, "close", overtake).commit(upload, Digest.of(b"abc"))

        assert await copies_in(other) == []
        if event == "continued":
            await other.commit(upload, Digest.of(b"abcde"))


class Unsure(SqlUploads):
    """A database whose connection is lost right after a commit."""

    async def extend(
        self, upload: Upload, offset: int, segments: Sequence[Segment], at: datetime
    ) -> bool:
        """Add them, and say that it failed."""
        await super().extend(upload, offset, segments, at)
        raise StorageUnavailable


class TestLeftovers:
    """What a request that failed leaves in the bucket."""

    @pytest.mark.parametrize("ending", ["cut", "cancelled"])
    async def test_no_parts_are_left_of_an_object_that_was_begun(
        self, stores: ObjectBlobStores, ending: str
    ) -> None:
        """Nobody lists such parts, and every one is paid for, for ever."""
        store, client = stores.open(), Client()
        upload = await begun(store)
        task = asyncio.create_task(store.append(upload, client.chunks()))
        for start in range(0, len(LARGE), 1 << 18):
            client.send(LARGE[start : start + (1 << 18)])
        await asyncio.wait_for(client.taken.wait(), PATIENCE)
        if ending == "cut":
            client.vanish(IncompleteBody())
            with pytest.raises(IncompleteBody):
                await task
        else:
            task.cancel()
            with pytest.raises(asyncio.CancelledError):
                await task

        assert stores.unfinished() == set()
        kept = await store.offset(upload)
        assert kept == (len(LARGE) if ending == "cut" else 0)
        await store.append(upload, chunked(LARGE[kept:]), Place(offset=kept))
        await store.commit(upload, Digest.of(LARGE))

    async def test_bytes_of_which_it_is_unknown_whether_they_count_are_kept(
        self, stores: ObjectBlobStores
    ) -> None:
        """The offset would include bytes that are gone, and the upload could never end."""
        store = stores.open()
        upload = await begun(store, b"abc")
        unsure = stores.segments()
        unsure.__class__ = Unsure
        with pytest.raises(StorageUnavailable):
            await stores.over(unsure).append(upload, chunked(b"de"), Place(offset=3))

        assert await store.append(upload, chunked(b"def"), Place(offset=3)) == 6
        await store.commit(upload, Digest.of(b"abcdef"))

    async def test_a_wrong_digest_leaves_neither_segments_nor_parts(
        self, stores: ObjectBlobStores
    ) -> None:
        """Whoever may push could fill the bucket with what no row names."""
        store = stores.open()
        upload = await begun(store, LARGE, b"more")

        with pytest.raises(Exception, match="have the digest"):
            await store.commit(upload, Digest.of(LARGE))

        assert stores.listed() == {}
        assert stores.unfinished() == set()

    async def test_segments_that_no_upload_has_are_removed_when_they_are_old(
        self, stores: ObjectBlobStores
    ) -> None:
        """A process died between writing and recording."""
        store = stores.open()
        used = await begun(store, b"abc")
        await stores.bucket.put(keys.of_segment(keys.new_segment()), b"a stray")
        before = datetime.now(UTC)

        await store.discard_abandoned(before - DAY, 10)
        assert len(stores.listed()) == 2

        stores.clock = lambda: datetime.now(UTC) + 9 * DAY
        late = stores.open()
        await stores.segments().touch(used, stores.clock())
        await late.discard_abandoned(before, 10)
        assert len(stores.listed()) == 1
        await late.commit(used, Digest.of(b"abc"))


class TestAbandoned:
    """Uploads that nobody continues."""

    async def test_they_are_discarded_with_their_segments_and_counted(
        self, stores: ObjectBlobStores
    ) -> None:
        """Pushes that were given up would fill the bucket."""
        store = stores.open()
        stores.clock = lambda: datetime.now(UTC) - 2 * DAY
        old = [await begun(store, bytes(10), bytes(5)), await begun(store)]
        stores.clock = lambda: datetime.now(UTC)
        young = await begun(store, b"abc")
        before = datetime.now(UTC) - DAY

        assert await store.abandoned(before) == Abandoned(2, 15)
        assert await store.discard_abandoned(before, 1) in (Abandoned(1, 15), Abandoned(1, 0))
        await store.discard_abandoned(before, 1)
        assert await store.discard_abandoned(before, 1) == Abandoned(0, 0)

        for upload in old:
            with pytest.raises(UnknownUpload):
                await store.append(upload, chunked(b"more"))
        await store.commit(young, Digest.of(b"abc"))

    async def test_an_upload_that_a_request_uses_is_not_abandoned_however_slow_it_is(
        self, stores: ObjectBlobStores, monkeypatch: pytest.MonkeyPatch
    ) -> None:
        """A client on a bad line would lose what it has sent."""
        monkeypatch.setattr(object_store, "TOUCHED_EVERY", 0.01)
        client, touched = Client(), asyncio.Event()

        async def note() -> None:
            touched.set()

        store = interrupted(stores, "touch", note)
        upload = await begun(store, b"abc")
        stores.clock = lambda: datetime.now(UTC) + DAY
        task = asyncio.create_task(store.append(upload, client.chunks()))
        await asyncio.wait_for(touched.wait(), PATIENCE)
        await stores.segments().touch(upload, stores.clock())

        assert await store.abandoned(stores.clock()) == Abandoned(0, 0)
        client.end()
        await task
        await store.commit(upload, Digest.of(b"abc"))

    async def test_what_an_upload_became_is_forgotten_after_an_hour(
        self, stores: ObjectBlobStores
    ) -> None:
        """The rows would grow with every push, for ever."""
        store = stores.open()
        upload = await begun(store, b"abc")
        await store.commit(upload, Digest.of(b"abc"))
        stores.clock = lambda: datetime.now(UTC) + timedelta(minutes=61)

        assert not await store.committed(upload, Digest.of(b"abc"))
        await store.discard_abandoned(datetime.now(UTC), 10)
        assert await stores.segments().find(upload) is None

    async def test_an_upload_in_too_many_pieces_is_refused(
        self, stores: ObjectBlobStores, monkeypatch: pytest.MonkeyPatch
    ) -> None:
        """A client that sends a byte at a time would fill the database."""
        monkeypatch.setattr(object_store, "MAX_SEGMENTS", 2)
        store = stores.open()
        upload = await begun(store, b"a", b"b")

        with pytest.raises(ContentTooLarge, match="2 pieces"):
            await store.append(upload, chunked(b"c"))
        await store.discard(upload)


class TestMemory:
    """What uploads hold before it is written."""

    async def test_many_uploads_share_their_memory_and_some_become_several_segments(
        self, stores: ObjectBlobStores, monkeypatch: pytest.MonkeyPatch
    ) -> None:
        """A thousand slow clients would each hold five megabytes."""
        monkeypatch.setattr(receiving, "STREAMS", 0)
        monkeypatch.setattr(receiving, "GATHERED_BYTES", 1 << 20)
        store = stores.open()
        upload = new_upload()
        await store.begin(upload)
        pieces = [LARGE[start : start + (1 << 18)] for start in range(0, len(LARGE), 1 << 18)]

        await store.append(upload, chunked(*pieces))

        assert len(await stores.segments().list(upload)) == len(LARGE) // (1 << 20) + 1
        copy = await store.commit(upload, Digest.of(LARGE))
        assert await stored(store, copy) == LARGE

    async def test_a_small_blob_is_kept_in_memory_only_if_there_is_room_for_it(
        self, stores: ObjectBlobStores
    ) -> None:
        """A config is read for each pull, and costs a request to the store."""
        copy = await pushed(stores.open(), b"a config")
        keeping, not_keeping = (stores.over(stores.segments(), most) for most in (100, 0))
        for store in (keeping, not_keeping):
            assert await stored(store, copy) == b"a config"
        stores.lose(copy)

        assert await stored(keeping, copy) == b"a config"
        assert await keeping.size(copy) == 8
        with pytest.raises(UnknownBlob):
            await not_keeping.open(copy)


class TestDamage:
    """Objects that are not what they were."""

    async def test_a_small_blob_that_is_altered_is_never_served_and_is_kept_aside(
        self, stores: ObjectBlobStores
    ) -> None:
        """A client would run what somebody wrote into the bucket; a push repairs it."""
        store = stores.open()
        copy = await pushed(store, b"abc")
        stores.damage(copy, b"abX")

        with pytest.raises(DamagedBlob):
            await store.open(copy)

        with pytest.raises(UnknownBlob):
            await stores.open().open(copy)
        assert stores.listed() == {keys.of_copy(copy, keys.QUARANTINE): 3}
        await store.remove([copy])
        assert stores.listed() == {}

    @pytest.mark.parametrize("damaged", [b"", b"ab", b"abcd"])
    async def test_a_blob_of_another_size_is_opened_with_that_size(
        self, stores: ObjectBlobStores, damaged: bytes
    ) -> None:
        """The service compares it with the database before anything is answered."""
        store = stores.open()
        copy = await pushed(store, b"abc")
        stores.damage(copy, damaged)

        assert (await store.open(copy)).size == await store.size(copy) == len(damaged)
        await store.remove([copy])

    async def test_a_blob_that_is_cut_short_while_it_is_read_is_an_error(
        self, stores: ObjectBlobStores
    ) -> None:
        """A client would wait forever, or take half a layer for all of it."""
        store = stores.open()
        copy = await pushed(store, LARGE)
        blob = await store.open(copy)
        stores.damage(copy, LARGE[:5])

        with pytest.raises(EOFError, match=r"ends at byte \d+, before"):
            [piece async for piece in blob.read(2 << 20, blob.size)]
        blob.close()
        await store.remove([copy])

    async def test_a_reader_goes_on_with_another_copy_if_its_own_is_removed(
        self, stores: ObjectBlobStores
    ) -> None:
        """Somebody pushed the same layer again, and a pull of it would break in the middle."""
        store = stores.open()
        first = await pushed(store, LARGE)
        blob = await store.open(first)
        await pushed(store, LARGE)
        await store.remove([first])

        assert b"".join([piece async for piece in blob.read(5, len(LARGE))]) == LARGE[5:]
        await store.remove([found.copy for found in await copies_in(store)])
        with pytest.raises(DamagedBlob):
            [piece async for piece in blob.read(7, len(LARGE))]
        blob.close()

    async def test_a_check_finds_verifies_heals_and_sets_aside(
        self, stores: ObjectBlobStores
    ) -> None:
        """acrux check does on a bucket what it does on files."""
        store = stores.open()
        files = ObjectInspection(
            stores.bucket, Commits(stores.bucket, stores.segments(), stores.clock)
        )
        good, bad = await pushed(store, b"abc"), await pushed(store, b"abc")
        stores.damage(bad, b"abX")
        read: list[int] = []

        async def spend(count: int) -> None:
            read.append(count)

        await files.verify(good, spend)
        with pytest.raises(DamagedBlob, match="does not match"):
            await files.verify(bad, spend)
        assert await files.quarantine(bad)
        with pytest.raises(DamagedBlob, match="is missing"):
            await files.verify(bad, spend)
        assert not await files.quarantine(bad)
        states = await files.states([good, bad, await files.copy_again(good)])
        assert [state.is_damaged for state in states.values()] == [False, True, False]
        assert len(await files.copies_of(good.digest)) == 2
        with pytest.raises(UnknownBlob):
            await files.copy_again(bad)
        await stores.bucket.put("notes", b"an operator's")
        assert (await files.strangers("")).paths == ("notes",)
        assert sum(read) == 6
        await store.remove([bad])
        await stores.bucket.delete(["notes"])


class TestTraps:
    """What some store or the client library does otherwise than one would think."""

    async def test_deleting_what_is_missing_is_no_failure_and_deletes_the_rest(
        self, stores: ObjectBlobStores
    ) -> None:
        """Azure ends the call at the first missing object."""
        for key in ("a", "c"):
            await stores.bucket.put(key, b"x")

        await stores.bucket.delete(["missing", "a", "b", "c"])

        assert stores.listed() == {}

    async def test_a_missing_bucket_is_never_taken_for_missing_content(
        self, stores: ObjectBlobStores
    ) -> None:
        """Both are a 404, and clients would be told that their content does not exist."""
        place = Location(stores.location.scheme, "no-such-bucket", "x")
        bucket = Bucket(place, os.environ)

        for attempt in (
            bucket.get("a", 0),
            bucket.size("a"),
            bucket.put("a", b""),
            bucket.copy("a", "b"),
            bucket.folders("a/"),
        ):
            with pytest.raises(StorageUnavailable):
                await attempt
        assert bucket.trouble
        with pytest.raises(InvalidSettings, match="there is no such bucket or container"):
            await probe(bucket, "a", 10)

    async def test_an_object_is_missing_only_if_its_bucket_is_there(
        self, stores: ObjectBlobStores
    ) -> None:
        """What is gone is gone, and the next check or push says so."""
        for attempt in (stores.bucket.get("a", 0), stores.bucket.size("a")):
            with pytest.raises(Missing):
                await attempt
        assert not stores.bucket.trouble

    async def test_ranges_are_absolute(self, stores: ObjectBlobStores) -> None:
        """Azure has none that count from the end, and other stores answer wrong bytes."""
        await stores.bucket.put("a", b"abcdef")

        found = [
            await (await stores.bucket.get("a", *wanted)).next()
            for wanted in ((0,), (2,), (2, 4), (5, 100))
        ]

        assert found == [b"abcdef", b"cdef", b"cd", b"f"]
        with pytest.raises(EOFError):
            await stores.bucket.get("a", 6)
        await stores.bucket.delete(["a"])

    async def test_a_signed_address_gives_any_part_to_everybody_and_nothing_else(
        self, stores: ObjectBlobStores
    ) -> None:
        """That is what a redirect leads to."""
        import httpx2  # noqa: PLC0415 -- for this test only

        copy = await pushed(stores.open(), b"abcdef")
        address = await stores.open().location(copy)

        async with httpx2.AsyncClient() as client:
            part = await client.get(address, headers={"Range": "bytes=1-2"})
            forged = await client.put(f"{address}0", content=b"forged")

        assert (part.status_code, part.content) == (206, b"bc")
        assert forged.status_code >= 400 or isinstance(stores.server, Moto)  # it checks nothing
        await stores.bucket.delete(list(stores.listed()))

    def test_a_body_may_take_an_hour_but_no_read_a_minute(self, stores: ObjectBlobStores) -> None:
        """By default, the client library ends every transfer after 30 seconds."""
        options = stores.objects.client_options

        assert options["timeout"] in ("1h", "3600 seconds", timedelta(hours=1))
        assert options["read_timeout"] in ("60s", "60 seconds", timedelta(minutes=1))

    async def test_the_bucket_is_in_the_path_of_an_address(self, stores: ObjectBlobStores) -> None:
        """Servers other than AWS's own have no host for each bucket."""
        address = await stores.bucket.sign("a", DAY)

        assert f"/{stores.name}/{stores.location.prefix}/a?" in address
        assert "//127.0.0.1:" in address

    async def test_no_failure_tells_an_address_a_key_or_a_signature(
        self, stores: ObjectBlobStores, monkeypatch: pytest.MonkeyPatch
    ) -> None:
        """Clients see it, and logs keep it."""
        for name in stores.server.variables:
            if name.endswith(("ENDPOINT", "ENDPOINT_URL")):
                monkeypatch.setenv(name, "http://127.0.0.1:9/secret?sig=topsecret")
        bucket = Bucket(stores.location, os.environ)

        with pytest.raises(StorageUnavailable) as refused:
            await bucket.put("a", b"")

        assert "127.0.0.1" not in refused.value.message
        assert "secret" not in refused.value.message
        assert refused.value.__cause__ is None


async def test_a_pull_survives_a_restart_of_the_store(
    on_objects: Callable[[str], ObjectBlobStores],
) -> None:
    """A layer of gigabytes would have to be pulled again, as after an hour of a slow client."""
    stores = on_objects("versitygw")
    assert isinstance(stores.server, Versity)
    store = stores.open()
    blob = await store.open(await pushed(store, LARGE))
    reading, content = blob.read(0, blob.size), bytearray()
    while len(content) < 3 << 19:  # within the second answer of the store
        content += await anext(reading)

    stores.server.kill()
    stores.server.start()

    async for piece in reading:
        content += piece
    assert bytes(content) == LARGE
    blob.close()


async def test_drain_waits_for_calls_that_are_under_way(
    on_objects: Callable[[str], ObjectBlobStores],
) -> None:
    """An interpreter that ends with one under way may be aborted."""
    bucket = on_objects("moto").bucket
    done = asyncio.Event()
    call = asyncio.create_task(bucket.call(done.wait()))
    await asyncio.sleep(0)
    draining = asyncio.create_task(bucket.drain())
    await asyncio.sleep(0)
    assert not draining.done()

    done.set()

    await asyncio.wait_for(draining, PATIENCE)
    await call
