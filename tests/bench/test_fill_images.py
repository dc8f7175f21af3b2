"""Images that are filled in bulk are what acrux itself would have written, and go like these."""

import sqlite3
from contextlib import closing
from pathlib import Path

import pytest

from acrux.bootstrap.application import Registry
from acrux.domain.content.media_types import ANYTHING
from acrux.domain.content.names import RepositoryName, Tag
from acrux.domain.content.page import Page
from bench.content import digest_of
from bench.fill_images import BLOB_BYTES, LAYERS, Images, fill_images, tag
from bench.servers import AcruxPlan

KEPT = Images(repository="bench/kept", count=3, files=3)
IMAGES = Images(repository="bench/images", count=120, files=120)


@pytest.fixture
def plan(tmp_path: Path) -> AcruxPlan:
    """A registry that holds both repositories."""
    plan = AcruxPlan(folder=tmp_path, settings={"gc_grace_seconds": 0})
    plan.prepare()
    fill_images(tmp_path, KEPT, IMAGES)
    return plan


def test_the_images_can_be_pulled(plan: AcruxPlan) -> None:
    """Rows that acrux cannot read would be fast for the wrong reason."""

    async def look(registry: Registry) -> tuple[str, bytes, int]:
        name = RepositoryName.parse(IMAGES.repository)
        manifest = await registry.services.manifests.get(name, Tag.parse(tag(7)), ANYTHING)
        tags = await registry.services.listings.tags(name, Page(1000))
        return str(manifest.digest), manifest.content, len(tags.items)

    assert plan.in_process(look) == (IMAGES.image(7).digest, IMAGES.image(7).content, 120)
    assert digest_of(IMAGES.config(7))[7:] in _stored(plan)


def test_the_counters_are_those_of_the_rows(plan: AcruxPlan) -> None:
    """Otherwise collection would begin by counting them."""
    with closing(sqlite3.connect(plan.folder / "registry.sqlite")) as database:
        usage = database.execute(
            "SELECT repository, manifests, tags, blobs, blob_bytes FROM usage ORDER BY repository"
        ).fetchall()
        stored = database.execute("SELECT sum(blobs), sum(bytes) FROM stored").fetchone()
        broken = database.execute("PRAGMA foreign_key_check").fetchall()

    assert usage == [
        (IMAGES.repository, 120, 120, 120 + LAYERS, (120 + LAYERS) * BLOB_BYTES),
        (KEPT.repository, 3, 3, 6, 6 * BLOB_BYTES),
    ]
    assert stored == (226, 226 * BLOB_BYTES)
    assert broken == []


def test_a_removed_repository_is_collected_to_the_last_byte(plan: AcruxPlan) -> None:
    """What is left behind would not be measured."""

    async def remove(registry: Registry) -> int:
        name = RepositoryName.parse(IMAGES.repository)
        await registry.services.manifests.delete_repository(name)
        freed = await registry.services.collection.run()
        return freed.copies if freed else 0

    removed = plan.in_process(remove)

    kept = {digest_of(KEPT.config(n))[7:] for n in range(3)}
    assert removed == IMAGES.blobs
    assert _stored(plan) == kept | {digest_of(KEPT.layer(n))[7:] for n in range(3)}
    with closing(sqlite3.connect(plan.folder / "registry.sqlite")) as database:
        for table in ("manifests", "tags", "manifest_references", "blob_links", "usage"):
            keys = database.execute(f"SELECT DISTINCT repository FROM {table}").fetchall()  # noqa: S608 -- our own names
            assert keys == [(KEPT.repository,)]
        stored = database.execute("SELECT sum(blobs), sum(bytes) FROM stored").fetchone()
    assert stored == (6, 6 * BLOB_BYTES)


def _stored(plan: AcruxPlan) -> set[str]:
    """The digits of the blobs whose files are in the store."""
    files = (plan.folder / "blobs" / "sha256").glob("*/*")
    return {file.name.partition(".")[0] for file in files}
