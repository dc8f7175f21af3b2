"""Policies are created, changed and deleted, and bad ones refused."""

from datetime import UTC, datetime, timedelta
from pathlib import Path
from typing import Final

import pytest
from msgspec.structs import replace

from acrux.adapters.sql.policies import SqlPolicies
from acrux.adapters.sqlite.database import SqliteDatabase
from acrux.domain.content.policies.definition import MAX_POLICIES, Policy
from acrux.domain.content.policies.quota import Quota
from acrux.domain.content.policies.soft_delete import SoftDeletePolicy
from acrux.errors import InvalidInput, NameTaken, UnknownName
from acrux.services.content.policies import Policies

NOON: Final = datetime(2026, 11, 29, 12, 0, tzinfo=UTC)
QUOTA: Final = Quota(name="team-quota", repositories="team/*", max_bytes=20)


class Services:
    """The service, what it stores in, and a clock that moves at each look."""

    def __init__(self, path: Path) -> None:
        self.database = SqliteDatabase(path)
        self.database.open()
        self.stored = SqlPolicies(self.database)
        self.now = NOON
        self.policies = Policies(self.stored, self.clock)

    def clock(self) -> datetime:
        """A second later each time."""
        self.now += timedelta(seconds=1)
        return self.now


@pytest.fixture
def services(tmp_path: Path) -> Services:
    """No policies yet."""
    return Services(tmp_path / "registry.sqlite")


async def test_a_policy_is_created_shown_listed_and_deleted(services: Services) -> None:
    """The life of a policy."""
    created = await services.policies.create(QUOTA)
    shown = await services.policies.show(Quota, QUOTA.name)
    listed = await services.policies.list(Quota)
    await services.policies.delete(Quota, QUOTA.name)

    assert created.policy == QUOTA
    assert created.created_at == created.changed_at == NOON + timedelta(seconds=1)
    assert shown == created
    assert listed == (created,)
    assert await services.policies.list(Quota) == ()


async def test_a_change_keeps_when_it_was_created(services: Services) -> None:
    """`az acr config` shows when a policy was last updated."""
    created = await services.policies.create(QUOTA)
    changed = await services.policies.change(
        Quota, QUOTA.name, lambda old: replace(old, max_bytes=30)
    )

    assert changed.policy.max_bytes == 30
    assert changed.created_at == created.created_at < changed.changed_at


async def test_what_is_put_is_created_or_replaced(services: Services) -> None:
    """`az acr config soft-delete update` does not ask which."""
    first = SoftDeletePolicy(repositories="*")
    second = replace(first, days=30)

    assert (await services.policies.put(first)).policy == first
    assert (await services.policies.put(second)).policy == second
    assert len(await services.policies.list(SoftDeletePolicy)) == 1


async def test_an_invalid_policy_is_neither_created_nor_put_in_place_of_another(
    services: Services,
) -> None:
    """The transactions that obey policies do not check them again."""
    bad = replace(QUOTA, max_bytes=-1)
    with pytest.raises(InvalidInput):
        await services.policies.create(bad)
    await services.policies.create(QUOTA)
    with pytest.raises(InvalidInput):
        await services.policies.change(Quota, QUOTA.name, lambda _: bad)

    assert (await services.policies.show(Quota, QUOTA.name)).policy == QUOTA


async def test_a_taken_name_is_refused(services: Services) -> None:
    """Otherwise a policy would be replaced unnoticed."""
    await services.policies.create(QUOTA)

    with pytest.raises(NameTaken, match="there is a quota 'team-quota' already"):
        await services.policies.create(replace(QUOTA, max_bytes=1))


async def test_too_many_policies_are_refused(services: Services) -> None:
    """Each push reads all of them."""
    for number in range(MAX_POLICIES):
        await services.stored.create(replace(QUOTA, name=f"quota-{number}"), NOON, MAX_POLICIES)

    with pytest.raises(InvalidInput, match="at most 500 policies of a kind"):
        await services.policies.create(QUOTA)


async def test_an_unknown_name_is_named(services: Services) -> None:
    """A typing error should be seen at once."""
    with pytest.raises(UnknownName, match="there is no quota 'team-qouta'"):
        await services.policies.show(Quota, "team-qouta")
    with pytest.raises(UnknownName):
        await services.policies.delete(Quota, "team-qouta")
    with pytest.raises(UnknownName):
        await services.policies.change(Quota, "team-qouta", lambda old: old)


class Meddling(SqlPolicies):
    """Somebody else changes each policy just before it is replaced."""

    async def replace(self, policy: Policy, was: Policy, at: datetime) -> bool:
        """See ports.Policies."""
        other = replace(QUOTA, max_bytes=99)
        await super().replace(other, QUOTA, at)
        return await super().replace(policy, was, at)


async def test_a_change_by_somebody_else_at_the_same_time_is_noticed(services: Services) -> None:
    """Their change must not be undone unnoticed."""
    await services.policies.create(QUOTA)
    policies = Policies(Meddling(services.database), services.clock)

    with pytest.raises(InvalidInput, match="somebody else changed the quota"):
        await policies.change(Quota, QUOTA.name, lambda old: replace(old, max_bytes=1))
    assert (await policies.show(Quota, QUOTA.name)).policy.max_bytes == 99
