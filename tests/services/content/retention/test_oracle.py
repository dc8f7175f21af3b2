"""Rules on random repositories, against a few lines that say the same."""

from collections.abc import Sequence
from datetime import timedelta
from fnmatch import fnmatchcase
from itertools import count
from typing import Final

import pytest
from hypothesis import HealthCheck, given, settings
from hypothesis import strategies as st
from msgspec import Struct

from acrux.domain.content.names import RepositoryName, Tag
from acrux.domain.content.policies.retention import RetentionRule
from tests.services.content.retention.shelf import DAY, LOCKED, Shelf, all_of, named

GLOBS: Final = ("*", "dev-*", "v?", "v1")
NAMES: Final = ("dev-1", "dev-2", "dev-3", "v1", "v2", "v10", "latest")


class Pushed(Struct, frozen=True):
    """A tag: its age, the days since it was pulled, and whether it is locked."""

    name: str
    age: int
    pulled: int | None
    is_locked: bool


def days(most: int) -> st.SearchStrategy[int]:
    """A number of days."""
    return st.integers(1, most)


PUSHED = st.builds(Pushed, st.sampled_from(NAMES), days(9), st.none() | days(9), st.booleans())
REPOSITORIES = st.lists(PUSHED, unique_by=lambda tag: tag.name)
RULES = st.builds(
    RetentionRule,
    name=st.just("a-rule"),
    repositories=st.just(("*",)),
    tags=st.tuples(st.sampled_from(GLOBS)),
    except_tags=st.just(()) | st.tuples(st.sampled_from(GLOBS[1:])),
    keep_last=st.none() | st.integers(1, 4),
    older_than_days=st.none() | days(9),
    not_pulled_for_days=st.none() | days(9),
    keep_at_least=st.integers(0, 3),
)


def expected(rule: RetentionRule, pushed: Sequence[Pushed]) -> set[str]:
    """What goes, by the words of the documents."""
    [glob] = rule.tags
    selected = [
        tag
        for tag in sorted(pushed, key=lambda tag: (-tag.age, tag.name), reverse=True)
        if fnmatchcase(tag.name, glob)
        and not any(fnmatchcase(tag.name, other) for other in rule.except_tags)
    ]
    kept = max(rule.keep_last or 0, rule.keep_at_least)
    return {
        tag.name
        for tag in selected[kept:]
        if not tag.is_locked
        and tag.age >= (rule.older_than_days or 0)
        and min(tag.age, tag.pulled or tag.age) >= (rule.not_pulled_for_days or 0)
    }


@pytest.fixture
def numbers() -> "count[int]":
    """A number for each repository."""
    return count()


@settings(
    max_examples=60,
    deadline=timedelta(seconds=20),
    suppress_health_check=[HealthCheck.function_scoped_fixture, HealthCheck.too_slow],
)
@given(rule=RULES, pushed=REPOSITORIES)
async def test_exactly_what_the_rule_says_goes(
    shelf: Shelf, numbers: "count[int]", rule: RetentionRule, pushed: list[Pushed]
) -> None:
    """Whatever the conditions together, and whatever is in the repository."""
    repository = RepositoryName.parse(f"r{next(numbers)}")
    for tag in pushed:
        await shelf.push(tag.name, age=tag.age, repository=repository)
        if tag.is_locked:
            await shelf.properties.change_tag(repository, Tag.parse(tag.name), LOCKED)
        if tag.pulled:
            await shelf.pull(Tag.parse(tag.name), age=tag.pulled, repository=repository)
    await shelf.pulls.begin(shelf.clock() - 1000 * DAY)
    await shelf.policies.delete(RetentionRule, rule.name)
    assert await shelf.policies.create(rule, shelf.clock(), 1)

    steps = await all_of(shelf.retention.run())

    gone = [
        named(one.item)
        for step in steps
        if step.repository == repository.value
        for one in step.verdicts
    ]
    assert len(gone) == len(set(gone))
    assert set(gone) == expected(rule, pushed)
    left = await shelf.left(repository)
    assert left.tags == {tag.name for tag in pushed} - set(gone)
