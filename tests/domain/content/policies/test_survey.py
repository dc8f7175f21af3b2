"""What a rule would do to the tags that are there, and what must be confirmed."""

from datetime import UTC, datetime

import pytest
from msgspec.structs import replace

from acrux.domain.content.policies.retention import RetentionRule, TagFact
from acrux.domain.content.policies.survey import Look, Survey, check_confirmed, danger
from acrux.errors import InvalidInput

NOW = datetime(2026, 11, 29, 12, 0, tzinfo=UTC)
RULE = RetentionRule(name="a-rule", repositories=("team/*",), tags=("*",))
MILD = replace(RULE, older_than_days=1)
EMPTYING = Survey(empties=True)


def tag(name: str, *, is_locked: bool = False) -> TagFact:
    """A tag."""
    return TagFact(name, "sha256:0", NOW, is_locked=is_locked)


@pytest.mark.parametrize("confirmed", ["", "yes", "A-RULE"])
@pytest.mark.parametrize(
    ("rule", "survey", "said"),
    [
        (RULE, Survey(), "removes every tag of team/[*], however new"),
        (
            replace(RULE, except_tags=("latest", "v*")),
            Survey(),
            "removes every tag of team/[*] except latest, v[*], however new",
        ),
        (MILD, EMPTYING, "removes every tag that team/[*] has now"),
    ],
)
def test_only_its_name_confirms_a_rule_that_removes_every_tag(
    rule: RetentionRule, survey: Survey, said: str, confirmed: str
) -> None:
    """A habit of typing yes must not empty the registry."""
    check_confirmed(rule, survey, "a-rule")
    with pytest.raises(InvalidInput, match=said):
        check_confirmed(rule, survey, confirmed)


def test_nothing_needs_to_be_confirmed_of_a_rule_that_lets_tags_stay() -> None:
    """Else people learn to confirm everything."""
    check_confirmed(MILD, Survey(unmatched=("dev-*",)), "")


def test_a_rule_that_is_disabled_needs_no_confirmation() -> None:
    """It removes nothing; and who disables one must not be held up."""
    assert not danger(replace(RULE, is_enabled=False), EMPTYING)


def test_it_empties_the_repositories_if_all_tags_go() -> None:
    """Whatever its conditions are."""
    look = Look(MILD)
    look.see(tag("v1"), goes=True)
    look.see(tag("v2"), goes=True)

    assert look.survey(is_whole=True).empties
    assert not look.is_over


def test_it_does_not_empty_them_if_a_tag_stays() -> None:
    """One is enough, and no further one is looked at."""
    look = Look(MILD)
    look.see(tag("v1"), goes=True)
    look.see(tag("v2"), goes=False)

    assert not look.survey(is_whole=True).empties
    assert look.is_over


def test_what_no_rule_can_remove_does_not_count_as_what_stays() -> None:
    """A locked tag says nothing about the others."""
    look = Look(MILD)
    look.see(tag("v1"), goes=True)
    look.see(tag("v2", is_locked=True), goes=False)

    assert look.survey(is_whole=True).empties


def test_where_there_is_no_tag_nothing_is_emptied() -> None:
    """The rule is older than what it is about."""
    assert Look(MILD).survey(is_whole=True) == Survey()


def test_the_globs_and_the_filter_that_match_no_tag_are_named() -> None:
    """Each may be mistyped, and an exception above all."""
    rule = RetentionRule(
        name="a-rule", repositories=("*",), tags=("dev-*", "pr-?"), filter="^rc", keep_last=1,
        except_tags=("latset", "stable"),
    )  # fmt: skip
    look = Look(rule)
    for name in ("dev-1", "stable"):
        look.see(tag(name), goes=False)

    assert not look.is_over
    assert look.survey(is_whole=True).unmatched == ("pr-?", "latset", "^rc")
    look.see(tag("rc1"), goes=False)
    assert look.survey(is_whole=True).unmatched == ("pr-?", "latset")


def test_what_was_seen_in_part_says_nothing_of_what_matches() -> None:
    """The next tag could."""
    look = Look(replace(MILD, tags=("dev-*",)))
    look.see(tag("v1"), goes=False)

    assert look.survey(is_whole=False).unmatched == ()


def test_a_glob_and_a_filter_of_the_same_text_are_two() -> None:
    """The glob is the whole tag, the filter any part of it."""
    look = Look(replace(MILD, tags=("dev",), filter="dev"))
    look.see(tag("dev-1"), goes=False)

    assert look.survey(is_whole=True).unmatched == ("dev",)
