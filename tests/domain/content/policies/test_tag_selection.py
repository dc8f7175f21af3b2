"""Which tags a retention rule selects, and filters that must not hang."""

import pytest

from acrux.domain.content.policies.tag_selection import TagSelection, compile_filter
from acrux.errors import InvalidInput


def selection(*globs: str, expression: str = "", exceptions: tuple[str, ...] = ()) -> TagSelection:
    """A selection by globs, and by the expression if there is one."""
    return TagSelection(globs, compile_filter(expression) if expression else None, exceptions)


@pytest.mark.parametrize(
    ("chosen", "tag", "selected"),
    [
        (selection(), "v1", False),
        (selection("*"), "v1", True),
        (selection("v*", "dev"), "dev", True),
        (selection("v*"), "dev", False),
        (selection(expression="v1"), "v2", False),
        (selection(expression="v1"), "rev1.2", True),
        (selection(expression="^v1$"), "rev1", False),
        (selection("*", exceptions=("latest",)), "latest", False),
        (selection(expression=".*", exceptions=("v?",)), "v1", False),
        (selection("x", expression="v"), "v", True),
    ],
)
def test_globs_match_whole_tags_and_a_filter_any_part(
    chosen: TagSelection, tag: str, selected: bool
) -> None:
    """The same filter selects what it selects in `acr purge --filter`."""
    assert chosen.selects(tag) == selected


@pytest.mark.parametrize(
    ("chosen", "everything"),
    [
        (selection("*"), True),
        (selection(expression=".*"), True),
        (selection(expression="^"), True),
        (selection("*", exceptions=("latest",)), True),
        (selection("v*"), False),
        (selection(expression="^dev-"), False),
        (selection(), False),
    ],
)
def test_a_selection_knows_whether_it_selects_every_tag(
    chosen: TagSelection, everything: bool
) -> None:
    """A rule that would delete everything must be confirmed."""
    assert chosen.selects_all == everything


@pytest.mark.parametrize("text", ["(a+)+$", "(a|a)*b", "(a*)*(a*)*(a*)*b", "(.*a){50}$"])
def test_a_filter_that_hangs_others_takes_no_time(text: str) -> None:
    """With a backtracking engine, these take years for a tag of 128 characters."""
    assert not compile_filter(text).search("a" * 127 + "c")


@pytest.mark.parametrize(
    "text", ["[", "(?!v)", r"(a)\1", "((a{100}){100}){100}", r"\pL{900}" * 60, "x" * 513]
)
def test_a_filter_that_cannot_be_read_or_is_too_large_is_refused(text: str) -> None:
    """What is refused here would otherwise fail in the night."""
    with pytest.raises(InvalidInput, match="filter"):
        compile_filter(text)


def test_the_refusal_says_what_is_wrong_and_what_is_possible() -> None:
    """`acr purge` allows look-ahead, so people will try it."""
    with pytest.raises(InvalidInput, match="Look-ahead, look-behind and back-references"):
        compile_filter("^(?!latest)")
