"""The contract of every store of scope maps."""

from datetime import UTC, datetime

import pytest
from msgspec.structs import replace

from acrux.adapters.sql.access.scope_maps import SqlScopeMaps
from acrux.ports.accounts import StoredScopeMap
from tests.contracts.databases import Databases

AT = datetime(2026, 11, 30, 12, tzinfo=UTC)
EPOCH = 100
SEEN = StoredScopeMap("team-map", "for the team", ("repositories/app/content/read",), AT)


@pytest.fixture
async def scope_maps(databases: Databases) -> SqlScopeMaps:
    """One scope map."""
    stored = SqlScopeMaps(databases.open())
    assert await stored.create(SEEN)
    return stored


async def test_a_scope_map_that_is_as_it_was_seen_is_changed(scope_maps: SqlScopeMaps) -> None:
    """Whoever looked first can go on."""
    changed = await scope_maps.change(
        SEEN.name, EPOCH, description="new", permissions=None, was=SEEN
    )

    found = await scope_maps.find(SEEN.name)
    assert changed
    assert found is not None
    assert found.description == "new"


@pytest.mark.parametrize("was", [replace(SEEN, description="other"), replace(SEEN, permissions=())])
async def test_a_scope_map_that_was_changed_since_stays(
    scope_maps: SqlScopeMaps, was: StoredScopeMap
) -> None:
    """The change of somebody else would be undone unnoticed."""
    changed = await scope_maps.change(SEEN.name, EPOCH, description="x", permissions=(), was=was)

    found = await scope_maps.find(SEEN.name)
    assert not changed
    assert found is not None
    assert (found.description, found.permissions) == (SEEN.description, SEEN.permissions)
