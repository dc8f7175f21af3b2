"""Deleting, restoring, pushing and purging the same digest at the same time."""

from collections.abc import AsyncIterator, Awaitable, Callable
from contextlib import asynccontextmanager
from dataclasses import dataclass
from datetime import timedelta

import pytest

from acrux.domain.content.digest import Digest
from acrux.errors import RegistryError, UnknownManifest
from tests.contracts.content import BLOB, HELLO, image, tags
from tests.contracts.databases import Places
from tests.contracts.graves import DAYS, Graves
from tests.contracts.test_locks import Watch, interleave

LAYER = Digest.of(b"layer")
IMAGE = image(BLOB, LAYER)
NEXT = image(BLOB, Digest.of(b"next"))
(V1,) = tags("v1")


@dataclass
class Worker:
    """One of two processes, with what the interleaving needs."""

    graves: Graves
    watch: Watch


Act = Callable[[Worker], Awaitable[object]]


async def deleted(worker: Worker) -> None:
    """Delete the manifest."""
    await worker.graves.metadata.delete_manifest(HELLO, IMAGE.digest)


async def removed(worker: Worker) -> None:
    """Delete the repository."""
    await worker.graves.metadata.delete_repository(HELLO)


async def restored(worker: Worker) -> None:
    """Restore the manifest."""
    await worker.graves.restore(IMAGE.digest, V1)


async def pushed(worker: Worker) -> None:
    """Push the manifest, whose blobs are linked."""
    await worker.graves.metadata.put_manifest(HELLO, IMAGE, (V1,), worker.graves.now)


async def purged(worker: Worker) -> None:
    """Purge what has expired, as the collector does."""
    await worker.graves.garbage.purge_expired(worker.graves.now + DAYS * timedelta(days=1), 10)


async def purged_by_hand(worker: Worker) -> None:
    """Purge the manifest."""
    await worker.graves.graveyard.purge_manifest(HELLO, IMAGE.digest, worker.graves.now)


@asynccontextmanager
async def two_workers(places: Places, *, is_deleted: bool) -> AsyncIterator[tuple[Worker, Worker]]:
    """IMAGE and NEXT are pushed; the first worker pauses before it commits."""
    watches = Watch("COMMIT", holds=True), Watch("BEGIN", holds=False)
    with places() as place:
        first, second = (Worker(Graves(place(watch)), watch) for watch in watches)
        await first.graves.enable()
        await first.graves.push(NEXT)
        await first.graves.push(IMAGE, V1)
        if is_deleted:
            await deleted(first)
        first.watch.is_armed = second.watch.is_armed = True
        try:
            yield first, second
        finally:
            first.watch.go_on.set()
            for worker in (first, second):
                worker.graves.database.close()


async def is_live(worker: Worker) -> bool:
    """Whether the tag points at the manifest, and all its blobs are linked."""
    metadata = worker.graves.metadata
    try:
        found = await metadata.get_manifest(HELLO, V1)
    except UnknownManifest:
        return False
    assert set(await metadata.find_copies(HELLO, (BLOB, LAYER))) == {BLOB, LAYER}
    return found.digest == IMAGE.digest


async def is_kept(worker: Worker) -> bool:
    """Whether it can be restored."""
    return str(IMAGE.digest) in await worker.graves.deleted()


# What comes first, what comes second, whether the image is deleted before; then whether the second
# is refused, and whether the image is live and can be restored in the end.
RACES: list[tuple[Act, Act, bool, bool, bool, bool]] = [
    (restored, purged, True, False, True, False),
    (purged, restored, True, True, False, False),
    (restored, purged_by_hand, True, True, True, False),
    (purged_by_hand, restored, True, True, False, False),
    (deleted, restored, False, False, True, False),
    (restored, deleted, True, False, False, True),
    (pushed, restored, True, False, True, False),
    (restored, pushed, True, False, True, False),
    (deleted, pushed, False, False, True, True),
    (pushed, deleted, False, False, False, True),
    (pushed, purged, True, False, True, False),
    (purged, pushed, True, False, True, False),
    (removed, restored, False, False, True, False),
    (restored, removed, True, False, False, True),
    (deleted, deleted, False, True, False, True),
    (restored, restored, True, True, True, False),
]


class TestRaces:
    """One of them comes first, and nothing is lost in between."""

    @pytest.mark.parametrize(
        "race", RACES, ids=[f"{first.__name__}-{second.__name__}" for first, second, *_ in RACES]
    )
    async def test_in_either_order_nothing_is_lost(
        self, places: Places, race: tuple[Act, Act, bool, bool, bool, bool]
    ) -> None:
        """A restored image would lose its layers, or a deleted one come back by itself."""
        first_act, second_act, before, refused, live, kept = race
        async with two_workers(places, is_deleted=before) as (first, second):
            outcome, refusal = await interleave(first, first_act, second, second_act)  # type: ignore[arg-type]

            assert outcome is None
            assert isinstance(refusal, RegistryError) if refused else refusal is None
            assert (await is_live(second), await is_kept(second)) == (live, kept)
            await second.graves.check_counters()
            second.graves.now += timedelta(days=2)
            await second.graves.collect()
            assert await is_live(second) == live
            await second.graves.check_counters()
