"""Patterns as ranges: they hold what the patterns cover, each name once."""

import itertools

from hypothesis import given
from hypothesis import strategies as st

from acrux.adapters.sql.content.repositories import ranges
from acrux.domain.content.patterns import RepositoryPattern

COMPONENT = st.text("ab0z-._", min_size=1, max_size=4).filter(
    lambda text: text[0].isalnum() and text[-1].isalnum()
)
NAME = st.lists(COMPONENT, min_size=1, max_size=3).map("/".join)
PATTERN = st.one_of(NAME, NAME.map("{}/*".format), st.just("*")).map(RepositoryPattern)


@given(st.lists(PATTERN, max_size=6), st.lists(NAME, max_size=20))
def test_a_name_is_in_one_range_if_a_pattern_covers_it_and_in_none_otherwise(
    patterns: list[RepositoryPattern], names: list[str]
) -> None:
    """Otherwise a catalog would omit a repository, repeat one, or show one that is hidden."""
    found = ranges(patterns)

    for name in names:
        held = sum(one.first <= name < one.end for one in found)
        assert held == any(pattern.covers(name) for pattern in patterns)


@given(st.lists(PATTERN, max_size=6))
def test_ranges_follow_each_other(patterns: list[RepositoryPattern]) -> None:
    """Otherwise a page would not be in order."""
    found = ranges(patterns)

    assert found == sorted(found)
    assert all(before.end <= after.first for before, after in itertools.pairwise(found))
