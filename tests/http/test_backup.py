"""A backup of a registry that is being pushed to and collected."""

import asyncio
import shutil
from collections.abc import AsyncIterator, Callable, Sequence
from contextlib import asynccontextmanager, closing
from datetime import datetime
from pathlib import Path
from typing import Any

import pytest

from acrux.adapters.backup.create import Made, Source, create
from acrux.adapters.backup.folder import FolderSource, FolderTarget
from acrux.adapters.backup.read import restore, verify
from acrux.adapters.sql.leases import SqlLeases
from acrux.bootstrap.application import Registry, build
from acrux.cli.backup.backup import leased
from acrux.cli.backup.progress import Progress
from acrux.domain.content.digest import Digest
from acrux.domain.content.storage.copy import Copy
from acrux.errors import StorageUnavailable
from acrux.ports.leases import BACKUP
from acrux.settings import Settings
from tests.http.caller import HOST, Caller
from tests.http.conftest import HandClock, Lines
from tests.images import Image, image

PUSHERS = 4
BEFORE = 5  # images of each before the backup begins


@pytest.fixture
def settings(tmp_path: Path) -> Settings:
    """A registry that removes at once what nothing refers to."""
    return Settings(data_dir=tmp_path / "data", login_servers=(HOST,), gc_grace_seconds=0)


def backed_up(registry: str, data_dir: Path, folder: Path, clock: HandClock) -> Made:
    """A backup, made in a thread."""
    with closing(FolderTarget(folder, registry)) as target:
        return create(Source(data_dir, registry, clock()), target, lambda *_: None)


async def everything(caller: Caller, repository: str, pushed: Sequence[Image]) -> None:
    """Pull every image and every blob of it."""
    for one in pushed:
        pulled = await caller.pull(repository, str(one.digest))
        assert (pulled.status, pulled.body) == (200, one.manifest)
        for blob in one.blobs:
            path = f"/v2/{repository}/blobs/{Digest.of(blob)}"
            assert (await caller.call("GET", path)).body == blob


async def test_what_was_acknowledged_before_a_backup_began_is_in_it(
    registry: Registry, admin: Caller, settings: Settings, clock: HandClock, tmp_path: Path
) -> None:
    """A backup is made while people push."""
    pushed: dict[str, list[Image]] = {f"app{number}": [] for number in range(PUSHERS)}
    is_done = asyncio.Event()

    async def push(repository: str, images: list[Image]) -> None:
        while not is_done.is_set():
            new = image(f"{repository} {len(images)}".encode() * 100, b"shared")
            answer = await admin.push(repository, f"v{len(images)}", new)
            assert answer.status == 201, answer.body
            images.append(new)

    pushing = [asyncio.create_task(push(*entry)) for entry in pushed.items()]
    while min(map(len, pushed.values())) < BEFORE:  # noqa: ASYNC110 -- the pushers run
        await asyncio.sleep(0)
    await registry.services.backups.begin()
    there = {repository: [*images] for repository, images in pushed.items()}
    id_ = await registry.services.backups.registry()
    folder = tmp_path / "backup"
    await asyncio.to_thread(backed_up, id_, settings.data_dir, folder, clock)
    await registry.services.backups.end()
    is_done.set()
    await asyncio.gather(*pushing)

    new = tmp_path / "new"
    with closing(FolderSource(folder)) as source:
        await asyncio.to_thread(restore, source, new, lambda _: {}, lambda *_: None)
    shutil.copytree(settings.data_dir / "secrets", new / "secrets")
    async with opened(new, admin, clock) as caller:
        for repository, images in there.items():
            assert len(images) >= BEFORE
            await everything(caller, repository, images)


@asynccontextmanager
async def opened(data_dir: Path, admin: Caller, clock: HandClock) -> AsyncIterator[Caller]:
    """The registry of a restored data directory, and its administrator."""
    settings = Settings(data_dir=data_dir, login_servers=(HOST,))
    registry = build(settings, clock, Lines())
    await registry.lifespan.open()
    try:
        yield await Caller(registry, admin.username, admin.password).login("repository:*:*")
    finally:
        await registry.lifespan.close()


class Race:
    """A registry with an image, its backup, and its collection."""

    def __init__(self, registry: Registry, settings: Settings, clock: HandClock) -> None:
        self.services = registry.services
        self.folder = settings.data_dir.with_name("backup")
        self._data_dir = settings.data_dir
        self._clock = clock
        self._image = image(b"soon gone")

    async def push(self, admin: Caller) -> None:
        """Push the image."""
        assert (await admin.push("app", "latest", self._image)).status == 201

    async def delete(self, admin: Caller) -> None:
        """Delete it: nothing refers to its blobs any more."""
        path = f"/v2/app/manifests/{self._image.digest}"
        assert (await admin.call("DELETE", path)).status == 202

    async def copy(self, tell: Callable[..., None] = lambda *_: None) -> Made:
        """Make the backup that has begun, and check it."""
        source = Source(self._data_dir, "id", self._clock())
        with closing(FolderTarget(self.folder, "id")) as target:
            made = await asyncio.to_thread(create, source, target, tell)
        with closing(FolderSource(self.folder)) as found:
            verify(found, lambda _: {}, lambda *_: None)
        return made

    async def collect(self) -> int:
        """Collect what is due; return how many files were removed."""
        freed = await self.services.collection.run()
        assert freed is not None
        return freed.copies


@pytest.fixture
async def race(registry: Registry, settings: Settings, clock: HandClock, admin: Caller) -> Race:
    """The image is there."""
    race = Race(registry, settings, clock)
    await race.push(admin)
    return race


async def test_what_is_deleted_during_a_backup_is_in_it_and_freed_afterwards(
    race: Race, admin: Caller
) -> None:
    """The database in the backup names it."""
    loop = asyncio.get_running_loop()
    removed: list[int] = []

    async def delete_and_collect() -> None:
        await race.delete(admin)
        removed.append(await race.collect())

    def tell(what: str, done: int, *_: int) -> None:
        if (what, done) == ("copying blobs", 1):
            asyncio.run_coroutine_threadsafe(delete_and_collect(), loop).result()

    await race.services.backups.begin()
    made = await race.copy(tell)
    await race.services.backups.end()

    assert made.manifest.blobs == made.copied == 2
    assert removed == [0]
    assert await race.collect() == 2


async def test_a_backup_that_is_interrupted_stops_at_once(race: Race) -> None:
    """It would go on in the background, and the next one would be refused."""
    told: list[str] = []

    def work(progress: Progress) -> Made:
        while True:
            told.append("")
            progress("copying blobs", 1, 2, 0)

    await race.services.backups.begin()
    running = asyncio.create_task(leased(race.services.backups, work))
    while not told:  # noqa: ASYNC110 -- a thread works
        await asyncio.sleep(0)
    running.cancel()
    with pytest.raises(asyncio.CancelledError):
        await running
    ended = len(told)
    await race.services.backups.end()

    assert len(told) == ended


async def test_a_backup_that_lost_its_lease_stops(race: Race, clock: HandClock) -> None:
    """What it is about to copy may be gone."""

    def work(progress: Progress) -> Made:
        while True:
            progress("copying blobs", 1, 2, 0)

    await race.services.backups.begin()
    clock.forward(minutes=2)

    with pytest.raises(StorageUnavailable, match="run the command again"):
        await leased(race.services.backups, work, seconds=0.01)


async def test_what_the_collector_is_removing_when_a_backup_begins_is_not_in_it(
    race: Race, admin: Caller
) -> None:
    """The backup would name what is gone before it is copied."""
    collection = race.services.collection
    real, blobs = collection._store, list[int]()  # noqa: SLF001 -- the interleaving is forced

    class Slow:
        def __getattr__(self, name: str) -> Any:
            return getattr(real, name)

        async def remove(self, copies: Sequence[Copy]) -> None:
            await race.services.backups.begin()
            blobs.append((await race.copy()).manifest.blobs)
            await real.remove(copies)

    collection._store = Slow()  # noqa: SLF001 -- see above
    await race.delete(admin)

    assert await race.collect() == 2
    assert blobs == [0]


async def test_a_backup_that_begins_before_the_collector_looks_for_it_is_respected(
    race: Race, admin: Caller
) -> None:
    """The other order of the same two steps."""
    collection = race.services.collection
    real = collection._garbage  # noqa: SLF001 -- the interleaving is forced

    class Slow:
        def __getattr__(self, name: str) -> Any:
            return getattr(real, name)

        async def removals(self, now: datetime, items: int) -> Sequence[Copy]:
            found = await real.removals(now, items)
            if not await SqlLeases(real._database).find(BACKUP, now):  # type: ignore[attr-defined]  # noqa: SLF001
                await race.services.backups.begin()
            return found

    collection._garbage = Slow()  # noqa: SLF001 -- see above
    await race.delete(admin)

    assert await race.collect() == 0
    assert (await race.copy()).manifest.blobs == 0
