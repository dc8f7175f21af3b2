"""Write-once tags and quotas hold in the transactions that push and delete."""

import pytest

from acrux.adapters.sql.content.metadata_store import SqlMetadata
from acrux.adapters.sql.policies import SqlPolicies
from acrux.adapters.sql.properties import SqlProperties
from acrux.domain.content.page import Order, Page
from acrux.domain.content.policies.definition import MAX_POLICIES, Policy
from acrux.domain.content.policies.quota import Quota
from acrux.domain.content.policies.write_once import WriteOncePolicy
from acrux.errors import QuotaExceeded, TagIsWriteOnce, UnknownBlob
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
)
from tests.contracts.databases import OpenDatabase

RELEASES = WriteOncePolicy(
    name="releases", repositories=("library/*",), except_tags=("latest", "dev-*")
)
[V1] = tags("v1")


@pytest.fixture
def policies(database: OpenDatabase) -> SqlPolicies:
    """The policies of the registry, none at first."""
    return SqlPolicies(database)


async def create(policies: SqlPolicies, policy: Policy) -> None:
    """Create a policy."""
    assert await policies.create(policy, AT, MAX_POLICIES)


class TestWriteOnce:
    """A tag that a policy covers is written once."""

    async def test_a_tag_can_be_neither_moved_nor_deleted(
        self, metadata: SqlMetadata, policies: SqlPolicies
    ) -> None:
        """A released image would be replaced, or removed and pushed again."""
        await create(policies, RELEASES)
        await metadata.put_manifest(HELLO, index("first"), (V1,), AT)
        for attempt in (
            metadata.put_manifest(HELLO, index("second"), (V1,), AT),
            metadata.delete_tag(HELLO, V1),
            metadata.delete_manifest(HELLO, index("first").digest),
            metadata.delete_repository(HELLO),
        ):
            with pytest.raises(TagIsWriteOnce) as refused:
                await attempt
            assert refused.value.detail["policy"] == "releases"

        assert (await metadata.get_manifest(HELLO, V1)).digest == index("first").digest

    async def test_the_same_manifest_can_be_pushed_again(
        self, metadata: SqlMetadata, policies: SqlPolicies
    ) -> None:
        """A pipeline that is repeated would fail."""
        await create(policies, RELEASES)
        for _ in range(2):
            await metadata.put_manifest(HELLO, index(), (V1,), AT)

    async def test_an_exception_can_be_moved_and_deleted(
        self, metadata: SqlMetadata, policies: SqlPolicies
    ) -> None:
        """Nobody could update `latest`."""
        await create(policies, RELEASES)
        for tag in (LATEST, *tags("dev-7")):
            await metadata.put_manifest(HELLO, index("first"), (tag,), AT)
            await metadata.put_manifest(HELLO, index("second"), (tag,), AT)
            await metadata.delete_tag(HELLO, tag)
        await metadata.put_manifest(HELLO, index("first"), (LATEST,), AT)
        await metadata.delete_repository(HELLO)

    async def test_a_push_to_several_tags_moves_none_if_one_may_not_move(
        self, metadata: SqlMetadata, policies: SqlPolicies
    ) -> None:
        """Half of the tags would point elsewhere."""
        await create(policies, RELEASES)
        await metadata.put_manifest(HELLO, index("first"), (V1, LATEST), AT)
        with pytest.raises(TagIsWriteOnce):
            await metadata.put_manifest(HELLO, index("second"), (LATEST, V1), AT)

        assert (await metadata.get_manifest(HELLO, LATEST)).digest == index("first").digest

    async def test_a_write_once_tag_is_shown_as_not_writable(
        self, metadata: SqlMetadata, properties: SqlProperties, policies: SqlPolicies
    ) -> None:
        """A purge would try to delete it, and a person would not see why it fails."""
        await metadata.put_manifest(HELLO, index(), (V1, LATEST), AT)
        await create(policies, RELEASES)

        listed = (await properties.tags(HELLO, Page(), Order.BY_NAME, None)).items
        shown = {tag.name: tag.attributes.write_enabled for tag in listed}
        assert shown == {"latest": True, "v1": False}
        assert not (await properties.tag(HELLO, V1)).attributes.write_enabled


class TestQuotas:
    """The repositories of a pattern hold at most so many bytes."""

    async def test_a_blob_beyond_the_quota_is_refused(
        self, metadata: SqlMetadata, policies: SqlPolicies
    ) -> None:
        """One team would fill the disk of all."""
        await create(policies, Quota(name="small", repositories="library/*", max_bytes=10))
        await metadata.link_blob(HELLO, copy(BLOB, 6), PUSHER, AT)
        with pytest.raises(QuotaExceeded) as refused:
            await metadata.link_blob(OTHER, copy(index().digest, 5), PUSHER, AT)

        assert refused.value.detail["usedBytes"] == "6"
        with pytest.raises(UnknownBlob):
            await metadata.find_blob(OTHER, index().digest)

    async def test_what_is_there_can_be_pushed_again(
        self, metadata: SqlMetadata, policies: SqlPolicies
    ) -> None:
        """A full repository could not be repaired."""
        await metadata.link_blob(HELLO, copy(BLOB, 6), PUSHER, AT)
        await metadata.put_manifest(HELLO, image(BLOB), (LATEST,), AT)
        await create(policies, Quota(name="full-up", repositories="library/*", max_bytes=0))

        await metadata.link_blob(HELLO, copy(BLOB, 6), PUSHER, AT)
        await metadata.put_manifest(HELLO, image(BLOB), (LATEST, V1), later(1))

    async def test_manifests_count(self, metadata: SqlMetadata, policies: SqlPolicies) -> None:
        """A repository of a million manifests would take no room."""
        size = len(index().content)
        await create(policies, Quota(name="small", repositories="library/*", max_bytes=size))
        await metadata.put_manifest(HELLO, index(), (LATEST,), AT)
        with pytest.raises(QuotaExceeded):
            await metadata.put_manifest(HELLO, index("other"), (LATEST,), AT)

    async def test_deleting_makes_room_at_once(
        self, metadata: SqlMetadata, policies: SqlPolicies
    ) -> None:
        """A team at its quota would have to wait for the collection."""
        await create(policies, Quota(name="small", repositories="library/*", max_bytes=500))
        await metadata.link_blob(HELLO, copy(BLOB, 200), PUSHER, AT)
        await metadata.put_manifest(HELLO, image(BLOB), (LATEST,), AT)
        await metadata.delete_repository(HELLO)

        await metadata.check_writable(OTHER, 500)

    async def test_other_repositories_are_not_counted(
        self, metadata: SqlMetadata, policies: SqlPolicies
    ) -> None:
        """A quota would refuse what it does not cover."""
        await create(policies, Quota(name="small", repositories="library/other", max_bytes=1))

        await metadata.check_writable(HELLO, 5)
        assert not await metadata.has_quotas(HELLO)
        with pytest.raises(QuotaExceeded):
            await metadata.check_writable(OTHER, 5)
        assert await metadata.has_quotas(OTHER)
