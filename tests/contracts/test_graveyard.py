"""The contract of ports.Graveyard: what is deleted can be restored."""

from datetime import timedelta

import pytest

from acrux.adapters.sql.database import Statement, Steps
from acrux.adapters.sql.deleted import places, restoring
from acrux.domain.content.attributes import AttributesChange
from acrux.domain.content.digest import Digest
from acrux.domain.content.names import RepositoryName, Tag
from acrux.domain.content.page import Page
from acrux.domain.content.patterns import RepositoryPattern
from acrux.domain.content.policies.quota import Quota
from acrux.domain.content.policies.soft_delete import SoftDeletePolicy
from acrux.domain.content.policies.write_once import WriteOncePolicy
from acrux.domain.content.storage.deleted import Restoration
from acrux.errors import (
    Disallowed,
    NameTaken,
    QuotaExceeded,
    TagIsWriteOnce,
    UnknownManifest,
    UnknownRepository,
    UnknownTag,
)
from tests.contracts.content import (
    AT,
    BLOB,
    HELLO,
    LATEST,
    OTHER,
    descriptor,
    image,
    index,
    tags,
    walk,
)
from tests.contracts.databases import OpenDatabase, only_sqlite
from tests.contracts.graves import DAYS, EVERYTHING, Graves

LAYER = Digest.of(b"layer")
IMAGE = image(BLOB, LAYER)
NEXT = image(BLOB, Digest.of(b"next"))
V1, V2 = tags("v1", "v2")
DAY = timedelta(days=1)


@pytest.fixture
async def graves(database: OpenDatabase) -> Graves:
    """A registry in which everything that is deleted can be restored for seven days."""
    graves = Graves(database)
    await graves.enable()
    return graves


def _tag_many(count: int) -> Steps[None]:
    yield Statement(
        """
        WITH RECURSIVE numbers (n) AS (
            SELECT 1 UNION ALL SELECT n + 1 FROM numbers WHERE n < :count)
        INSERT INTO tags (repository, name, digest, created_at, updated_at)
        SELECT repository, 't' || n, digest, created_at, updated_at FROM manifests, numbers
        """,
        {"count": count},
    )


class TestDeleting:
    """What happens to what is deleted."""

    async def test_without_a_policy_nothing_can_be_restored(self, database: OpenDatabase) -> None:
        """Deleted secrets would stay readable in a registry that never asked for it."""
        graves = Graves(database)
        digest = await graves.push(IMAGE, V1)
        await graves.metadata.delete_manifest(HELLO, digest)
        await graves.push(IMAGE, V1, repository=OTHER)
        await graves.metadata.delete_repository(OTHER)

        assert (await graves.deleted(), await graves.deleted(OTHER)) == ([], [])
        with pytest.raises(UnknownManifest):
            await graves.restore(digest)
        with pytest.raises(UnknownRepository):
            await graves.graveyard.restore_repository(OTHER, AT)

    async def test_the_nearest_pattern_decides(self, database: OpenDatabase) -> None:
        """A scratch area would fill the disk for 90 days."""
        graves = Graves(database)
        scratch = RepositoryName.parse("scratch/app")
        await graves.enable(SoftDeletePolicy(repositories="*", days=90))
        await graves.enable(SoftDeletePolicy(repositories="scratch/*", is_enabled=False))
        for repository in (scratch, HELLO):
            await graves.push(IMAGE, V1, repository=repository)
            await graves.metadata.delete_manifest(repository, IMAGE.digest)

        assert await graves.deleted(scratch) == []
        [kept] = (await graves.graveyard.manifests(HELLO, Page(), AT)).items
        assert kept.expires_at == AT + 90 * DAY

    async def test_a_deleted_manifest_is_gone_and_listed_with_its_tags(
        self, graves: Graves
    ) -> None:
        """az shows what was deleted, and when."""
        digest = await graves.push(IMAGE, V1, V2)
        await graves.push(NEXT, LATEST)
        await graves.metadata.delete_manifest(HELLO, digest)

        with pytest.raises(UnknownManifest):
            await graves.metadata.get_manifest(HELLO, digest)
        [shown] = (await graves.graveyard.manifests(HELLO, Page(), AT)).items
        assert (shown.digest, shown.deleted_at) == (str(digest), AT)
        assert shown.expires_at == AT + DAYS * DAY
        assert await graves.deleted_tags() == [("v1", str(digest)), ("v2", str(digest))]
        await graves.check_counters()

    async def test_the_blobs_stay_until_the_days_are_over_and_go_then(self, graves: Graves) -> None:
        """A restored image without its layers would be worth nothing."""
        digest = await graves.push(IMAGE, V1)
        await graves.metadata.delete_manifest(HELLO, digest)
        graves.now += DAYS * DAY - timedelta(seconds=1)
        await graves.collect()
        kept = await graves.stored()
        graves.now += timedelta(seconds=1)
        listed = await graves.deleted()
        await graves.collect()

        assert (kept, listed) == ({str(BLOB), str(LAYER)}, [])
        assert await graves.stored() == set()
        assert await graves.rows("SELECT key FROM repositories") == []
        assert await graves.rows("SELECT name FROM deleted_tags") == []
        await graves.check_counters()

    async def test_what_the_collector_removes_can_be_restored_too(self, graves: Graves) -> None:
        """An overwritten image is missed as much as a deleted one."""
        digest = await graves.push(IMAGE, V1)
        await graves.push(NEXT, V1)
        graves.now += 2 * DAY
        await graves.collect()

        assert await graves.deleted() == [str(digest)]
        [shown] = (await graves.graveyard.manifests(HELLO, Page(), graves.now)).items
        assert shown.deleted_at == graves.now
        await graves.check_counters()

    async def test_a_digest_that_is_deleted_again_is_kept_from_then_on(
        self, graves: Graves
    ) -> None:
        """It would be purged by the time of a deletion that was undone by a push."""
        digest = await graves.push(IMAGE, V1)
        await graves.metadata.delete_manifest(HELLO, digest)
        graves.now += 5 * DAY
        await graves.push(IMAGE, V1)
        live = await graves.metadata.get_manifest(HELLO, V1)
        await graves.metadata.delete_manifest(HELLO, digest)
        graves.now += 5 * DAY
        await graves.collect()

        assert live.digest == digest
        assert await graves.deleted() == [str(digest)]
        await graves.check_counters()

    async def test_the_tags_of_one_name_are_listed_in_the_order_of_their_deletion(
        self, graves: Graves
    ) -> None:
        """az restores the last one that is listed: it must be the one deleted last."""
        images = [image(BLOB, Digest.of(f"layer {n}".encode())) for n in range(5)]
        for one in images:  # the clock stands still
            await graves.push(one, V1)
            await graves.metadata.delete_tag(HELLO, V1)
        await graves.push(images[0], V1)
        await graves.metadata.delete_tag(HELLO, V1)

        order = [*images[1:], images[0]]
        assert await graves.deleted_tags() == [("v1", str(one.digest)) for one in order]

    async def test_a_deleted_tag_can_be_restored_although_the_policy_is_gone(
        self, graves: Graves
    ) -> None:
        """It would be listed as one that can be restored, and its image be gone."""
        digest = await graves.push(IMAGE, V1)
        await graves.push(NEXT, LATEST)
        await graves.metadata.delete_tag(HELLO, V1)
        assert await graves.policies.delete(SoftDeletePolicy, EVERYTHING.name)
        graves.now += 2 * DAY  # the grace is over
        await graves.collect()

        assert await graves.deleted_tags() == [("v1", str(digest))]
        await graves.restore(digest, V1)
        assert (await graves.metadata.get_manifest(HELLO, V1)).digest == digest
        await graves.check_counters()

    async def test_a_deleted_repository_can_be_restored_until_the_days_are_over(
        self, graves: Graves
    ) -> None:
        """It was one command, and so must be its undoing."""
        await graves.push(IMAGE, V1)
        await graves.push(NEXT, LATEST)
        before = await graves.live()
        await graves.metadata.delete_repository(HELLO)
        graves.now += DAYS * DAY - timedelta(seconds=1)
        await graves.collect()
        listed = (await graves.deleted(), await graves.deleted_tags())
        await graves.graveyard.restore_repository(HELLO, graves.now)

        assert listed == (sorted(before), [("latest", str(NEXT.digest)), ("v1", str(IMAGE.digest))])
        assert await graves.live() == before
        assert await graves.deleted() == []
        await graves.check_counters()

    async def test_a_deleted_repository_is_cleared_after_the_days(self, graves: Graves) -> None:
        """Space must come back."""
        await graves.push(IMAGE, V1)
        await graves.metadata.delete_repository(HELLO)
        graves.now += DAYS * DAY
        assert await graves.deleted() == []
        await graves.collect()

        assert await graves.rows("SELECT key FROM repositories") == []
        assert await graves.stored() == set()


class TestRestoring:
    """How a manifest comes back."""

    async def test_a_manifest_comes_back_with_the_tags_deleted_with_it(
        self, graves: Graves
    ) -> None:
        """An undone deletion leaves everything as it was."""
        digest = await graves.push(IMAGE, V1, V2, LATEST)
        await graves.metadata.delete_tag(HELLO, LATEST)
        before = await graves.live()
        graves.now += timedelta(seconds=1)
        await graves.metadata.delete_manifest(HELLO, digest)
        await graves.restore(digest)
        graves.now += 30 * DAY
        await graves.collect()

        assert await graves.live() == before
        assert (await graves.metadata.get_manifest(HELLO, V1)).content == IMAGE.content
        assert await graves.stored() == {str(BLOB), str(LAYER)}
        await graves.check_counters()

    async def test_a_manifest_comes_back_under_the_tag_that_is_asked_for(
        self, graves: Graves
    ) -> None:
        """`az acr manifest restore` names one."""
        digest = await graves.push(IMAGE, V1, V2)
        await graves.metadata.delete_manifest(HELLO, digest)
        await graves.restore(digest, V1)

        assert await graves.live() == {str(digest): ("v1",)}
        assert await graves.deleted() == []
        assert await graves.deleted_tags() == [("v2", str(digest))]
        await graves.restore(digest, V2)
        assert await graves.live() == {str(digest): ("v1", "v2")}

    @only_sqlite  # whose statements take that many; PostgreSQL takes a minute for these tags
    async def test_a_manifest_comes_back_with_any_number_of_tags(self, graves: Graves) -> None:
        """A statement takes no more than 32,766 parameters."""
        digest = await graves.push(IMAGE, V1)
        await graves.database.write(_tag_many(33_000))
        await graves.metadata.delete_repository(HELLO)
        await graves.restore(digest)

        [tagged] = (await graves.live()).values()
        assert len(tagged) == 33_001

    async def test_the_last_of_too_many_deleted_repositories_comes_back(
        self, graves: Graves, monkeypatch: pytest.MonkeyPatch
    ) -> None:
        """A job that deletes its repository every time leaves thousands of the same name."""
        monkeypatch.setattr(places, "MAX_PLACES", 2)
        digest = await graves.push(IMAGE, V1)
        await graves.metadata.delete_manifest(HELLO, digest)
        for number in range(9):
            await graves.push(index(f"number {number}"), V1)
            graves.now += timedelta(seconds=1)
            await graves.metadata.delete_repository(HELLO)

        await graves.graveyard.restore_repository(HELLO, graves.now)
        await graves.restore(digest)

        assert set(await graves.live()) == {str(index("number 8").digest), str(digest)}

    async def test_a_deleted_tag_comes_back_on_its_live_manifest(self, graves: Graves) -> None:
        """To untag is a deletion too."""
        digest = await graves.push(IMAGE, V1, LATEST)
        await graves.metadata.delete_tag(HELLO, V1)

        await graves.restore(digest, V1)

        assert await graves.live() == {str(digest): ("latest", "v1")}
        assert await graves.deleted_tags() == []

    @pytest.mark.parametrize("tag", [None, V2])
    async def test_a_live_manifest_gets_no_tag_that_was_not_deleted(
        self, graves: Graves, tag: Tag | None
    ) -> None:
        """The right to restore would be a right to push."""
        digest = await graves.push(IMAGE, V1)
        await graves.metadata.delete_tag(HELLO, V1)

        with pytest.raises(UnknownTag):
            await graves.restore(digest, tag)

    async def test_a_tag_that_is_taken_is_moved_only_by_force(self, graves: Graves) -> None:
        """A restored image would silently replace the one in production."""
        digest = await graves.push(IMAGE, V1)
        await graves.metadata.delete_manifest(HELLO, digest)
        await graves.push(NEXT, V1)

        with pytest.raises(NameTaken, match="force"):
            await graves.restore(digest, V1)
        refused = await graves.live()
        await graves.restore(digest, V1, force=True)

        assert refused == {str(NEXT.digest): ("v1",)}
        assert await graves.live() == {str(digest): ("v1",), str(NEXT.digest): ()}
        await graves.check_counters()

    async def test_without_a_tag_those_that_are_taken_stay_where_they_are(
        self, graves: Graves
    ) -> None:
        """The others come back."""
        digest = await graves.push(IMAGE, V1, V2)
        await graves.metadata.delete_manifest(HELLO, digest)
        await graves.push(NEXT, V1)
        await graves.restore(digest)

        assert await graves.live() == {str(digest): ("v2",), str(NEXT.digest): ("v1",)}
        assert await graves.deleted_tags() == [("v1", str(digest))]

    async def test_by_force_all_of_them_come_back(self, graves: Graves) -> None:
        """`--force` means it."""
        digest = await graves.push(IMAGE, V1, V2)
        await graves.metadata.delete_manifest(HELLO, digest)
        await graves.push(NEXT, V1)
        await graves.restore(digest, force=True)

        assert await graves.live() == {str(digest): ("v1", "v2"), str(NEXT.digest): ()}

    async def test_a_write_once_tag_is_not_moved_even_by_force(self, graves: Graves) -> None:
        """Restoring would go around the policy."""
        digest = await graves.push(IMAGE, V1)
        await graves.metadata.delete_manifest(HELLO, digest)
        await graves.push(NEXT, V1)
        policy = WriteOncePolicy(name="releases", repositories=("*",))
        await graves.policies.create(policy, AT, 500)

        with pytest.raises(TagIsWriteOnce):
            await graves.restore(digest, V1, force=True)

    async def test_a_locked_repository_takes_nothing_back(self, graves: Graves) -> None:
        """A restored manifest is written."""
        digest = await graves.push(IMAGE, V1)
        await graves.push(NEXT, LATEST)
        await graves.metadata.delete_manifest(HELLO, digest)
        await graves.properties.change_repository(HELLO, AttributesChange(write_enabled=False))

        with pytest.raises(Disallowed):
            await graves.restore(digest, V1)

    async def test_a_locked_tag_is_not_moved_even_by_force(self, graves: Graves) -> None:
        """Its owner locked it for good reason."""
        digest = await graves.push(IMAGE, V1)
        await graves.metadata.delete_manifest(HELLO, digest)
        await graves.push(NEXT, V1)
        await graves.properties.change_tag(HELLO, V1, AttributesChange(write_enabled=False))

        with pytest.raises(Disallowed):
            await graves.restore(digest, V1, force=True)

    async def test_what_goes_to_the_graveyard_keeps_the_layers_that_another_one_leaves(
        self, graves: Graves
    ) -> None:
        """One expires in the same collection that buries the other: the layers are looked at."""
        await graves.enable(SoftDeletePolicy(repositories=HELLO.value, days=2))
        await graves.push(IMAGE, V1)
        digest = await graves.push(NEXT, V2)
        await graves.metadata.delete_manifest(HELLO, IMAGE.digest)
        graves.now += DAY
        await graves.metadata.delete_tag(HELLO, V2)
        graves.now += DAY
        await graves.collect()

        await graves.restore(digest)

        found = await graves.metadata.find_copies(HELLO, NEXT.required_blobs)
        assert set(found) == set(NEXT.required_blobs)

    async def test_a_quota_that_is_used_up_takes_nothing_back(self, graves: Graves) -> None:
        """Restoring would go around it, and a half would be left."""
        digest = await graves.push(IMAGE, V1)
        await graves.metadata.delete_manifest(HELLO, digest)
        graves.now += 2 * DAY
        await graves.collect()
        quota = Quota(name="small", repositories="library/*", max_bytes=len(IMAGE.content) + 7)
        await graves.policies.create(quota, AT, 500)

        with pytest.raises(QuotaExceeded):
            await graves.restore(digest, V1)
        assert (await graves.live(), await graves.deleted()) == ({}, [str(digest)])
        await graves.policies.replace(
            Quota(name="small", repositories="library/*", max_bytes=len(IMAGE.content) + 8),
            quota,
            AT,
        )
        await graves.restore(digest, V1)
        await graves.check_counters()

    async def test_of_a_deleted_repository_one_manifest_comes_back_into_the_new_one(
        self, graves: Graves
    ) -> None:
        """The name is in use again, and only one image is missed."""
        digest = await graves.push(IMAGE, V1, V2)
        await graves.push(NEXT, LATEST)
        await graves.metadata.delete_repository(HELLO)
        other = image(BLOB, Digest.of(b"other"))
        await graves.push(other, LATEST)
        with pytest.raises(NameTaken):
            await graves.graveyard.restore_repository(HELLO, AT)
        await graves.restore(digest, V1)
        graves.now += 2 * DAY
        await graves.collect()

        assert await graves.live() == {str(digest): ("v1",), str(other.digest): ("latest",)}
        assert await graves.deleted() == [str(NEXT.digest)]
        assert await graves.deleted_tags() == [
            ("latest", str(NEXT.digest)),
            ("v2", str(digest)),
        ]
        await graves.check_counters()

    async def test_the_last_manifest_of_a_deleted_repository_comes_back_without_a_new_one(
        self, graves: Graves
    ) -> None:
        """The repository is created again."""
        digest = await graves.push(IMAGE, V1)
        await graves.metadata.delete_repository(HELLO)
        await graves.restore(digest)
        visible = (RepositoryPattern("*"),)

        assert await graves.live() == {str(digest): ("v1",)}
        assert (await graves.graveyard.repositories(Page(), visible, AT)).items == ()
        graves.now += 30 * DAY
        await graves.collect()
        assert await graves.live() == {str(digest): ("v1",)}
        assert await graves.stored() == {str(BLOB), str(LAYER)}
        await graves.check_counters()

    async def test_what_was_pushed_again_meanwhile_is_only_tagged(self, graves: Graves) -> None:
        """The live copy is the same, byte for byte."""
        digest = await graves.push(IMAGE, V1)
        await graves.metadata.delete_manifest(HELLO, digest)
        await graves.push(IMAGE, LATEST)
        await graves.restore(digest, V1)

        assert await graves.live() == {str(digest): ("latest", "v1")}
        assert await graves.deleted() == []
        graves.now += 30 * DAY
        await graves.collect()
        assert await graves.stored() == {str(BLOB), str(LAYER)}
        await graves.check_counters()

    async def test_a_restored_manifest_is_not_as_old_as_it_was(self, graves: Graves) -> None:
        """A rule that deletes by age would delete it again at once."""
        digest = await graves.push(IMAGE, V1)
        graves.now += 100 * DAY
        await graves.metadata.delete_manifest(HELLO, digest)
        await graves.restore(digest)

        shown = await graves.properties.manifest(HELLO, digest)
        assert (shown.created_at, shown.updated_at) == (AT, graves.now)

    async def test_what_was_never_deleted_is_unknown(self, graves: Graves) -> None:
        """The answer must not be 500."""
        with pytest.raises(UnknownManifest):
            await graves.restore(IMAGE.digest, V1)


class TestWholeIndexes:
    """An index comes back with its images and signatures: at ACR it does not."""

    async def test_an_index_comes_back_with_its_children_and_their_referrers(
        self, graves: Graves
    ) -> None:
        """A restored index whose images are gone cannot be pulled."""
        signature = index("signature", subject=descriptor(IMAGE.digest))
        of_signature = index("of signature", subject=descriptor(signature.digest))
        whole = index("whole", manifests=[descriptor(IMAGE.digest), descriptor(NEXT.digest)])
        for manifest in (IMAGE, NEXT, signature, of_signature):
            await graves.push(manifest)
        digest = await graves.push(whole, V1)
        before = await graves.live()
        await graves.metadata.delete_manifest(HELLO, digest)
        graves.now += 2 * DAY
        await graves.collect()
        assert len(await graves.deleted()) == 5

        assert await graves.restore(digest, V1) == 1
        assert await graves.live() == before
        assert await graves.deleted() == []
        graves.now += 30 * DAY
        await graves.collect()
        assert await graves.live() == before
        await graves.check_counters()

    async def test_a_signature_that_was_deleted_before_stays_deleted(self, graves: Graves) -> None:
        """Somebody withdrew it."""
        await graves.push(IMAGE, V1)
        withdrawn = await graves.push(index("old", subject=descriptor(IMAGE.digest)))
        kept = await graves.push(index("new", subject=descriptor(IMAGE.digest)))
        await graves.metadata.delete_manifest(HELLO, withdrawn)
        graves.now += timedelta(seconds=1)
        await graves.metadata.delete_manifest(HELLO, IMAGE.digest)
        await graves.restore(IMAGE.digest)

        assert set(await graves.live()) == {str(IMAGE.digest), str(kept)}
        assert await graves.deleted() == [str(withdrawn)]

    async def test_the_children_of_a_deleted_repositorys_index_come_back(
        self, graves: Graves
    ) -> None:
        """All of them lie in the deleted repository."""
        whole = index("whole", manifests=[descriptor(IMAGE.digest), descriptor(NEXT.digest)])
        await graves.push(IMAGE, *tags("amd64"))
        await graves.push(NEXT)
        await graves.push(whole, V1)
        await graves.metadata.delete_repository(HELLO)
        await graves.restore(whole.digest)

        assert set(await graves.live()) == {str(one.digest) for one in (IMAGE, NEXT, whole)}
        assert await graves.deleted_tags() == [("amd64", str(IMAGE.digest))]
        await graves.check_counters()

    async def test_much_is_restored_in_steps_and_the_index_last(
        self, graves: Graves, monkeypatch: pytest.MonkeyPatch
    ) -> None:
        """Pushes would wait for a transaction of minutes, and an index be pulled in pieces."""
        monkeypatch.setattr(restoring, "RESTORED_AT_ONCE", 3)
        children = [image(BLOB, Digest.of(f"layer {n}".encode())) for n in range(6)]
        gone = [descriptor(Digest.of(f"gone {n}".encode())) for n in range(10)]
        listed = [*gone, *(descriptor(child.digest) for child in children)]
        inner = index("inner", manifests=listed)
        outer = index("outer", manifests=[descriptor(inner.digest), *listed[:12]])
        for manifest in (*children, inner):
            await graves.push(manifest)
        digest = await graves.push(outer, V1)
        before = await graves.live()
        for manifest in (outer, inner, *children):
            await graves.metadata.delete_manifest(HELLO, manifest.digest)

        assert await graves.restore(digest, V1) == 3
        assert await graves.live() == before
        await graves.check_counters()

    async def test_what_was_restored_in_part_is_collected_again(
        self, graves: Graves, monkeypatch: pytest.MonkeyPatch
    ) -> None:
        """The client hung up in between: untagged images would stay for ever."""
        monkeypatch.setattr(restoring, "RESTORED_AT_ONCE", 1)
        whole = index("whole", manifests=[descriptor(IMAGE.digest), descriptor(NEXT.digest)])
        for manifest in (IMAGE, NEXT, whole):
            await graves.push(manifest)
        for manifest in (whole, IMAGE, NEXT):
            await graves.metadata.delete_manifest(HELLO, manifest.digest)
        what = Restoration(HELLO, whole.digest, V1)
        assert not await graves.graveyard.restore(what, graves.now)
        assert len(await graves.live()) == 1
        graves.now += 2 * DAY
        await graves.collect()

        assert await graves.live() == {}
        assert len(await graves.deleted()) == 3


class TestPurging:
    """What must be gone at once."""

    async def test_a_manifest_is_purged_by_hand(self, graves: Graves) -> None:
        """At ACR a leaked secret can be restored until the days are over."""
        digest = await graves.push(IMAGE, V1)
        await graves.push(NEXT, V2)
        await graves.metadata.delete_manifest(HELLO, digest)
        await graves.metadata.delete_manifest(HELLO, NEXT.digest)
        await graves.graveyard.purge_manifest(HELLO, digest, AT)

        assert await graves.deleted() == [str(NEXT.digest)]
        assert await graves.deleted_tags() == [("v2", str(NEXT.digest))]
        graves.now += 2 * DAY
        await graves.collect()
        assert str(LAYER) not in await graves.stored()
        with pytest.raises(UnknownManifest):
            await graves.graveyard.purge_manifest(HELLO, digest, AT)
        await graves.check_counters()

    async def test_a_manifest_of_a_deleted_repository_is_purged_by_hand(
        self, graves: Graves
    ) -> None:
        """It must not come back with the repository."""
        digest = await graves.push(IMAGE, V1)
        await graves.push(NEXT, V2)
        await graves.metadata.delete_repository(HELLO)
        await graves.graveyard.purge_manifest(HELLO, digest, AT)
        await graves.graveyard.restore_repository(HELLO, AT)

        assert await graves.live() == {str(NEXT.digest): ("v2",)}
        await graves.check_counters()

    async def test_all_that_was_deleted_of_a_repository_is_purged_by_hand(
        self, graves: Graves
    ) -> None:
        """Also what was deleted with it, and before it; what is live stays."""
        await graves.push(IMAGE, V1)
        await graves.metadata.delete_manifest(HELLO, IMAGE.digest)
        await graves.push(NEXT, V1)
        await graves.metadata.delete_repository(HELLO)
        await graves.push(IMAGE, LATEST)
        await graves.graveyard.purge_repository(HELLO, AT)
        assert await graves.deleted() == []
        await graves.metadata.delete_tag(HELLO, LATEST)  # a new graveyard beside the old one
        await graves.collect()

        assert await graves.live() == {str(IMAGE.digest): ()}
        assert await graves.deleted_tags() == [("latest", str(IMAGE.digest))]
        await graves.check_counters()
        with pytest.raises(UnknownRepository):
            await graves.graveyard.purge_repository(OTHER, AT)

    async def test_a_purged_index_leaves_its_images_their_own_time(self, graves: Graves) -> None:
        """They were deleted later, and can be restored longer."""
        await graves.push(IMAGE)
        whole = index("whole", manifests=[descriptor(IMAGE.digest)])
        await graves.push(whole, V1)
        await graves.push(index("signature", subject=descriptor(IMAGE.digest)))
        await graves.metadata.delete_manifest(HELLO, whole.digest)
        await graves.metadata.delete_manifest(HELLO, IMAGE.digest)
        await graves.graveyard.purge_manifest(HELLO, whole.digest, AT)
        await graves.collect()

        assert len(await graves.deleted()) == 2
        await graves.check_counters()


class TestListing:
    """Pages of what was deleted."""

    async def test_pages_join_to_the_whole_list(self, graves: Graves) -> None:
        """az reads a hundred at a time, and a missed one would look lost."""
        for number in range(7):
            graves.now += timedelta(seconds=1)
            pushed = image(BLOB, Digest.of(f"layer {number}".encode()))
            await graves.push(pushed, V1, V2)
            if number % 3 == 2:
                await graves.metadata.delete_repository(HELLO)
            else:
                await graves.metadata.delete_manifest(HELLO, pushed.digest)

        for items in (1, 2, 3):
            listed = await walk(graves.manifests, items, lambda one: one.digest)
            assert [one.digest for one in listed] == sorted(await graves.deleted())
            found = await graves.all_tags(items)
            assert [(one.name, one.digest) for one in found] == await graves.deleted_tags()
        assert len(await graves.deleted_tags()) == 14

    async def test_only_visible_repositories_are_listed(self, graves: Graves) -> None:
        """Names tell."""
        names = ["a", "team/a", "team/b", "zoo"]
        for name in names:
            repository = RepositoryName.parse(name)
            digest = await graves.push(IMAGE, V1, repository=repository)
            await graves.metadata.delete_manifest(repository, digest)
        await graves.metadata.put_manifest(OTHER, index(), (), AT)
        find = graves.graveyard.repositories

        assert (await find(Page(), (RepositoryPattern("*"),), AT)).items == tuple(names)
        assert (await find(Page(), (RepositoryPattern("team/*"),), AT)).items == (
            "team/a",
            "team/b",
        )
        first = await find(Page(1), (RepositoryPattern("team/*"), RepositoryPattern("zoo")), AT)
        assert (first.items, first.more) == (("team/a",), True)
        assert (await find(Page(), (), AT)).items == ()

    async def test_a_manifest_that_was_deleted_twice_is_listed_once(self, graves: Graves) -> None:
        """By the last time."""
        digest = await graves.push(IMAGE, V1)
        await graves.metadata.delete_manifest(HELLO, digest)
        graves.now += DAY
        await graves.push(IMAGE, V1)
        await graves.metadata.delete_repository(HELLO)

        [shown] = (await graves.graveyard.manifests(HELLO, Page(), graves.now)).items
        assert shown.deleted_at == AT + DAY
