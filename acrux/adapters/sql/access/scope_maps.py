"""User-defined scope maps in SQL."""

import msgspec

from acrux.adapters.sql.access.revocations import revoke_holders
from acrux.adapters.sql.database import Database, Row, SqlValue, Statement, Steps, did
from acrux.domain.access import built_in_scope_maps
from acrux.domain.access.scope_maps import ScopeMap
from acrux.domain.content.page import Page, Slice
from acrux.domain.instants import from_microseconds, to_microseconds
from acrux.ports.accounts import StoredScopeMap


class SqlScopeMaps:
    """The port ScopeMaps on a database; each method is described there."""

    def __init__(self, database: Database) -> None:
        self._database = database

    async def find(self, name: str) -> StoredScopeMap | None:
        """See ports.ScopeMaps."""
        rows = await self._database.read(_select("WHERE name = :name", {"name": name}))
        return _read(rows[0]) if rows else None

    async def page(self, page: Page) -> Slice[StoredScopeMap]:
        """See ports.ScopeMaps."""
        rows = await self._database.read(
            _select(
                "WHERE name > :last ORDER BY name LIMIT :limit",
                {"last": page.last, "limit": page.items + 1},
            )
        )
        found = tuple(map(_read, rows))
        return Slice(found[: page.items], more=0 < page.items < len(found))

    async def create(self, scope_map: StoredScopeMap) -> bool:
        """See ports.ScopeMaps."""
        statement = Statement(
            """
            INSERT INTO scope_maps (name, description, permissions, created_at, changed_at)
            VALUES (:name, :description, :permissions, :at, :changed_at)
            ON CONFLICT (name) DO NOTHING RETURNING name
            """,
            {
                "name": scope_map.name,
                "description": scope_map.description,
                "permissions": _json(scope_map.permissions),
                "at": to_microseconds(scope_map.created_at),
                "changed_at": to_microseconds(scope_map.changed_at),
            },
        )
        return await self._database.write(did(statement))

    async def change(
        self,
        name: str,
        epoch: int,
        *,
        description: str | None,
        permissions: tuple[str, ...] | None,
        was: StoredScopeMap | None = None,
    ) -> bool:
        """See ports.ScopeMaps."""
        return await self._database.write(_change(name, epoch, description, permissions, was))

    async def delete(self, name: str) -> bool:
        """See ports.ScopeMaps."""
        statement = Statement(
            """
            DELETE FROM scope_maps
            WHERE name = :name AND NOT EXISTS (SELECT 1 FROM accounts WHERE scope_map = :name)
                               AND NOT EXISTS (SELECT 1 FROM trusts WHERE scope_map = :name)
            RETURNING name
            """,
            {"name": name},
        )
        return await self._database.write(did(statement))


def _change(
    name: str,
    epoch: int,
    description: str | None,
    permissions: tuple[str, ...] | None,
    was: StoredScopeMap | None,
) -> Steps[bool]:
    given = None if permissions is None else _json(permissions)
    held = yield Statement(
        "SELECT permissions, description FROM scope_maps WHERE name = :name", {"name": name}
    )
    if not held or (was and held[0] != (_json(was.permissions), was.description)):
        return False
    yield Statement(
        """
        UPDATE scope_maps SET description = COALESCE(:description, description),
                              permissions = COALESCE(:permissions, permissions),
                              changed_at = COALESCE(:changed_at, changed_at)
        WHERE name = :name
        """,
        {
            "name": name,
            "description": description,
            "permissions": given,
            "changed_at": None if given in (None, held[0][0]) else epoch,
        },
    )
    if given is not None and not _read_map(name, given).covers(_read_map(name, held[0][0])):
        yield from revoke_holders(name, epoch)
    return True


def gives_less(account: str, scope_map: str) -> Steps[bool]:
    """Whether the account would hold less with this scope map than with its own."""
    rows = yield Statement(
        """
        SELECT accounts.scope_map, held.permissions, given.permissions FROM accounts
        LEFT JOIN scope_maps AS held ON held.name = accounts.scope_map
        LEFT JOIN scope_maps AS given ON given.name = :scope_map
        WHERE accounts.name = :name
        """,
        {"name": account, "scope_map": scope_map},
    )
    return any(
        not _read_map(scope_map, given).covers(_read_map(was, held)) for was, held, given in rows
    )


def _read_map(name: str, permissions: str | None) -> ScopeMap:
    """The scope map of this name, with the permissions that the table holds."""
    return built_in_scope_maps.read(
        name, msgspec.json.decode(permissions or "[]", type=frozenset[str])
    )


def _select(condition: str, parameters: dict[str, SqlValue]) -> Statement:
    columns = "name, description, permissions, created_at, changed_at"
    return Statement(f"SELECT {columns} FROM scope_maps {condition}", parameters)  # noqa: S608 -- our own conditions


def _read(row: Row) -> StoredScopeMap:
    name, description, permissions, created_at, changed_at = row
    return StoredScopeMap(
        name,
        description,
        tuple(msgspec.json.decode(permissions, type=list[str])),
        from_microseconds(created_at),
        from_microseconds(changed_at),
    )


def _json(permissions: tuple[str, ...]) -> str:
    return msgspec.json.encode(permissions).decode()
