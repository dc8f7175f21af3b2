"""The contract of ports.Properties for listings: orders, pages, hiding."""

from collections.abc import Callable, Iterable
from dataclasses import dataclass

import pytest
from hypothesis import HealthCheck, given, settings
from hypothesis import strategies as st

from acrux.adapters.sql.content.metadata_store import SqlMetadata
from acrux.adapters.sql.properties import SqlProperties
from acrux.domain.content.attributes import AttributesChange
from acrux.domain.content.digest import Digest
from acrux.domain.content.names import RepositoryName, Tag
from acrux.domain.content.page import Order, Page, Slice
from tests.contracts.content import AT, HELLO, LATEST, OTHER, index, later, tags, walk

HIDDEN = AttributesChange(list_enabled=False)
TIMED = [Order.OLDEST_FIRST, Order.NEWEST_FIRST]
FIRST, SECOND = index("1"), index("2")
few_examples = settings(
    max_examples=30, suppress_health_check=[HealthCheck.function_scoped_fixture]
)


@dataclass(frozen=True)
class Entry:
    """Something to be listed."""

    name: str
    second: int
    is_hidden: bool
    manifest: int = 0


# Few instants, so that several are equal, like those of a push with several tags.
entries = st.lists(
    st.builds(
        Entry,
        st.from_regex(r"[aB_1][a._-]{0,2}", fullmatch=True),
        st.integers(0, 3),
        st.booleans(),
        st.integers(0, 1),
    ),
    min_size=1,
    max_size=9,
    unique_by=lambda entry: entry.name,
)
orders = st.sampled_from(Order)
sizes = st.integers(1, 4)


def ordered(entries: Iterable[Entry], order: Order, key: Callable[[Entry], str]) -> list[str]:
    """The keys of the items, in this order."""
    listed = [entry for entry in entries if not entry.is_hidden]
    if order is Order.BY_NAME:
        return sorted(map(key, listed))
    timed = sorted((entry.second, key(entry)) for entry in listed)
    return [name for _, name in (timed if order is Order.OLDEST_FIRST else reversed(timed))]


def repository_of(*values: object) -> RepositoryName:
    """A repository for one example."""
    return RepositoryName.parse(Digest.of(repr(values).encode()).encoded)


class TestTags:
    """Pages of tags."""

    @given(entries=entries, order=orders, items=sizes, only=st.sampled_from([None, 0, 1]))
    @few_examples
    async def test_all_pages_together_are_all_tags_in_order(
        self,
        metadata: SqlMetadata,
        properties: SqlProperties,
        entries: list[Entry],
        order: Order,
        items: int,
        only: int | None,
    ) -> None:
        """acr purge, which reads newest first, would miss a tag or see one twice (§5.3)."""
        repository = repository_of(entries, order, items, only)
        held = (FIRST, SECOND)
        for entry in entries:
            tag = Tag.parse(entry.name)
            await metadata.put_manifest(
                repository, held[entry.manifest], (tag,), later(entry.second)
            )
            if entry.is_hidden:
                await properties.change_tag(repository, tag, HIDDEN)
        digest = None if only is None else held[only].digest

        listed = await walk(
            lambda page: properties.tags(repository, page, order, digest),
            items,
            lambda tag: tag.name,
        )

        wanted = [entry for entry in entries if only in (None, entry.manifest)]
        assert [tag.name for tag in listed] == ordered(wanted, order, lambda entry: entry.name)
        for shown in listed:
            assert shown == await properties.tag(repository, Tag.parse(shown.name))

    async def test_a_listing_by_name_continues_after_a_deleted_tag(
        self, metadata: SqlMetadata, properties: SqlProperties
    ) -> None:
        """Deleting while listing would break the listing."""
        await metadata.put_manifest(HELLO, FIRST, tags("a", "b", "c"), AT)
        await metadata.delete_tag(HELLO, Tag.parse("b"))

        listed = await properties.tags(HELLO, Page(5, "b"), Order.BY_NAME, None)
        assert [tag.name for tag in listed.items] == ["c"]

    @pytest.mark.parametrize("order", TIMED)
    async def test_a_listing_by_time_ends_after_a_deleted_tag(
        self, metadata: SqlMetadata, properties: SqlProperties, order: Order
    ) -> None:
        """It has lost its place: starting over would never end."""
        await metadata.put_manifest(HELLO, FIRST, tags("a", "b", "c"), AT)
        await metadata.delete_tag(HELLO, Tag.parse("b"))

        assert await properties.tags(HELLO, Page(5, "b"), order, None) == Slice(())

    @pytest.mark.parametrize("order", TIMED)
    async def test_a_tag_that_was_hidden_meanwhile_still_has_its_place(
        self, metadata: SqlMetadata, properties: SqlProperties, order: Order
    ) -> None:
        """Hiding while listing would break the listing."""
        await metadata.put_manifest(HELLO, FIRST, tags("a", "b", "c"), AT)
        await properties.change_tag(HELLO, Tag.parse("b"), HIDDEN)

        listed = await properties.tags(HELLO, Page(5, "b"), order, None)
        assert [tag.name for tag in listed.items] == (
            ["c"] if order is Order.OLDEST_FIRST else ["a"]
        )

    async def test_the_place_of_a_tag_is_within_its_own_repository(
        self, metadata: SqlMetadata, properties: SqlProperties
    ) -> None:
        """Two repositories with equal tags would disturb each other's listings."""
        await metadata.put_manifest(OTHER, FIRST, tags("b"), later(9))
        for second, name in enumerate("abc"):
            await metadata.put_manifest(HELLO, FIRST, tags(name), later(second))

        listed = await properties.tags(HELLO, Page(5, "b"), Order.OLDEST_FIRST, None)
        assert [tag.name for tag in listed.items] == ["c"]

    async def test_a_manifest_without_tags_has_an_empty_list_of_them(
        self, metadata: SqlMetadata, properties: SqlProperties
    ) -> None:
        """`az acr manifest` would fail on an untagged manifest."""
        await metadata.put_manifest(HELLO, FIRST, (LATEST,), AT)
        await metadata.put_manifest(HELLO, SECOND, (), AT)

        for order in Order:
            assert await properties.tags(HELLO, Page(), order, SECOND.digest) == Slice(())

    @pytest.mark.parametrize("order", Order)
    async def test_a_page_of_nothing_is_the_last(
        self, metadata: SqlMetadata, properties: SqlProperties, order: Order
    ) -> None:
        """A client that requests n=0 would loop forever."""
        await metadata.put_manifest(HELLO, FIRST, (LATEST,), AT)

        assert await properties.tags(HELLO, Page(0), order, None) == Slice(())
        assert await properties.manifests(HELLO, Page(0), order) == Slice(())


class TestManifests:
    """Pages of manifests."""

    @given(entries=entries, order=orders, items=sizes)
    @few_examples
    async def test_all_pages_together_are_all_manifests_in_order(
        self,
        metadata: SqlMetadata,
        properties: SqlProperties,
        entries: list[Entry],
        order: Order,
        items: int,
    ) -> None:
        """acr purge would treat a manifest as untagged that an index on another page names."""
        repository = repository_of(entries, order, items)
        digests = {entry: index(entry.name).digest for entry in entries}
        for entry in entries:
            await metadata.put_manifest(repository, index(entry.name), (), later(entry.second))
            if entry.is_hidden:
                await properties.change_manifest(repository, digests[entry], HIDDEN)

        listed = await walk(
            lambda page: properties.manifests(repository, page, order),
            items,
            lambda held: held.digest,
        )

        assert [manifest.digest for manifest in listed] == ordered(
            entries, order, lambda entry: str(digests[entry])
        )
        for manifest in listed:
            assert manifest == await properties.manifest(repository, Digest.parse(manifest.digest))

    async def test_a_listing_continues_by_digest_and_ends_by_time_after_a_deleted_manifest(
        self, metadata: SqlMetadata, properties: SqlProperties
    ) -> None:
        """Deleting while listing would break the listing, or make it start over."""
        one, two, three = sorted((index(name) for name in "abc"), key=lambda held: str(held.digest))
        for held in (one, two, three):
            await metadata.put_manifest(HELLO, held, (), AT)
        await metadata.delete_manifest(HELLO, two.digest)
        page = Page(5, str(two.digest))

        by_name = await properties.manifests(HELLO, page, Order.BY_NAME)
        assert [manifest.digest for manifest in by_name.items] == [str(three.digest)]
        for order in TIMED:
            assert await properties.manifests(HELLO, page, order) == Slice(())

    async def test_a_listing_holds_only_the_manifests_of_its_repository(
        self, metadata: SqlMetadata, properties: SqlProperties
    ) -> None:
        """With access to one repository, you could see the manifests of the others."""
        await metadata.put_manifest(HELLO, FIRST, (), AT)
        await metadata.put_manifest(OTHER, SECOND, (LATEST,), AT)

        for order in Order:
            listed = await properties.manifests(HELLO, Page(), order)
            assert [manifest.digest for manifest in listed.items] == [str(FIRST.digest)]

    async def test_of_a_manifest_a_caller_may_ask_for_few_of_its_tags(
        self, metadata: SqlMetadata, properties: SqlProperties
    ) -> None:
        """A page of 50 manifests with 10,000 tags each would take a second, to show none."""
        await metadata.put_manifest(HELLO, FIRST, tags("a", "b", "c"), AT)

        for count, shown in ((0, ()), (2, ("a", "b")), (9, ("a", "b", "c"))):
            [listed] = (await properties.manifests(HELLO, Page(), Order.BY_NAME, count)).items
            assert listed.tags == shown
            assert await properties.manifest(HELLO, FIRST.digest, count) == listed
