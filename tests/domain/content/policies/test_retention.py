"""Retention rules: what goes, what stays, and why."""

import tracemalloc
from collections.abc import Iterator
from datetime import UTC, datetime, timedelta

import pytest
from hypothesis import given
from hypothesis import strategies as st
from msgspec.structs import replace

from acrux.domain.content.policies.retention import (
    Evaluation,
    Fact,
    RetentionRule,
    TagFact,
    UntaggedFact,
    check_own,
    evaluate,
    untagged_manifests,
)
from acrux.errors import InvalidInput

NOW = datetime(2026, 11, 29, 12, 0, tzinfo=UTC)
DAY = timedelta(days=1)
RULE = RetentionRule(name="a-rule", repositories=("team/*",), tags=("*",))
DIGEST = "sha256:0"


def tag(name: str, age: int, *, pulled: int | None = None, locked: bool = False) -> TagFact:
    """A tag that was pushed, and perhaps pulled, so many days ago."""
    pulled_at = None if pulled is None else NOW - pulled * DAY
    return TagFact(name, DIGEST, NOW - age * DAY, pulled_at, is_locked=locked)


def untagged(age: int, *, pulled: int | None = None, locked: bool = False) -> UntaggedFact:
    """A manifest that lost its last tag so many days ago."""
    pulled_at = None if pulled is None else NOW - pulled * DAY
    at = NOW - age * DAY
    return UntaggedFact(DIGEST, at, at, pulled_at, is_locked=locked)


def removed(rule: RetentionRule, *items: Fact) -> list[Fact]:
    """What the rule removes."""
    return [verdict.item for verdict in evaluate(rule, items, NOW)]


def test_the_last_tags_that_match_are_kept() -> None:
    """The most wanted rule since 2019 (Azure/acr#264)."""
    tags = [tag(name, age) for age, name in enumerate(["v4", "dev", "v3", "v2", "latest", "v1"])]

    assert removed(replace(RULE, tags=("v*",), keep_last=2), *tags) == [tags[3], tags[5]]


def test_tags_older_than_some_days_go() -> None:
    """On the day itself, not a day later."""
    tags = [tag("a", 29), tag("b", 30), tag("c", 31)]

    assert removed(replace(RULE, older_than_days=30), *tags) == tags[1:]


def test_tags_that_nobody_pulled_or_pushed_for_some_days_go() -> None:
    """Old and in use is not old (Azure/acr#654)."""
    tags = [tag("new", 1), tag("used", 50, pulled=2), tag("idle", 60, pulled=40), tag("no", 70)]

    assert removed(replace(RULE, not_pulled_for_days=30), *tags) == tags[2:]


def test_what_was_pulled_before_pulls_were_recorded_is_not_taken_for_idle() -> None:
    """The first run after an update would remove what is in use every day."""
    rule, idle = replace(RULE, not_pulled_for_days=30), tag("idle", 90)

    assert Evaluation(rule, NOW, pulls_since=NOW - 29 * DAY).judge(idle) is None
    assert Evaluation(rule, NOW, pulls_since=NOW - 30 * DAY).judge(idle) is not None


def test_the_newest_untagged_manifests_are_those_pushed_last() -> None:
    """They are read in the order of their pushes, and lose their tags in any order."""
    last, first = (
        UntaggedFact(DIGEST, NOW - pushed * DAY, NOW - untagged_at * DAY)
        for pushed, untagged_at in ((10, 9), (20, 8))
    )
    rule = replace(RULE, tags=(), untagged_for_days=7, keep_at_least=1)

    assert removed(rule, last, first) == [first]


def test_a_tag_goes_only_if_all_conditions_hold() -> None:
    """Two conditions in a rule must not delete more than one of them."""
    tags = [tag("a", 40), tag("b", 41), tag("c", 42, pulled=1)]
    rule = replace(RULE, keep_last=1, older_than_days=30, not_pulled_for_days=10)

    assert removed(rule, *tags) == [tags[1]]


def test_some_are_kept_whatever_their_age() -> None:
    """A repository that nobody pushes to must not become empty."""
    tags, manifests = [tag("a", 90), tag("b", 91), tag("c", 92)], [untagged(8), untagged(9)]
    rule = replace(RULE, older_than_days=30, untagged_for_days=7, keep_at_least=1)

    assert removed(rule, *tags, *manifests) == [*tags[1:], manifests[1]]


def test_manifests_that_had_no_tag_for_some_days_go() -> None:
    """As in ACR, but of every type (acr-protocol.md §5.8)."""
    manifests = [untagged(6), untagged(7), untagged(9, pulled=1)]
    rule = replace(RULE, tags=(), untagged_for_days=7)

    assert removed(rule, tag("a", 900), *manifests) == manifests[1:]
    assert removed(replace(rule, not_pulled_for_days=3), *manifests) == [manifests[1]]


def test_a_rule_on_tags_leaves_untagged_manifests_alone() -> None:
    """Only what a rule names may go."""
    assert removed(replace(RULE, older_than_days=1), untagged(900)) == []


def test_zero_days_without_a_tag_means_at_once() -> None:
    """ACR has 0 to 365 days."""
    assert removed(untagged_manifests(0, is_enabled=True), untagged(0)) == [untagged(0)]


def test_a_filter_selects_as_in_acr_purge() -> None:
    """Scripts of `acr purge` become rules without a change."""
    tags = [tag("dev-1", 1), tag("v1", 2), tag("latest", 3)]

    assert removed(replace(RULE, tags=(), filter="^(dev|v)"), *tags) == tags[:2]


def test_a_disabled_rule_can_still_be_tried() -> None:
    """A dry run comes before a rule is enabled."""
    assert removed(replace(RULE, is_enabled=False), tag("a", 1)) == [tag("a", 1)]


def test_the_reason_says_which_rule_and_why() -> None:
    """Whoever misses an image will ask."""
    rule = replace(
        RULE, keep_last=1, older_than_days=30, not_pulled_for_days=10, untagged_for_days=7
    )
    verdicts = evaluate(rule, [tag("a", 1), tag("b", 41, pulled=11), untagged(20)], NOW)
    of_tag = "its name matches, 1 newer one matches too, it was pushed 41 days ago, "
    of_manifest = "it has had no tag for 20 days, it has not been pulled for 20 days"
    reasons = [f"{of_tag}it has not been pulled for 11 days", of_manifest]

    assert [(verdict.rule, verdict.reason.partition(": ")) for verdict in verdicts] == [
        ("a-rule", ("the retention rule a-rule removes it", ": ", why)) for why in reasons
    ]
    first = next(evaluate(replace(RULE, older_than_days=1), [tag("a", 1)], NOW))
    assert first.reason.endswith("its name matches, it was pushed 1 day ago")


@pytest.mark.parametrize(
    ("rule", "description"),
    [
        (RULE, "tags *"),
        (replace(RULE, keep_last=3, filter="^v"), "tags *, ^v, but the newest 3"),
        (
            replace(RULE, except_tags=("v1",), older_than_days=9, keep_at_least=1),
            "tags * except v1, if older than 9 days; at least 1 stay",
        ),
        (
            replace(RULE, tags=(), untagged_for_days=7, not_pulled_for_days=9),
            "manifests without a tag for 7 days; only what was not pulled for 9 days",
        ),
    ],
)
def test_a_rule_says_in_a_line_what_it_removes(rule: RetentionRule, description: str) -> None:
    """A list of rules must be understood without the documents."""
    assert rule.description == description


def test_the_rule_of_acr_is_changed_with_the_words_of_acr_only() -> None:
    """Otherwise `acrux config retention show` could not show what it says."""
    check_own("a-rule")
    with pytest.raises(InvalidInput, match="acrux config retention update"):
        check_own("_untagged")


def test_items_in_a_wrong_order_are_an_error() -> None:
    """Otherwise the newest tags would go instead of the oldest."""
    with pytest.raises(ValueError, match="newer than what came before"):
        removed(replace(RULE, keep_last=1), tag("a", 3), tag("b", 2))


days = st.integers(0, 60)
tags_newest_first = st.lists(
    st.builds(
        TagFact,
        st.sampled_from(["latest", "v1", "v2", "dev-1"]),
        st.just(DIGEST),
        days.map(lambda age: NOW - age * DAY),
        st.none() | days.map(lambda age: NOW - age * DAY),
        is_locked=st.booleans(),
        is_write_once=st.booleans(),
    ),
    max_size=12,
).map(lambda tags: sorted(tags, key=lambda one: one.at, reverse=True))
condition = st.none() | st.integers(1, 50)
rules = st.builds(
    RetentionRule,
    name=st.just("a-rule"),
    repositories=st.just(("*",)),
    tags=st.lists(st.sampled_from(["*", "v*", "dev-*"])).map(tuple),
    except_tags=st.lists(st.sampled_from(["latest", "v1"])).map(tuple),
    keep_last=st.none() | st.integers(1, 5),
    older_than_days=condition,
    not_pulled_for_days=condition,
    untagged_for_days=st.integers(0, 9),
    keep_at_least=st.integers(0, 4),
)


@given(rules, tags_newest_first)
def test_exactly_the_tags_go_for_which_all_is_true(
    rule: RetentionRule, tags: list[TagFact]
) -> None:
    """The stream decides as somebody would who sees all tags at once."""
    selection = rule.selection()
    matching = [one for one in tags if selection.selects(one.name)]

    def goes(place: int, one: TagFact) -> bool:
        used_at = max(one.updated_at, one.pulled_at or one.updated_at)
        return (
            not one.is_locked
            and not one.is_write_once
            and place >= max(rule.keep_last or 0, rule.keep_at_least)
            and one.updated_at <= NOW - (rule.older_than_days or 0) * DAY
            and used_at <= NOW - (rule.not_pulled_for_days or 0) * DAY
        )

    assert removed(rule, *tags) == [one for place, one in enumerate(matching) if goes(place, one)]


def test_a_million_tags_take_no_memory() -> None:
    """A repository of a build server has that many."""

    def many() -> Iterator[TagFact]:
        for place in range(20_000):
            yield TagFact(f"build-{place}", DIGEST, NOW - place * timedelta(minutes=1))

    tracemalloc.start()
    count = sum(1 for _ in evaluate(replace(RULE, keep_last=10), many(), NOW))
    _, peak = tracemalloc.get_traced_memory()
    tracemalloc.stop()

    assert count == 19_990
    assert peak < 500_000


@pytest.mark.parametrize(
    ("rule", "everything"),
    [
        (RULE, True),
        (replace(RULE, tags=(), filter=".*"), True),
        (replace(RULE, tags=("dev-*",)), False),
        (replace(RULE, except_tags=("latest",)), True),
        (replace(RULE, keep_last=1), False),
        (replace(RULE, keep_at_least=1), False),
        (replace(RULE, older_than_days=1), False),
        (replace(RULE, not_pulled_for_days=1), False),
        (replace(RULE, tags=(), untagged_for_days=0), False),
    ],
)
def test_a_rule_knows_whether_it_removes_every_tag(rule: RetentionRule, everything: bool) -> None:
    """Such a rule must be confirmed."""
    rule.check()
    assert rule.removes_everything == everything


def test_a_rule_is_about_the_repositories_of_its_patterns() -> None:
    """Nothing elsewhere may go."""
    assert RULE.covers("team/app")
    assert not RULE.covers("team")


@pytest.mark.parametrize(
    "rule",
    [
        replace(RULE, name="_mine"),
        replace(RULE, repositories=()),
        replace(RULE, repositories=("Team",)),
        replace(RULE, tags=("a b",)),
        replace(RULE, except_tags=("a b",)),
        replace(RULE, keep_last=0),
        replace(RULE, keep_last=1_000_001),
        replace(RULE, keep_at_least=-1),
        replace(RULE, older_than_days=0),
        replace(RULE, not_pulled_for_days=3651),
        replace(RULE, untagged_for_days=-1),
        replace(RULE, filter="["),
        replace(RULE, tags=()),
        replace(RULE, tags=(), keep_last=3),
        replace(RULE, tags=(), untagged_for_days=3, older_than_days=3),
        replace(RULE, tags=(), untagged_for_days=3, except_tags=("latest",)),
        replace(RULE, tags=tuple(f"tag-{place}" for place in range(600))),
    ],
)
def test_an_invalid_rule_is_refused(rule: RetentionRule) -> None:
    """A rule that is misread deletes the wrong images."""
    with pytest.raises(InvalidInput):
        rule.check()


@pytest.mark.parametrize("days", [-1, 366])
def test_the_rule_of_acr_has_0_to_365_days(days: int) -> None:
    """acr-protocol.md §5.8."""
    untagged_manifests(365, is_enabled=False).check()
    with pytest.raises(InvalidInput, match="days is a number from 0 to 365"):
        untagged_manifests(days, is_enabled=True)
