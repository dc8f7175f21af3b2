"""Trusts in external issuers, in SQL."""

from datetime import timedelta

import msgspec

from acrux.adapters.sql.access.revocations import next_epoch, revocation
from acrux.adapters.sql.database import Database, Row, SqlValue, Statement, Steps
from acrux.domain.access.federated import holder
from acrux.domain.access.trust import ClaimRule, Trust
from acrux.domain.instants import from_microseconds, to_microseconds
from acrux.ports.federation import StoredTrust

_TRUST = (
    "trusts.name, trusts.issuer, trusts.audience, trusts.rules, trusts.scope_map, "
    "trusts.permissions, trusts.lifetime, trusts.enabled, trusts.epoch, trusts.created_at"
)
_MICROSECOND = timedelta(microseconds=1)


class SqlTrusts:
    """The port Trusts on a database; each method is described there."""

    def __init__(self, database: Database) -> None:
        self._database = database

    async def find(self, name: str) -> StoredTrust | None:
        """See ports.Trusts."""
        rows = await self._database.read(_select("WHERE trusts.name = :name", {"name": name}))
        return _read(rows[0]) if rows else None

    async def of_issuer(self, issuer: str) -> tuple[StoredTrust, ...]:
        """See ports.Trusts."""
        condition = "WHERE trusts.issuer = :issuer ORDER BY trusts.name"
        return tuple(map(_read, await self._database.read(_select(condition, {"issuer": issuer}))))

    async def list(self) -> tuple[StoredTrust, ...]:
        """See ports.Trusts."""
        statement = Statement(f"SELECT {_TRUST}, NULL FROM trusts ORDER BY name", {})  # noqa: S608 -- our own column names
        return tuple(map(_read, await self._database.read(statement)))

    async def create(self, stored: StoredTrust) -> bool:
        """See ports.Trusts."""
        return await self._database.write(_create(stored))

    async def replace(self, trust: Trust, epoch: int, was: int) -> bool:
        """See ports.Trusts."""
        return await self._database.write(_replace(trust, epoch, was))

    async def delete(self, name: str, epoch: int) -> bool:
        """See ports.Trusts."""
        return await self._database.write(_delete(name, epoch))


def _select(condition: str, parameters: dict[str, SqlValue]) -> Statement:
    return Statement(
        f"""
        SELECT {_TRUST}, scope_maps.permissions FROM trusts
        LEFT JOIN scope_maps ON scope_maps.name = trusts.scope_map
        {condition}
        """,  # noqa: S608 -- our own column names and conditions
        parameters,
    )


def _create(stored: StoredTrust) -> Steps[bool]:
    epoch = yield from next_epoch(stored.epoch)
    created = yield Statement(
        """
        INSERT INTO trusts (name, issuer, audience, rules, scope_map, permissions, lifetime,
                            enabled, epoch, created_at)
        VALUES (:name, :issuer, :audience, :rules, :scope_map, :permissions, :lifetime,
                :enabled, :epoch, :at)
        ON CONFLICT (name) DO NOTHING RETURNING name
        """,
        {**_columns(stored.trust), "epoch": epoch, "at": to_microseconds(stored.created_at)},
    )
    return bool(created)


def _replace(trust: Trust, epoch: int, was: int) -> Steps[bool]:
    raised = yield from next_epoch(epoch)
    held = yield _select(
        "WHERE trusts.name = :name AND trusts.epoch = :was", {"name": trust.name, "was": was}
    )
    if not held:
        return False
    given = yield Statement(
        "SELECT permissions FROM scope_maps WHERE name = :name", {"name": trust.scope_map}
    )
    yield Statement(
        """
        UPDATE trusts SET issuer = :issuer, audience = :audience, rules = :rules,
                          scope_map = :scope_map, permissions = :permissions,
                          lifetime = :lifetime, enabled = :enabled, epoch = :epoch
        WHERE name = :name
        """,
        {**_columns(trust), "epoch": raised},
    )
    before, after = _read(held[0]), _permissions(given[0][0] if given else None)
    if not trust.only_gives_more_than(before.trust, after, before.permissions):
        yield revocation(holder(trust.name), raised)
    return True


def _delete(name: str, epoch: int) -> Steps[bool]:
    raised = yield from next_epoch(epoch)
    deleted = yield Statement(
        "DELETE FROM trusts WHERE name = :name RETURNING name", {"name": name}
    )
    if not deleted:
        return False
    yield revocation(holder(name), raised)
    return True


def _columns(trust: Trust) -> dict[str, SqlValue]:
    rules = [[rule.claim, rule.pattern] for rule in trust.rules]
    return {
        "name": trust.name,
        "issuer": trust.issuer,
        "audience": trust.audience,
        "rules": msgspec.json.encode(rules).decode(),
        "scope_map": trust.scope_map,
        "permissions": msgspec.json.encode(trust.permissions).decode(),
        "lifetime": trust.lifetime // _MICROSECOND,
        "enabled": int(trust.is_enabled),
    }


def _read(row: Row) -> StoredTrust:
    name, issuer, audience, rules, scope_map, permissions, lifetime, enabled = row[:8]
    epoch, created_at, of_map = row[8:]
    trust = Trust(
        name=name,
        issuer=issuer,
        audience=audience,
        rules=tuple(
            ClaimRule(*rule) for rule in msgspec.json.decode(rules, type=list[tuple[str, str]])
        ),
        scope_map=scope_map,
        permissions=tuple(msgspec.json.decode(permissions, type=list[str])),
        lifetime=lifetime * _MICROSECOND,
        is_enabled=bool(enabled),
    )
    return StoredTrust(trust, epoch, from_microseconds(created_at), _permissions(of_map))


def _permissions(of_map: str | None) -> tuple[str, ...]:
    return tuple(msgspec.json.decode(of_map, type=list[str])) if of_map else ()
