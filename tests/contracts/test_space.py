"""The contract of ports.Space: what takes space, and why."""

from datetime import timedelta

import pytest
from hypothesis import given, settings
from hypothesis import strategies as st

from acrux.adapters.sql.database import Database, Statement, Steps
from acrux.adapters.sql.policies import SqlPolicies
from acrux.adapters.sql.space.space import SqlSpace
from acrux.domain.content.attributes import AttributesChange
from acrux.domain.content.digest import Digest
from acrux.domain.content.names import RepositoryName
from acrux.domain.content.patterns import RepositoryPattern
from acrux.domain.content.policies.soft_delete import SoftDeletePolicy
from acrux.domain.content.storage.space import (
    Amount,
    Chain,
    Freeable,
    Ground,
    Share,
    Step,
    Target,
    Thing,
)
from acrux.domain.instants import to_microseconds
from acrux.errors import (
    Disallowed,
    NotYet,
    RegistryError,
    UnknownBlob,
    UnknownManifest,
    UnknownRepository,
    UnknownTag,
)
from tests.contracts.content import AT, copy, descriptor, image, index, tags
from tests.contracts.databases import Databases, Places
from tests.contracts.histories import (
    BLOBS,
    GRACE,
    HELD,
    MANIFESTS,
    REPOSITORIES,
    TAGS,
    Action,
    History,
    action,
    manifests,
    repositories,
    steps,
)

APP, WEB, BASE = REPOSITORIES
LATEST = TAGS[0]
IMAGE = image(BLOBS[0], BLOBS[1])
HOUR = timedelta(hours=1)


@pytest.fixture
def registry(databases: Databases) -> History:
    """An empty registry, and a clock."""
    return History(databases.open())


@pytest.fixture
def space(registry: History) -> SqlSpace:
    """What is asked about it."""
    return registry.space


async def chains(space: SqlSpace, digest: Digest) -> tuple[Chain, ...]:
    """The chains in the only repository that has the digest."""
    kept = await space.why(digest, None)
    [keeper] = kept.keepers
    return keeper.chains


class TestWhy:
    """What keeps a digest."""

    async def test_a_chain_leads_from_the_tag_over_the_index_to_the_blob(
        self, registry: History, space: SqlSpace
    ) -> None:
        """People would delete everything but the tag that keeps the layer."""
        await registry.push(APP, IMAGE, [])
        platforms = index("all", manifests=[descriptor(IMAGE.digest)])
        registry.now += HOUR
        await registry.push(APP, platforms, [])
        registry.now += HOUR
        await registry.metadata.put_manifest(APP, platforms, tags("v1"), registry.now)

        [chain] = await chains(space, BLOBS[1])

        assert chain == Chain(
            (
                Step(Thing.TAG, "v1", AT + 2 * HOUR),
                Step(Thing.INDEX, str(platforms.digest), AT + HOUR),
                Step(Thing.MANIFEST, str(IMAGE.digest), AT),
                Step(Thing.BLOB, str(BLOBS[1]), AT),
            ),
            Ground.TAG,
        )

    async def test_a_subject_keeps_its_referrers(self, registry: History, space: SqlSpace) -> None:
        """A signature has no tag, and its reason would not be found."""
        await registry.push(APP, IMAGE, [LATEST])
        signature = image(BLOBS[2], subject=descriptor(IMAGE.digest))
        await registry.push(APP, signature, [])

        [chain] = await chains(space, signature.digest)

        assert [step.thing for step in chain.steps] == [Thing.TAG, Thing.MANIFEST, Thing.REFERRER]

    async def test_a_pushed_blob_is_held_for_its_push(
        self, registry: History, space: SqlSpace
    ) -> None:
        """It looks abandoned, and is not."""
        await registry.metadata.link_blob(APP, copy(BLOBS[0]), "alice", AT)

        [held] = await chains(space, BLOBS[0])
        registry.now += HELD
        [expired] = await chains(space, BLOBS[0])

        assert (held.ground, held.at, held.by) == (Ground.HOLD, AT + HELD, "alice")
        assert (expired.ground, expired.at) == (Ground.REVIEW, AT + HELD)

    async def test_what_lost_its_last_reference_says_when_it_goes(
        self, registry: History, space: SqlSpace
    ) -> None:
        """People would delete it again, or wait without knowing for what."""
        await registry.push(APP, IMAGE, [LATEST])
        await registry.untag(APP, LATEST)

        [manifest] = await chains(space, IMAGE.digest)
        [blob] = await chains(space, BLOBS[0])
        await registry.lock(APP, IMAGE, False)
        [locked] = await chains(space, IMAGE.digest)
        await registry.lock(APP, IMAGE, True)
        await registry.delete(APP, IMAGE)
        [orphan] = await chains(space, BLOBS[0])

        assert (manifest.ground, manifest.at) == (Ground.REVIEW, AT + GRACE)
        assert (blob.steps[0].thing, blob.ground) == (Thing.MANIFEST, Ground.REVIEW)
        assert locked.ground is Ground.LOCK
        assert [step.thing for step in orphan.steps] == [Thing.BLOB]
        assert (orphan.ground, orphan.at) == (Ground.REVIEW, AT + GRACE)

    async def test_a_manifest_that_never_had_a_tag_stays(
        self, registry: History, space: SqlSpace
    ) -> None:
        """Only what lost a reference is collected; who pushes by digest is not surprised."""
        await registry.push(APP, IMAGE, [])
        registry.now += HELD

        [chain] = await chains(space, IMAGE.digest)

        assert chain.ground is Ground.UNTAGGED

    async def test_one_that_lost_its_tag_stays_too_if_the_setting_says_so(
        self, databases: Databases
    ) -> None:
        """The answer would promise what is not done."""
        registry = History(databases.open(), untagged=False)
        await registry.push(APP, IMAGE, [LATEST])
        await registry.untag(APP, LATEST)

        [chain] = await chains(registry.space, IMAGE.digest)

        assert chain.ground is Ground.UNTAGGED

    async def test_a_manifest_can_be_held(self, registry: History, space: SqlSpace) -> None:
        """An index that is about to name it keeps it."""
        await registry.push(APP, IMAGE, [])

        [chain] = await chains(space, IMAGE.digest)

        assert (chain.ground, chain.at) == (Ground.HOLD, AT + HELD)

    async def test_a_manifest_that_can_be_restored_says_until_when(
        self, registry: History, space: SqlSpace
    ) -> None:
        """Its space does not come back yet."""
        await registry.push(APP, IMAGE, [])
        await registry.database.write(_mark_deleted(IMAGE.digest))

        [chain] = await chains(space, IMAGE.digest)

        assert (chain.ground, chain.at) == (Ground.DELETED, AT + timedelta(days=7))

    async def test_a_deleted_repository_says_when_it_is_cleared(
        self, registry: History, space: SqlSpace
    ) -> None:
        """Nobody sees the repository any more, and its space is still taken."""
        await registry.push(APP, IMAGE, [LATEST])
        await registry.delete_repository(APP)

        [keeper] = (await space.why(BLOBS[0], None)).keepers

        assert (keeper.name, keeper.is_deleted) == (APP.value, True)
        assert (keeper.cleared_at, keeper.chains) == (AT + GRACE, ())

    async def test_every_repository_that_has_it_is_named_or_only_the_one_asked_about(
        self, registry: History, space: SqlSpace
    ) -> None:
        """A base layer is kept in many places, and one deletion would not be enough."""
        for repository in REPOSITORIES:
            await registry.push(repository, IMAGE, [LATEST])

        everywhere = await space.why(BLOBS[0], None)
        there = await space.why(BLOBS[0], WEB)

        assert [one.name for one in everywhere.keepers] == ["app", "app/web", "base"]
        assert [one.name for one in there.keepers] == ["app/web"]
        assert (everywhere.size, everywhere.more) == (4, False)

    async def test_bytes_that_nothing_refers_to_say_when_they_go(
        self, registry: History, space: SqlSpace
    ) -> None:
        """They are still on the disk, and people see them there."""
        await registry.metadata.link_blob(APP, copy(BLOBS[0], 7), "", AT)
        await registry.unlink(APP, BLOBS[0])

        kept = await space.why(BLOBS[0], None)

        assert (kept.keepers, kept.size, kept.removed_at) == ((), 7, AT + GRACE)

    async def test_what_is_not_there_is_refused(self, registry: History, space: SqlSpace) -> None:
        """A typing error would look like freed space."""
        await registry.push(APP, IMAGE, [LATEST])

        with pytest.raises(UnknownBlob, match="not in this registry"):
            await space.why(Digest.of(b"other"), None)
        with pytest.raises(UnknownBlob, match="not in the repository app/web"):
            await space.why(BLOBS[0], WEB)

    async def test_the_answer_is_bounded_and_says_so(
        self, registry: History, space: SqlSpace
    ) -> None:
        """A base layer of a hundred thousand images would fill the memory and the terminal."""
        await registry.push(APP, IMAGE, list(TAGS))
        for number in range(120):
            image_ = image(BLOBS[0], note=str(number))
            await registry.push(APP, image_, [])
        for number in range(25):
            await registry.push(RepositoryName.parse(f"b{number}"), IMAGE, [LATEST])

        kept = await space.why(BLOBS[0], None)

        assert (len(kept.keepers), kept.more) == (20, True)
        assert (len(kept.keepers[0].chains), kept.keepers[0].more) == (5, True)
        assert not kept.keepers[1].more


class TestWhatIf:
    """What a deletion would free."""

    async def test_a_tag_frees_what_only_it_keeps_after_the_grace(
        self, registry: History, space: SqlSpace
    ) -> None:
        """The question is asked before a disk is full: the answer must be what comes."""
        await registry.push(APP, IMAGE, [LATEST])
        await registry.push(APP, image(BLOBS[0]), [*tags("v1")])

        found = await space.what_if([Target(APP, LATEST)])

        assert found == Freeable(
            now=Amount(),
            later=Amount(1, len(IMAGE.content), 1, 4),
            due_at=AT + GRACE,
            shared=Amount(blobs=1, blob_bytes=4),
            shared_with=(Share("app", 1, 4),),
            more=False,
        )

    async def test_a_manifest_goes_at_once_with_its_referrers(
        self, registry: History, space: SqlSpace
    ) -> None:
        """Only its blobs wait for the grace."""
        await registry.push(APP, IMAGE, [LATEST])
        signature = image(BLOBS[2], subject=descriptor(IMAGE.digest))
        await registry.push(APP, signature, [])

        found = await space.what_if([Target.parse(f"app@{IMAGE.digest}")])

        assert found.now == Amount(2, len(IMAGE.content) + len(signature.content), 0, 0)
        assert found.later == Amount(0, 0, 3, 12)

    async def test_a_repository_frees_what_no_other_links(
        self, registry: History, space: SqlSpace
    ) -> None:
        """A base layer stays, and whoever else has it is named."""
        await registry.push(APP, IMAGE, [LATEST])
        await registry.push(BASE, image(BLOBS[0]), [LATEST])

        one = await space.what_if([Target(APP)])
        both = await space.what_if([Target(APP), Target(BASE)])

        assert (one.later.blobs, one.shared_with) == (1, (Share("base", 1, 4),))
        assert (both.later.manifests, both.later.blobs, both.shared) == (2, 2, Amount())

    async def test_what_can_be_restored_goes_later(
        self, registry: History, space: SqlSpace
    ) -> None:
        """Under a soft-delete policy, space comes back after its days, not after the grace."""
        policies = SqlPolicies(registry.database)
        await policies.create(SoftDeletePolicy(repositories="*", days=30), AT, 10)
        await registry.push(APP, IMAGE, [LATEST])

        found = await space.what_if([Target(APP, IMAGE.digest)])

        assert found.now == Amount()
        assert (found.later.manifests, found.later.blobs) == (1, 2)
        assert found.due_at == AT + timedelta(days=30)

    async def test_two_parts_free_together_what_neither_frees_alone(
        self, registry: History, space: SqlSpace
    ) -> None:
        """Somebody who deletes both tags would be told that nothing comes back."""
        await registry.push(APP, IMAGE, [*TAGS[:2]])
        await registry.push(WEB, IMAGE, [LATEST])

        alone = await space.what_if([Target(APP, TAGS[0])])
        together = await space.what_if(
            [Target(APP, TAGS[0]), Target(APP, TAGS[1]), Target(WEB, LATEST)]
        )

        assert (alone.later, alone.shared) == (Amount(), Amount())
        assert (together.later.manifests, together.later.blobs) == (2, 2)

    async def test_it_refuses_what_the_deletion_would_refuse(
        self, registry: History, space: SqlSpace
    ) -> None:
        """A number would be promised for a deletion that fails."""
        await registry.push(APP, IMAGE, [LATEST])

        with pytest.raises(UnknownTag):
            await space.what_if([Target(APP, TAGS[1])])
        with pytest.raises(UnknownManifest):
            await space.what_if([Target(APP, MANIFESTS[0].digest)])
        with pytest.raises(UnknownRepository):
            await space.what_if([Target(WEB)])
        await registry.properties.change_tag(APP, LATEST, AttributesChange(delete_enabled=False))
        for target in (Target(APP), Target(APP, LATEST), Target(APP, IMAGE.digest)):
            with pytest.raises(Disallowed):
                await space.what_if([target])

    async def test_it_changes_nothing(self, registry: History, space: SqlSpace) -> None:
        """A question must be safe to ask."""
        await registry.push(APP, IMAGE, [LATEST])
        before = await contents(registry.database)

        await space.what_if([Target(APP), Target(APP, LATEST)])

        assert await contents(registry.database) == before


class TestUsage:
    """What repositories hold."""

    async def test_a_repository_knows_what_is_its_own(
        self, registry: History, space: SqlSpace
    ) -> None:
        """Whoever deletes it wants to know what comes back, not what it looks like."""
        await registry.push(APP, IMAGE, [*TAGS[:2]])
        await registry.push(BASE, image(BLOBS[0]), [LATEST])

        usage = await space.of_repository(APP)

        assert (usage.name, usage.repositories, usage.tags) == ("app", 1, 2)
        assert usage.content == Amount(1, len(IMAGE.content), 2, 8)
        assert usage.own == Amount(1, len(IMAGE.content), 1, 4)

    async def test_a_prefix_counts_what_its_repositories_share_once(
        self, registry: History, space: SqlSpace
    ) -> None:
        """The sum over a team's repositories is more than the team takes."""
        for name in ("team/a", "team/b", "team", "teams/c"):
            await registry.push(RepositoryName.parse(name), image(BLOBS[1]), [LATEST])
        await registry.push(RepositoryName.parse("team/b"), image(BLOBS[2]), [])

        usage = await space.of_pattern(RepositoryPattern.parse("team/*"))

        assert (usage.repositories, usage.tags, usage.content.manifests) == (2, 2, 3)
        assert (usage.content.blobs, usage.content.blob_bytes) == (2, 8)
        assert usage.own is not None
        assert (usage.own.blobs, usage.own.blob_bytes) == (1, 4)

    async def test_the_registry_counts_every_blob_once_and_what_waits(
        self, registry: History, space: SqlSpace
    ) -> None:
        """The sum must be what the disk holds."""
        await registry.push(APP, IMAGE, [LATEST])
        await registry.push(WEB, IMAGE, [LATEST])
        await registry.push(BASE, image(BLOBS[2]), [LATEST])
        await registry.delete_repository(WEB)
        await registry.link(APP, BLOBS[0], 4)

        usages = await space.of_registry(1)

        assert (usages.total.repositories, usages.total.tags) == (2, 2)
        assert (usages.total.content.manifests, usages.deleted.manifests) == (3, 1)
        assert (usages.total.content.blobs, usages.total.content.blob_bytes) == (3, 12)
        assert (usages.waiting_bytes, usages.is_counted) == (4, True)
        assert [one.name for one in usages.largest] == ["app"]

    async def test_an_unknown_repository_is_refused_and_an_empty_prefix_is_nothing(
        self, space: SqlSpace
    ) -> None:
        """A typing error would look like an empty repository."""
        with pytest.raises(UnknownRepository):
            await space.of_repository(APP)
        assert (await space.of_pattern(RepositoryPattern.parse("team/*"))).content == Amount()

    async def test_a_repository_that_came_again_is_measured_under_its_new_key(
        self, registry: History, space: SqlSpace
    ) -> None:
        """Its predecessor of the same name is not cleared yet."""
        await registry.push(APP, IMAGE, [LATEST])
        await registry.delete_repository(APP)
        await registry.push(APP, image(BLOBS[2]), [LATEST])

        usage = await space.of_repository(APP)

        assert usage.own == usage.content
        assert usage.content.blobs == 1


async def test_nothing_is_said_before_all_references_are_known(registry: History) -> None:
    """What an earlier version stored would look as if nothing kept it."""
    await registry.push(APP, IMAGE, [LATEST])
    await registry.come_from_a_former_version()

    with pytest.raises(NotYet, match="gc run"):
        await registry.space.why(BLOBS[0], None)
    with pytest.raises(NotYet):
        await registry.space.what_if([Target(APP)])
    assert not (await registry.space.of_registry(1)).is_counted


targets = st.one_of(
    st.builds(Target, st.sampled_from(REPOSITORIES)),
    st.builds(Target, st.sampled_from(REPOSITORIES), st.sampled_from(TAGS)),
    st.builds(
        Target,
        st.sampled_from(REPOSITORIES),
        st.sampled_from([manifest.digest for manifest in MANIFESTS]),
    ),
)


pushes = st.lists(
    action("push", repositories, manifests, st.lists(st.sampled_from(TAGS), max_size=2)), max_size=8
)


@given(
    pushed=pushes,
    history=st.lists(steps, max_size=20),
    wanted=st.lists(targets, min_size=1, max_size=6, unique=True),
    referrers=st.booleans(),
)
@settings(max_examples=30, deadline=None)
async def test_what_would_be_freed_is_what_is_freed(
    places: Places,
    pushed: list[Action],
    history: list[Action],
    wanted: list[Target],
    referrers: bool,
) -> None:
    """A prediction that is not held against the deletion is a guess."""
    with places() as place:
        databases = Databases(place)
        try:
            registry = History(databases.open(), referrers=referrers)
            for name, arguments in (*pushed, *history):
                # Another size is that of damaged bytes, which the link and the copy may tell apart.
                whole = (*arguments[:2], 4) if name == "link" else arguments
                await registry.take((name, whole))
            await registry.settle()
            before = await stored(registry.database)
            chosen = [one for one in wanted if await is_possible(registry, one)]
            predicted = await registry.space.what_if(chosen)
            for target in chosen:
                await registry.delete_target(target)
            await registry.settle()
            after = await stored(registry.database)
        finally:
            databases.close()

    freed = predicted.now + predicted.later
    assert (freed.manifests, freed.blobs) == (before[0] - after[0], before[1] - after[1])
    assert (freed.manifest_bytes, freed.blob_bytes) == (before[2] - after[2], before[3] - after[3])


async def is_possible(registry: History, target: Target) -> bool:
    """Whether there is such a thing, and it may be deleted."""
    try:
        await registry.space.what_if([target])
    except RegistryError:
        return False
    return True


async def stored(database: Database) -> tuple[int, ...]:
    """Manifests, blobs, and the bytes of each."""
    [row] = await database.read(
        Statement(
            """
            SELECT (SELECT COUNT(*) FROM manifests), (SELECT COUNT(*) FROM blobs),
                   (SELECT COALESCE(SUM(size), 0) FROM manifests),
                   (SELECT COALESCE(SUM(size), 0) FROM blobs)
            """,
            {},
        )
    )
    return tuple(map(int, row))


async def contents(database: Database) -> list[list[tuple[object, ...]]]:
    """All rows of the tables that a deletion changes."""
    names = ("repositories", "manifests", "tags", "blob_links", "reviews", "holds", "usage")
    return [
        await database.read(Statement(f"SELECT * FROM {name}", {}))  # noqa: S608
        for name in names
    ]


def _mark_deleted(digest: Digest) -> Steps[None]:
    yield Statement(
        """
        INSERT INTO deleted_manifests (repository, digest, deleted_at, expires_at)
        VALUES ('app', :digest, :at, :until)
        """,
        {
            "digest": str(digest),
            "at": to_microseconds(AT),
            "until": to_microseconds(AT + timedelta(days=7)),
        },
    )
