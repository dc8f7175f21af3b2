"""What changes between the judgement and the removal, forced."""

from collections.abc import Awaitable, Callable, Sequence

import pytest
from msgspec.structs import replace

from acrux.adapters.sql.collection.inventory import SqlInventory
from acrux.domain.content.attributes import AttributesChange
from acrux.domain.content.manifest import Manifest
from acrux.domain.content.names import Tag
from acrux.domain.content.policies.retention import Fact, RetentionRule
from acrux.domain.content.policies.write_once import WriteOncePolicy
from acrux.ports.content.collection import Terms
from tests.services.content.retention.shelf import (
    APP,
    DAY,
    LOCKED,
    Shelf,
    all_of,
    digests,
    named,
)

RULE = RetentionRule(
    name="a-rule", repositories=("*",), tags=("*",), older_than_days=30, untagged_for_days=7
)
OLD = Tag.parse("old")

Change = Callable[[Shelf, Manifest], Awaitable[object]]


class Late(SqlInventory):
    """Something happens after items were judged, right before they are removed."""

    def __init__(self, shelf: Shelf, meanwhile: Callable[[], Awaitable[object]]) -> None:
        super().__init__(shelf.database, shelf.grace)
        self._meanwhile: Callable[[], Awaitable[object]] | None = meanwhile

    async def remove(
        self, repository: str, items: Sequence[Fact], terms: Terms
    ) -> tuple[bool, ...] | None:
        """See ports.Inventory."""
        if self._meanwhile:
            meanwhile, self._meanwhile = self._meanwhile, None
            await meanwhile()
        return await super().remove(repository, items, terms)


async def run(shelf: Shelf, meanwhile: Callable[[], Awaitable[object]]) -> set[str]:
    """Carry out the rules while something else happens once; returns what is removed."""
    shelf.inventory = Late(shelf, meanwhile)
    steps = await all_of(shelf.another("late").run())
    return {named(one.item) for step in steps for one in step.verdicts}


async def _move(shelf: Shelf, _: Manifest) -> None:
    await shelf.push("old", name="newer")


async def _move_back_and_forth(shelf: Shelf, _: Manifest) -> None:
    await shelf.push("old", name="newer")
    await shelf.push("old")


async def _push_again(shelf: Shelf, _: Manifest) -> None:
    await shelf.push("old")


async def _pull(shelf: Shelf, _: Manifest) -> None:
    await shelf.pull(OLD)


async def _pull_by_digest(shelf: Shelf, manifest: Manifest) -> None:
    await shelf.pull(manifest.digest)


async def _lock(shelf: Shelf, _: Manifest) -> None:
    await shelf.lock("old")


async def _lock_repository(shelf: Shelf, _: Manifest) -> None:
    await shelf.properties.change_repository(APP, AttributesChange(write_enabled=False))


async def _write_once(shelf: Shelf, _: Manifest) -> None:
    await shelf.create(WriteOncePolicy(name="releases", repositories=("*",)))


async def _disable(shelf: Shelf, _: Manifest) -> None:
    assert await shelf.policies.replace(replace(RULE, is_enabled=False), RULE, shelf.clock())


async def _delete_rule(shelf: Shelf, _: Manifest) -> None:
    assert await shelf.policies.delete(RetentionRule, RULE.name)


async def _keep_for_longer(shelf: Shelf, _: Manifest) -> None:
    longer = replace(RULE, older_than_days=60, untagged_for_days=60)
    assert await shelf.policies.replace(longer, RULE, shelf.clock())


ON_RULES: tuple[Change, ...] = (_disable, _delete_rule, _keep_for_longer)


@pytest.mark.parametrize(
    "change",
    [
        _move, _move_back_and_forth, _push_again, _pull, _pull_by_digest, _lock, _lock_repository,
        _write_once, *ON_RULES,
    ],
)  # fmt: skip
async def test_a_tag_that_changed_meanwhile_stays(shelf: Shelf, change: Change) -> None:
    """It is judged again by the next run, as it is then."""
    manifest = await shelf.push("old", age=31)
    await shelf.create(RULE)

    assert await run(shelf, lambda: change(shelf, manifest)) == set()
    assert (await shelf.left()).tags == {"old"}


async def _tag(shelf: Shelf, _: Manifest) -> None:
    await shelf.push("back", name="untagged")


async def _tag_and_untag(shelf: Shelf, _: Manifest) -> None:
    await shelf.push("back", name="untagged")
    await shelf.untag("back")


async def _name(shelf: Shelf, manifest: Manifest) -> None:
    await shelf.push("index", of=(manifest,))


async def _lock_manifest(shelf: Shelf, manifest: Manifest) -> None:
    await shelf.properties.change_manifest(APP, manifest.digest, LOCKED)


async def _delete_and_push(shelf: Shelf, manifest: Manifest) -> None:
    await shelf.metadata.delete_manifest(APP, manifest.digest)
    await shelf.push(name="untagged")


async def _hold(shelf: Shelf, manifest: Manifest) -> None:
    await shelf.metadata.hold(APP, manifest.digest, "pusher")


@pytest.mark.parametrize(
    "change",
    [
        _hold, _tag, _tag_and_untag, _name, _lock_manifest, _lock_repository, _pull_by_digest,
        _delete_and_push, *ON_RULES,
    ],
)  # fmt: skip
async def test_a_manifest_that_changed_meanwhile_stays(shelf: Shelf, change: Change) -> None:
    """A push that was told that it is there would fail, or refer to nothing."""
    manifest = await shelf.push(age=31, name="untagged")
    await shelf.create(RULE)

    assert await run(shelf, lambda: change(shelf, manifest)) == set()
    assert (await shelf.left()).manifests >= digests(manifest)


async def test_a_referrer_whose_subject_comes_meanwhile_stays(shelf: Shelf) -> None:
    """A signature may be pushed before its image."""
    subject = await shelf.push("subject")
    signature = await shelf.push(age=31, name="signature", subject=subject)
    await shelf.metadata.delete_tag(APP, Tag.parse("subject"))
    await shelf.metadata.delete_manifest(APP, subject.digest)
    signature = await shelf.push(age=31, name="signature", subject=subject)
    await shelf.collect()
    await shelf.create(RULE)

    assert await run(shelf, lambda: shelf.push("subject")) == set()
    assert (await shelf.left()).manifests == digests(subject, signature)


async def test_the_rest_of_a_batch_goes_all_the_same(shelf: Shelf) -> None:
    """One busy tag must not keep a hundred others."""
    for tag in ("a", "old", "z"):
        await shelf.push(tag, age=31)
    await shelf.create(RULE)

    assert await run(shelf, lambda: shelf.push("old")) == {"a", "z"}


async def test_a_changed_rule_is_carried_out_as_it_is_now(shelf: Shelf) -> None:
    """In the same run, from the next batch on."""
    old = await shelf.push("old", age=31)
    await shelf.push("older", age=61)
    await shelf.create(RULE)

    assert await run(shelf, lambda: _keep_for_longer(shelf, old)) == {"older"}


async def test_a_repository_deleted_and_made_again_keeps_what_is_new(shelf: Shelf) -> None:
    """It has the same name, and perhaps the same tags."""
    await shelf.push("old", age=31)
    await shelf.create(RULE)

    async def again() -> None:
        await shelf.metadata.delete_repository(APP)
        await shelf.push("old")

    assert await run(shelf, again) == set()
    assert (await shelf.left()).tags == {"old"}


async def test_a_repository_deleted_meanwhile_is_no_failure(shelf: Shelf) -> None:
    """What a rule would remove is gone."""
    await shelf.push("old", age=31)
    await shelf.push(age=31, name="untagged")
    await shelf.create(RULE)

    assert await run(shelf, lambda: shelf.metadata.delete_repository(APP)) == set()


async def test_a_tag_pushed_during_a_run_is_not_judged_by_it(shelf: Shelf) -> None:
    """The newest of ten would push an old one out that was to be kept."""
    for age in (1, 2, 3):
        await shelf.push(f"t{age}", age=age * 31)
    await shelf.create(replace(RULE, keep_last=2))
    assert await run(shelf, lambda: shelf.push("t0")) == {"t3"}

    shelf.clock.now += DAY
    assert await run(shelf, lambda: shelf.push("t0")) == {"t2"}
