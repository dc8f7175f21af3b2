"""A survey: what a rule would do to the tags that are there, on a real database."""

import pytest
from msgspec.structs import replace

from acrux.domain.content.policies.retention import RetentionRule
from acrux.domain.content.policies.survey import Survey
from acrux.services.content import retention
from tests.services.content.retention.shelf import OTHER, Shelf

RULE = RetentionRule(name="a-rule", repositories=("*",), tags=("*",), older_than_days=30)


async def test_it_sees_all_repositories_that_the_rule_covers(shelf: Shelf) -> None:
    """A tag that stays in one of them is enough."""
    await shelf.push("old", age=40)
    assert (await shelf.retention.survey(RULE)).empties

    await shelf.push("young", age=1, repository=OTHER)
    assert not (await shelf.retention.survey(RULE)).empties
    assert (await shelf.retention.survey(replace(RULE, repositories=("team/*",)))).empties


async def test_it_obeys_every_condition_of_the_rule(shelf: Shelf) -> None:
    """As a run would."""
    await shelf.push("old", age=40)
    await shelf.push("older", age=50)

    assert not (await shelf.retention.survey(replace(RULE, keep_at_least=1))).empties
    assert not (await shelf.retention.survey(replace(RULE, keep_last=1))).empties
    assert not (await shelf.retention.survey(replace(RULE, not_pulled_for_days=30))).empties
    await shelf.lock("old")
    assert (await shelf.retention.survey(replace(RULE, tags=("old*",)))).empties


async def test_it_changes_nothing(shelf: Shelf) -> None:
    """The rule need not be stored."""
    await shelf.push("old", age=40)

    await shelf.retention.survey(RULE)

    assert (await shelf.left()).tags == {"old"}
    assert await shelf.policies.list(RetentionRule) == ()


async def test_of_a_large_registry_it_sees_a_part(
    shelf: Shelf, monkeypatch: pytest.MonkeyPatch
) -> None:
    """Over HTTP it must end. What was not seen is not said to match nothing."""
    monkeypatch.setattr(retention, "SURVEYED", 3)
    monkeypatch.setattr(retention, "ITEMS", 2)
    for number in range(6):
        await shelf.push(f"v{number}", age=40 + number)
    await shelf.push("young", repository=OTHER)
    rule = replace(RULE, tags=("v*", "nothing"))

    assert await shelf.retention.survey(rule) == Survey(empties=False)
    assert await shelf.retention.survey(replace(rule, repositories=("team/*",))) == Survey(
        empties=True
    )
