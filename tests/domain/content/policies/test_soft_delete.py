"""Which soft-delete policy applies to a repository."""

import itertools

import pytest

from acrux.domain.content.policies.soft_delete import SoftDeletePolicy, applying
from acrux.errors import InvalidInput

POLICIES = (
    SoftDeletePolicy(repositories="*"),
    SoftDeletePolicy(repositories="team/*", days=30),
    SoftDeletePolicy(repositories="team/scratch/*", is_enabled=False),
    SoftDeletePolicy(repositories="team/scratch/kept", days=90),
)


@pytest.mark.parametrize(
    ("repository", "days"),
    [
        ("other", 7),
        ("team", 7),
        ("team/app", 30),
        ("team/scratch", 30),
        ("team/scratch/x", None),
        ("team/scratch/kept", 90),
    ],
)
def test_the_most_specific_pattern_decides(repository: str, days: int | None) -> None:
    """A team's own policy stands above that of the registry, also to disable it."""
    for policies in itertools.permutations(POLICIES):
        found = applying(policies, repository)
        assert (found.days if found else None) == days


def test_without_policies_what_is_deleted_is_gone() -> None:
    """Soft delete is off by default, as in ACR."""
    assert applying([], "team/app") is None


def test_a_policy_is_named_by_its_pattern() -> None:
    """Two policies for one pattern would contradict each other."""
    assert [policy.name for policy in POLICIES] == [policy.repositories for policy in POLICIES]


@pytest.mark.parametrize(
    ("pattern", "days"), [("*", 0), ("*", 91), ("team*", 7), ("", 7), ("x" * 300, 7)]
)
def test_an_invalid_policy_is_refused(pattern: str, days: int) -> None:
    """ACR allows 1 to 90 days (acr-protocol.md §5.8)."""
    POLICIES[0].check()
    with pytest.raises(InvalidInput):
        SoftDeletePolicy(repositories=pattern, days=days).check()
