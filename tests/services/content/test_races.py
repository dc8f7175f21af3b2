"""The collector meets pushes, pulls and deletions at every point, in both orders.

reliability-and-security.md §5.3 names these races. What decides each of them is a transaction: the
one that comes second sees all that the first one did. "Kept" means that the push ends with content
that can be pulled; "refused" means that the client is told, and pushes again.

|   | race                                  | the collector first   | the other first             |
|---|---------------------------------------|-----------------------|-----------------------------|
| a | HEAD of a blob, then PUT manifest     | HEAD is 404           | held: kept                  |
| a | PUT manifest without a HEAD           | refused, nothing      | kept                        |
| b | a tag is deleted                      | kept for its grace    | kept for its grace          |
| c | an index is pushed, its entry is old  | the entry is missing  | kept                        |
| c | ... after a HEAD of the entry         | HEAD is 404           | held: kept                  |
| c | ... after a PUT of the entry          | pushed anew: held     | held: kept                  |
| d | a blob is mounted                     | not mounted (202)     | kept                        |
| e | the same blob is pushed twice         | the last copy is used, the other one removed        |
| e | ... while the first copy is pulled    | it is read to its end, or the last copy is found    |
| f | a manifest is deleted and pushed again| kept                  | kept                        |
| f | a blob is deleted and pushed again    | kept: its copy has another name than the removed one|
| g | a referrer is pushed, its subject goes| it stays              | it goes with its subject    |
| h | a tag is moved back to an old manifest| pushed anew: kept     | kept                        |
| i | an upload is cancelled or swept       | PUT and PATCH are 404 | it becomes a blob           |
| j | a backup begins                       | what it copies was removed before and after it only |

Beyond these: a commit whose link comes late, a commit that is repeated, a collector that is killed
anywhere, two collectors at once, the search for orphans.
"""

import asyncio
from collections.abc import AsyncIterator, Awaitable, Callable, Iterator
from contextlib import suppress
from datetime import timedelta
from pathlib import Path
from typing import Any, NamedTuple

import pytest

from acrux.domain.content.attributes import AttributesChange
from acrux.domain.content.digest import Digest
from acrux.domain.content.media_types import Accept
from acrux.domain.content.patterns import RepositoryPattern
from acrux.domain.content.upload import APPENDED, Session, Upload
from acrux.errors import (
    MissingReferences,
    RegistryError,
    UnknownBlob,
    UnknownManifest,
    UnknownUpload,
)
from acrux.ports.leases import BACKUP
from tests.contracts.test_locks import Watch
from tests.http.conftest import HandClock
from tests.postgresql import PATIENCE
from tests.services.content.workers import (
    APP,
    HELD,
    LATEST,
    OTHER,
    PUSHER,
    V1,
    V2,
    Worker,
    chunks,
    image,
    index,
    layer,
    referrer,
)

ONE, TWO = image("one", "base"), image("two", "base")
A = Digest.of(ONE)
BASE = layer("base")
EVERYWHERE = (RepositoryPattern("*"),)
SIGNATURE = referrer("signature", ONE)

Act = Callable[[Worker], Awaitable[object]]
Start = Callable[..., Worker]


@pytest.fixture
def start(tmp_path: Path, clock: HandClock) -> Iterator[Start]:
    """A factory of workers that share a folder."""
    workers: list[Worker] = []

    def started(**settings: Any) -> Worker:
        workers.append(Worker(tmp_path, clock, **settings))
        return workers[-1]

    yield started
    for worker in workers:
        worker.close()


@pytest.fixture
def worker(start: Start) -> Worker:
    """The worker that a client talks to."""
    return start()


@pytest.fixture
def other(start: Start) -> Worker:
    """Another worker, which collects."""
    return start()


# Two transactions that overlap ------------------------------------------------------------------


async def review(worker: Worker) -> object:
    """One transaction of the collector."""
    return await worker.garbage.review(worker.clock(), 100)


async def an_old_manifest(worker: Worker) -> None:
    """ONE lost its tag, and its grace has passed."""
    await worker.push(TWO, LATEST)
    await worker.push(ONE, V1)
    await worker.manifests.untag(APP, V1)
    worker.clock.forward(days=1)


async def a_manifest_that_lost_one_of_two_tags(worker: Worker) -> None:
    """ONE still has a tag, and the grace of the other one has passed."""
    await worker.push(ONE, V1, V2)
    await worker.manifests.untag(APP, V1)
    worker.clock.forward(days=1)


async def an_old_blob(worker: Worker) -> None:
    """The base layer is linked, nothing names it any more, and its grace has passed."""
    await worker.push(ONE, V1)
    await worker.manifests.delete(APP, A)
    worker.clock.forward(days=1)


class Clash(NamedTuple):
    """What happens while the collector looks at the same content.

    `fails` is how it fails if the collector comes first; `stays` is whether the content is there
    in the end if the collector comes first, and if it comes second.
    """

    prepare: Act
    act: Act
    fails: type[RegistryError] | None
    stays: tuple[bool, bool]


def _locked(worker: Worker) -> Awaitable[object]:
    return worker.properties.change_manifest(APP, A, AttributesChange(delete_enabled=False))


async def _head_and_index(worker: Worker) -> None:
    await worker.manifests.get(APP, A, Accept(), PUSHER)
    await worker.put(index(ONE), V2)


async def _head_and_put(worker: Worker) -> None:
    await worker.blobs.size(APP, BASE, PUSHER)
    await worker.push_blob(b"config of one")
    await worker.put(ONE, V1)


MANIFESTS = {
    "b the other tag is deleted": Clash(
        a_manifest_that_lost_one_of_two_tags,
        lambda worker: worker.manifests.untag(APP, V2),
        None,
        (True, True),
    ),
    "c an index names it": Clash(
        an_old_manifest, lambda worker: worker.put(index(ONE), V2), None, (False, True)
    ),
    "c a push asks for it, and names it in an index": Clash(
        an_old_manifest, _head_and_index, UnknownManifest, (False, True)
    ),
    "f it is deleted": Clash(
        an_old_manifest,
        lambda worker: worker.manifests.delete(APP, A),
        UnknownManifest,
        (False, False),
    ),
    "f it is pushed again": Clash(
        an_old_manifest, lambda worker: worker.put(ONE), None, (True, True)
    ),
    "h a tag moves back to it": Clash(
        an_old_manifest, lambda worker: worker.put(ONE, LATEST), None, (True, True)
    ),
    "it is locked": Clash(an_old_manifest, _locked, UnknownManifest, (False, True)),
    "its repository is deleted": Clash(
        an_old_manifest,
        lambda worker: worker.manifests.delete_repository(APP),
        None,
        (False, False),
    ),
}

BLOBS = {
    "a a push asks for it, and names it": Clash(
        an_old_blob, _head_and_put, UnknownBlob, (False, True)
    ),
    "a a push names it": Clash(
        an_old_blob, lambda worker: worker.put(ONE, V1), MissingReferences, (False, True)
    ),
    "f it is pushed again": Clash(
        an_old_blob, lambda worker: worker.push_blob(b"base"), None, (True, True)
    ),
    "f it is deleted": Clash(
        an_old_blob, lambda worker: worker.blobs.delete(APP, BASE), UnknownBlob, (False, False)
    ),
}


async def overlap(
    start: Start, prepare: Act, first: Act, second: Act
) -> tuple[Worker, object, object]:
    """The first pauses before it commits, and the second begins: a worker, and both outcomes."""
    holding, noticing = Watch("COMMIT", holds=True), Watch("BEGIN", holds=False)
    one, two = start(observe=holding), start(observe=noticing)
    await prepare(one)
    holding.is_armed = noticing.is_armed = True
    running = asyncio.ensure_future(first(one))
    assert await asyncio.to_thread(holding.reached.wait, PATIENCE)
    waiting = asyncio.ensure_future(second(two))
    assert await asyncio.to_thread(noticing.reached.wait, PATIENCE)
    holding.go_on.set()
    outcomes = await asyncio.gather(running, waiting, return_exceptions=True)
    for outcome in outcomes:
        if isinstance(outcome, BaseException) and not isinstance(outcome, RegistryError):
            raise outcome
    return one, outcomes[0], outcomes[1]


class TestTransactions:
    """A transaction of the collector, and one of a client, at the same time."""

    @pytest.mark.parametrize("name", MANIFESTS)
    async def test_the_collector_sees_what_came_first_to_a_manifest(
        self, start: Start, name: str
    ) -> None:
        """It would decide by what it read before, and take what is in use again."""
        clash = MANIFESTS[name]
        worker, outcome, _ = await overlap(start, clash.prepare, clash.act, review)

        assert not isinstance(outcome, Exception)
        await worker.collect(hours=1)
        assert await worker.has(A) == clash.stays[1]
        assert await worker.faults() == []

    @pytest.mark.parametrize("name", MANIFESTS)
    async def test_a_client_sees_that_the_collector_took_a_manifest_first(
        self, start: Start, name: str
    ) -> None:
        """It would be told that something is there which is gone."""
        clash = MANIFESTS[name]
        worker, _, outcome = await overlap(start, clash.prepare, review, clash.act)

        assert isinstance(outcome, clash.fails or object)
        assert isinstance(outcome, Exception) == bool(clash.fails)
        await worker.collect(hours=1)
        assert await worker.has(A) == clash.stays[0]
        assert await worker.faults() == []

    @pytest.mark.parametrize("name", BLOBS)
    async def test_the_collector_sees_what_came_first_to_a_blob(
        self, start: Start, name: str
    ) -> None:
        """A 201 for a manifest would be the last that anybody saw of its layers."""
        clash = BLOBS[name]
        worker, outcome, _ = await overlap(start, clash.prepare, clash.act, review)

        assert not isinstance(outcome, Exception)
        await worker.collect(hours=1)
        assert await worker.has_blob(BASE) == clash.stays[1]
        assert await worker.faults() == []

    @pytest.mark.parametrize("name", BLOBS)
    async def test_a_client_sees_that_the_collector_took_a_blob_first(
        self, start: Start, name: str
    ) -> None:
        """A manifest would be accepted whose layer nobody can pull."""
        clash = BLOBS[name]
        worker, _, outcome = await overlap(start, clash.prepare, review, clash.act)

        assert isinstance(outcome, clash.fails or object)
        assert isinstance(outcome, Exception) == bool(clash.fails)
        await worker.collect(hours=1)
        assert await worker.has_blob(BASE) == clash.stays[0]
        assert await worker.faults() == []

    @pytest.mark.parametrize("is_collector_first", [True, False])
    async def test_d_a_mount_and_the_end_of_its_source(
        self, start: Start, *, is_collector_first: bool
    ) -> None:
        """A link to bytes that are being removed."""

        async def mount(worker: Worker) -> bool:
            return await worker.blobs.mount(EVERYWHERE, OTHER, BASE, PUSHER)

        acts: tuple[Act, Act] = (review, mount) if is_collector_first else (mount, review)
        worker, *outcomes = await overlap(start, an_old_blob, *acts)

        assert outcomes[is_collector_first] is not is_collector_first
        await worker.collect(hours=1)
        assert await worker.has_blob(BASE, OTHER) is not is_collector_first
        assert not await worker.has_blob(BASE, APP)
        assert await worker.faults() == []

    @pytest.mark.parametrize("is_collected", [True, False])
    @pytest.mark.parametrize("is_subject_first", [True, False])
    async def test_g_a_referrer_and_the_end_of_its_subject(
        self, start: Start, *, is_subject_first: bool, is_collected: bool
    ) -> None:
        """One that is pushed before goes with its subject; one that comes later stays."""

        async def prepare(worker: Worker) -> None:
            await an_old_manifest(worker)
            await worker.push_blob(b"config of signature")

        async def end(worker: Worker) -> object:
            return await (review(worker) if is_collected else worker.manifests.delete(APP, A))

        async def sign(worker: Worker) -> object:
            return await worker.put(SIGNATURE)

        acts: tuple[Act, Act] = (end, sign) if is_subject_first else (sign, end)
        worker, *outcomes = await overlap(start, prepare, *acts)

        assert not any(isinstance(outcome, Exception) for outcome in outcomes)
        await worker.collect(hours=1)
        assert await worker.has(Digest.of(SIGNATURE)) is is_subject_first
        assert await worker.faults() == []

    @pytest.mark.parametrize("is_collector_first", [True, False])
    async def test_a_blob_is_linked_while_its_hold_ends(
        self, start: Start, *, is_collector_first: bool
    ) -> None:
        """Whoever pushes again what another push left would lose it."""

        async def prepare(worker: Worker) -> None:
            await worker.push_blob(b"base")
            worker.clock.now += HELD

        async def end_holds(worker: Worker) -> object:
            return await worker.garbage.end_holds(worker.clock(), 100)

        async def push(worker: Worker) -> object:
            return await worker.push_blob(b"base", principal="another")

        acts: tuple[Act, Act] = (end_holds, push) if is_collector_first else (push, end_holds)
        worker, *_ = await overlap(start, prepare, *acts)

        await worker.collect(hours=1)
        assert await worker.has_blob(BASE)
        assert await worker.faults() == []

    @pytest.mark.parametrize("is_collector_first", [True, False])
    async def test_a_repository_is_filled_while_its_former_one_is_cleared(
        self, start: Start, *, is_collector_first: bool
    ) -> None:
        """The rows of the new one would be taken for the old one's."""

        async def prepare(worker: Worker) -> None:
            await worker.push(ONE, V1)
            await worker.manifests.delete_repository(APP)
            await worker.push_blob(b"base")
            await worker.push_blob(b"config of two")
            worker.clock.forward(days=1)

        async def clear(worker: Worker) -> object:
            return await worker.garbage.clear(worker.clock(), 100)

        async def push(worker: Worker) -> object:
            return await worker.put(TWO, V1)

        acts: tuple[Act, Act] = (clear, push) if is_collector_first else (push, clear)
        worker, *_ = await overlap(start, prepare, *acts)

        await worker.collect(hours=1)
        assert await worker.has(V1)
        assert not await worker.has(A)
        assert await worker.faults() == []


# Between two steps of a request -----------------------------------------------------------------


class TestSteps:
    """The whole collection, between two steps of a request."""

    async def test_a_a_head_is_held_when_it_is_answered(
        self, worker: Worker, other: Worker
    ) -> None:
        """The blob that it found would be collected before the manifest comes."""
        await an_old_blob(worker)
        worker.metadata.after("hold", other.collect)

        assert await worker.blobs.size(APP, BASE, PUSHER) == 4
        assert worker.metadata.has_happened

        await worker.push_blob(b"config of one")
        await worker.put(ONE, V1)
        await other.collect(days=9)
        assert await worker.has(V1)

    @pytest.mark.parametrize("act", [review, Worker.collect])
    async def test_a_a_head_that_was_too_late_finds_nothing(
        self, worker: Worker, other: Worker, act: Act
    ) -> None:
        """The client would leave out the upload, and its push fail: also while bytes are left."""
        await an_old_blob(worker)
        worker.metadata.before("hold", lambda: act(other))

        with pytest.raises(UnknownBlob):
            await worker.blobs.size(APP, BASE, PUSHER)
        assert await worker.rows("SELECT * FROM holds") == []

    @pytest.mark.parametrize("step", ["find_blob", "find_copies", "put_manifest"])
    async def test_a_a_manifest_whose_blobs_go_while_they_are_checked_is_refused(
        self, worker: Worker, other: Worker, step: str
    ) -> None:
        """The check and the push would be two things (§5.3 a)."""
        await an_old_blob(worker)
        worker.metadata.before(step, other.collect)

        with pytest.raises(MissingReferences):
            await worker.put(ONE, V1)

        assert worker.metadata.has_happened
        await worker.push(ONE, V1)
        assert await worker.has(V1)
        assert await worker.faults() == []

    async def test_a_two_pushes_of_one_name_cannot_end_with_a_broken_image(
        self, start: Start
    ) -> None:
        """Without a grace, the first push releases what the second was told: it pushes again."""
        worker = start(grace=timedelta())
        await worker.push(ONE, V1)
        assert await worker.blobs.size(APP, BASE, PUSHER) == 4
        await worker.put(ONE, V1)
        await worker.manifests.delete(APP, A)
        await worker.collect()

        await worker.push_blob(b"config of two")
        with pytest.raises(MissingReferences):
            await worker.put(TWO, V1)
        await worker.push(TWO, V1)
        assert await worker.has(V1)

    @pytest.mark.parametrize("step", ["find_copy", "mount_blob"])
    async def test_d_a_mount_whose_source_goes_is_an_upload(
        self, worker: Worker, other: Worker, step: str
    ) -> None:
        """The mount would be answered 201, and the blob missing."""
        await an_old_blob(worker)
        worker.metadata.before(step, other.collect)

        assert not await worker.blobs.mount(EVERYWHERE, OTHER, BASE, PUSHER)
        assert await worker.faults() == []

    async def test_d_a_mount_whose_copy_is_replaced_and_removed_keeps_the_blob(
        self, worker: Worker, other: Worker
    ) -> None:
        """The link would keep the removed copy in use."""
        await worker.push(ONE, V1)

        async def replace() -> None:
            await other.push_blob(b"base")
            await other.collect()

        worker.metadata.before("mount_blob", replace)

        assert await worker.blobs.mount(EVERYWHERE, OTHER, BASE, PUSHER)
        assert await worker.has_blob(BASE, OTHER)
        assert await worker.faults() == []


class TestCopies:
    """(e) The same blob is pushed twice, and the copy that is replaced is removed."""

    @pytest.fixture
    def replaces(self, worker: Worker, other: Worker) -> Callable[[], Awaitable[None]]:
        """What another worker does: push the base layer again, and collect."""

        async def replace() -> None:
            await other.push_blob(b"base")
            await other.collect()
            assert len([*worker.folder.glob(f"blobs/*/*/{BASE.encoded}*")]) == 1

        return replace

    async def test_e_a_pull_that_has_the_copy_open_reads_it_to_its_end(
        self, worker: Worker, replaces: Callable[[], Awaitable[None]]
    ) -> None:
        """A pull of gigabytes would break off because of somebody's push."""
        await worker.push(ONE, V1)
        blob = await worker.blobs.get(APP, BASE)

        await replaces()

        content = b"".join([piece async for piece in blob.read(0, blob.size)])
        blob.close()
        assert content == b"base"

    async def test_e_a_pull_that_has_just_found_the_copy_reads_the_next_one(
        self, worker: Worker, replaces: Callable[[], Awaitable[None]]
    ) -> None:
        """A blob that is there the whole time would be answered 404."""
        await worker.push(ONE, V1)
        worker.store.before("open", replaces)

        assert await worker.has_blob(BASE)
        assert worker.store.has_happened

    @pytest.mark.parametrize("pusher", [None, PUSHER])
    async def test_e_a_head_that_has_just_found_the_copy_measures_the_next_one(
        self, worker: Worker, replaces: Callable[[], Awaitable[None]], pusher: str | None
    ) -> None:
        """Each push would send what is there already."""
        await worker.push(ONE, V1)
        worker.store.before("size", replaces)

        assert await worker.blobs.size(APP, BASE, pusher) == 4

    async def test_e_a_manifest_whose_copies_are_replaced_while_they_are_measured_is_stored(
        self, worker: Worker, replaces: Callable[[], Awaitable[None]]
    ) -> None:
        """A push would be refused because somebody pushed the same layer."""
        await worker.push(ONE, V1)
        await worker.push_blob(b"config of two")
        worker.store.before("sizes", replaces)

        await worker.put(TWO, V1)

        assert await worker.has(V1)

    async def test_e_the_platform_is_read_from_the_next_copy(
        self, worker: Worker, other: Worker
    ) -> None:
        """`az acr manifest show` would never name the architecture of that image."""
        config = b'{"architecture":"arm64","os":"linux"}'
        arm = image("arm").replace(
            str(Digest.of(b"config of arm")).encode(), str(Digest.of(config)).encode()
        )
        await worker.push_blob(config)

        async def replace() -> None:
            await other.push_blob(config)
            await other.collect()

        worker.store.before("open", replace)
        digest = await worker.put(arm)

        shown = await worker.properties.manifest(APP, digest)
        assert shown.platform.architecture == "arm64"

    async def test_e_of_two_pushes_at_once_one_copy_stays(
        self, worker: Worker, other: Worker
    ) -> None:
        """Both would remove the other's, or none its own."""
        worker.store.after("commit", lambda: other.push_blob(b"base"))

        await worker.push_blob(b"base")

        assert await worker.has_blob(BASE)
        assert (await worker.collect()).copies == 1
        assert await worker.has_blob(BASE)
        assert await worker.faults() == []

    async def test_e_a_copy_is_replaced_while_copies_are_being_removed(
        self, worker: Worker, other: Worker
    ) -> None:
        """The list of what to remove is older than the push."""
        await worker.push_blob(b"base")
        await worker.push_blob(b"base")
        other.store.before("remove", lambda: worker.push_blob(b"base"))

        await other.collect()

        assert other.store.has_happened
        assert await worker.has_blob(BASE)
        await other.collect()
        assert await worker.faults() == []

    @pytest.mark.parametrize("step", ["removals", "remove", "forget"])
    async def test_f_a_blob_that_is_pushed_again_while_its_bytes_are_removed_is_there(
        self, worker: Worker, other: Worker, step: str
    ) -> None:
        """The new bytes would be removed with the old ones (distribution's oldest loss)."""
        await an_old_blob(worker)
        part = other.store if step == "remove" else other.garbage
        part.before(step, lambda: worker.push(ONE, V1))

        await other.collect()

        assert part.has_happened
        assert await worker.has(V1)
        await other.collect(days=9)
        assert await worker.has(V1)
        assert await worker.faults() == []


class TestCommits:
    """A commit whose link comes late, or that is repeated."""

    async def _collect_all(self, worker: Worker, other: Worker) -> None:
        await other.blobs.delete(APP, BASE)
        await other.collect(days=1)

    async def test_a_link_comes_after_everything_of_its_digest_was_collected(
        self, worker: Worker, other: Worker
    ) -> None:
        """The copy that was just stored would be taken with the old one."""
        await other.push_blob(b"base")
        worker.store.after("commit", lambda: self._collect_all(worker, other))

        await worker.push_blob(b"base")

        assert worker.store.has_happened
        assert await worker.has_blob(BASE)
        assert await worker.faults() == []

    async def test_a_repeated_put_whose_blob_was_collected_stores_it_again(
        self, worker: Worker, other: Worker
    ) -> None:
        """The answer was lost; the second one must not be 201 for nothing."""
        upload, put = _closing(worker)
        await put(await upload)

        async def replace() -> None:
            await other.push_blob(b"base")
            await other.push_blob(b"base")

        await replace()  # the first copy is not in use any more, and not removed yet
        await self._collect_all(worker, other)

        with pytest.raises(UnknownUpload):
            await put(await upload)
        assert await worker.faults() == []

    async def test_a_repeated_put_whose_link_never_came_is_linked(
        self, worker: Worker, other: Worker
    ) -> None:
        """The bytes are there: the client would send them again, or never."""
        upload, put = _closing(worker)
        worker.metadata.before("link_blob", _killed)
        with pytest.raises(Killed):
            await put(await upload)
        await other.collect(hours=1)

        await put(await upload)

        assert await worker.has_blob(BASE)
        assert len(await worker.faults()) == 1, "the first copy is an orphan"

    async def test_a_repeated_put_whose_blob_is_unlinked_meanwhile(
        self, worker: Worker, other: Worker
    ) -> None:
        """It found the blob, and the collector takes it before it is held."""
        upload, put = _closing(worker)
        await put(await upload)
        worker.metadata.before("hold", lambda: self._collect_all(worker, other))

        with pytest.raises(UnknownUpload):
            await put(await upload)
        assert worker.metadata.has_happened
        assert await worker.faults() == []

    async def test_a_repeated_put_whose_copy_is_replaced_meanwhile_is_answered(
        self, worker: Worker, other: Worker
    ) -> None:
        """Another one pushed the same blob: nothing is left to do."""
        upload, put = _closing(worker)
        await put(await upload)

        async def replace() -> None:
            await other.push_blob(b"base")
            await other.collect()

        worker.store.before("size", replace)

        await put(await upload)

        assert worker.store.has_happened
        assert await worker.has_blob(BASE)
        assert await worker.faults() == []

    async def test_a_late_link_of_a_copy_that_was_removed_is_refused(
        self, worker: Worker, other: Worker
    ) -> None:
        """The search for orphans gave the copy up: a link would name bytes that go."""

        async def disown() -> None:
            page = await other.store.copies("", 100)
            assert await other.garbage.disown([each.copy for each in page.copies], other.clock())

        worker.store.after("commit", disown)
        with pytest.raises(UnknownUpload):
            await worker.push_blob(b"base")

        await worker.push_blob(b"base")
        await other.collect()
        assert await worker.has_blob(BASE)
        assert await worker.faults() == []

    async def test_an_orphan_that_is_linked_just_before_it_is_disowned_stays(
        self, worker: Worker, other: Worker
    ) -> None:
        """It was listed as nobody's, and became somebody's."""
        upload, put = _closing(worker)
        worker.metadata.before("link_blob", _killed)
        with pytest.raises(Killed):
            await put(await upload)
        page = await other.store.copies("", 100)
        await worker.metadata.link_blob(APP, page.copies[0].copy, PUSHER, worker.clock())

        assert await other.garbage.disown([page.copies[0].copy], other.clock()) == 0
        await other.collect()
        assert await worker.has_blob(BASE)
        assert await worker.faults() == []


class Killed(BaseException):
    """The process was killed here."""


async def _killed() -> None:
    raise Killed


def _closing(worker: Worker) -> tuple[Awaitable[Upload], Callable[[Upload], Awaitable[None]]]:
    """An upload of the base layer, and its closing PUT, which can be repeated."""

    async def begin() -> Upload:
        return await worker.uploads.start(Session(APP, PUSHER))

    begun = asyncio.ensure_future(begin())

    async def put(upload: Upload) -> None:
        await worker.uploads.finish(upload, BASE, chunks(b"base"))

    return begun, put


class TestUploads:
    """(i) Cancelling and sweeping uploads."""

    async def test_i_an_upload_cancelled_before_its_blob_is_named_is_gone(
        self, worker: Worker, other: Worker
    ) -> None:
        """Cancelled, and yet there."""
        upload, put = _closing(worker)
        begun = await upload
        worker.metadata.before("check_writable", lambda: other.uploads.cancel(begun))

        with pytest.raises(UnknownUpload):
            await put(begun)
        assert not await worker.has_blob(BASE)
        assert await worker.faults() == []

    async def test_i_an_upload_cancelled_after_its_blob_is_named_becomes_the_blob(
        self, worker: Worker, other: Worker
    ) -> None:
        """Both would be told that they succeeded."""
        upload, put = _closing(worker)
        begun, told = await upload, []

        async def cancel() -> None:
            with suppress(UnknownUpload):
                await other.uploads.cancel(begun)
                told.append("cancelled")

        worker.metadata.before("link_blob", cancel)
        await put(begun)

        assert told == []
        assert await worker.has_blob(BASE)

    async def test_i_the_sweeper_leaves_an_upload_that_is_being_written(
        self, worker: Worker, other: Worker
    ) -> None:
        """A slow client would lose its upload in the middle of a chunk."""
        upload, _ = _closing(worker)
        begun = await upload

        async def slowly() -> AsyncIterator[bytes]:
            yield b"ba"
            worker.age_uploads(hours=3)
            assert (await other.collect()).uploads == 0
            yield b"se"

        assert await worker.uploads.append(begun, slowly(), APPENDED) == 4

    @pytest.mark.parametrize("method", ["append", "finish", "offset", "cancel"])
    async def test_i_an_upload_that_was_swept_is_unknown(
        self, worker: Worker, other: Worker, method: str
    ) -> None:
        """A client that comes back after hours must begin anew, and not get half a blob."""
        upload, _ = _closing(worker)
        begun = await upload
        await worker.uploads.append(begun, chunks(b"ba"), APPENDED)
        worker.age_uploads(hours=3)
        assert (await other.collect()).uploads == 1
        arguments: dict[str, tuple[object, ...]] = {
            "append": (chunks(b"se"), APPENDED),
            "finish": (BASE, chunks(b"se")),
        }

        with pytest.raises(UnknownUpload):
            await getattr(worker.uploads, method)(begun, *arguments.get(method, ()))
        assert not await worker.has_blob(BASE)
        assert await worker.faults() == []

    async def test_i_an_upload_that_is_continued_just_in_time_stays(
        self, worker: Worker, other: Worker
    ) -> None:
        """The sweeper listed it as old, and a chunk came."""
        upload, put = _closing(worker)
        begun = await upload
        worker.age_uploads(hours=3)

        async def go_on() -> None:
            await worker.uploads.append(begun, chunks(b""), APPENDED)
            (worker.folder / "uploads" / begun.key).touch()

        other.store.before("discard_abandoned", go_on)
        assert (await other.collect()).uploads == 0

        await put(begun)
        assert await worker.has_blob(BASE)


class TestBackups:
    """(j) A backup reads which copies are in use, then copies them."""

    async def test_j_no_bytes_are_removed_during_a_backup(
        self, worker: Worker, other: Worker
    ) -> None:
        """The backup would lack blobs that its database names."""
        await an_old_blob(worker)
        assert await worker.leases.acquire(
            BACKUP, "backup", worker.clock() + timedelta(minutes=1), worker.clock()
        )

        assert (await other.collect()).blobs == 2, "rows are removed all the same"
        await worker.leases.release(BACKUP, "backup")
        assert (await other.collect()).copies == 2

    @pytest.mark.parametrize("when", ["before", "after"])
    async def test_j_a_backup_that_begins_while_bytes_are_removed_has_all_it_needs(
        self, worker: Worker, other: Worker, when: str
    ) -> None:
        """What is replaced after the backup looked must stay until it has ended."""
        await worker.push(ONE, V1)
        await worker.push_blob(b"base")
        needed: list[tuple[str, str]] = []

        async def back_up() -> None:
            until = worker.clock() + timedelta(minutes=1)
            assert await worker.leases.acquire(BACKUP, "backup", until, worker.clock())
            needed.extend(await worker.rows("SELECT digest, copy FROM blobs"))
            await worker.push_blob(b"base")

        getattr(other.garbage, when)("removals", back_up)
        await other.collect()

        assert other.garbage.has_happened
        for digest, copy in needed:
            encoded = digest.partition(":")[2]
            assert [*worker.folder.glob(f"blobs/*/*/{encoded}.{copy}")], digest


# The collector itself ---------------------------------------------------------------------------

STEPS = (
    ("garbage", "clear"),
    ("garbage", "review"),
    ("garbage", "end_holds"),
    ("garbage", "removals"),
    ("store", "remove"),
    ("garbage", "forget"),
    ("leases", "release"),
)


class TestKilled:
    """A collector that is killed, or believed to be dead."""

    @pytest.mark.parametrize("when", ["before", "after"])
    @pytest.mark.parametrize(("part", "method"), STEPS)
    async def test_the_next_one_ends_what_a_killed_one_began(
        self, worker: Worker, other: Worker, part: str, method: str, when: str
    ) -> None:
        """Something would be left for ever, or removed twice."""
        await _much(worker)
        getattr(getattr(other, part), when)(method, _killed)
        worker.clock.forward(days=1)
        with pytest.raises(Killed):
            await other.collection.run()

        await worker.collect(minutes=2)

        assert await worker.has(V2)
        assert len(await worker.rows("SELECT * FROM blobs")) == 2
        assert await worker.rows("SELECT * FROM removals") == []
        assert await worker.faults() == []

    @pytest.mark.parametrize(("part", "method"), STEPS[:-1])
    async def test_two_at_once_do_no_harm(
        self, worker: Worker, other: Worker, part: str, method: str
    ) -> None:
        """A collector that was paused for a minute goes on where another one has been."""
        await _much(worker)
        worker.clock.forward(days=1)

        async def take_over() -> None:
            await worker.collect(minutes=2)
            await worker.push(ONE, V1)

        getattr(other, part).before(method, take_over)
        await other.collection.run()

        assert getattr(other, part).has_happened
        assert await worker.has(V1)
        await worker.collect(minutes=2)
        assert await worker.has(V1)
        assert await worker.has(V2)
        assert await worker.faults() == []

    async def test_one_whose_lease_was_taken_stops(self, worker: Worker, other: Worker) -> None:
        """Two would collect side by side until both are done."""
        await _much(worker)
        worker.clock.forward(days=1)
        until = timedelta(minutes=9)

        async def take_over() -> None:
            worker.clock.forward(minutes=2)
            assert await worker.leases.acquire(
                "collection", "another", worker.clock() + until, worker.clock()
            )

        other.garbage.before("review", take_over)
        await other.collection.run()

        assert await worker.collection.run() is None
        assert (await worker.leases.find("collection", worker.clock())) is not None


async def _much(worker: Worker) -> None:
    """Something for each step of the collector: V2 stays, with two blobs."""
    await worker.push(ONE, V1)
    await worker.push(SIGNATURE)
    await worker.push(TWO, V2)
    await worker.push(TWO, V2)
    await worker.push_blob(b"left")
    await worker.manifests.untag(APP, V1)
    await worker.push(ONE, V1, repository=OTHER)
    await worker.manifests.delete_repository(OTHER)
