"""What the transactions count is what a recount finds, after every step."""

from collections.abc import AsyncIterator
from contextlib import asynccontextmanager
from typing import Any

from hypothesis import example, given, settings
from hypothesis import strategies as st

from acrux.adapters.sql.content import references
from acrux.adapters.sql.database import Database, SqlValue, Statement
from acrux.domain.instants import to_microseconds
from tests.contracts.databases import Databases, Places
from tests.contracts.histories import MANIFESTS as IMAGES
from tests.contracts.histories import REPOSITORIES, Action, History, steps

COUNTED = """
    SELECT repository, manifests, manifest_bytes, tags, blobs, blob_bytes FROM usage
    ORDER BY repository
"""
# Only what lies up to the cursors has been counted.
RECOUNTED = """
    SELECT repository,
           (SELECT COUNT(*) FROM manifests
            WHERE manifests.repository = usage.repository AND digest <= manifests_to),
           (SELECT COALESCE(SUM(size), 0) FROM manifests
            WHERE manifests.repository = usage.repository AND digest <= manifests_to),
           (SELECT COUNT(*) FROM tags
            WHERE tags.repository = usage.repository AND name <= tags_to),
           (SELECT COUNT(*) FROM blob_links
            WHERE blob_links.repository = usage.repository AND digest <= blobs_to),
           (SELECT COALESCE(SUM(size), 0) FROM blob_links
            WHERE blob_links.repository = usage.repository AND digest <= blobs_to)
    FROM usage ORDER BY repository
"""
STORED = "SELECT part, blobs, bytes FROM stored WHERE blobs <> 0 OR bytes <> 0 ORDER BY part"
RESTORED = """
    SELECT substr(digest, 8, 2), COUNT(*), SUM(size) FROM blobs
    GROUP BY substr(digest, 8, 2) ORDER BY substr(digest, 8, 2)
"""

# Each finds rows that must not be there.
BROKEN = {
    "a repository without counters": """
        SELECT key FROM repositories WHERE key NOT IN (SELECT repository FROM usage)
    """,
    "counters without a repository": """
        SELECT repository FROM usage WHERE repository NOT IN (SELECT key FROM repositories)
    """,
    "a counted link without a blob": """
        SELECT blob_links.digest FROM blob_links JOIN usage USING (repository)
        WHERE digest <= blobs_to AND digest NOT IN (SELECT digest FROM blobs)
    """,
    "a blob without a link": """
        SELECT digest FROM blobs WHERE digest NOT IN (SELECT digest FROM blob_links)
    """,
    "a copy in use that is to be removed": """
        SELECT digest FROM blobs JOIN removals USING (digest, copy)
    """,
    "a copy of a former version in use that is to be removed": """
        SELECT digest FROM blob_links
        WHERE digest NOT IN (SELECT digest FROM blobs)
          AND digest IN (SELECT digest FROM removals WHERE copy = '')
    """,
    "a tag without a manifest": """
        SELECT name FROM tags
        WHERE NOT EXISTS (SELECT 1 FROM manifests WHERE manifests.repository = tags.repository
                                                    AND manifests.digest = tags.digest)
    """,
}

# The rows of a deleted repository that is due go in steps: manifests, then what they refer to.
REFERENCES = """
    SELECT repository, target, digest FROM manifest_references
    WHERE repository NOT IN (SELECT key FROM repositories WHERE clear_at <= :now)
"""
MANIFESTS = """
    SELECT repository, digest, media_type, content, digest <= manifests_to
    FROM manifests JOIN usage USING (repository)
    WHERE repository NOT IN (SELECT key FROM repositories WHERE clear_at <= :now)
"""

# When nothing is due or held any more, none of these may be left.
LEFT_OVER = {
    "a link that no manifest names": """
        SELECT digest FROM blob_links
        WHERE NOT EXISTS (SELECT 1 FROM manifest_references AS named
                          WHERE named.repository = blob_links.repository
                            AND named.target = blob_links.digest)
    """,
    "reviews, except of what is locked": """
        SELECT digest FROM reviews
        WHERE NOT EXISTS (SELECT 1 FROM manifests WHERE manifests.repository = reviews.repository
                                                    AND manifests.digest = reviews.digest
                                                    AND delete_enabled = 0)
    """,
    "holds": "SELECT digest FROM holds",
    "copies to remove": "SELECT digest FROM removals",
    "deleted repositories": "SELECT key FROM repositories WHERE name IS NULL",
    "an empty repository": """
        SELECT key FROM repositories
        WHERE NOT EXISTS (SELECT 1 FROM manifests WHERE manifests.repository = key)
          AND NOT EXISTS (SELECT 1 FROM blob_links WHERE blob_links.repository = key)
    """,
}

histories = st.lists(steps, min_size=1, max_size=30)
few_examples = settings(max_examples=20, deadline=None)


@asynccontextmanager
async def opened(places: Places) -> AsyncIterator[Database]:
    """A new database, for one history."""
    with places() as place:
        databases = Databases(place)
        try:
            yield databases.open()
        finally:
            databases.close()


async def check(registry: History) -> None:
    """Compare the counters with a recount, and look for what must not be there."""
    now = to_microseconds(registry.now)

    async def rows(sql: str) -> list[tuple[object, ...]]:
        parameters: dict[str, SqlValue] = {"now": now} if ":now" in sql else {}
        return await registry.database.read(Statement(sql, parameters))

    assert await rows(COUNTED) == await rows(RECOUNTED)
    assert await rows(STORED) == await rows(RESTORED)
    for sentence, sql in BROKEN.items():
        assert await rows(sql) == [], sentence
    found = set(await rows(REFERENCES))
    manifests = await rows(MANIFESTS)
    assert _references(manifests, among=(1,)) <= found <= _references(manifests, among=(0, 1))


def _references(
    manifests: list[tuple[Any, ...]], among: tuple[int, ...]
) -> set[tuple[object, ...]]:
    """What those of the manifests refer to that are counted (1), or not yet (0)."""
    return {
        (repository, target, digest)
        for repository, digest, media_type, content, is_counted in manifests
        if is_counted in among
        for target in references.guessed_targets(media_type, content)
    }


# Found by chance, on both databases.
CLEARED_IN_STEPS: list[Action] = [
    ("push", (REPOSITORIES[0], IMAGES[0], [])),
    ("delete_repository", (REPOSITORIES[0],)),
    ("forward", (25,)),
    ("collect", (1,)),
]


@given(history=histories, untagged=st.booleans(), referrers=st.booleans())
@example(history=CLEARED_IN_STEPS, untagged=False, referrers=False)
@few_examples
async def test_counters_equal_a_recount_after_every_step(
    places: Places,
    history: list[Action],
    untagged: bool,
    referrers: bool,
) -> None:
    """A quota would refuse what there is room for, or let in what there is not."""
    async with opened(places) as database:
        registry = History(database, untagged=untagged, referrers=referrers)
        for step in history:
            await registry.take(step)
            await check(registry)


@given(before=histories, after=histories)
@few_examples
async def test_so_they_do_while_content_of_a_former_version_is_being_counted(
    places: Places, before: list[Action], after: list[Action]
) -> None:
    """A push or a deletion beside the walk would be counted twice, or not at all."""
    async with opened(places) as database:
        registry = History(database)
        for step in before:
            await registry.take(step)
        await registry.come_from_a_former_version()
        for step in after:
            await registry.take(step)
            await check(registry)
        while await registry.garbage.count(3):
            await check(registry)


@given(history=histories)
@few_examples
async def test_nothing_unreferenced_is_left_once_all_graces_have_passed(
    places: Places, history: list[Action]
) -> None:
    """Space would never come back."""
    async with opened(places) as database:
        registry = History(database)
        for step in history:
            await registry.take(step)
        await registry.settle()
        await check(registry)
        for sentence, sql in LEFT_OVER.items():
            assert await database.read(Statement(sql, {})) == [], sentence
