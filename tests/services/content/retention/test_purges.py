"""Purges: what `acr purge` removes, on a real database."""

import pytest
from msgspec.structs import replace

from acrux.domain.content.attributes import AttributesChange
from acrux.domain.content.policies.write_once import WriteOncePolicy
from acrux.domain.content.storage.purge import MAX_FILTERS, MAX_KEPT, Filter, Purge
from acrux.errors import InvalidInput
from acrux.services.content.purges import DEPTH, ITEMS, NAMING
from tests.services.content.retention.shelf import (
    APP,
    DAY,
    LOCKED,
    OTHER,
    Shelf,
    all_of,
    digests,
    named,
)


def purge(*filters: str, ago: float = 30, **options: object) -> Purge:
    """A purge of what is older than so many days."""
    fields: dict[str, object] = {"filters": tuple(map(Filter.parse, filters)), "ago": ago * DAY}
    return Purge(**{**fields, **options})  # type: ignore[arg-type]


async def run(shelf: Shelf, wanted: Purge) -> set[str]:
    """Carry out the purge; returns the tags and digests that it says it removed."""
    previewed = await all_of(shelf.purges.preview(wanted))
    removed = await all_of(shelf.purges.run(wanted))
    said = [
        sorted((step.repository, named(item)) for step in steps for item in step.items)
        for steps in (previewed, removed)
    ]
    assert said[0] == said[1], "a dry run says exactly what a run does"
    return {name for _, name in said[1]}


async def test_old_tags_that_match_go(shelf: Shelf) -> None:
    """By their last push, whatever their repository's other tags."""
    await shelf.push("dev-1", age=31)
    await shelf.push("dev-2", age=29)
    await shelf.push("v1", age=31)
    await shelf.push("dev-1", age=31, repository=OTHER)

    assert await run(shelf, purge("team/.*:^dev-")) == {"dev-1"}
    assert (await shelf.left()).tags == {"dev-2", "v1"}
    assert (await shelf.left(OTHER)).tags == {"dev-1"}


async def test_filters_of_a_repository_add_up(shelf: Shelf) -> None:
    """As in acr-cli."""
    for tag in ("dev-1", "rc-1", "v1"):
        await shelf.push(tag, age=31)

    assert await run(shelf, purge("team/app:^dev-", ".*:^rc-", "other:.*")) == {"dev-1", "rc-1"}


async def test_the_newest_of_what_would_go_are_kept(shelf: Shelf) -> None:
    """Not of all tags: what is too young or locked does not count."""
    for age in (1, 31, 32, 33, 34):
        await shelf.push(f"t{age}", age=age)
    await shelf.lock("t31")

    assert await run(shelf, purge(".*:.*", keep=1)) == {"t33", "t34"}


async def test_the_edge_of_the_age_is_that_of_acr_cli(shelf: Shelf) -> None:
    """A tag must be older; a manifest may be exactly as old."""
    await shelf.push("edge", age=30)
    edge = await shelf.push(age=30, name="untagged")

    assert await run(shelf, purge(".*:.*", untagged=True)) == digests(edge)


async def test_manifests_go_with_the_tags_they_lose(shelf: Shelf) -> None:
    """Those too that lose their last tag just now."""
    old = await shelf.push("old", "older", age=31)
    kept = await shelf.push("dev", "latest", age=31)
    untagged = await shelf.push(age=31, name="untagged")
    young = await shelf.push(age=29, name="young")
    wanted = purge(".*:^(old|dev)", untagged=True)

    assert await run(shelf, wanted) == {"old", "older", "dev", *digests(old, untagged)}
    assert (await shelf.left()).manifests == digests(kept, young)


async def test_some_manifests_without_a_tag_are_kept_too(shelf: Shelf) -> None:
    """`--keep` counts tags and manifests each for themselves."""
    new, newer, old = [await shelf.push(f"t{age}", age=age) for age in (32, 31, 33)]
    assert await run(shelf, purge(".*:.*", untagged=True, keep=1)) == {"t32", "t33", *digests(old)}
    assert (await shelf.left()).manifests == digests(new, newer)


async def test_only_manifests_without_a_tag_go_if_one_says_so(shelf: Shelf) -> None:
    """Of all repositories and ages, unless said otherwise."""
    await shelf.push("old", age=31)
    here = await shelf.push(age=0.1, name="here")
    there = await shelf.push(age=0.1, name="there", repository=OTHER)

    assert await run(shelf, purge("other:^x", ago=0, untagged_only=True)) == digests(there)
    assert await run(shelf, purge(ago=0, untagged_only=True)) == digests(here)


class TestIndexes:
    """An index that stays keeps its images."""

    async def test_the_images_of_an_index_go_with_it(self, shelf: Shelf) -> None:
        """In the same run, as with acr-cli."""
        image = await shelf.push(age=33, name="image")
        inner = await shelf.push(age=32, name="inner", of=(image,))
        index = await shelf.push("index", age=31, of=(inner, image))

        assert await run(shelf, purge(".*:.*", untagged=True)) == {
            "index",
            *digests(image, inner, index),
        }

    @pytest.mark.parametrize("why", ["tagged", "young", "locked", "kept", "referrer"])
    async def test_the_images_of_an_index_that_stays_stay(self, shelf: Shelf, why: str) -> None:
        """acr-cli takes them out of one that is locked or kept."""
        subject = await shelf.push("subject", age=99)
        image = await shelf.push(age=33, name="image")
        inner = await shelf.push(age=32, name="inner", of=(image,))
        index = await shelf.push(
            *(["latest"] if why == "tagged" else []),
            name="index",
            age=1 if why == "young" else 31,
            of=(inner,),
            subject=subject if why == "referrer" else None,
        )
        if why == "locked":
            await shelf.properties.change_manifest(APP, index.digest, LOCKED)
        wanted = purge(".*:^dev", untagged=True, keep=int(why == "kept"))

        assert await run(shelf, wanted) == set()

    async def test_images_newer_than_their_index_go_too(self, shelf: Shelf) -> None:
        """A registry that was filled by hand may hold them in any order."""
        image = await shelf.push(age=31, name="image")
        index = await shelf.push("index", age=40, of=(image,))
        wanted = purge(".*:.*", untagged=True)

        assert await run(shelf, replace(wanted, keep=1)) == set()
        assert await run(shelf, wanted) == {"index", *digests(image, index)}

    async def test_what_is_named_by_too_many_or_too_deep_stays(self, shelf: Shelf) -> None:
        """The question must end; the collector takes what is left."""
        image = await shelf.push(age=99, name="image")
        for number in range(NAMING + 1):
            await shelf.push(age=98, name=f"index {number}", of=(image,))
        nested = await shelf.push(age=97, name="nested")
        deepest = nested
        for number in range(DEPTH + 1):
            nested = await shelf.push(age=96 - number, name=f"nested {number}", of=(nested,))
        wanted = purge(untagged_only=True)
        previewed = await all_of(shelf.purges.preview(wanted))

        said = {named(item) for step in previewed for item in step.items}
        assert len(said) == NAMING + 1 + DEPTH + 1
        assert not said & digests(image, deepest)

    async def test_referrers_go_with_their_subject_and_not_before(self, shelf: Shelf) -> None:
        """After `acr purge` of former versions, they stayed for ever."""
        old = await shelf.push("old", age=31)
        signature = await shelf.push(age=31, name="signature", subject=old)
        await shelf.push(age=31, name="signature of signature", subject=signature)
        kept = await shelf.push("v1", age=31)
        other = await shelf.push(age=31, name="other signature", subject=kept)

        assert await run(shelf, purge(".*:old", untagged=True)) == {"old", *digests(old)}
        assert (await shelf.left()).manifests == digests(kept, other)


async def test_what_a_push_is_about_to_name_stays(shelf: Shelf) -> None:
    """The push was told that it is there."""
    held = await shelf.push(age=31, name="held")
    await shelf.metadata.hold(APP, held.digest, "pusher")
    assert await run(shelf, purge(untagged_only=True)) == set()

    shelf.clock.forward(hours=3)
    assert await run(shelf, purge(untagged_only=True)) == digests(held)


class TestLocks:
    """What is locked stays, unless one says otherwise."""

    async def test_locks_hold(self, shelf: Shelf) -> None:
        """Of tags and manifests."""
        await shelf.push("locked", age=31)
        await shelf.lock("locked")
        untagged = await shelf.push(age=31, name="untagged")
        await shelf.properties.change_manifest(APP, untagged.digest, LOCKED)

        assert await run(shelf, purge(".*:.*", untagged=True)) == set()

    async def test_include_locked_removes_them_but_not_what_is_write_once(
        self, shelf: Shelf
    ) -> None:
        """Nor what is in a repository that may not be written, as with acr-cli."""
        locked = await shelf.push("locked", age=31)
        await shelf.lock("locked", AttributesChange(write_enabled=False))
        untagged = await shelf.push(age=31, name="untagged")
        await shelf.properties.change_manifest(APP, untagged.digest, LOCKED)
        await shelf.push("v1", age=31)
        await shelf.push("old", age=31, repository=OTHER)
        await shelf.properties.change_repository(OTHER, AttributesChange(write_enabled=False))
        await shelf.create(
            WriteOncePolicy(name="releases", repositories=("*",), except_tags=("locked", "old"))
        )
        wanted = purge(".*:.*", untagged=True, include_locked=True)

        assert await run(shelf, wanted) == {"locked", *digests(locked, untagged)}


async def test_every_page_is_purged(shelf: Shelf) -> None:
    """And a manifest with many tags loses all of them."""
    many = await shelf.push(*(f"m{number}" for number in range(ITEMS + 5)), age=40)
    for number in range(ITEMS + 5):
        await shelf.push(f"t{number}", age=40)

    gone = await run(shelf, purge(".*:.*", untagged=True))
    assert len(gone) == 3 * (ITEMS + 5) + 1
    assert gone >= digests(many)


@pytest.mark.parametrize("options", [{"keep": -1}, {"keep": MAX_KEPT + 1}])
async def test_what_makes_no_sense_is_refused(shelf: Shelf, options: dict[str, object]) -> None:
    """Before anything is removed."""
    with pytest.raises(InvalidInput, match="keep is a number"):
        await all_of(shelf.purges.run(purge(".*:.*", **options)))  # type: ignore[arg-type]
    with pytest.raises(InvalidInput, match="filters"):
        await all_of(shelf.purges.run(purge(*[".*:.*"] * (MAX_FILTERS + 1))))
