"""Write-once policies: which tags may neither move nor go."""

import pytest

from acrux.domain.content.policies.write_once import WriteOncePolicy, check_movable, forbids
from acrux.errors import InvalidInput, TagIsWriteOnce

RELEASES = WriteOncePolicy(
    name="releases", repositories=("team/*", "base"), except_tags=("latest", "dev-*", "rc?")
)
ALL = WriteOncePolicy(name="all-tags", repositories=("*",))


@pytest.mark.parametrize(
    ("repository", "tag", "forbidden"),
    [
        ("team/app", "v1", True),
        ("base", "v1", True),
        ("base/x", "v1", False),
        ("team", "v1", False),
        ("team/app", "latest", False),
        ("team/app", "latest-1", True),
        ("team/app", "LATEST", True),
        ("team/app", "dev-", False),
        ("team/app", "my-dev-1", True),
        ("team/app", "rc1", False),
        ("team/app", "rc10", True),
    ],
)
def test_a_tag_of_the_repositories_is_write_once_unless_it_is_excepted(
    repository: str, tag: str, forbidden: bool
) -> None:
    """ACR's users ask for write-once tags with exceptions (Azure/acr#890)."""
    assert (forbids([RELEASES], repository, tag) is RELEASES) == forbidden


def test_an_exception_of_one_policy_does_not_lift_another() -> None:
    """Whoever adds a policy can only forbid more."""
    assert forbids([RELEASES, ALL], "team/app", "latest") is ALL


def test_without_policies_nothing_is_forbidden() -> None:
    """A new registry behaves as ACR does."""
    check_movable([], "team/app", "v1")


def test_the_refusal_names_the_policy() -> None:
    """A developer must know whom to ask for what."""
    with pytest.raises(TagIsWriteOnce, match="write-once policy releases") as refused:
        check_movable([RELEASES], "team/app", "v1")

    assert refused.value.message.startswith("The operation is disallowed")
    assert refused.value.detail == {"policy": "releases", "repository": "team/app", "tag": "v1"}


@pytest.mark.parametrize(
    "policy",
    [
        WriteOncePolicy(name="abc", repositories=("*",)),
        WriteOncePolicy(name="_reserved", repositories=("*",)),
        WriteOncePolicy(name="nothing", repositories=()),
        WriteOncePolicy(name="upper-case", repositories=("Team/*",)),
        WriteOncePolicy(name="wildcard", repositories=("te*m",)),
        WriteOncePolicy(name="brackets", repositories=("*",), except_tags=("v[0-9]",)),
        WriteOncePolicy(name="empty-glob", repositories=("*",), except_tags=("",)),
        WriteOncePolicy(name="long-glob", repositories=("*",), except_tags=("x" * 129,)),
        WriteOncePolicy(name="long-list", repositories=tuple(f"team/{i}" for i in range(600))),
    ],
    ids=lambda policy: policy.name,
)
def test_an_invalid_policy_is_refused(policy: WriteOncePolicy) -> None:
    """One that is misread would protect nothing, or everything."""
    RELEASES.check()
    with pytest.raises(InvalidInput):
        policy.check()


def test_many_wildcards_take_no_time() -> None:
    """A glob of a caller is matched in the transaction of each push."""
    slow = WriteOncePolicy(name="slow-one", repositories=("*",), except_tags=("*a" * 60 + "b",))
    slow.check()

    assert forbids([slow], "team/app", "a" * 128) is slow
