"""What the collector removes, and when; what it keeps."""

from collections.abc import Callable, Iterator
from datetime import timedelta
from pathlib import Path

import pytest

from acrux.adapters.sql.content import manifests
from acrux.adapters.sql.database import Statement, Steps
from acrux.adapters.sql.facts import SqlFacts
from acrux.adapters.sql.leases import SqlLeases
from acrux.domain.content.attributes import AttributesChange
from acrux.domain.content.digest import Digest
from acrux.domain.content.media_types import Accept
from acrux.domain.content.names import RepositoryName, Tag
from acrux.domain.content.patterns import RepositoryPattern
from acrux.domain.content.upload import APPENDED, Session
from acrux.errors import StorageUnavailable, UnknownUpload
from acrux.services.content.collection import Freed
from acrux.services.content.orphans import Orphans
from tests.http.conftest import HandClock
from tests.services.content.workers import (
    APP,
    GRACE,
    LATEST,
    OTHER,
    PUSHER,
    V1,
    V2,
    Worker,
    chunks,
    descriptor,
    image,
    index,
    layer,
    referrer,
)
from tests.tools import blob_file

Start = Callable[..., Worker]

ONE, TWO = image("one", "base", "only one"), image("two", "base")
A, B = map(Digest.of, (ONE, TWO))


@pytest.fixture
def start(tmp_path: Path, clock: HandClock) -> Iterator[Start]:
    """A factory of workers that share a folder."""
    workers: list[Worker] = []

    def started(**settings: object) -> Worker:
        workers.append(Worker(tmp_path, clock, **settings))  # type: ignore[arg-type]
        return workers[-1]

    yield started
    for worker in workers:
        worker.close()


@pytest.fixture
def worker(start: Start) -> Worker:
    """A worker with the default settings."""
    return start()


def _lock(*, enabled: bool = False) -> AttributesChange:
    return AttributesChange(delete_enabled=enabled)


class TestGrace:
    """What loses its last tag goes after the grace."""

    async def test_a_moved_tag_leaves_its_manifest_pullable_for_the_grace(
        self, worker: Worker
    ) -> None:
        """Who resolved the tag a moment ago would fail in the middle of a pull (zot#4444)."""
        await worker.push(ONE, V1)
        await worker.push(TWO, V1)

        await worker.collect(hours=24, microseconds=-1)
        assert await worker.has(A)

        freed = await worker.collect(microseconds=1)
        assert not await worker.has(A)
        assert not await worker.has_blob(layer("only one"))
        assert await worker.has(V1), "the layer that both share stays"
        assert (freed.manifests, freed.blobs, freed.copies) == (1, 2, 2)
        assert await worker.faults() == []

    async def test_without_a_grace_it_is_gone_at_the_next_run(self, start: Start) -> None:
        """A grace of 0 is allowed: small disks need the room."""
        worker = start(grace=timedelta())
        await worker.push(ONE, V1)
        await worker.push(TWO, V1)

        await worker.collect()

        assert not await worker.has(A)
        assert await worker.has(V1)
        assert await worker.faults() == []

    async def test_nothing_is_left_of_a_deleted_manifest(self, worker: Worker) -> None:
        """The disk would never shrink, which is what the whole collection is for."""
        await worker.push(ONE, V1)
        await worker.manifests.delete(APP, A)

        freed = await worker.collect(days=1)

        assert freed == Freed(blobs=3, copies=3, bytes=len("config of onebaseonly one"))
        assert not any(path.is_file() for path in (worker.folder / "blobs").rglob("*"))
        tables = ("blobs", "blob_links", "manifest_references", "removals", "reviews", "holds")
        for table in (*tables, "repositories", "usage"):
            assert await worker.rows(f"SELECT * FROM {table}") == [], table  # noqa: S608

    async def test_a_manifest_that_never_had_a_tag_stays(self, worker: Worker) -> None:
        """Whoever deploys by digest would lose what runs in production."""
        await worker.push(ONE)

        await worker.collect(days=1000)

        assert await worker.has(A)

    async def test_a_manifest_that_is_pushed_again_stays(self, worker: Worker) -> None:
        """The review that its lost tag brought would take what was just pushed."""
        await worker.push(ONE, V1)
        await worker.manifests.untag(APP, V1)
        await worker.push(ONE)

        await worker.collect(days=1000)

        assert await worker.has(A)

    async def test_each_loss_of_a_reference_has_a_grace_of_its_own(self, worker: Worker) -> None:
        """The first one's would end in the middle of the second one's."""
        await worker.push(ONE, V1)
        await worker.push(TWO, V2)
        await worker.manifests.delete(APP, A)
        await worker.collect(hours=23)
        await worker.manifests.delete(APP, B)

        await worker.collect(hours=2)
        assert await worker.has_blob(layer("base"))
        assert not await worker.has_blob(layer("only one"))

        await worker.collect(hours=22)
        assert not await worker.has_blob(layer("base"))
        assert await worker.faults() == []

    async def test_what_is_collected_does_not_shorten_the_grace_of_what_was_deleted(
        self, worker: Worker
    ) -> None:
        """The base layer of an old image would go, while another that has it is being pulled."""
        await worker.push(ONE, V1)
        await worker.push(TWO, V2)
        await worker.manifests.untag(APP, V1)
        await worker.collect(hours=23)
        await worker.manifests.delete(APP, B)

        await worker.collect(hours=2)

        assert not await worker.has(A)
        assert await worker.has_blob(layer("base"))

    async def test_a_hold_that_ends_does_not_shorten_the_grace(self, worker: Worker) -> None:
        """What was asked for by HEAD would go sooner than what nobody asked for."""
        await worker.push(ONE, V1)
        await worker.blobs.size(APP, layer("base"), "another")
        await worker.manifests.delete(APP, A)

        await worker.collect(hours=3)
        assert await worker.has_blob(layer("base"))

        await worker.collect(hours=21)
        assert not await worker.has_blob(layer("base"))

    async def test_untagged_manifests_stay_if_the_setting_says_so(self, start: Start) -> None:
        """gc_untagged=false: whoever deploys by digest never wants to lose one."""
        worker = start(untagged=False)
        await worker.push(ONE, V1)
        await worker.push(TWO, V1)

        await worker.collect(days=1000)

        assert await worker.has(A)
        await worker.manifests.delete(APP, A)
        await worker.collect(days=1)
        assert not await worker.has_blob(layer("only one")), "what is deleted goes all the same"
        assert await worker.faults() == []


class TestIndexes:
    """An index keeps its entries."""

    async def test_the_entries_go_after_the_last_index_that_names_them(
        self, worker: Worker
    ) -> None:
        """A platform of another index would be lost, or stay for ever."""
        both, one = index(ONE, TWO), index(ONE)
        await worker.push(ONE, V1)
        await worker.push(TWO)
        await worker.put(both, V1)
        await worker.put(one, V2)

        await worker.collect(days=2)
        assert await worker.has(A)

        await worker.manifests.delete(APP, Digest.of(both))
        await worker.collect(days=2)
        assert not await worker.has(B)
        assert await worker.has(A)

        await worker.manifests.untag(APP, V2)
        freed = await worker.collect(days=1)
        assert freed.manifests == 2
        assert await worker.rows("SELECT * FROM manifests") == []
        assert await worker.faults() == []

    async def test_an_index_in_an_index_goes_with_it(self, worker: Worker) -> None:
        """Only the first level would be freed."""
        inner = index(ONE)
        outer = index(inner)
        await worker.push(ONE)
        await worker.put(inner)
        await worker.put(outer, V1)
        await worker.manifests.untag(APP, V1)

        freed = await worker.collect(days=1)

        assert freed.manifests == 3
        assert await worker.faults() == []

    async def test_an_entry_may_be_missing(self, worker: Worker) -> None:
        """Mirrors keep only some platforms: what is not there must not stop the collector."""
        await worker.put(index(ONE, TWO), V1)
        await worker.manifests.untag(APP, V1)

        assert (await worker.collect(days=1)).manifests == 1
        assert await worker.faults() == []


class TestReferrers:
    """Referrers follow their subject (acr-protocol.md §5.7)."""

    @pytest.fixture
    async def chain(self, worker: Worker) -> list[Digest]:
        """ONE, its signature, the signature of that one, and so on."""
        made = [ONE]
        for depth in range(5):
            made.append(referrer(f"signature {depth}", made[-1]))
        await worker.push(made[0], V1)
        for one in made[1:]:
            await worker.push(one)
        return [Digest.of(one) for one in made]

    async def test_they_go_with_a_deleted_subject_at_once_however_deep(
        self, worker: Worker, chain: list[Digest]
    ) -> None:
        """Three signatures of deleted images stay for ever after `acr purge`."""
        await worker.manifests.delete(APP, chain[0])

        assert [await worker.has(digest) for digest in chain] == [False] * 6
        await worker.collect(days=1)
        assert not any(path.is_file() for path in (worker.folder / "blobs").rglob("*"))

    async def test_they_go_with_a_collected_subject(
        self, worker: Worker, chain: list[Digest]
    ) -> None:
        """Only what was deleted by hand would lose its signatures."""
        await worker.manifests.untag(APP, V1)
        await worker.collect(hours=23)
        assert all([await worker.has(digest) for digest in chain])

        await worker.collect(hours=1)
        assert not any([await worker.has(digest) for digest in chain])
        assert await worker.faults() == []

    async def test_one_with_a_tag_stays_until_it_loses_it(self, worker: Worker) -> None:
        """An attestation that somebody named would be lost."""
        signature = referrer("signature", ONE)
        await worker.push(ONE, V1)
        await worker.push(signature, V2)
        await worker.manifests.delete(APP, A)
        await worker.collect(days=2)
        assert await worker.has(V2)

        await worker.manifests.untag(APP, V2)
        await worker.collect(days=2)
        assert not await worker.has(Digest.of(signature))

    async def test_one_that_is_locked_stays_until_it_is_unlocked(self, worker: Worker) -> None:
        """A lock would be no lock; or what it protected would never be freed."""
        signature = referrer("signature", ONE)
        await worker.push(ONE, V1)
        await worker.push(signature)
        await worker.properties.change_manifest(APP, Digest.of(signature), _lock())
        await worker.manifests.delete(APP, A)
        await worker.collect(days=10)
        assert await worker.has(Digest.of(signature))

        await worker.properties.change_manifest(APP, Digest.of(signature), _lock(enabled=True))
        await worker.collect(days=1)
        assert not await worker.has(Digest.of(signature))

    async def test_one_that_an_index_names_stays_with_it(self, worker: Worker) -> None:
        """The index would have an entry that nobody can pull (BuildKit lists attestations)."""
        signature = referrer("signature", ONE)
        await worker.push(ONE, V1)
        await worker.push(signature)
        await worker.put(index(signature), V2)
        await worker.manifests.delete(APP, A)
        await worker.collect(days=2)
        assert await worker.has(Digest.of(signature))

        await worker.manifests.untag(APP, V2)
        await worker.collect(days=1)
        assert not await worker.has(Digest.of(signature))

    async def test_one_that_a_push_asked_for_is_kept_for_it(self, worker: Worker) -> None:
        """A push of an index that names it would be told that it is there, and lose it."""
        signature = referrer("signature", ONE)
        await worker.push(ONE, V1)
        await worker.push(signature)
        await worker.manifests.get(APP, Digest.of(signature), Accept(), PUSHER)
        await worker.manifests.delete(APP, A)
        assert await worker.has(Digest.of(signature))

        await worker.collect(hours=2)
        assert not await worker.has(Digest.of(signature))

    async def test_one_without_a_tag_stays_with_its_subject(self, worker: Worker) -> None:
        """Tools tag a signature and untag it: it would be lost while its image is in use."""
        signature = referrer("signature", ONE)
        await worker.push(ONE, V1)
        await worker.push(signature, V2)
        await worker.manifests.untag(APP, V2)

        await worker.collect(days=1000)

        assert await worker.has(Digest.of(signature))

    @pytest.mark.parametrize("untagged", [True, False])
    async def test_they_stay_if_the_setting_says_so(self, start: Start, *, untagged: bool) -> None:
        """gc_referrers=false: signatures are evidence, also of what is gone."""
        worker = start(referrers=False, untagged=untagged)
        signature = referrer("signature", ONE)
        await worker.push(ONE, V1)
        await worker.push(signature)
        await worker.manifests.delete(APP, A)

        await worker.collect(days=1000)

        assert await worker.has(Digest.of(signature))

    async def test_with_both_settings_one_that_lost_its_tag_stays_too(self, start: Start) -> None:
        """With gc_referrers and gc_untagged off, it would be the only manifest ever collected."""
        worker = start(referrers=False, untagged=False)
        signature = referrer("signature", ONE)
        await worker.push(signature, V1)
        await worker.manifests.untag(APP, V1)

        await worker.collect(days=1000)

        assert await worker.has(Digest.of(signature))

    async def test_thousands_go_in_steps(
        self, worker: Worker, monkeypatch: pytest.MonkeyPatch
    ) -> None:
        """One deletion would hold up all pushes for seconds, or leave the rest for ever."""
        monkeypatch.setattr(manifests, "REFERRERS_AT_ONCE", 3)
        await worker.push(ONE, V1)
        signatures = [referrer(f"signature {number}", ONE) for number in range(8)]
        deep = referrer("deep", signatures[7])
        for signature in (*signatures, deep):
            await worker.push(signature)

        await worker.manifests.delete(APP, A)
        left = [await worker.has(Digest.of(signature)) for signature in signatures]
        assert sum(left) == 5

        await worker.collect()
        assert await worker.rows("SELECT * FROM manifests") == []
        await worker.collect(days=1)
        assert await worker.faults() == []


class TestLocks:
    """What is locked is not collected."""

    @pytest.mark.parametrize("switch", ["write_enabled", "delete_enabled"])
    async def test_a_locked_manifest_stays_until_it_is_unlocked(
        self, worker: Worker, switch: str
    ) -> None:
        """A lock that only keeps away people would not protect the release."""
        await worker.push(ONE, V1)
        await worker.push(TWO, V1)
        await worker.properties.change_manifest(APP, A, AttributesChange(**{switch: False}))
        for _ in range(3):
            await worker.collect(days=2)
        assert await worker.has(A)

        await worker.properties.change_manifest(APP, A, AttributesChange(**{switch: True}))
        await worker.collect(days=1)
        assert not await worker.has(A)
        assert await worker.faults() == []

    async def test_nothing_is_collected_in_a_repository_that_may_not_be_written(
        self, worker: Worker
    ) -> None:
        """Locking a repository is how an audit freezes it."""
        await worker.push(ONE, V1)
        await worker.push(TWO, V1)
        await worker.properties.change_repository(APP, AttributesChange(write_enabled=False))
        await worker.collect(days=100)
        assert await worker.has(A)

        await worker.properties.change_repository(APP, AttributesChange(write_enabled=True))
        await worker.collect(days=1)
        assert not await worker.has(A)

    async def test_a_locked_manifest_is_not_looked_at_all_the_time(self, start: Start) -> None:
        """Without a grace, each run would find it due again, and never end."""
        worker = start(grace=timedelta())
        await worker.push(ONE, V1)
        await worker.properties.change_manifest(APP, A, _lock())
        await worker.manifests.untag(APP, V1)

        await worker.collect()

        assert await worker.has(A)
        assert not await worker.garbage.is_any_due(worker.clock())

    async def test_a_repository_is_unlocked_when_its_last_manifest_is_collected(
        self, worker: Worker
    ) -> None:
        """It ceases to exist with it (acr-protocol.md §5.7): the next one is not born locked."""
        await worker.push(ONE, V1)
        await worker.manifests.untag(APP, V1)
        await worker.properties.change_repository(APP, AttributesChange(read_enabled=False))
        await worker.collect(hours=23)
        await worker.push_blob(b"keeps the repository")
        await worker.collect(hours=1)

        await worker.push(TWO, V1)

        assert await worker.has(V1)


class TestSharing:
    """Blobs that several manifests or repositories have."""

    async def test_the_bytes_go_with_the_last_repository(self, worker: Worker) -> None:
        """Another team's images would break."""
        await worker.push(ONE, V1)
        await worker.push(TWO, V1, repository=OTHER)
        await worker.manifests.delete(APP, A)
        await worker.collect(days=1)
        assert await worker.has(V1, OTHER)
        assert not await worker.has_blob(layer("base"))

        await worker.manifests.delete(OTHER, B)
        await worker.collect(days=1)
        assert await worker.rows("SELECT * FROM blobs") == []
        assert await worker.faults() == []

    async def test_a_mounted_blob_keeps_the_bytes(self, worker: Worker) -> None:
        """A mount copies no bytes: they would go with their source."""
        await worker.push(ONE, V1)
        everywhere = (RepositoryPattern("*"),)
        assert await worker.blobs.mount(everywhere, OTHER, layer("base"), PUSHER)
        await worker.manifests.delete(APP, A)
        await worker.collect(hours=1)
        await worker.push(TWO, V1, repository=OTHER)

        await worker.collect(days=2)

        assert await worker.has(V1, OTHER)

    async def test_the_same_bytes_can_be_a_manifest_and_a_blob(self, worker: Worker) -> None:
        """Deleting the one would make the collector forget the other."""
        await worker.push(ONE, V1)
        await worker.push_blob(ONE)
        await worker.manifests.untag(APP, V1)
        await worker.blobs.delete(APP, A)

        await worker.collect(days=1)

        assert not await worker.has(A)
        assert await worker.faults() == []


class TestUnnamed:
    """Blobs that a push left behind."""

    async def test_a_blob_that_no_manifest_names_goes_after_the_time_of_a_push(
        self, worker: Worker
    ) -> None:
        """Pushes that broke off would fill the disk."""
        blob = await worker.push_blob(b"left")
        await worker.collect(hours=2, microseconds=-1)
        assert await worker.has_blob(blob)

        freed = await worker.collect(microseconds=1)
        assert freed == Freed(blobs=1, copies=1, bytes=4)
        assert not await worker.has_blob(blob)
        assert await worker.rows("SELECT * FROM repositories") == [], "nothing else is in it"
        assert await worker.faults() == []

    async def test_each_head_of_a_push_keeps_it_longer(self, worker: Worker) -> None:
        """A push of hours asks at its beginning what it names at its end."""
        blob = await worker.push_blob(b"asked for")
        for _ in range(5):
            await worker.collect(minutes=90)
            assert await worker.blobs.size(APP, blob, PUSHER) == 9

        await worker.collect(hours=2)
        assert not await worker.has_blob(blob)

    async def test_a_head_of_somebody_who_only_pulls_keeps_nothing(self, worker: Worker) -> None:
        """Anybody could keep garbage for ever."""
        blob = await worker.push_blob(b"looked at")
        await worker.collect(minutes=90)
        await worker.blobs.size(APP, blob)

        await worker.collect(minutes=30)

        assert not await worker.has_blob(blob)

    async def test_a_head_of_a_manifest_keeps_it(self, worker: Worker) -> None:
        """A push of an index asks for its entries, and would then name one that has gone."""
        await worker.push(ONE, V1)
        await worker.manifests.untag(APP, V1)
        await worker.collect(hours=23)
        await worker.manifests.get(APP, A, Accept(), PUSHER)
        await worker.collect(minutes=150)
        assert not await worker.has(A)

        await worker.push(ONE, V1)
        await worker.manifests.untag(APP, V1)
        await worker.collect(hours=23)
        await worker.manifests.get(APP, A, Accept(), PUSHER)
        await worker.collect(minutes=90)
        await worker.put(index(ONE), LATEST)
        await worker.collect(days=9)
        assert await worker.has(A)

    async def test_an_unlinked_blob_is_gone_at_once_and_its_bytes_after_the_grace(
        self, worker: Worker
    ) -> None:
        """DELETE of a blob would free nothing."""
        blob = await worker.push_blob(b"unlinked")
        await worker.blobs.delete(APP, blob)
        assert not await worker.has_blob(blob)

        assert (await worker.collect(hours=23)).copies == 0
        assert (await worker.collect(hours=1)).copies == 1
        assert await worker.faults() == []

    async def test_a_blob_that_is_pushed_again_takes_one_place(self, worker: Worker) -> None:
        """Every push of a common base layer would leave another copy."""
        blob = await worker.push_blob(b"common")
        for _ in range(4):
            await worker.push_blob(b"common")

        assert (await worker.collect()).copies == 4
        assert await worker.has_blob(blob)
        assert await worker.faults() == []


class TestUploads:
    """Uploads that nobody continues."""

    async def test_an_abandoned_upload_goes_and_a_live_one_stays(self, worker: Worker) -> None:
        """Half uploads of clients that never came back would fill the disk."""
        old = await worker.uploads.start(Session(APP, PUSHER))
        await worker.uploads.append(old, chunks(b"half of it"), APPENDED)
        worker.age_uploads(hours=3)
        live = await worker.uploads.start(Session(APP, PUSHER))
        worker.clock.now = worker.clock.now.now(worker.clock.now.tzinfo)  # the files' own time
        (worker.folder / "uploads" / live.key).touch()

        freed = await worker.collect()

        assert freed == Freed(uploads=1, bytes=10)
        assert await worker.uploads.offset(live) == 0
        with pytest.raises(UnknownUpload):
            await worker.uploads.offset(old)


class TestRepositories:
    """Deleting a repository."""

    async def test_it_is_gone_at_once_and_its_name_is_free(self, worker: Worker) -> None:
        """100,000 manifests took one transaction of twelve seconds, and pushes got 429."""
        await worker.push(ONE, V1)
        await worker.manifests.delete_repository(APP)
        assert not await worker.has(A)
        assert not await worker.has_blob(layer("base"))

        await worker.push(TWO, V1)
        freed = await worker.collect(days=1)

        assert freed.repositories == 1
        assert not await worker.has(A)
        assert await worker.has(V1)
        assert not await worker.has_blob(layer("only one"))
        assert await worker.faults() == []

    async def test_it_can_be_deleted_again_and_again(self, worker: Worker) -> None:
        """A nightly job deletes and fills it: the keys of former ones would collide."""
        for _ in range(4):
            await worker.push(ONE, V1)
            await worker.manifests.delete_repository(APP)
        await worker.push(TWO, V1)
        assert len(await worker.rows("SELECT key FROM repositories")) == 5

        freed = await worker.collect(days=1)

        assert freed.repositories == 4
        assert await worker.has(V1)
        assert await worker.faults() == []
        tables = ("tags", "manifests", "manifest_references", "usage", "blob_links", "reviews")
        for table in tables:
            owners = await worker.rows(f"SELECT DISTINCT repository FROM {table}")  # noqa: S608
            assert len(owners) <= 1, table

    async def test_it_is_cleared_in_steps(self, start: Start) -> None:
        """A step as long as the repository is large would hold up every push."""
        counts: list[int] = []
        worker = start(grace=timedelta())
        entries = [image(f"image {number}") for number in range(30)]
        for number, entry in enumerate(entries):
            await worker.push(entry, Tag.parse(f"t{number}"))
        await worker.put(index(*entries), LATEST)
        await worker.manifests.delete_repository(APP)

        while (step := await worker.garbage.clear(worker.clock(), 7)).looked_at:
            counts.append(step.looked_at)

        assert max(counts) == 7
        assert len(counts) > 100 // 7
        await worker.collect()
        assert await worker.faults() == []
        assert not any(path.is_file() for path in (worker.folder / "blobs").rglob("*"))

    async def test_nothing_of_it_is_cleared_before_its_time(self, worker: Worker) -> None:
        """It could not be restored."""
        await worker.push(ONE, V1)
        await worker.manifests.delete_repository(APP)

        await worker.collect(hours=24, microseconds=-1)

        assert len(await worker.rows("SELECT * FROM manifests")) == 1
        assert len(await worker.rows("SELECT * FROM blobs")) == 3

    async def test_what_others_share_with_it_stays(self, worker: Worker) -> None:
        """The base layer would go with the first team that deletes its repository."""
        await worker.push(ONE, V1)
        await worker.push(TWO, V1, repository=OTHER)
        await worker.manifests.delete_repository(APP)

        await worker.collect(days=1)

        assert await worker.has(V1, OTHER)

    async def test_an_upload_under_way_makes_it_anew(self, worker: Worker) -> None:
        """The blob would be linked in what is being cleared, and vanish after its 201."""
        await worker.push(ONE, V1)
        upload = await worker.uploads.start(Session(APP, PUSHER))
        await worker.manifests.delete_repository(APP)
        await worker.uploads.finish(upload, layer("base"), chunks(b"base"))

        await worker.collect(hours=1)
        await worker.push(TWO, V1)
        await worker.collect(days=2)

        assert await worker.has(V1)
        assert await worker.faults() == []


class TestDamage:
    """Manifests whose rows are damaged."""

    @pytest.mark.parametrize(
        "damaged",
        [
            b"",
            b"\x00\xff no JSON",
            b"[" * 100_000,
            b'{"schemaVersion":2}',
            ONE.replace(str(layer("base")).encode(), str(layer("exotic")).encode()),
            ONE[:-5],
        ],
        ids=["empty", "noise", "deep", "nothing", "another digest", "cut"],
    )
    async def test_a_damaged_manifest_is_collected_with_all_that_it_named(
        self, worker: Worker, damaged: bytes
    ) -> None:
        """One flipped bit would stop the collector, or keep gigabytes for ever."""
        await worker.push(ONE, V1)
        await worker.push(TWO, V2)
        await _damage(worker, damaged)
        await worker.manifests.untag(APP, V1)

        await worker.collect(days=1)

        kept = await worker.rows("SELECT DISTINCT digest FROM manifest_references")
        assert kept == [(str(B),)]
        assert not await worker.has_blob(layer("only one"))
        assert await worker.has(V2)
        assert await worker.faults() == []

    async def test_a_damaged_manifest_can_be_deleted(self, worker: Worker) -> None:
        """It is the first thing that whoever finds it does."""
        await worker.push(ONE, V1)
        await _damage(worker, b"noise")
        await worker.manifests.delete(APP, A)

        await worker.collect(days=1)

        assert await worker.rows("SELECT * FROM blob_links") == []


async def _damage(worker: Worker, content: bytes) -> None:
    def steps() -> Steps[None]:
        yield Statement(
            "UPDATE manifests SET content = :content WHERE digest = :digest",
            {"content": content, "digest": str(A)},
        )

    await worker.database.write(steps())


class TestRuns:
    """Running the collector."""

    async def test_at_rest_nothing_is_written(self, worker: Worker) -> None:
        """A registry that nobody uses would wake its disk every ten seconds."""
        await worker.push(ONE, V1)
        await worker.collect(days=1)
        before = await worker.rows("PRAGMA data_version")

        assert await worker.collect(seconds=10) == Freed()

        assert await worker.rows("PRAGMA data_version") == before

    async def test_one_collector_works_at_a_time(self, start: Start) -> None:
        """All workers would do the same work."""
        first, second = start(), start()
        await first.push(ONE, V1)
        await first.manifests.delete(APP, A)
        first.clock.forward(days=1)
        refused: list[object] = []

        async def meanwhile() -> None:
            refused.append(await second.collection.run())

        first.garbage.before("review", meanwhile)

        assert (await first.collect()).blobs == 3
        assert refused == [None]

    async def test_removing_the_same_copies_twice_does_no_harm(self, worker: Worker) -> None:
        """A run that was killed after it removed files is repeated."""
        await worker.push(ONE, V1)
        await worker.manifests.delete(APP, A)
        for _ in range(2):
            await worker.garbage.review(worker.clock() + GRACE, 100)
        copies = await worker.garbage.removals(worker.clock() + GRACE, 100)
        for _ in range(2):
            await worker.store.remove(copies)
        assert await worker.garbage.removals(worker.clock() + GRACE, 100) == copies
        for _ in range(2):
            await worker.garbage.forget(copies)

        assert await worker.faults() == []

    async def test_copies_that_are_gone_already_are_forgotten(self, worker: Worker) -> None:
        """Somebody removed the files by hand: the queue would be stuck."""
        await worker.push(ONE, V1)
        await worker.manifests.delete(APP, A)
        for file in (worker.folder / "blobs").glob("*/*/*"):
            file.unlink()

        await worker.collect(days=1)

        assert await worker.rows("SELECT * FROM removals") == []

    async def test_the_queue_says_what_waits(self, worker: Worker) -> None:
        """`acrux gc status` would say nothing is to do while gigabytes wait."""
        await worker.push(ONE, V1)
        await worker.push(ONE, V2, repository=OTHER)
        await worker.manifests.delete(APP, A)
        await worker.manifests.delete_repository(OTHER)
        await worker.push_blob(b"held", RepositoryName.parse("third"))
        await worker.push_blob(b"held", RepositoryName.parse("third"))

        queue = (await worker.collection.status()).queue

        assert (queue.reviews, queue.due, queue.holds) == (3, 0, 1)
        assert (queue.repositories, queue.copies, queue.bytes) == (1, 3 + 1, queue.bytes)
        assert queue.is_counted
        worker.clock.forward(days=2)
        late = (await worker.collection.status()).queue
        assert late.due == 3
        assert late.oldest_due == worker.clock() - GRACE


async def test_what_is_not_counted_is_counted_first(worker: Worker) -> None:
    """Its references are not rows yet: it would be taken for unreferenced."""
    await worker.push(ONE, V1)
    await worker.database.write(_uncount())
    worker.clock.forward(days=3)
    await worker.collect()

    assert await worker.has(V1)
    assert (await worker.collection.status()).queue.is_counted


def _uncount() -> Steps[None]:
    yield Statement(
        "UPDATE usage SET manifests = 0, manifest_bytes = 0, tags = 0, blobs = 0, blob_bytes = 0,"
        " manifests_to = '', tags_to = '', blobs_to = ''",
        {},
    )


class TestFailures:
    """A disk that does not remove a file."""

    async def test_a_file_that_cannot_be_removed_keeps_no_other(self, worker: Worker) -> None:
        """All bytes would stay for ever because of one of them."""
        digests = [await worker.push_blob(text) for text in (b"one", b"two", b"three")]
        stuck = blob_file(worker.folder, digests[1])
        removed, stuck_bytes = stuck.with_name("aside"), stuck.read_bytes()
        stuck.rename(removed)
        stuck.mkdir()  # unlink(2) fails for a folder
        worker.clock.forward(hours=3)

        with pytest.raises(StorageUnavailable):
            await worker.collection.run()
        assert not await worker.has_blob(digests[0])
        assert not await worker.has_blob(digests[2])
        assert (await worker.collection.status()).queue.copies == 1

        stuck.rmdir()
        stuck.write_bytes(stuck_bytes)
        removed.unlink()
        worker.clock.forward(hours=2)
        await worker.collect()
        assert not stuck.exists()


class TestOrphans:
    """Copies that no row names."""

    async def test_an_orphan_goes_and_what_is_in_use_stays(self, worker: Worker) -> None:
        """A push that was killed between its bytes and its link leaves them for ever."""
        await worker.push(ONE, V1)
        orphan = await _orphan(worker)
        worker.clock.now = worker.clock.now.now(worker.clock.now.tzinfo)  # the files' own time
        await worker.orphans.disown()
        await worker.collect()
        assert await worker.faults() != [], "it may belong to a push that is under way"

        worker.clock.forward(days=8)
        assert await worker.orphans.disown() == 1
        await worker.collect()

        assert not await worker.has_blob(orphan)
        assert await worker.has(V1)
        assert await worker.faults() == []

    async def test_an_orphan_stays_if_the_copy_in_use_is_not_whole(self, worker: Worker) -> None:
        """The last good bytes of an image would go, and only a push could bring them back."""
        await worker.push_blob(b"orphan")
        digest = await _orphan(worker)
        worker.clock.now = worker.clock.now.now(worker.clock.now.tzinfo) + timedelta(days=8)
        await worker.store.remove([await worker.metadata.find_copy(digest)])

        assert await worker.orphans.disown() == 0

    async def test_a_search_that_was_cut_short_goes_on(self, worker: Worker) -> None:
        """With every restart it would begin again, and never come to the end."""
        await worker.push(ONE, V1)
        orphan = await _orphan(worker)
        worker.clock.now = worker.clock.now.now(worker.clock.now.tzinfo) + timedelta(days=8)
        began = f'{{"is_running":true,"began_at":"{worker.clock().isoformat()}"}}'
        await SqlFacts(worker.database).keep("orphans", began)

        assert await worker.orphans.disown() == 1
        assert await worker.orphans.disown() == 0, "the next one begins a week later"
        await worker.collect()
        assert not await worker.has_blob(orphan)

    async def test_a_search_ends_if_another_process_took_over(self, worker: Worker) -> None:
        """Two processes would search the same folders."""
        await worker.push(ONE, V1)
        await _orphan(worker)
        worker.clock.now = worker.clock.now.now(worker.clock.now.tzinfo) + timedelta(days=8)

        async def take_over() -> None:
            worker.clock.forward(hours=1)
            now = worker.clock()
            await SqlLeases(worker.database).acquire("orphans", "other", now + GRACE, now)

        worker.store.after("copies", take_over)
        await SqlFacts(worker.database).keep("orphans", '{"is_running":true}')
        await worker.orphans.disown()

        assert worker.store.has_happened

    async def test_one_worker_at_a_time_goes_through_the_store(self, worker: Worker) -> None:
        """Each of ten workers would read every name of the store."""
        await _orphan(worker)
        worker.clock.now = worker.clock.now.now(worker.clock.now.tzinfo) + timedelta(days=8)
        now = worker.clock()
        await SqlLeases(worker.database).acquire("orphans", "other", now + GRACE, now)

        assert await worker.orphans.disown() == 0

        worker.clock.forward(seconds=GRACE.total_seconds() + 1)
        assert await worker.orphans.disown() == 1

    async def test_a_copy_of_the_last_hour_is_never_disowned(
        self, start: Start, clock: HandClock
    ) -> None:
        """However short uploads are kept: a slow disk would lose a blob between commit and link."""
        worker = start()
        orphans = Orphans(
            worker.garbage,
            worker.checked_rows,
            worker.store,
            SqlFacts(worker.database),
            worker.leases,
            clock,
            "holder",
            timedelta(seconds=1),
            worker.rest,
        )
        await _orphan(worker)
        clock.now = clock.now.now(clock.now.tzinfo) + timedelta(minutes=59)  # the files' own time

        assert await orphans.disown() == 0
        clock.forward(days=8)
        assert await orphans.disown() == 1


async def _orphan(worker: Worker) -> Digest:
    async def killed() -> None:
        raise KeyboardInterrupt

    worker.metadata.before("link_blob", killed)
    with pytest.raises(KeyboardInterrupt):
        await worker.push_blob(b"orphan")
    return Digest.of(b"orphan")


def test_descriptors_name_what_they_describe() -> None:
    """The tests above would compare nothing."""
    assert descriptor(ONE)["digest"] == str(A)
