"""Policies of all kinds in SQL, each as JSON under its kind and name."""

from datetime import datetime
from typing import TypeVar

import msgspec

from acrux.adapters.sql.database import Database, Row, SqlValue, Statement, Steps, did
from acrux.domain.content.policies.definition import Policy
from acrux.domain.content.policies.quota import Quota
from acrux.domain.content.policies.write_once import WriteOncePolicy
from acrux.domain.instants import from_microseconds, to_microseconds
from acrux.ports.content.policies import StoredPolicy

Kind = TypeVar("Kind", bound=Policy)


class SqlPolicies:
    """The port Policies on a database; each method is described there."""

    def __init__(self, database: Database) -> None:
        self._database = database

    async def find(self, kind: type[Kind], name: str) -> StoredPolicy[Kind] | None:
        """See ports.Policies."""
        rows = await self._database.read(
            Statement(
                """
                SELECT definition, created_at, changed_at FROM policies
                WHERE kind = :kind AND name = :name
                """,
                {"kind": kind.kind, "name": name},
            )
        )
        return _read(kind, rows[0]) if rows else None

    async def list(self, kind: type[Kind]) -> tuple[StoredPolicy[Kind], ...]:
        """See ports.Policies."""
        return tuple(_read(kind, row) for row in await self._database.read(select(kind)))

    async def create(self, policy: Policy, at: datetime, most: int) -> bool:
        """See ports.Policies."""
        # PostgreSQL cannot tell the type of a parameter in a SELECT that inserts it.
        statement = Statement(
            """
            INSERT INTO policies (kind, name, definition, created_at, changed_at)
            SELECT CAST(:kind AS TEXT), CAST(:name AS TEXT), CAST(:definition AS TEXT),
                   CAST(:at AS BIGINT), CAST(:at AS BIGINT)
            WHERE (SELECT COUNT(*) FROM policies WHERE kind = :kind) < :most
            ON CONFLICT (kind, name) DO NOTHING RETURNING name
            """,
            {**_columns(policy), "at": to_microseconds(at), "most": most},
        )
        return await self._database.write(did(statement))

    async def replace(self, policy: Policy, was: Policy, at: datetime) -> bool:
        """See ports.Policies."""
        statement = Statement(
            """
            UPDATE policies SET definition = :definition, changed_at = :at
            WHERE kind = :kind AND name = :name AND definition = :was
            RETURNING name
            """,
            {**_columns(policy), "was": _json(was), "at": to_microseconds(at)},
        )
        return await self._database.write(did(statement))

    async def delete(self, kind: type[Policy], name: str) -> bool:
        """See ports.Policies."""
        statement = Statement(
            "DELETE FROM policies WHERE kind = :kind AND name = :name RETURNING name",
            {"kind": kind.kind, "name": name},
        )
        return await self._database.write(did(statement))


def of_kind(kind: type[Kind]) -> Steps[tuple[Kind, ...]]:
    """All policies of this kind, sorted by name, for a transaction that obeys them."""
    rows = yield select(kind)
    return _decode_all(kind, rows)


def read_quotas(rows: list[Row]) -> tuple[Quota, ...]:
    """The quotas that `select(Quota)` found."""
    return _decode_all(Quota, rows)


def read_write_once(rows: list[Row]) -> tuple[WriteOncePolicy, ...]:
    """The policies that `select(WriteOncePolicy)` found."""
    return _decode_all(WriteOncePolicy, rows)


def _decode_all(kind: type[Kind], rows: list[Row]) -> tuple[Kind, ...]:
    return tuple(msgspec.json.decode(definition, type=kind) for definition, *_ in rows)


def select(kind: type[Policy]) -> Statement:
    """The definitions of all policies of this kind, sorted by name."""
    return Statement(
        """
        SELECT definition, created_at, changed_at FROM policies
        WHERE kind = :kind ORDER BY name
        """,
        {"kind": kind.kind},
    )


def _columns(policy: Policy) -> dict[str, SqlValue]:
    return {"kind": policy.kind, "name": policy.name, "definition": _json(policy)}


def _json(policy: Policy) -> str:
    return msgspec.json.encode(policy).decode()


def _read(kind: type[Kind], row: Row) -> StoredPolicy[Kind]:
    definition, created_at, changed_at = row
    policy = msgspec.json.decode(definition, type=kind)
    return StoredPolicy(policy, from_microseconds(created_at), from_microseconds(changed_at))
