"""The contract of ports.Metadata across repositories."""

import pytest
from hypothesis import HealthCheck, given, settings
from hypothesis import strategies as st

from acrux.adapters.sql.content.metadata_store import SqlMetadata
from acrux.adapters.sql.properties import SqlProperties
from acrux.domain.content.attributes import AttributesChange
from acrux.domain.content.digest import Digest
from acrux.domain.content.manifest import Platform
from acrux.domain.content.names import RepositoryName
from acrux.domain.content.page import Order, Page, Slice
from acrux.domain.content.patterns import RepositoryPattern
from acrux.errors import (
    MissingReferences,
    UnknownBlob,
    UnknownManifest,
    UnknownRepository,
)
from acrux.ports.content.metadata import Deleted
from tests.contracts.content import (
    AT,
    BLOB,
    HELLO,
    LATEST,
    OTHER,
    PUSHER,
    copy,
    image,
    index,
    later,
    tags,
    walk,
)
from tests.contracts.databases import OpenDatabase

# Names that are close together around a pattern such as team/*.
NAMES = [
    "te",
    "team",
    "team-a",
    "team.a",
    "team/app",
    "team/app/x",
    "team/app0",
    "team0",
    "teams/app",
]
HIDDEN, UNREADABLE = "team/hidden", "team/unreadable"
ALL = (*NAMES, HIDDEN, UNREADABLE)
patterns = st.lists(
    st.sampled_from([*ALL, "other", "*", "te/*", "team/*", "team/app/*", "teams/*"]), max_size=4
).map(lambda texts: tuple(map(RepositoryPattern.parse, texts)))
few_examples = settings(
    max_examples=30, suppress_health_check=[HealthCheck.function_scoped_fixture]
)


def covered(names: list[str], patterns: tuple[RepositoryPattern, ...]) -> list[str]:
    """The names that one of the patterns covers."""
    return [name for name in names if any(pattern.covers(name) for pattern in patterns)]


async def fill(metadata: SqlMetadata, properties: SqlProperties) -> None:
    """Create all these repositories, one of them hidden and one unreadable."""
    for name in ALL:
        await metadata.put_manifest(RepositoryName.parse(name), index(), (), AT)
    hidden, unreadable = map(RepositoryName.parse, (HIDDEN, UNREADABLE))
    await properties.change_repository(hidden, AttributesChange(list_enabled=False))
    await properties.change_repository(unreadable, AttributesChange(read_enabled=False))


class TestCatalog:
    """Which repositories a caller sees."""

    @given(patterns=patterns, items=st.integers(1, 4))
    @few_examples
    async def test_all_pages_together_are_what_the_caller_may_see(
        self,
        metadata: SqlMetadata,
        properties: SqlProperties,
        patterns: tuple[RepositoryPattern, ...],
        items: int,
    ) -> None:
        """A name too many is a leak, and a short page reveals that there are others."""
        if not (await metadata.list_repositories(Page(1), (RepositoryPattern("*"),))).items:
            await fill(metadata, properties)

        listed = await walk(lambda page: metadata.list_repositories(page, patterns), items, str)

        assert listed == covered(sorted([*NAMES, UNREADABLE]), patterns)

    async def test_a_caller_who_may_see_nothing_sees_nothing(
        self, metadata: SqlMetadata, properties: SqlProperties
    ) -> None:
        """Absence of a rule must refuse."""
        await fill(metadata, properties)

        assert await metadata.list_repositories(Page(), ()) == Slice(())


class TestMounts:
    """From where a blob can be mounted."""

    @given(
        patterns=patterns,
        holders=st.lists(st.sampled_from([*ALL, "other"]), max_size=3, unique=True),
    )
    @few_examples
    async def test_a_blob_is_mounted_from_any_repository_that_the_caller_may_pull(
        self,
        metadata: SqlMetadata,
        properties: SqlProperties,
        patterns: tuple[RepositoryPattern, ...],
        holders: list[str],
    ) -> None:
        """A layer would be sent twice, or given to somebody who may not read it."""
        if not (await metadata.list_repositories(Page(1), (RepositoryPattern("*"),))).items:
            await fill(metadata, properties)
        blob = Digest.of(repr((patterns, holders)).encode())
        for holder in holders:
            await metadata.link_blob(RepositoryName.parse(holder), copy(blob, 5), PUSHER, AT)

        try:
            await metadata.mount_blob(patterns, HELLO, copy(blob, 5), PUSHER, AT)
            size: int | None = (await metadata.find_blob(HELLO, blob)).size
        except UnknownBlob as refused:
            assert refused.detail == {"digest": str(blob)}
            size = None

        readable = [holder for holder in holders if holder != UNREADABLE]
        assert size == (5 if covered(readable, patterns) else None)

    async def test_a_blob_can_be_mounted_from_its_own_repository(
        self, metadata: SqlMetadata
    ) -> None:
        """A client that pushes again, and mounts to save work, would fail."""
        await metadata.link_blob(HELLO, copy(BLOB), PUSHER, AT)
        await metadata.mount_blob((RepositoryPattern(HELLO.value),), HELLO, copy(BLOB), PUSHER, AT)

        assert (await metadata.find_blob(HELLO, BLOB)).size == 4


class TestManifests:
    """What putting a manifest does apart from storing it."""

    async def test_a_manifest_gets_all_its_tags_at_once(
        self, metadata: SqlMetadata, properties: SqlProperties
    ) -> None:
        """`?tag=a&tag=b` would set one of them (end-7b)."""
        await metadata.put_manifest(HELLO, index("1"), tags("a", "b"), AT)
        await metadata.put_manifest(HELLO, index("2"), tags("b", "c"), later(1))

        listed = await properties.tags(HELLO, Page(), Order.BY_NAME, None)
        assert [(tag.name, tag.digest, tag.created_at) for tag in listed.items] == [
            ("a", str(index("1").digest), AT),
            ("b", str(index("2").digest), AT),
            ("c", str(index("2").digest), later(1)),
        ]

    async def test_a_refused_manifest_moves_none_of_its_tags(self, metadata: SqlMetadata) -> None:
        """Half a push would be visible."""
        await metadata.put_manifest(HELLO, index(), tags("a"), AT)
        with pytest.raises(MissingReferences):
            await metadata.put_manifest(HELLO, image(BLOB), tags("a", "b"), AT)

        assert await metadata.list_tags(HELLO, Page()) == Slice(("a",))
        assert (await metadata.get_manifest(HELLO, *tags("a"))).digest == index().digest

    async def test_blobs_may_be_missing_if_that_is_allowed(self, metadata: SqlMetadata) -> None:
        """A mirror of parts of an image could not be stored."""
        held = image(BLOB, Digest.of(b"layer"))
        await metadata.put_manifest(HELLO, held, (LATEST,), AT, allow_missing=True)

        assert (await metadata.get_manifest(HELLO, LATEST)).content == held.content
        with pytest.raises(UnknownBlob):
            await metadata.find_blob(HELLO, BLOB)

    async def test_an_index_may_name_missing_content(self, metadata: SqlMetadata) -> None:
        """A sparse index, with one platform out of ten, could not be pushed."""
        held = index(manifests=[{"digest": str(Digest.of(b"gone")), "mediaType": "x", "size": 1}])
        await metadata.put_manifest(HELLO, held, (LATEST,), AT)

        assert (await metadata.get_manifest(HELLO, LATEST)).digest == held.digest

    async def test_a_manifest_without_a_platform_shows_none(
        self, metadata: SqlMetadata, properties: SqlProperties
    ) -> None:
        """An artifact would seem to run on some platform."""
        await metadata.put_manifest(HELLO, index(), (), AT)

        assert (await properties.manifest(HELLO, index().digest)).platform == Platform("", "")


class TestDeletion:
    """Deleting a repository."""

    async def test_a_repository_is_deleted_with_all_it_holds(
        self, metadata: SqlMetadata, database: OpenDatabase
    ) -> None:
        """Deleted content could still be pulled, or would return with the next push."""
        held = image(BLOB)
        for repository in (HELLO, OTHER):
            await metadata.link_blob(repository, copy(BLOB), PUSHER, AT)
            await metadata.put_manifest(repository, held, tags("b", "a"), AT)
        await metadata.put_manifest(HELLO, index(), (), AT)

        deleted = await metadata.delete_repository(HELLO)

        digests = sorted([str(held.digest), str(index().digest)])
        assert deleted == Deleted(manifests=tuple(digests), tags=("a", "b"))
        for attempt, failure in (
            (metadata.find_blob(HELLO, BLOB), UnknownBlob),
            (metadata.get_manifest(HELLO, held.digest), UnknownManifest),
            (metadata.list_tags(HELLO, Page()), UnknownRepository),
            (metadata.delete_repository(HELLO), UnknownRepository),
        ):
            with pytest.raises(failure):
                await attempt
        assert (await metadata.find_blob(OTHER, BLOB)).size == 4
        assert await metadata.list_tags(OTHER, Page()) == Slice(("a", "b"))

    async def test_a_recreated_repository_is_a_new_one(
        self, metadata: SqlMetadata, properties: SqlProperties
    ) -> None:
        """It would have the age of the deleted one, and would be hidden if that was."""
        await metadata.put_manifest(HELLO, index(), (), AT)
        await properties.change_repository(HELLO, AttributesChange(list_enabled=False))
        await metadata.delete_repository(HELLO)
        await metadata.put_manifest(HELLO, index(), (), later(60))

        shown = await properties.repository(HELLO)
        assert (shown.created_at, shown.attributes.list_enabled) == (later(60), True)

    async def test_a_repository_without_manifests_cannot_be_deleted(
        self, metadata: SqlMetadata
    ) -> None:
        """It does not exist yet; and a push that is under way needs its blobs."""
        await metadata.link_blob(HELLO, copy(BLOB), PUSHER, AT)
        with pytest.raises(UnknownRepository) as refused:
            await metadata.delete_repository(HELLO)

        assert refused.value.detail == {"name": "library/hello"}
        assert (await metadata.find_blob(HELLO, BLOB)).size == 4
