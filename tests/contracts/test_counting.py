"""What existed before collection is counted in the background, and then collected like the rest."""

from collections.abc import Awaitable, Callable
from dataclasses import dataclass, field
from datetime import timedelta
from typing import Any

import pytest

from acrux.adapters.sql.collection import counting
from acrux.adapters.sql.collection.garbage import SqlGarbage
from acrux.adapters.sql.collection.reviewing import Rules
from acrux.adapters.sql.content.grace import Grace
from acrux.adapters.sql.content.metadata_store import SqlMetadata
from acrux.adapters.sql.database import Database, Statement, Steps
from acrux.adapters.sql.policies import SqlPolicies
from acrux.domain.content.digest import Digest
from acrux.domain.content.manifest import Manifest
from acrux.domain.content.names import RepositoryName, Tag
from acrux.domain.content.patterns import RepositoryPattern
from acrux.domain.content.policies.soft_delete import SoftDeletePolicy
from acrux.domain.content.storage.copy import Copy
from acrux.errors import UnknownBlob, UnknownManifest
from tests.consistency import row_faults
from tests.contracts.content import AT, HELLO, OTHER, PUSHER, copy, image, index, tags
from tests.contracts.databases import Databases
from tests.http.conftest import HandClock

BLOBS = [Digest.of(f"blob {number}".encode()) for number in range(6)]
UNNAMED = Digest.of(b"nothing names it")
IMAGES = [image(BLOBS[number], BLOBS[5]) for number in range(5)]
EVERYTHING = (RepositoryPattern("*"),)


def _emptied() -> Steps[None]:
    """Remove all that migration 0015 adds: this is how a former version leaves its rows."""
    for table in ("blobs", "removals", "manifest_references", "reviews", "holds", "stored"):
        yield Statement(f"DELETE FROM {table}", {})  # noqa: S608 -- our own names
    yield Statement(
        """
        UPDATE usage SET manifests = 0, manifest_bytes = 0, tags = 0, blobs = 0, blob_bytes = 0,
                         manifests_to = '', tags_to = '', blobs_to = ''
        """,
        {},
    )


@dataclass
class Place:
    """A database that a former version filled, and what works on it."""

    database: Database
    clock: HandClock = field(default_factory=HandClock)
    items: int = 1

    def __post_init__(self) -> None:
        grace = Grace(self.clock, timedelta(days=1), held=timedelta(hours=2))
        self.metadata = SqlMetadata(self.database, grace)
        self.garbage = SqlGarbage(self.database, Rules(grace))

    async def fill(self) -> None:
        """Images in two repositories, with tags and an unnamed blob, as a former version left."""
        for repository in (HELLO, OTHER):
            for blob in (*BLOBS, UNNAMED):
                await self.metadata.link_blob(repository, Copy(blob, "", 4), PUSHER, AT)
            for number, held in enumerate(IMAGES):
                named = tags(f"t{number}") if number else ()
                await self.metadata.put_manifest(repository, held, named, AT)
        await self.database.write(_emptied())

    async def count(self) -> int:
        """Count all that is left; returns the steps."""
        steps = 0
        while await self.garbage.count(self.items):
            steps += 1
            assert steps < 1000
        return steps

    async def collect(self, **passed: float) -> list[Copy]:
        """Collect all that is due then; returns the copies that were removed."""
        self.clock.forward(**passed)
        removed: list[Copy] = []
        while await self.garbage.is_any_due(self.clock()):
            for step in (self.garbage.clear, self.garbage.review, self.garbage.end_holds):
                await step(self.clock(), 3)
            removed += (copies := await self.garbage.removals(self.clock(), 3))
            await self.garbage.forget(copies)
        return removed

    async def rows(self, sql: str) -> list[tuple[Any, ...]]:
        """The rows of a statement."""
        return [tuple(row) for row in await self.database.read(Statement(sql, {}))]

    async def faults(self) -> list[str]:
        """Where the rows contradict each other."""
        found: dict[str, list[tuple[Any, ...]]] = {}
        while True:
            try:
                return row_faults(found.__getitem__)
            except KeyError as missing:
                found[missing.args[0]] = await self.rows(missing.args[0])

    async def has(self, manifest: Manifest, repository: RepositoryName = HELLO) -> bool:
        """Whether the manifest is there, with all its blobs."""
        try:
            await self.metadata.get_manifest(repository, manifest.digest)
        except UnknownManifest:
            return False
        for blob in manifest.required_blobs:
            await self.metadata.find_blob(repository, blob)
        return True

    async def has_blob(self, digest: Digest, repository: RepositoryName = HELLO) -> bool:
        """Whether the blob is there."""
        try:
            await self.metadata.find_blob(repository, digest)
        except UnknownBlob:
            return False
        return True


@pytest.fixture(params=[1, 2, 1000])
async def place(request: pytest.FixtureRequest, databases: Databases) -> Place:
    """A database that a former version filled, counted in steps of this many."""
    place = Place(databases.open(), items=request.param)
    await place.fill()
    return place


async def test_everything_is_counted_and_has_its_references(place: Place) -> None:
    """Quotas would not know what is there, and the collector would take what is in use."""
    await place.count()

    assert await place.faults() == []
    assert await place.garbage.is_counted()
    assert await place.count() == 0


async def test_what_a_former_version_kept_stays_and_what_nothing_names_goes(place: Place) -> None:
    """An update must not delete images; and it is to free what was never freed."""
    await place.count()
    assert await place.collect(hours=23) == []

    removed = await place.collect(hours=1)

    assert removed == [Copy(UNNAMED, "", 4)]
    for repository in (HELLO, OTHER):
        assert all([await place.has(one, repository) for one in IMAGES]), "also the untagged one"
        assert not await place.has_blob(UNNAMED, repository)
    assert await place.faults() == []


NEWER = index("newer")


async def _push(place: Place) -> None:
    blob = Digest.of(b"new")
    await place.metadata.link_blob(HELLO, copy(blob), PUSHER, AT)
    await place.metadata.put_manifest(HELLO, image(blob, BLOBS[0]), tags("new", "t1"), AT)


async def _push_the_same(place: Place) -> None:
    for blob in (*BLOBS, UNNAMED):
        await place.metadata.link_blob(HELLO, copy(blob), PUSHER, AT)
    for held in IMAGES:
        await place.metadata.put_manifest(HELLO, held, (), AT, principal=PUSHER)


async def _push_elsewhere(place: Place) -> None:
    elsewhere = RepositoryName.parse("elsewhere")
    for blob in BLOBS:
        await place.metadata.link_blob(elsewhere, copy(blob, 5), PUSHER, AT)


async def _mount(place: Place) -> None:
    for blob in BLOBS:
        mounted = await place.metadata.find_copy(blob)
        there = RepositoryName.parse("mounts")
        await place.metadata.mount_blob(EVERYTHING, there, mounted, PUSHER, AT)


async def _delete_manifests(place: Place) -> None:
    for held in IMAGES[1:4]:
        await place.metadata.delete_manifest(HELLO, held.digest)


async def _delete_tags(place: Place) -> None:
    for tag in ("t1", "t4"):
        await place.metadata.delete_tag(OTHER, Tag.parse(tag))


async def _unlink(place: Place) -> None:
    for repository in (HELLO, OTHER):
        for blob in (UNNAMED, BLOBS[2]):
            await place.metadata.unlink_blob(repository, blob)


async def _delete_repository(place: Place) -> None:
    await place.metadata.delete_repository(HELLO)
    await place.metadata.put_manifest(HELLO, NEWER, tags("t1"), AT)


CHANGES: dict[str, Callable[[Place], Awaitable[None]]] = {
    change.__name__.strip("_").replace("_", " "): change
    for change in (
        _push, _push_the_same, _push_elsewhere, _mount, _delete_manifests, _delete_tags, _unlink,
        _delete_repository,
    )
}  # fmt: skip


@pytest.mark.parametrize("change", CHANGES)
async def test_a_change_on_either_side_of_the_cursor_is_counted_once(
    databases: Databases, change: str
) -> None:
    """It would be counted twice, or never: and so would every quota be wrong for ever."""
    place = Place(databases.open())
    await place.fill()
    steps = await place.count()
    assert steps > 30

    for moment in range(0, steps + 1, 3):
        await place.database.write(_cleared())
        await place.fill()
        for _ in range(moment):
            await place.garbage.count(1)
        await CHANGES[change](place)
        await place.count()

        assert await place.faults() == [], f"after {moment} steps"


def _cleared() -> Steps[None]:
    tables = ("tags", "manifests", "blob_links", "usage", "repositories")
    yield from _emptied()
    for table in tables:
        yield Statement(f"DELETE FROM {table}", {})  # noqa: S608 -- our own names


@pytest.mark.parametrize("change", CHANGES)
async def test_what_is_changed_meanwhile_is_collected_like_the_rest(
    databases: Databases, change: str
) -> None:
    """It would be left for ever, or taken although it is in use."""
    place = Place(databases.open())
    await place.fill()
    for _ in range(17):
        await place.garbage.count(1)
    await CHANGES[change](place)
    await place.count()
    await place.collect(days=3)
    await place.collect(days=3)

    assert await place.faults() == []
    [(unreferenced,)] = await place.rows(
        """
        SELECT COUNT(*) FROM blob_links WHERE NOT EXISTS (
            SELECT 1 FROM manifest_references AS named
            WHERE named.repository = blob_links.repository AND named.target = blob_links.digest)
        """
    )
    assert unreferenced == 0
    assert all([await place.has(one, OTHER) for one in IMAGES[:1]])


async def test_a_blob_that_is_pushed_before_it_is_counted_replaces_the_former_copy(
    place: Place,
) -> None:
    """Its bytes would be stored twice for ever, or counted never."""
    new = copy(BLOBS[0])
    await place.metadata.link_blob(HELLO, new, PUSHER, AT)
    await place.count()

    assert Copy(BLOBS[0], "", 4) in await place.garbage.removals(AT, 100)
    assert await place.metadata.find_blob(OTHER, BLOBS[0]) == new
    assert await place.faults() == []


async def test_one_step_reads_few_bytes(
    databases: Databases, monkeypatch: pytest.MonkeyPatch
) -> None:
    """Two hundred manifests of 4 MiB would fill the memory."""
    monkeypatch.setattr(counting, "CONTENT_BYTES", 2 * len(IMAGES[0].content))
    place = Place(databases.open(), items=1000)
    await place.fill()

    assert await place.garbage.count(1000) <= 3
    await place.count()
    assert await place.faults() == []


async def test_a_manifest_that_cannot_be_read_keeps_all_that_it_may_name(place: Place) -> None:
    """What a former version accepted need not satisfy the rules of this one."""
    strange = f'{{"old": "{UNNAMED}", "fs": "{BLOBS[0]}"}}'.encode()

    def steps() -> Steps[None]:
        yield Statement(
            "UPDATE manifests SET content = :content WHERE digest = :digest",
            {"content": strange, "digest": str(IMAGES[0].digest)},
        )

    await place.database.write(steps())
    await place.count()
    await place.collect(days=9)
    assert await place.has_blob(UNNAMED)

    await place.metadata.delete_manifest(HELLO, IMAGES[0].digest)
    await place.metadata.delete_manifest(OTHER, IMAGES[0].digest)
    removed = await place.collect(days=9)

    assert {each.digest for each in removed} == {UNNAMED, BLOBS[0]}
    assert await place.faults() == []


async def test_a_blob_that_only_a_deleted_manifest_names_is_counted(databases: Databases) -> None:
    """Its one link that was to be counted went, and the graveyard's was never to be."""
    place = Place(databases.open())
    await place.fill()
    forever = SoftDeletePolicy(repositories="*", days=90)
    assert await SqlPolicies(place.database).create(forever, AT, 1)
    for repository in (HELLO, OTHER):
        await place.metadata.delete_manifest(repository, IMAGES[1].digest)
        await place.metadata.unlink_blob(repository, BLOBS[1])

    await place.count()

    assert await place.faults() == []
