"""The contract of ports.Metadata, on every database."""

import asyncio
import itertools
import json
from collections.abc import Awaitable
from datetime import UTC, datetime, timedelta

import pytest
from hypothesis import HealthCheck, given, settings
from hypothesis import strategies as st
from msgspec.structs import replace

from acrux.adapters.sql.content.metadata_store import SqlMetadata
from acrux.adapters.sql.database import Statement
from acrux.domain.content.digest import Digest
from acrux.domain.content.manifest import Manifest
from acrux.domain.content.media_types import OCI_INDEX, OCI_MANIFEST
from acrux.domain.content.names import RepositoryName, Tag
from acrux.domain.content.page import Page, Slice
from acrux.domain.content.patterns import RepositoryPattern
from acrux.errors import (
    MissingReferences,
    RegistryError,
    UnknownBlob,
    UnknownManifest,
    UnknownRepository,
    UnknownTag,
)
from acrux.ports.content.metadata import StoredManifest
from tests.contracts.content import GRACE, PUSHER, copy
from tests.contracts.databases import Databases, OpenDatabase, only_sqlite

AT = datetime(2026, 11, 21, 12, 0, tzinfo=UTC)
HELLO = RepositoryName.parse("library/hello")
OTHER = RepositoryName.parse("library/other")
LATEST = Tag.parse("latest")
BLOB = Digest.of(b"blob")
EVERYTHING = (RepositoryPattern("*"),)
FROM_HELLO = (RepositoryPattern(HELLO.value),)
RACES = 25


@pytest.fixture
def rival(databases: Databases) -> SqlMetadata:
    """The same metadata in another worker."""
    return SqlMetadata(databases.open(), GRACE)


def manifest(name: str = "", *blobs: Digest, **fields: object) -> Manifest:
    """An image of these blobs, the first its configuration; an index if there are none."""
    media_type = OCI_MANIFEST if blobs else OCI_INDEX
    content = {"schemaVersion": 2, "annotations": {"name": name}, **fields}
    if blobs:
        config, *layers = map(descriptor, blobs)
        content |= {"config": config, "layers": layers}
    else:
        content["manifests"] = []
    return Manifest.read(json.dumps(content).encode(), media_type)


def descriptor(blob: Digest) -> dict[str, object]:
    """A descriptor of the blob."""
    return {"mediaType": "application/octet-stream", "digest": str(blob), "size": 4}


def stored(held: Manifest) -> StoredManifest:
    """The manifest as it is returned."""
    return StoredManifest(held.digest, held.media_type, held.content)


async def put_tags(metadata: SqlMetadata, repository: RepositoryName, *tags: str) -> None:
    """Point these tags to a manifest."""
    held = manifest()
    await asyncio.gather(
        *(metadata.put_manifest(repository, held, (Tag.parse(tag),), AT) for tag in tags)
    )


async def both(first: Awaitable[None], second: Awaitable[None]) -> tuple[bool, bool]:
    """Let two writes race; return which succeeded, and raise any error but a named one."""
    outcomes = await asyncio.gather(first, second, return_exceptions=True)
    for outcome in outcomes:
        assert outcome is None or isinstance(outcome, RegistryError), repr(outcome)
    return outcomes[0] is None, outcomes[1] is None


async def links(metadata: SqlMetadata, repository: RepositoryName, digest: Digest) -> bool:
    """Whether the repository links the blob."""
    try:
        await metadata.find_blob(repository, digest)
    except UnknownBlob:
        return False
    return True


class TestBlobs:
    """Which repository links which blob."""

    async def test_a_linked_blob_is_found_with_its_size(self, metadata: SqlMetadata) -> None:
        """A pull would not know the length of the blob."""
        await metadata.link_blob(HELLO, copy(BLOB, 5 * 2**40), PUSHER, AT)

        assert (await metadata.find_blob(HELLO, BLOB)).size == 5 * 2**40

    async def test_a_blob_is_visible_only_through_a_repository_that_links_it(
        self, metadata: SqlMetadata
    ) -> None:
        """Anyone who knows a digest could read what another repository holds."""
        await metadata.link_blob(HELLO, copy(BLOB), PUSHER, AT)

        with pytest.raises(UnknownBlob) as refused:
            await metadata.find_blob(OTHER, BLOB)
        assert refused.value.detail == {"digest": str(BLOB)}

    async def test_a_blob_is_found_with_one_statement(
        self, metadata: SqlMetadata, databases: Databases
    ) -> None:
        """Every layer of every pull would pay for more."""
        await metadata.link_blob(HELLO, copy(BLOB), PUSHER, AT)

        with databases.watched() as statements:
            await metadata.find_blob(HELLO, BLOB)

        assert len(statements) == 1

    async def test_linking_a_blob_again_changes_nothing(self, metadata: SqlMetadata) -> None:
        """Pushing a layer a second time would fail."""
        await metadata.link_blob(HELLO, copy(BLOB), PUSHER, AT)
        await metadata.link_blob(HELLO, copy(BLOB), PUSHER, AT + timedelta(days=1))

        assert (await metadata.find_blob(HELLO, BLOB)).size == 4

    async def test_a_blob_that_was_unlinked_is_unknown(self, metadata: SqlMetadata) -> None:
        """Deleted content could be pulled."""
        await metadata.link_blob(HELLO, copy(BLOB), PUSHER, AT)
        await metadata.link_blob(OTHER, copy(BLOB), PUSHER, AT)
        await metadata.unlink_blob(HELLO, BLOB)

        assert not await links(metadata, HELLO, BLOB)
        assert await links(metadata, OTHER, BLOB)
        with pytest.raises(UnknownBlob):
            await metadata.unlink_blob(HELLO, BLOB)

    async def test_a_mounted_blob_is_linked_by_both_repositories(
        self, metadata: SqlMetadata
    ) -> None:
        """A layer that two images share would be sent twice."""
        await metadata.link_blob(HELLO, copy(BLOB), PUSHER, AT)
        await metadata.mount_blob(FROM_HELLO, OTHER, copy(BLOB), PUSHER, AT)

        assert (await metadata.find_blob(HELLO, BLOB)).size == 4
        assert (await metadata.find_blob(OTHER, BLOB)).size == 4

    async def test_only_what_the_source_links_can_be_mounted(self, metadata: SqlMetadata) -> None:
        """Mounting would give away blobs of repositories that the caller may not read."""
        third = RepositoryName.parse("third")
        await metadata.link_blob(third, copy(BLOB), PUSHER, AT)
        with pytest.raises(UnknownBlob):
            await metadata.mount_blob(
                (RepositoryPattern(HELLO.value),), OTHER, copy(BLOB), PUSHER, AT
            )

        assert not await links(metadata, OTHER, BLOB)


class TestManifests:
    """Manifests, and the tags that point to them."""

    async def test_a_manifest_comes_back_as_it_was_put(self, metadata: SqlMetadata) -> None:
        """The bytes would no longer match the digest."""
        odd = '{\t"schemaVersion":2 ,\n "manifests": [], "x": "\u00e4 \\u0000" }\n'
        held = Manifest.read(odd.encode(), OCI_INDEX)
        await metadata.put_manifest(HELLO, held, (LATEST,), AT)

        assert await metadata.get_manifest(HELLO, LATEST) == stored(held)
        assert await metadata.get_manifest(HELLO, held.digest) == stored(held)

    async def test_a_manifest_is_got_with_one_statement(
        self, metadata: SqlMetadata, databases: Databases
    ) -> None:
        """The most frequent request of all would be slower."""
        held = manifest()
        await metadata.put_manifest(HELLO, held, (LATEST,), AT)

        with databases.watched() as by_tag:
            await metadata.get_manifest(HELLO, LATEST)
        with databases.watched() as by_digest:
            await metadata.get_manifest(HELLO, held.digest)

        assert (len(by_tag), len(by_digest)) == (1, 1)

    async def test_a_manifest_belongs_to_its_repository_only(self, metadata: SqlMetadata) -> None:
        """Anyone who knows a digest could read what another repository holds."""
        held = manifest()
        await metadata.put_manifest(HELLO, held, (LATEST,), AT)

        for reference in (LATEST, held.digest):
            with pytest.raises(UnknownManifest) as refused:
                await metadata.get_manifest(OTHER, reference)
            assert refused.value.detail == {"reference": str(reference)}

    async def test_a_manifest_may_have_no_tag(self, metadata: SqlMetadata) -> None:
        """The platforms of an index could not be pushed."""
        held = manifest()
        await metadata.put_manifest(HELLO, held, (), AT)

        assert await metadata.get_manifest(HELLO, held.digest) == stored(held)
        assert await metadata.list_tags(HELLO, Page()) == Slice(())

    async def test_a_tag_moves_to_the_manifest_put_last(self, metadata: SqlMetadata) -> None:
        """A pull of `latest` would get yesterday's image, or none."""
        first, second = manifest("1"), manifest("2")
        for held in (first, second, first):
            await metadata.put_manifest(HELLO, held, (LATEST,), AT)

        assert await metadata.get_manifest(HELLO, LATEST) == stored(first)
        assert await metadata.get_manifest(HELLO, second.digest) == stored(second)

    async def test_a_manifest_put_again_stays_what_it_was(self, metadata: SqlMetadata) -> None:
        """Pushing the same bytes as another type would change what others pull (CVE-2021-41190)."""
        held = manifest()
        await metadata.put_manifest(HELLO, held, (LATEST,), AT)
        await metadata.put_manifest(HELLO, replace(held, media_type=OCI_MANIFEST), (), AT)

        assert await metadata.get_manifest(HELLO, held.digest) == stored(held)

    async def test_a_subject_need_not_exist(
        self, metadata: SqlMetadata, database: OpenDatabase
    ) -> None:
        """A signature could not be pushed before what it signs (specification, end-7)."""
        subject = Digest.of(b"later")
        held = manifest(subject=descriptor(subject), artifactType="application/x-signature")
        await metadata.put_manifest(HELLO, held, (), AT)

        statement = Statement("SELECT subject, artifact_type FROM manifests", {})
        assert await database.read(statement) == [(str(subject), "application/x-signature")]

    async def test_a_manifest_whose_blobs_are_missing_is_refused(
        self, metadata: SqlMetadata
    ) -> None:
        """An image that nobody can pull would be listed."""
        await metadata.link_blob(HELLO, copy(BLOB), PUSHER, AT)
        await metadata.link_blob(OTHER, copy(Digest.of(b"elsewhere")), PUSHER, AT)
        held = manifest("{}", BLOB, Digest.of(b"elsewhere"))
        with pytest.raises(MissingReferences) as refused:
            await metadata.put_manifest(HELLO, held, (LATEST,), AT)

        assert refused.value.detail == {"digest": str(Digest.of(b"elsewhere"))}
        with pytest.raises(UnknownManifest):
            await metadata.get_manifest(HELLO, LATEST)
        with pytest.raises(UnknownManifest):
            await metadata.get_manifest(HELLO, held.digest)

    async def test_a_refused_manifest_creates_no_repository(
        self, metadata: SqlMetadata, database: OpenDatabase
    ) -> None:
        """A failed push would leave an empty repository."""
        with pytest.raises(MissingReferences):
            await metadata.put_manifest(HELLO, manifest("{}", BLOB), (LATEST,), AT)

        assert await database.read(Statement("SELECT name FROM repositories", {})) == []

    async def test_at_most_ten_missing_blobs_are_named(self, metadata: SqlMetadata) -> None:
        """One bad push would be answered with megabytes."""
        blobs = [Digest.of(bytes([number])) for number in range(12)]
        with pytest.raises(MissingReferences) as refused:
            await metadata.put_manifest(HELLO, manifest("{}", *blobs), (LATEST,), AT)

        assert refused.value.detail["digest"].split() == [str(blob) for blob in blobs[:10]]
        assert "12" in refused.value.message

    async def test_thousands_of_layers_are_checked_with_few_statements(
        self, metadata: SqlMetadata, databases: Databases
    ) -> None:
        """A large manifest would delay everyone's writes, or exceed the limits of a statement."""
        blobs = [Digest.of(str(number).encode()) for number in range(2500)]
        await asyncio.gather(*(metadata.link_blob(HELLO, copy(blob), PUSHER, AT) for blob in blobs))
        held = manifest("{}", *blobs)
        with databases.watched() as statements:
            await metadata.put_manifest(HELLO, held, (LATEST,), AT)

        checked = [s for s in statements if "blob_links.digest IN" in s.sql]
        assert len(checked) == 3
        assert len(statements) <= 40
        assert max(len(s.parameters) or len(s.values) for s in statements) <= 1502
        assert await metadata.get_manifest(HELLO, LATEST) == stored(held)

    async def test_one_missing_layer_among_thousands_is_found(self, metadata: SqlMetadata) -> None:
        """A missing layer would be overlooked where the batches meet."""
        blobs = [Digest.of(str(number).encode()) for number in range(2001)]
        present = [blob for number, blob in enumerate(blobs) if number not in {999, 1000, 2000}]
        await asyncio.gather(
            *(metadata.link_blob(HELLO, copy(blob), PUSHER, AT) for blob in present)
        )
        with pytest.raises(MissingReferences) as refused:
            await metadata.put_manifest(HELLO, manifest("{}", *blobs), (LATEST,), AT)

        missing = [str(blobs[number]) for number in (999, 1000, 2000)]
        assert refused.value.detail["digest"].split() == missing

    async def test_a_deleted_manifest_goes_with_its_tags(self, metadata: SqlMetadata) -> None:
        """A tag would point to nothing."""
        gone, kept = manifest("1"), manifest("2")
        for tag in ("a", "b"):
            await metadata.put_manifest(HELLO, gone, (Tag.parse(tag),), AT)
        await metadata.put_manifest(HELLO, kept, (Tag.parse("c"),), AT)
        await metadata.put_manifest(OTHER, gone, (Tag.parse("a"),), AT)
        await metadata.delete_manifest(HELLO, gone.digest)

        assert await metadata.list_tags(HELLO, Page()) == Slice(("c",))
        assert await metadata.list_tags(OTHER, Page()) == Slice(("a",))
        for reference in (gone.digest, Tag.parse("a")):
            with pytest.raises(UnknownManifest):
                await metadata.get_manifest(HELLO, reference)

    async def test_an_unknown_manifest_cannot_be_deleted(self, metadata: SqlMetadata) -> None:
        """Deleting the wrong thing would seem to work."""
        held = manifest()
        await metadata.put_manifest(OTHER, held, (LATEST,), AT)
        with pytest.raises(UnknownManifest):
            await metadata.delete_manifest(HELLO, held.digest)

        assert await metadata.get_manifest(OTHER, held.digest) == stored(held)

    async def test_a_deleted_tag_leaves_its_manifest(self, metadata: SqlMetadata) -> None:
        """Removing a tag would delete the image for clients that pull it by digest."""
        held = manifest()
        await put_tags(metadata, HELLO, "a", "b")
        await metadata.delete_tag(HELLO, Tag.parse("a"))

        assert await metadata.list_tags(HELLO, Page()) == Slice(("b",))
        assert await metadata.get_manifest(HELLO, held.digest) == stored(held)

    async def test_an_unknown_tag_cannot_be_deleted(self, metadata: SqlMetadata) -> None:
        """Deleting the wrong thing would seem to work."""
        await put_tags(metadata, OTHER, "latest")
        with pytest.raises(UnknownTag):
            await metadata.delete_tag(HELLO, LATEST)

        assert await metadata.list_tags(OTHER, Page()) == Slice(("latest",))


class TestListings:
    """Pages of tags and of repositories."""

    async def test_tags_are_listed_in_byte_order(self, metadata: SqlMetadata) -> None:
        """Paging would lose or repeat tags if client and registry order differently."""
        await put_tags(metadata, HELLO, "b", "a.1", "a-1", "B", "_", "10", "9", "a")

        listed = await metadata.list_tags(HELLO, Page())
        assert listed.items == ("10", "9", "B", "_", "a", "a-1", "a.1", "b")

    async def test_a_page_says_whether_there_is_more(self, metadata: SqlMetadata) -> None:
        """A client would stop too early, or ask forever."""
        await put_tags(metadata, HELLO, "a", "b", "c")

        assert await metadata.list_tags(HELLO, Page(2)) == Slice(("a", "b"), more=True)
        assert await metadata.list_tags(HELLO, Page(2, "b")) == Slice(("c",))
        assert await metadata.list_tags(HELLO, Page(3)) == Slice(("a", "b", "c"))
        assert await metadata.list_tags(HELLO, Page(2, "c")) == Slice(())

    async def test_a_page_begins_after_a_deleted_tag(self, metadata: SqlMetadata) -> None:
        """Deleting while listing would break the listing."""
        await put_tags(metadata, HELLO, "a", "c")

        assert await metadata.list_tags(HELLO, Page(2, "b")) == Slice(("c",))

    async def test_a_page_of_nothing_is_the_last(self, metadata: SqlMetadata) -> None:
        """A client that requests n=0 would loop forever."""
        await put_tags(metadata, HELLO, "a")

        assert await metadata.list_tags(HELLO, Page(0)) == Slice(())
        assert await metadata.list_repositories(Page(0), EVERYTHING) == Slice(())

    async def test_the_tags_of_a_repository_without_manifests_are_unknown(
        self, metadata: SqlMetadata
    ) -> None:
        """A misspelt repository would look empty instead of unknown."""
        await metadata.link_blob(HELLO, copy(BLOB), PUSHER, AT)

        for items in (100, 0):
            with pytest.raises(UnknownRepository) as refused:
                await metadata.list_tags(HELLO, Page(items))
            assert refused.value.detail == {"name": str(HELLO)}

    async def test_a_listing_holds_only_the_tags_of_its_repository(
        self, metadata: SqlMetadata
    ) -> None:
        """Tags that cannot be pulled would be listed, and secret names revealed."""
        await put_tags(metadata, HELLO, "a")
        await put_tags(metadata, OTHER, "b")

        assert await metadata.list_tags(HELLO, Page()) == Slice(("a",))

    async def test_repositories_that_hold_a_manifest_are_listed_in_byte_order(
        self, metadata: SqlMetadata
    ) -> None:
        """Administrators would miss repositories, or see empty ones."""
        for name in ("b", "a/b", "a-b", "a0", "a"):
            await put_tags(metadata, RepositoryName.parse(name), "latest")
        await metadata.link_blob(RepositoryName.parse("blobs-only"), copy(BLOB), PUSHER, AT)

        listed = await metadata.list_repositories(Page(), EVERYTHING)
        assert listed == Slice(("a", "a-b", "a/b", "a0", "b"))
        assert await metadata.list_repositories(Page(2, "a-b"), EVERYTHING) == Slice(
            ("a/b", "a0"), more=True
        )

    async def test_a_repository_whose_last_manifest_went_is_not_listed(
        self, metadata: SqlMetadata
    ) -> None:
        """An emptied repository would be listed forever."""
        await put_tags(metadata, HELLO, "latest")
        await metadata.delete_manifest(HELLO, manifest().digest)

        assert await metadata.list_repositories(Page(), EVERYTHING) == Slice(())

    @given(
        tags=st.sets(st.from_regex(r"[a-zA-Z0-9_][a-zA-Z0-9._-]{0,5}", fullmatch=True), min_size=1),
        items=st.integers(min_value=1, max_value=7),
    )
    @settings(
        max_examples=25,
        deadline=None,
        suppress_health_check=[HealthCheck.function_scoped_fixture],
    )
    async def test_all_pages_together_are_all_tags_sorted(
        self, metadata: SqlMetadata, tags: set[str], items: int
    ) -> None:
        """Some tag would be on no page, or on two."""
        repository = RepositoryName.parse(Digest.of(repr((tags, items)).encode()).encoded)
        await put_tags(metadata, repository, *tags)
        listed: list[str] = []
        page = Page(items)
        while (part := await metadata.list_tags(repository, page)).more:
            assert len(part.items) == items
            listed += part.items
            page = Page(items, listed[-1])

        assert [*listed, *part.items] == sorted(tags)

    @only_sqlite
    @pytest.mark.parametrize("listing", ["tags", "repositories"])
    async def test_a_page_is_read_from_an_index_without_sorting(
        self, metadata: SqlMetadata, database: OpenDatabase, databases: Databases, listing: str
    ) -> None:
        """A page of a million tags would take as long as listing them all."""
        await put_tags(metadata, HELLO, "a", "b")
        with databases.watched() as statements:
            if listing == "tags":
                await metadata.list_tags(HELLO, Page(1, "a"))
            else:
                await metadata.list_repositories(Page(1, "a"), EVERYTHING)
        [statement] = statements
        rows = await database.read(
            Statement(f"EXPLAIN QUERY PLAN {statement.sql}", statement.parameters)
        )
        plan = [row[-1] for row in rows]

        assert all(" USING " in step for step in plan if "SEARCH" in step), plan
        assert not any("SCAN" in step or "TEMP B-TREE" in step for step in plan), plan


class TestRaces:
    """Two workers write at once: the outcome must match one of the two orders."""

    async def test_a_manifest_is_never_put_after_its_blob_went(
        self, metadata: SqlMetadata, rival: SqlMetadata
    ) -> None:
        """An image would be acknowledged after its layer had been deleted."""
        for number in range(RACES):
            blob, tag = Digest.of(bytes([number])), Tag.parse(f"n{number}")
            await metadata.link_blob(HELLO, copy(blob), PUSHER, AT)
            put, unlinked = await both(
                metadata.put_manifest(HELLO, manifest(f"{number}", blob), (tag,), AT),
                rival.unlink_blob(HELLO, blob),
            )

            assert unlinked
            assert not await links(metadata, HELLO, blob)
            held = tag.value in (await tags_of(metadata)).items
            assert held is put

    async def test_a_blob_is_mounted_before_it_goes_or_not_at_all(
        self, metadata: SqlMetadata, rival: SqlMetadata
    ) -> None:
        """A mount would be acknowledged that links nothing."""
        for number in range(RACES):
            blob = Digest.of(bytes([number]))
            await metadata.link_blob(HELLO, copy(blob), PUSHER, AT)
            mounted, unlinked = await both(
                metadata.mount_blob(
                    (RepositoryPattern(HELLO.value),), OTHER, copy(blob), PUSHER, AT
                ),
                rival.unlink_blob(HELLO, blob),
            )

            assert unlinked
            assert await links(metadata, OTHER, blob) is mounted

    async def test_a_tag_put_twice_at_once_points_at_one_of_the_two(
        self, metadata: SqlMetadata, rival: SqlMetadata
    ) -> None:
        """One of two pushes would fail, or the tag would point to neither."""
        first, second = manifest("1"), manifest("2")
        for _ in range(RACES):
            won = await both(
                metadata.put_manifest(HELLO, first, (LATEST,), AT),
                rival.put_manifest(HELLO, second, (LATEST,), AT),
            )
            tagged = await metadata.get_manifest(HELLO, LATEST)

            assert won == (True, True)
            assert tagged in (stored(first), stored(second))
            assert tagged == await rival.get_manifest(HELLO, LATEST)

    async def test_a_manifest_deleted_while_it_is_tagged_leaves_no_dangling_tag(
        self, metadata: SqlMetadata, rival: SqlMetadata
    ) -> None:
        """A listed tag could not be pulled."""
        for number in range(RACES):
            held, tag = manifest(f"{number}"), Tag.parse(f"n{number}")
            await metadata.put_manifest(HELLO, held, (), AT)
            put, deleted = await both(
                metadata.put_manifest(HELLO, held, (tag,), AT),
                rival.delete_manifest(HELLO, held.digest),
            )

            assert (put, deleted) == (True, True)
            for name in (await tags_of(metadata)).items:
                await metadata.get_manifest(HELLO, Tag.parse(name))

    async def test_what_one_worker_acknowledged_the_next_one_sees(
        self, metadata: SqlMetadata, rival: SqlMetadata
    ) -> None:
        """A pull right after a push would fail on every second worker."""
        for number, (writer, reader) in zip(
            range(RACES), itertools.cycle([(metadata, rival), (rival, metadata)])
        ):
            held = manifest(f"{number}")
            await writer.put_manifest(HELLO, held, (LATEST,), AT)

            assert await reader.get_manifest(HELLO, LATEST) == stored(held)


async def tags_of(metadata: SqlMetadata) -> Slice[str]:
    """All tags of the repository; none if it holds no manifest."""
    try:
        return await metadata.list_tags(HELLO, Page(1000))
    except UnknownRepository:
        return Slice(())
