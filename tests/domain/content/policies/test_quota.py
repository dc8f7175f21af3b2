"""Quotas: what is refused, and what the refusal says."""

import pytest
from hypothesis import given
from hypothesis import strategies as st

from acrux.domain.content.policies.quota import Quota, covering
from acrux.errors import InvalidInput, QuotaExceeded

TEAM = Quota(name="team-quota", repositories="team/*", max_bytes=20 * 1024**3)
WHOLE = Quota(name="whole", repositories="*", max_bytes=1024**4)

counts = st.integers(0, 2**62)


@given(counts, counts, counts)
def test_content_is_refused_if_the_sum_would_exceed_the_quota(
    most: int, used: int, added: int
) -> None:
    """Exactly the quota can be used, and not a byte more."""
    quota = Quota(name="quota", repositories="*", max_bytes=most)

    assert quota.refuses(used, added) == (added > 0 and used + added > most)


def test_what_adds_nothing_is_never_refused() -> None:
    """A tag can be moved to a manifest that is there even if the quota was lowered."""
    TEAM.check_room(21 * 1024**3, 0)
    TEAM.check_room(0, 20 * 1024**3)


def test_the_refusal_says_which_quota_how_much_is_used_and_needed() -> None:
    """A developer must see whether to delete an image, or ask for more."""
    with pytest.raises(QuotaExceeded) as refused:
        TEAM.check_room(20 * 1024**3 - 512, 1024)

    assert refused.value.message.startswith(
        "The operation is disallowed on this registry, repository or image: the quota team-quota "
        "allows 20 GiB for team/*, of which 20 GiB are used, and this needs 1 KiB more."
    )
    assert refused.value.detail == {
        "quota": "team-quota",
        "repositories": "team/*",
        "maxBytes": "21474836480",
        "usedBytes": "21474835968",
        "neededBytes": "1024",
    }


def test_every_quota_that_covers_the_repository_counts() -> None:
    """A team's quota does not lift that of the registry."""
    assert covering([TEAM, WHOLE], "team/app") == (TEAM, WHOLE)
    assert covering([TEAM, WHOLE], "other") == (WHOLE,)


@pytest.mark.parametrize(
    "quota",
    [
        Quota(name="q", repositories="*", max_bytes=1),
        Quota(name="negative", repositories="*", max_bytes=-1),
        Quota(name="too-large", repositories="*", max_bytes=2**63),
        Quota(name="no-pattern", repositories="", max_bytes=1),
    ],
    ids=lambda quota: quota.name,
)
def test_an_invalid_quota_is_refused(quota: Quota) -> None:
    """One that is misread would refuse pushes, or none."""
    TEAM.check()
    with pytest.raises(InvalidInput):
        quota.check()
