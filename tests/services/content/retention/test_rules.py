"""Retention rules are carried out: what goes, what stays, when."""

import pytest
from msgspec.structs import replace

from acrux.adapters.sql.deleted.store import SqlGraveyard
from acrux.domain.content.attributes import AttributesChange
from acrux.domain.content.names import Tag
from acrux.domain.content.policies.retention import RetentionRule
from acrux.domain.content.policies.soft_delete import SoftDeletePolicy
from acrux.domain.content.policies.write_once import WriteOncePolicy
from acrux.domain.content.storage.deleted import Restoration
from acrux.errors import TooManyRequests, UnknownName
from acrux.services.content.retention import ITEMS, Removed
from tests.services.content.retention.shelf import APP, DAY, OTHER, Shelf, all_of, digests, named

RULE = RetentionRule(name="old-tags", repositories=("team/*",), tags=("*",), older_than_days=30)
UNTAGGED = RetentionRule(name="untagged", repositories=("*",), untagged_for_days=7)


async def run(shelf: Shelf, rule: str = "") -> set[str]:
    """Carry out the rules; returns the tags and digests that are said to be removed."""
    previewed = await all_of(shelf.retention.preview(rule))
    removed = await all_of(shelf.retention.run(rule))
    assert removed == previewed, "a dry run says exactly what a run does"
    return {named(one.item) for step in removed for one in step.verdicts}


async def test_the_newest_that_match_are_kept_and_old_ones_go(shelf: Shelf) -> None:
    """The rule most people ask for: keep the last N (Azure/acr#264)."""
    for age, tag in enumerate(["dev-4", "v1", "dev-3", "dev-2", "dev-1"]):
        await shelf.push(tag, age=age)
    await shelf.create(replace(RULE, tags=("dev-*",), older_than_days=None, keep_last=2))

    assert await run(shelf) == {"dev-2", "dev-1"}
    assert (await shelf.left()).tags == {"dev-4", "v1", "dev-3"}


async def test_a_manifest_stays_pullable_until_its_grace_has_passed(shelf: Shelf) -> None:
    """A deployment that names the digest would break at once."""
    old = await shelf.push("old", age=31)
    await shelf.create(RULE)
    await shelf.create(replace(UNTAGGED, untagged_for_days=0))

    assert await run(shelf) == {"old"}
    assert (await shelf.left()).manifests == digests(old)
    assert await run(shelf) == set()
    shelf.clock.forward(days=1)
    await shelf.collect()
    assert await run(shelf) == digests(old)


async def test_what_was_pulled_lately_stays(shelf: Shelf) -> None:
    """By its tag, by another tag, or by its digest: it is in use."""
    by_tag = await shelf.push("by-tag", age=100)
    by_digest = await shelf.push("by-digest", "another", age=100)
    await shelf.push("idle", age=100)
    await shelf.pull(Tag.parse("by-tag"), age=2)
    await shelf.pull(by_digest.digest, age=2)
    await shelf.pull(Tag.parse("idle"), age=91)
    await shelf.create(replace(RULE, older_than_days=None, not_pulled_for_days=90))

    assert await run(shelf) == {"idle"}
    assert (await shelf.left()).manifests > digests(by_tag, by_digest)


async def test_without_records_of_pulls_nothing_counts_as_idle(shelf: Shelf) -> None:
    """The first run after an update would remove what is in use every day."""
    await shelf.push("old", age=100)
    await shelf.create(replace(RULE, older_than_days=None, not_pulled_for_days=90))
    assert await run(shelf) == set()

    await shelf.pulls.begin(shelf.clock() - 90 * DAY)
    assert await run(shelf) == {"old"}


async def test_what_is_locked_or_write_once_stays(shelf: Shelf) -> None:
    """Whatever its age, and whichever rule."""
    for tag in ("free", "locked", "v1", "unwritable"):
        await shelf.push(tag, age=400)
    await shelf.lock("locked")
    await shelf.lock("unwritable", AttributesChange(write_enabled=False))
    await shelf.create(
        WriteOncePolicy(name="releases", repositories=("*",), except_tags=("free", "locked", "un*"))
    )
    await shelf.create(RULE)

    assert await run(shelf) == {"free"}


async def test_nothing_goes_from_a_repository_that_may_not_be_written(shelf: Shelf) -> None:
    """A lock of the repository holds for all that is in it (acr-protocol.md §5.5)."""
    await shelf.push("old", age=400)
    untagged = await shelf.push(age=400, name="untagged")
    await shelf.properties.change_repository(APP, AttributesChange(write_enabled=False))
    await shelf.create(RULE)
    await shelf.create(UNTAGGED)

    assert await run(shelf) == set()
    await shelf.properties.change_repository(APP, AttributesChange(write_enabled=True))
    assert await run(shelf) == {"old", *digests(untagged)}


async def test_manifests_without_a_tag_go_unless_something_needs_them(shelf: Shelf) -> None:
    """An index would lose its images, and a subject its signatures."""
    child = await shelf.push(age=9, name="child")
    await shelf.push("index", age=9, of=(child,))
    subject = await shelf.push("subject", age=9)
    signature = await shelf.push(age=9, name="signature", subject=subject)
    locked = await shelf.push(age=9, name="locked")
    await shelf.properties.change_manifest(
        APP, locked.digest, AttributesChange(delete_enabled=False)
    )
    young = await shelf.push(age=6, name="young")
    old = await shelf.push(age=8, name="old")
    of_old = await shelf.push(age=8, name="signature of old", subject=old)
    await shelf.create(UNTAGGED)

    assert await run(shelf) == digests(old)
    left = await shelf.left()
    assert left.manifests >= digests(child, signature, locked, young)
    assert not left.manifests & digests(old, of_old), "a referrer goes with its subject"


async def test_an_image_counts_as_untagged_since_it_last_lost_a_tag(shelf: Shelf) -> None:
    """One that was tagged again must not go by the age of its push (Azure/acr#520)."""
    back = await shelf.push("back", "other", age=100)
    gone = await shelf.push("gone", age=100)
    for tag, age in (("back", 50), ("other", 50), ("gone", 8)):
        await shelf.untag(tag, age=age)
    await shelf.push("again", age=40, name="back other")
    await shelf.create(UNTAGGED)
    assert await run(shelf) == digests(gone)

    await shelf.untag("again", age=6)
    assert (await shelf.left()).manifests == digests(back)
    assert await run(shelf) == set()
    shelf.clock.forward(days=1)
    assert await run(shelf) == digests(back)


async def test_an_image_that_is_pushed_again_counts_as_untagged_since_then(shelf: Shelf) -> None:
    """What was just pushed, and acknowledged, would go at the next run."""
    pushed = await shelf.push(name="one", age=40)
    await shelf.push(name="one")
    await shelf.create(UNTAGGED)

    shelf.clock.forward(days=6)
    assert await run(shelf) == set()
    shelf.clock.forward(days=1)
    assert await run(shelf) == digests(pushed)


async def test_a_restored_image_counts_as_untagged_since_then(shelf: Shelf) -> None:
    """The next run would delete it again before anybody could tag it."""
    await shelf.create(SoftDeletePolicy(repositories="*", days=30))
    await shelf.push("keeps")
    image = await shelf.push(name="one", age=40)
    await shelf.metadata.delete_manifest(APP, image.digest)
    graveyard = SqlGraveyard(shelf.database, shelf.grace)
    await graveyard.restore(Restoration(APP, image.digest), shelf.clock())
    await shelf.create(UNTAGGED)

    shelf.clock.forward(days=6)
    assert await run(shelf) == set()
    shelf.clock.forward(days=1)
    assert await run(shelf) == digests(image)


async def test_a_run_covers_every_page_of_every_repository(shelf: Shelf) -> None:
    """The rest would stay for ever."""
    for number in range(ITEMS + 5):
        await shelf.push(f"t{number}", age=40 + number)
        await shelf.push(age=40, name=f"untagged {number}")
    await shelf.push("t", age=40, repository=OTHER)
    await shelf.create(RULE)
    await shelf.create(UNTAGGED)

    assert len(await run(shelf)) == 2 * (ITEMS + 5)
    assert (await shelf.left()).tags == set()
    assert (await shelf.left(OTHER)).tags == {"t"}, "the rule does not cover it"


async def test_a_dry_run_changes_nothing(shelf: Shelf) -> None:
    """That is what it is for."""
    await shelf.push("old", age=40)
    await shelf.push(age=40, name="untagged")
    await shelf.create(RULE)
    await shelf.create(UNTAGGED)
    before = await shelf.left()

    first, second = [step for step in await all_of(shelf.retention.preview()) if step.verdicts]
    assert [named(first.verdicts[0].item)]
    assert second.verdicts[0].rule == "old-tags"
    assert "it was pushed 40 days ago" in second.verdicts[0].reason
    assert await shelf.left() == before


async def test_one_rule_can_be_run_though_it_is_disabled(shelf: Shelf) -> None:
    """It is tried before it is enabled."""
    await shelf.push("old", age=40)
    await shelf.create(replace(RULE, is_enabled=False))

    assert await run(shelf) == set()
    assert await run(shelf, RULE.name) == {"old"}


async def test_an_unknown_rule_is_refused(shelf: Shelf) -> None:
    """It may be mistyped, and nothing would happen."""
    for steps in (shelf.retention.preview("nothing"), shelf.retention.run("nothing")):
        with pytest.raises(UnknownName, match="there is no retention rule 'nothing'"):
            await all_of(steps)


class TestInTheBackground:
    """What a registry does by itself."""

    async def test_rules_are_carried_out_again_when_it_is_time(self, shelf: Shelf) -> None:
        """Not at each look, and not never."""
        assert await shelf.retention.continue_() is None, "there is no rule"
        await shelf.create(RULE)
        await shelf.push("old", age=31)
        first = await shelf.retention.continue_()
        await shelf.push("older", age=32)
        early = await shelf.retention.continue_()
        shelf.clock.forward(hours=1)
        second = await shelf.retention.continue_()

        assert first is not None
        assert second is not None
        assert early is None
        assert first.removed == second.removed == Removed(tags=1)
        assert await shelf.retention.last_run() == second
        assert second.ended_at == shelf.clock()

    async def test_a_run_can_be_started_at_once(self, shelf: Shelf) -> None:
        """Who has just made a rule does not wait for an hour."""
        await shelf.create(RULE)
        await shelf.retention.continue_()
        await shelf.push("old", age=31)
        started = await shelf.retention.start()
        again = await shelf.retention.start()
        done = await shelf.retention.continue_()

        assert started.is_running
        assert again == started
        assert done is not None
        assert done.removed == Removed(tags=1)

    async def test_a_run_that_was_cut_short_is_continued(self, shelf: Shelf) -> None:
        """A worker is killed, and another one goes on."""
        await shelf.create(replace(RULE, repositories=("*",)))
        await shelf.push("old", age=31)
        await shelf.push("old", age=31, repository=OTHER)

        async def killed() -> None:
            raise KeyboardInterrupt

        shelf.rests = [killed]
        with pytest.raises(KeyboardInterrupt):
            await shelf.retention.continue_()
        assert (await shelf.left(OTHER)).tags == set(), "this was done"
        assert (await shelf.left()).tags == {"old"}

        done = await shelf.another("two").continue_()
        assert done is not None
        assert done.removed == Removed(tags=1)
        assert (await shelf.left()).tags == set()

    async def test_only_one_process_does_it(self, shelf: Shelf) -> None:
        """Two would count and log the same."""
        await shelf.create(RULE)
        await shelf.push("old", age=31)
        other = shelf.another("two")
        seen: list[object] = []

        async def meanwhile() -> None:
            seen.append(await other.continue_())
            with pytest.raises(TooManyRequests, match="another process"):
                await all_of(other.run())

        shelf.rests = [meanwhile]
        assert await shelf.retention.continue_() is not None
        assert seen == [None]
        assert not any(step.verdicts for step in await all_of(other.run()))

    async def test_only_one_run_of_a_process_does_it(self, shelf: Shelf) -> None:
        """The first to end would let other processes in, as the lease is the process's."""
        await shelf.create(RULE)
        await shelf.push("old", age=31)
        hurried = shelf.retention.hurried(shelf.rest)
        seen: list[object] = []

        async def meanwhile() -> None:
            seen.append(await shelf.retention.continue_())
            with pytest.raises(TooManyRequests, match="another run in this process"):
                await all_of(shelf.retention.run())

        shelf.rests = [meanwhile]
        steps = await all_of(hurried.run())

        assert [named(one.item) for step in steps for one in step.verdicts] == ["old"]
        assert seen == [None]
        assert await shelf.retention.continue_() is not None

    async def test_what_another_process_has_just_ended_is_not_done_again(
        self, shelf: Shelf
    ) -> None:
        """Both saw that it was time."""
        await shelf.create(RULE)
        other = shelf.another("two")
        acquire = shelf.leases.acquire

        async def late(*arguments: object) -> bool:
            shelf.leases.acquire = acquire  # type: ignore[method-assign]
            assert await other.continue_() is not None
            return await acquire(*arguments)  # type: ignore[arg-type]

        shelf.leases.acquire = late  # type: ignore[method-assign,assignment]
        assert await shelf.retention.continue_() is None

    async def test_who_was_suspended_for_long_stops(self, shelf: Shelf) -> None:
        """Another process has taken over meanwhile."""
        await shelf.create(RULE)
        for number in range(2 * ITEMS):
            await shelf.push(f"t{number}", age=40)
        other = shelf.another("two")

        async def suspended() -> None:
            shelf.clock.forward(minutes=2)
            shelf.rests = [paused]
            await anext(held)

        async def paused() -> None:
            return None

        held = other.run()
        shelf.rests = [suspended]
        with pytest.raises(TooManyRequests):
            await shelf.retention.continue_()
        await held.aclose()
