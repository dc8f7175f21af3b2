"""The contract of every store of trusts."""

from datetime import UTC, datetime, timedelta

import pytest
from msgspec.structs import replace

from acrux.adapters.sql.access.accounts import SqlAccounts
from acrux.adapters.sql.access.revocations import SqlRevocations
from acrux.adapters.sql.access.scope_maps import SqlScopeMaps
from acrux.adapters.sql.access.trusts import SqlTrusts
from acrux.domain.access.federated import holder
from acrux.domain.access.trust import ClaimRule, Trust
from acrux.ports.accounts import Account, StoredScopeMap
from acrux.ports.federation import StoredTrust
from tests.contracts.databases import Databases

AT = datetime(2026, 11, 21, 12, 0, 0, 123456, tzinfo=UTC)
EPOCH = 100
TRUST = Trust(
    name="ci",
    issuer="https://issuer.test",
    audience="registry.test",
    rules=(ClaimRule("repository", "org/*"), ClaimRule("ref", "refs/heads/main")),
    permissions=("repositories/{repository}/content/read",),
    lifetime=timedelta(minutes=90),
)
STORED = StoredTrust(TRUST, EPOCH, AT)
SCOPE_MAP = StoredScopeMap("ci-map", "", ("repositories/app/content/read",), AT)


@pytest.fixture
def trusts(databases: Databases) -> SqlTrusts:
    """No trusts yet."""
    return SqlTrusts(databases.open())


async def test_a_trust_is_found_as_it_was_created(trusts: SqlTrusts) -> None:
    """A lost rule lets strangers in."""
    created = await trusts.create(STORED)

    assert created
    assert await trusts.find("ci") == STORED
    assert await trusts.find("CI") is None
    assert await trusts.list() == (STORED,)


async def test_a_trust_is_created_once(trusts: SqlTrusts) -> None:
    """Another rule under a known name would pass for the first."""
    await trusts.create(STORED)
    again = await trusts.create(replace(STORED, trust=replace(TRUST, rules=())))

    assert not again
    assert await trusts.find("ci") == STORED


async def test_the_trusts_of_an_issuer_come_by_name(trusts: SqlTrusts) -> None:
    """The first trust that accepts a token counts, so their order must be certain."""
    for name, issuer in (("b", TRUST.issuer), ("c", "https://other.test"), ("a", TRUST.issuer)):
        await trusts.create(replace(STORED, trust=replace(TRUST, name=name, issuer=issuer)))

    found = await trusts.of_issuer(TRUST.issuer)

    assert [stored.trust.name for stored in found] == ["a", "b"]
    assert await trusts.of_issuer(f"{TRUST.issuer}/") == ()


async def test_the_permissions_of_its_scope_map_come_with_a_trust(databases: Databases) -> None:
    """A second lookup could see a different state."""
    database = databases.open()
    await SqlScopeMaps(database).create(SCOPE_MAP)
    trusts = SqlTrusts(database)
    await trusts.create(
        replace(STORED, trust=replace(TRUST, permissions=(), scope_map=SCOPE_MAP.name))
    )

    with databases.watched() as statements:
        found = await trusts.find("ci")

    assert found is not None
    assert found.permissions == SCOPE_MAP.permissions
    assert len(statements) == 1


async def test_a_change_and_a_deletion_revoke(databases: Databases) -> None:
    """Tokens issued under the old rule would stay valid on workers that did not see the change."""
    trusts, worker = SqlTrusts(databases.open()), SqlRevocations(databases.open())
    await trusts.create(STORED)
    await worker.refresh()
    before = worker.least_epoch(holder("ci"), "")

    changed = await trusts.replace(replace(TRUST, is_enabled=False), EPOCH, EPOCH)
    await worker.refresh()
    after_change = worker.least_epoch(holder("ci"), "")
    deleted = await trusts.delete("ci", EPOCH)
    await worker.refresh()

    assert changed
    assert deleted
    assert before == 0
    assert EPOCH < after_change < worker.least_epoch(holder("ci"), "")
    assert await trusts.find("ci") is None


async def test_an_unknown_trust_cannot_be_changed_or_deleted(databases: Databases) -> None:
    """A misspelt name must be reported, and revoke nothing."""
    trusts, worker = SqlTrusts(databases.open()), SqlRevocations(databases.open())

    assert not await trusts.replace(TRUST, EPOCH, EPOCH)
    assert not await trusts.delete("ci", EPOCH)
    await worker.refresh()
    assert worker.least_epoch(holder("ci"), "") == 0


async def test_the_second_of_two_concurrent_changes_is_refused(trusts: SqlTrusts) -> None:
    """Both were based on the state before: the second would silently undo the first."""
    await trusts.create(STORED)
    first = await trusts.replace(replace(TRUST, is_enabled=False), EPOCH, EPOCH)
    after_first = await trusts.find("ci")

    second = await trusts.replace(replace(TRUST, audience="other.test"), EPOCH, EPOCH)

    assert (first, second) == (True, False)
    assert await trusts.find("ci") == after_first


async def test_a_recreated_trust_is_not_revoked_and_old_tokens_stay_invalid(
    databases: Databases,
) -> None:
    """Reusing a name must not make tokens of the first trust valid again."""
    trusts, worker = SqlTrusts(databases.open()), SqlRevocations(databases.open())
    await trusts.create(STORED)
    await trusts.delete("ci", EPOCH)

    await trusts.create(STORED)
    await worker.refresh()
    found = await trusts.find("ci")

    assert found is not None
    assert found.epoch >= worker.least_epoch(holder("ci"), "") > EPOCH


async def test_a_change_of_a_scope_map_revokes_its_accounts_and_trusts(
    databases: Databases,
) -> None:
    """A right removed from a scope map would live on in the tokens of workflows."""
    database = databases.open()
    trusts, accounts, worker = SqlTrusts(database), SqlAccounts(database), SqlRevocations(database)
    mapped = replace(TRUST, permissions=(), scope_map=SCOPE_MAP.name)
    await SqlScopeMaps(database).create(SCOPE_MAP)
    await trusts.create(replace(STORED, trust=mapped))
    await trusts.create(replace(STORED, trust=replace(TRUST, name="other")))
    await accounts.create(Account("robot", (), scope_map=SCOPE_MAP.name))

    await SqlScopeMaps(database).change(SCOPE_MAP.name, EPOCH, description=None, permissions=())
    await worker.refresh()
    found = await trusts.find("ci")

    assert found is not None
    assert (
        worker.least_epoch(holder("ci"), "")
        == worker.least_epoch("robot", "")
        == found.epoch
        > EPOCH
    )
    assert worker.least_epoch(holder("other"), "") == 0


async def test_a_scope_map_that_a_trust_has_cannot_be_deleted(databases: Databases) -> None:
    """The trust would grant nothing, and nobody would know why."""
    database = databases.open()
    scope_maps, trusts = SqlScopeMaps(database), SqlTrusts(database)
    await scope_maps.create(SCOPE_MAP)
    await trusts.create(
        replace(STORED, trust=replace(TRUST, permissions=(), scope_map=SCOPE_MAP.name))
    )

    refused = await scope_maps.delete(SCOPE_MAP.name)
    await trusts.delete("ci", EPOCH)
    deleted = await scope_maps.delete(SCOPE_MAP.name)

    assert (refused, deleted) == (False, True)
