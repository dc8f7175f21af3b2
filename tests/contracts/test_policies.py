"""The contract of every store of policies."""

from collections.abc import Sequence
from datetime import UTC, datetime, timedelta

import pytest
from msgspec.structs import replace

from acrux.adapters.sql.policies import SqlPolicies, of_kind
from acrux.domain.content.policies.definition import Policy
from acrux.domain.content.policies.quota import Quota
from acrux.domain.content.policies.retention import RetentionRule
from acrux.domain.content.policies.soft_delete import SoftDeletePolicy
from acrux.domain.content.policies.write_once import WriteOncePolicy
from acrux.ports.content.policies import StoredPolicy
from tests.contracts.databases import Databases

AT = datetime(2026, 11, 29, 12, 0, 0, 123456, tzinfo=UTC)
LATER = AT + timedelta(days=1)
QUOTA = Quota(name="team-quota", repositories="team/*", max_bytes=2**62)
POLICIES: Sequence[Policy] = (
    QUOTA,
    WriteOncePolicy(name="team-quota", repositories=("team/*", "b"), except_tags=("dev-*",)),
    SoftDeletePolicy(repositories="team/*", days=30, is_enabled=False),
    RetentionRule(
        name="team-quota",
        repositories=("*",),
        tags=("v*",),
        filter=r"^\d+$",
        except_tags=("v1",),
        keep_last=1,
        older_than_days=2,
        not_pulled_for_days=3,
        untagged_for_days=0,
        keep_at_least=5,
        is_enabled=False,
    ),
)


@pytest.fixture
def policies(databases: Databases) -> SqlPolicies:
    """No policies yet."""
    return SqlPolicies(databases.open())


async def test_a_policy_of_every_kind_is_found_as_it_was_created(policies: SqlPolicies) -> None:
    """A lost condition would delete images."""
    for policy in POLICIES:
        assert await policies.create(policy, AT, 1)

    for policy in POLICIES:
        assert await policies.find(type(policy), policy.name) == StoredPolicy(policy, AT, AT)
        assert await policies.list(type(policy)) == (StoredPolicy(policy, AT, AT),)
    assert await policies.find(Quota, "TEAM-quota") is None


async def test_a_name_is_used_once_within_a_kind(policies: SqlPolicies) -> None:
    """The second one would replace the first unnoticed."""
    await policies.create(QUOTA, AT, 9)

    assert not await policies.create(replace(QUOTA, max_bytes=1), LATER, 9)
    assert await policies.find(Quota, QUOTA.name) == StoredPolicy(QUOTA, AT, AT)


async def test_there_are_at_most_as_many_as_allowed(policies: SqlPolicies) -> None:
    """All of a kind are read in each transaction that obeys them."""
    await policies.create(QUOTA, AT, 1)

    assert not await policies.create(replace(QUOTA, name="another"), AT, 1)
    assert len(await policies.list(Quota)) == 1


async def test_policies_come_by_name(policies: SqlPolicies) -> None:
    """A refusal names the first that applies, so their order must be certain."""
    for name in ("quota-b", "quota-c", "quota-a"):
        await policies.create(replace(QUOTA, name=name), AT, 9)

    names = [stored.policy.name for stored in await policies.list(Quota)]
    assert names == ["quota-a", "quota-b", "quota-c"]


async def test_a_policy_is_replaced_if_nobody_changed_it_meanwhile(policies: SqlPolicies) -> None:
    """Two administrators must not undo each other's changes."""
    await policies.create(QUOTA, AT, 9)
    changed = replace(QUOTA, max_bytes=1)

    assert await policies.replace(changed, QUOTA, LATER)
    assert not await policies.replace(replace(QUOTA, max_bytes=2), QUOTA, LATER)
    assert await policies.find(Quota, QUOTA.name) == StoredPolicy(changed, AT, LATER)


async def test_a_policy_is_deleted_once(policies: SqlPolicies) -> None:
    """The second caller learns that it was gone."""
    await policies.create(QUOTA, AT, 9)

    assert not await policies.delete(WriteOncePolicy, QUOTA.name)
    assert await policies.delete(Quota, QUOTA.name)
    assert not await policies.delete(Quota, QUOTA.name)


async def test_a_transaction_reads_the_policies_that_it_obeys(databases: Databases) -> None:
    """One that was read before the transaction may be gone."""
    database = databases.open()
    await SqlPolicies(database).create(QUOTA, AT, 9)

    assert await database.write(of_kind(Quota)) == (QUOTA,)
    assert await database.write(of_kind(WriteOncePolicy)) == ()
