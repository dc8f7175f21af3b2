"""The contract of ports.BlobStore: list copies, remove them, sweep uploads."""

import asyncio
import fcntl
import os
from datetime import UTC, datetime, timedelta
from pathlib import Path

import pytest

from acrux.domain.content.digest import Digest
from acrux.domain.content.storage.copy import Copy
from acrux.domain.content.upload import Upload
from acrux.errors import StorageUnavailable, UnknownBlob, UnknownUpload
from acrux.ports.content.blobs import Abandoned, BlobStore, StoredCopy
from tests.contracts.blob_stores import (
    PATIENCE,
    BlobStores,
    Client,
    FileBlobStores,
    begun,
    chunked,
    copies_in,
    pushed,
    stored,
)

DAY = timedelta(days=1)


def now() -> datetime:
    """The time of the file system: files are written now."""
    return datetime.now(UTC)


def date(files: FileBlobStores, upload: Upload, age: timedelta) -> None:
    """Make the upload so old."""
    then = (now() - age).timestamp()
    os.utime(files.root / "uploads" / upload.key, (then, then))


class TestNames:
    """Each upload that becomes a blob becomes a copy of its own."""

    async def test_each_push_of_the_same_bytes_makes_a_copy_that_stays_by_itself(
        self, store: BlobStore
    ) -> None:
        """The collector would remove the bytes that somebody just pushed."""
        first, second = await pushed(store, b"abc"), await pushed(store, b"abc")

        await store.remove([first])

        assert await stored(store, second) == b"abc"
        with pytest.raises(UnknownBlob):
            await store.open(first)

    @pytest.mark.parametrize("removed_first", [True, False])
    async def test_a_repeated_commit_never_returns_a_copy_that_may_be_on_its_way_out(
        self, store: BlobStore, stores: BlobStores, removed_first: bool
    ) -> None:
        """The first copy was linked, replaced, and enqueued for removal; both orders."""
        upload, digest = await begun(store, b"abc"), Digest.of(b"abc")
        first = await store.commit(upload, digest)

        if removed_first:
            await store.remove([first])
            with pytest.raises(UnknownUpload):
                await stores.open().commit(upload, digest)
        else:
            again = await stores.open().commit(upload, digest)
            await store.remove([first])
            assert await stored(store, again) == b"abc"

    async def test_a_copy_of_a_former_version_is_read_listed_and_removed(
        self, files: FileBlobStores
    ) -> None:
        """An upgrade would lose everything that was pushed before."""
        store, digest = files.open(), Digest.of(b"abc")
        copy = Copy(digest, "", 3)
        files.path(copy).parent.mkdir()
        files.path(copy).write_bytes(b"abc")
        newer = await pushed(store, b"abc")

        assert files.path(copy).name == digest.encoded
        assert await stored(store, copy) == b"abc"
        assert [found.copy for found in await copies_in(store)] == [copy, newer]
        await store.remove([copy])
        assert await stored(store, newer) == b"abc"

    async def test_a_repeated_commit_needs_a_whole_copy(self, files: FileBlobStores) -> None:
        """Damaged bytes would be linked as if they had just been verified."""
        store = files.open()
        upload = await begun(store, b"abc")
        copy = await store.commit(upload, Digest.of(b"abc"))
        files.path(copy).chmod(0o1600)

        with pytest.raises(UnknownUpload):
            await store.commit(upload, copy.digest)


class TestRemove:
    """Removing copies."""

    async def test_copies_that_are_missing_do_not_matter(
        self, store: BlobStore, stores: BlobStores
    ) -> None:
        """A collection that was killed begins again where nobody knows what is done."""
        here, gone = await pushed(store, b"abc"), await pushed(store, b"abd")
        stores.lose(gone)
        never = Copy(Digest.of(b"never"), "0123456789abcdef", 5)

        for _ in range(2):
            await store.remove([here, gone, never])

        assert await copies_in(store) == []

    async def test_who_has_a_copy_open_can_still_read_it(self, store: BlobStore) -> None:
        """A pull of gigabytes would be cut short in the middle."""
        copy = await pushed(store, b"abc")
        blob = await store.open(copy)

        await store.remove([copy])

        assert b"".join([piece async for piece in blob.read(0, 3)]) == b"abc"
        blob.close()

    async def test_every_touched_folder_is_synced_once_after_the_last_removal(
        self, files: FileBlobStores, monkeypatch: pytest.MonkeyPatch
    ) -> None:
        """After a power loss a copy would be back that nothing refers to any more."""
        store = files.open()
        copies = [await pushed(store, content) for content in (b"abc", b"abc", b"abd")]
        files.path(copies[2]).unlink()  # by a process that was killed before its sync
        done: list[str] = []
        unlink, fsync = os.unlink, os.fsync

        def note_unlink(path: str) -> None:
            done.append("unlink")
            unlink(path)

        def note_sync(descriptor: int) -> None:
            done.append(f"sync {Path(f'/proc/self/fd/{descriptor}').readlink().name}")
            fsync(descriptor)

        monkeypatch.setattr(os, "unlink", note_unlink)
        monkeypatch.setattr(os, "fsync", note_sync)
        await store.remove(copies)

        folders = {copy.digest.encoded[:2] for copy in copies}
        assert done[:3] == ["unlink"] * 3
        assert sorted(done[3:]) == sorted(f"sync {folder}" for folder in folders)

    @pytest.mark.parametrize("step", ["unlink", "fsync"])
    async def test_a_removal_that_fails_can_be_repeated(
        self, files: FileBlobStores, monkeypatch: pytest.MonkeyPatch, step: str
    ) -> None:
        """A disk that fails once must not leave bytes for ever."""
        store = files.open()
        copies = [await pushed(store, content) for content in (b"abc", b"abd")]
        with monkeypatch.context() as failing:
            failing.setattr(os, step, fail)
            with pytest.raises(StorageUnavailable):
                await store.remove(copies)

        await store.remove(copies)

        assert await copies_in(store) == []


def fail(*_: object) -> None:
    """Fail as a disk does."""
    raise OSError(5, os.strerror(5))


class TestListing:
    """What the store holds."""

    async def test_an_empty_store_holds_nothing(self, store: BlobStore) -> None:
        """A new registry."""
        assert await copies_in(store) == []

    @pytest.mark.parametrize("count", [1, 2, 5, 100])
    async def test_pages_show_each_copy_once_in_the_order_of_digests(
        self, store: BlobStore, count: int
    ) -> None:
        """What is listed twice is counted twice; what is left out stays for ever."""
        made = [await pushed(store, bytes([number % 5])) for number in range(12)]
        made.append(await pushed(store, b"abc", "sha512"))
        found, after = list[StoredCopy](), ""
        while True:
            page = await store.copies(after, count)
            assert len(page.copies) <= count
            found += page.copies
            if not page.next:
                break
            after = page.next

        assert sorted(map(str, made)) == sorted(str(listed.copy) for listed in found)
        digests = [str(listed.copy.digest) for listed in found]
        assert digests == sorted(digests)

    async def test_a_copy_is_listed_with_its_present_size_its_age_and_its_damage(
        self, files: FileBlobStores
    ) -> None:
        """A check compares them with the database."""
        store = files.open()
        upload = await begun(store, b"abc")
        date(files, upload, 30 * DAY)  # it was written a month ago, and is closed now
        whole = await store.commit(upload, Digest.of(b"abc"))
        short = await pushed(store, b"abd")
        files.damage(short, b"a")
        files.path(short).chmod(0o1600)

        found = {listed.copy.name: listed for listed in await copies_in(store)}

        assert (found[whole.name].copy, found[whole.name].is_damaged) == (whole, False)
        assert (found[short.name].copy.size, found[short.name].is_damaged) == (1, True)
        assert now() - found[whole.name].stored_at < DAY
        await store.remove([short])

    async def test_a_copy_that_a_repeated_commit_made_is_as_young_as_that(
        self, files: FileBlobStores
    ) -> None:
        """The copy that a request is about to link would be taken for one left by a crash."""
        store = files.open()
        upload = await begun(store, b"abc")
        first = await store.commit(upload, Digest.of(b"abc"))
        os.utime(files.path(first), (0, 0))

        again = await store.commit(upload, Digest.of(b"abc"))

        (found,) = [one for one in await copies_in(store) if one.copy == again]
        assert now() - found.stored_at < DAY

    async def test_what_is_not_a_copy_is_left_out(self, files: FileBlobStores) -> None:
        """An operator's notes are nothing to remove."""
        store = files.open()
        copy = await pushed(store, b"abc")
        folder = files.path(copy).parent
        others = [
            folder / "notes",
            folder / f"{copy.digest.encoded}.txt",
            folder / ("0" * 64 if folder.name != "00" else "1" * 64),
        ]
        for other in others:
            other.write_bytes(b"")
        (folder / f"{copy.digest.encoded}.{'a' * 16}").symlink_to(files.path(copy))

        assert [found.copy for found in await copies_in(store)] == [copy]
        for other in (*others, folder / f"{copy.digest.encoded}.{'a' * 16}"):
            other.unlink()

    async def test_a_copy_that_goes_while_the_page_is_made_is_left_out(
        self, files: FileBlobStores, monkeypatch: pytest.MonkeyPatch
    ) -> None:
        """Another process collects meanwhile."""
        store = files.open()
        copies = [await pushed(store, b"abc") for _ in range(2)]
        lstat = os.lstat

        def late(path: str) -> os.stat_result:
            files.path(copies[0]).unlink(missing_ok=True)
            return lstat(path)

        monkeypatch.setattr(os, "lstat", late)
        found = (await store.copies("", 10)).copies

        assert [listed.copy for listed in found] == [copies[1]]


class TestAbandoned:
    """Uploads that nobody continues."""

    async def test_uploads_that_were_last_written_before_are_discarded_and_counted(
        self, files: FileBlobStores
    ) -> None:
        """Pushes that were given up would fill the disk."""
        store = files.open()
        old = [await begun(store, bytes(10)), await begun(store)]
        young = await begun(store, b"abc")
        for upload in old:
            date(files, upload, 2 * DAY)
        before = now() - DAY

        assert await store.abandoned(before) == Abandoned(2, 10)
        assert await store.discard_abandoned(before, 10) == Abandoned(2, 10)
        assert await store.abandoned(before) == Abandoned(0, 0)

        for upload in old:
            with pytest.raises(UnknownUpload):
                await store.append(upload, chunked(b"more"))
        await store.commit(young, Digest.of(b"abc"))

    async def test_no_more_are_discarded_at_once_than_asked_for(
        self, files: FileBlobStores
    ) -> None:
        """The thread is needed by pushes too."""
        store = files.open()
        for _ in range(5):
            date(files, await begun(store, b"abc"), 2 * DAY)
        before = now() - DAY

        swept = [await store.discard_abandoned(before, 2) for _ in range(4)]

        assert swept == [Abandoned(2, 6), Abandoned(2, 6), Abandoned(1, 3), Abandoned(0, 0)]

    async def test_an_upload_that_a_request_uses_is_not_abandoned_however_slow_it_is(
        self, files: FileBlobStores
    ) -> None:
        """A client on a bad line would lose what it has sent."""
        store, client = files.open(), Client()
        upload = await begun(store, b"abc")
        task = asyncio.create_task(store.append(upload, client.chunks()))
        await asyncio.wait_for(client.asked.wait(), PATIENCE)
        date(files, upload, 2 * DAY)
        other = files.open()

        assert await other.abandoned(now() - DAY) == Abandoned(0, 0)
        assert await other.discard_abandoned(now() - DAY, 10) == Abandoned(0, 0)

        client.send(b"de")
        client.end()
        assert await task == 5
        await store.commit(upload, Digest.of(b"abcde"))

    @pytest.mark.parametrize("ended", ["continued", "committed", "discarded"])
    async def test_an_upload_that_moves_on_before_it_is_locked_is_left_alone(
        self, files: FileBlobStores, monkeypatch: pytest.MonkeyPatch, ended: str
    ) -> None:
        """The client came back in the same moment."""
        store, flock = files.open(), fcntl.flock
        upload, path = await begun(store, b"abc"), files.root / "uploads"
        date(files, upload, 2 * DAY)

        def late(descriptor: int, operation: int) -> None:
            match ended:
                case "continued":
                    os.utime(path / upload.key)
                case "committed":
                    (path / upload.key).rename(path / "elsewhere")
                case _:
                    (path / upload.key).unlink()
            flock(descriptor, operation)

        with monkeypatch.context() as moved:
            moved.setattr(fcntl, "flock", late)
            assert await store.discard_abandoned(now() - DAY, 10) == Abandoned(0, 0)

        left = {"continued": upload.key, "committed": "elsewhere"}.get(ended)
        assert [file.name for file in path.iterdir()] == ([left] if left else [])
        for file in path.iterdir():
            file.unlink()

    async def test_what_is_not_a_file_is_no_upload(self, files: FileBlobStores) -> None:
        """An operator's folder."""
        store, folder = files.open(), files.root / "uploads" / "lost+found"
        folder.mkdir()
        os.utime(folder, (0, 0))

        assert await store.discard_abandoned(now(), 10) == Abandoned(0, 0)

    async def test_a_store_without_its_folder_says_so(self, files: FileBlobStores) -> None:
        """Nothing would be swept, and nobody would know."""
        store = files.open()
        (files.root / "uploads").rmdir()

        with pytest.raises(StorageUnavailable):
            await store.abandoned(now())
