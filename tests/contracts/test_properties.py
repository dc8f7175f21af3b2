"""The contract of ports.Properties, on every database."""

from typing import Any

import pytest
from hypothesis import HealthCheck, given, settings
from hypothesis import strategies as st
from msgspec.structs import replace

from acrux.adapters.sql.content.metadata_store import SqlMetadata
from acrux.adapters.sql.properties import SqlProperties
from acrux.domain.content.attributes import UNLOCKED, Attributes, AttributesChange
from acrux.domain.content.digest import Digest
from acrux.domain.content.manifest import Platform
from acrux.domain.content.media_types import OCI_INDEX, OCI_MANIFEST
from acrux.domain.content.names import Tag
from acrux.domain.content.page import Order, Page
from acrux.domain.content.properties import (
    Entry,
    ManifestProperties,
    RepositoryProperties,
    TagProperties,
)
from acrux.errors import UnknownManifest, UnknownRepository, UnknownTag
from tests.contracts.content import (
    AT,
    BLOB,
    CONFIG_TYPE,
    HELLO,
    LATEST,
    OTHER,
    PUSHER,
    copy,
    descriptor,
    image,
    index,
    later,
    tags,
)

LOCKED = AttributesChange(write_enabled=False)
SWITCHES = Attributes.__struct_fields__
changes = st.builds(
    AttributesChange, **dict.fromkeys(SWITCHES, st.sampled_from([None, True, False]))
)


class TestRepositories:
    """What is shown of a repository."""

    async def test_a_repository_shows_its_age_its_counts_and_its_switches(
        self, metadata: SqlMetadata, properties: SqlProperties
    ) -> None:
        """`az acr repository show` would print nonsense (acr-protocol.md §5.2)."""
        await metadata.link_blob(HELLO, copy(BLOB), PUSHER, AT)
        await metadata.put_manifest(HELLO, index("1"), tags("a", "b"), later(2))
        await metadata.put_manifest(HELLO, index("2"), tags("c"), later(3))
        await metadata.put_manifest(OTHER, index("3"), tags("d"), later(9))

        assert await properties.repository(HELLO) == RepositoryProperties(
            name="library/hello",
            created_at=AT,
            updated_at=later(3),
            manifest_count=2,
            tag_count=3,
            attributes=UNLOCKED,
            size=copy(BLOB).size + sum(len(index(name).content) for name in "12"),
        )

    async def test_hidden_content_is_counted(
        self, metadata: SqlMetadata, properties: SqlProperties
    ) -> None:
        """A repository of hidden images would look empty in a cleanup."""
        await metadata.put_manifest(HELLO, index(), (LATEST,), AT)
        hidden = AttributesChange(list_enabled=False)
        await properties.change_tag(HELLO, LATEST, hidden)
        await properties.change_manifest(HELLO, index().digest, hidden)

        shown = await properties.repository(HELLO)
        assert (shown.manifest_count, shown.tag_count) == (1, 1)

    @pytest.mark.parametrize("way", ["nothing", "a blob", "a deleted manifest"])
    async def test_a_repository_without_manifests_does_not_exist(
        self, metadata: SqlMetadata, properties: SqlProperties, way: str
    ) -> None:
        """An unfinished push, or the last delete, would leave an empty repository (§5.7)."""
        if way == "a blob":
            await metadata.link_blob(HELLO, copy(BLOB), PUSHER, AT)
        if way == "a deleted manifest":
            await metadata.put_manifest(HELLO, index(), (LATEST,), AT)
            await metadata.delete_manifest(HELLO, index().digest)

        for attempt in (
            properties.repository(HELLO),
            properties.change_repository(HELLO, LOCKED),
            properties.tags(HELLO, Page(), Order.BY_NAME, None),
            properties.tags(HELLO, Page(0), Order.NEWEST_FIRST, index().digest),
            properties.manifests(HELLO, Page(), Order.OLDEST_FIRST),
        ):
            with pytest.raises(UnknownRepository) as refused:
                await attempt
            assert refused.value.detail == {"name": "library/hello"}

    async def test_the_last_manifest_removes_the_locks_of_its_repository(
        self, metadata: SqlMetadata, properties: SqlProperties
    ) -> None:
        """A new repository could not be pushed to, because of one that is gone."""
        await metadata.put_manifest(HELLO, index("1"), (), AT)
        await metadata.put_manifest(HELLO, index("2"), (), AT)
        await properties.change_repository(
            HELLO, AttributesChange(delete_enabled=False, list_enabled=False, read_enabled=False)
        )
        await metadata.delete_manifest(HELLO, index("1").digest)
        kept = (await properties.repository(HELLO)).attributes
        await metadata.delete_manifest(HELLO, index("2").digest)
        await metadata.put_manifest(HELLO, index("3"), (), AT)

        assert kept == Attributes(delete_enabled=False, list_enabled=False, read_enabled=False)
        assert (await properties.repository(HELLO)).attributes == UNLOCKED


class TestTags:
    """What is shown of a tag."""

    async def test_a_tag_shows_its_manifest_and_since_when(
        self, metadata: SqlMetadata, properties: SqlProperties
    ) -> None:
        """Clients purge by these times: a wrong one deletes the wrong image (§5.3)."""
        await metadata.put_manifest(HELLO, index("1"), (LATEST,), AT)
        await metadata.put_manifest(HELLO, index("2"), (LATEST,), later(60))

        assert await properties.tag(HELLO, LATEST) == TagProperties(
            name="latest",
            digest=str(index("2").digest),
            created_at=AT,
            updated_at=later(60),
            attributes=UNLOCKED,
        )

    async def test_a_tag_keeps_its_switches_when_it_moves(
        self, metadata: SqlMetadata, properties: SqlProperties
    ) -> None:
        """The next push would remove the protection of a tag against deletion."""
        await metadata.put_manifest(HELLO, index("1"), (LATEST,), AT)
        await properties.change_tag(HELLO, LATEST, AttributesChange(delete_enabled=False))
        await metadata.put_manifest(HELLO, index("2"), (LATEST,), AT)

        shown = await properties.tag(HELLO, LATEST)
        assert shown.attributes == Attributes(delete_enabled=False)

    async def test_a_deleted_tag_that_is_recreated_is_new(
        self, metadata: SqlMetadata, properties: SqlProperties
    ) -> None:
        """A new tag would inherit the age and the attributes of a deleted one."""
        await metadata.put_manifest(HELLO, index(), (LATEST,), AT)
        await properties.change_tag(HELLO, LATEST, AttributesChange(list_enabled=False))
        await metadata.delete_tag(HELLO, LATEST)
        await metadata.put_manifest(HELLO, index(), (LATEST,), later(60))

        shown = await properties.tag(HELLO, LATEST)
        assert (shown.created_at, shown.attributes) == (later(60), UNLOCKED)

    async def test_a_tag_of_another_repository_is_unknown(
        self, metadata: SqlMetadata, properties: SqlProperties
    ) -> None:
        """With access to one repository, you could read or lock tags of all."""
        await metadata.put_manifest(HELLO, index(), tags("v1"), AT)
        await metadata.put_manifest(OTHER, index(), (LATEST,), AT)

        with pytest.raises(UnknownTag):
            await properties.tag(HELLO, LATEST)
        with pytest.raises(UnknownTag) as refused:
            await properties.change_tag(HELLO, LATEST, LOCKED)
        assert refused.value.detail == {"tag": "latest"}
        assert (await properties.tag(OTHER, LATEST)).attributes == UNLOCKED


class TestManifests:
    """What is shown of a manifest."""

    async def test_an_image_shows_its_types_its_size_its_platform_and_its_tags(
        self, metadata: SqlMetadata, properties: SqlProperties
    ) -> None:
        """`az acr manifest show-metadata` would print nonsense (§5.4)."""
        held = image(BLOB, BLOB)
        await metadata.link_blob(HELLO, copy(BLOB), PUSHER, AT)
        await metadata.put_manifest(
            HELLO, held, tags("b", "B", "a-1", "a"), AT, platform=Platform("arm64", "linux")
        )
        await metadata.put_manifest(OTHER, held, tags("c"), AT, allow_missing=True)

        assert await properties.manifest(HELLO, held.digest) == ManifestProperties(
            digest=str(held.digest),
            media_type=OCI_MANIFEST,
            config_media_type=CONFIG_TYPE,
            size=len(held.content) + 4 + 4,
            created_at=AT,
            updated_at=AT,
            platform=Platform("arm64", "linux"),
            entries=(),
            tags=("B", "a", "a-1", "b"),
            attributes=UNLOCKED,
        )

    async def test_an_index_shows_what_it_names(
        self, metadata: SqlMetadata, properties: SqlProperties
    ) -> None:
        """The SDKs could not tell which image is for which platform."""
        one, two = Digest.of(b"1"), Digest.of(b"2")
        platform = {"architecture": "amd64", "os": "linux", "variant": "v3"}
        held = index(manifests=[{**descriptor(one), "platform": platform}, descriptor(two)])
        await metadata.put_manifest(HELLO, held, (), AT)

        shown = await properties.manifest(HELLO, held.digest)
        assert shown.entries == (Entry(str(one), "amd64", "linux"), Entry(str(two), "", ""))
        assert (shown.platform, shown.tags, shown.media_type) == (Platform(), (), OCI_INDEX)

    async def test_a_manifest_put_again_keeps_its_age_and_its_switches(
        self, metadata: SqlMetadata, properties: SqlProperties
    ) -> None:
        """A repeated push would unlock an image, or save it from being purged."""
        await metadata.put_manifest(HELLO, index(), (), AT)
        await properties.change_manifest(HELLO, index().digest, LOCKED)
        first = await properties.manifest(HELLO, index().digest)
        await metadata.put_manifest(
            HELLO, index(), (), later(60), platform=Platform("arm64", "linux")
        )

        assert await properties.manifest(HELLO, index().digest) == first
        assert first.attributes == Attributes(write_enabled=False)

    async def test_a_manifest_shows_its_hidden_tags_too(
        self, metadata: SqlMetadata, properties: SqlProperties
    ) -> None:
        """`acr purge --untagged` would treat an image as untagged, and delete it with its tag."""
        await metadata.put_manifest(HELLO, index(), (LATEST,), AT)
        await properties.change_tag(HELLO, LATEST, AttributesChange(list_enabled=False))

        assert (await properties.manifest(HELLO, index().digest)).tags == ("latest",)
        listed = await properties.manifests(HELLO, Page(), Order.BY_NAME)
        assert [manifest.tags for manifest in listed.items] == [("latest",)]

    async def test_a_manifest_of_another_repository_is_unknown(
        self, metadata: SqlMetadata, properties: SqlProperties
    ) -> None:
        """With access to one repository, you could read or lock manifests of all."""
        await metadata.put_manifest(OTHER, index(), (), AT)

        with pytest.raises(UnknownManifest):
            await properties.manifest(HELLO, index().digest)
        with pytest.raises(UnknownManifest) as refused:
            await properties.change_manifest(HELLO, index().digest, LOCKED)
        assert refused.value.detail == {"reference": str(index().digest)}
        assert (await properties.manifest(OTHER, index().digest)).attributes == UNLOCKED


class TestSwitches:
    """How attributes are set."""

    @given(steps=st.lists(st.tuples(st.sampled_from(["repository", "tag", "manifest"]), changes)))
    @settings(max_examples=25, suppress_health_check=[HealthCheck.function_scoped_fixture])
    async def test_a_change_sets_only_the_named_attributes(
        self,
        metadata: SqlMetadata,
        properties: SqlProperties,
        steps: list[tuple[str, AttributesChange]],
    ) -> None:
        """Locking an image against deletion would unlock it for writing, or lock its neighbour."""
        repository = type(HELLO).parse(Digest.of(repr(steps).encode()).encoded)
        await metadata.put_manifest(repository, index(), tags("latest", "near"), AT)
        await metadata.put_manifest(repository, index("near"), (), AT)
        await metadata.put_manifest(OTHER, index(), (LATEST,), AT)
        before = await _shown(properties, repository)
        expected = dict.fromkeys(("repository", "tag", "manifest"), UNLOCKED)
        for subject, change in steps:
            await _change(properties, repository, subject, change)
            named = {
                name: value for name in SWITCHES if (value := getattr(change, name)) is not None
            }
            expected[subject] = replace(expected[subject], **named)

        assert await _shown(properties, repository) == {
            subject: replace(properties, attributes=expected.get(subject, UNLOCKED))
            for subject, properties in before.items()
        }
        assert (await properties.repository(OTHER)).attributes == UNLOCKED


async def _change(
    properties: SqlProperties, repository: Any, subject: str, change: AttributesChange
) -> None:
    match subject:
        case "repository":
            await properties.change_repository(repository, change)
        case "tag":
            await properties.change_tag(repository, LATEST, change)
        case "manifest":
            await properties.change_manifest(repository, index().digest, change)


async def _shown(properties: SqlProperties, repository: Any) -> dict[str, Any]:
    return {
        "repository": await properties.repository(repository),
        "tag": await properties.tag(repository, LATEST),
        "near tag": await properties.tag(repository, Tag.parse("near")),
        "manifest": await properties.manifest(repository, index().digest),
        "near manifest": await properties.manifest(repository, index("near").digest),
    }
