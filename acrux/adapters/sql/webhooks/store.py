"""Webhooks in SQL, each as JSON under its name."""

from datetime import datetime

import msgspec

from acrux.adapters.sql.database import Database, Row, SqlValue, Statement, Steps, did
from acrux.domain.instants import from_microseconds, to_microseconds
from acrux.domain.webhooks.standing import Standing, StoredWebhook
from acrux.domain.webhooks.webhook import Webhook

# How many events are dead is counted when somebody asks: there are at most a thousand.
STANDING = """
    waiting, dropped, succeeded_at, failing_since, problem,
    (SELECT COUNT(*) FROM webhook_events
     WHERE webhook_events.webhook = webhooks.name AND webhook_events.state = 'dead')
"""


class SqlWebhooks:
    """The port Webhooks on a database; each method is described there."""

    def __init__(self, database: Database) -> None:
        self._database = database

    async def find(self, name: str) -> StoredWebhook | None:
        """See ports.Webhooks."""
        rows = await self._database.read(_select("WHERE name = :name", {"name": name}))
        return _read(rows[0]) if rows else None

    async def list(self) -> tuple[StoredWebhook, ...]:
        """See ports.Webhooks."""
        rows = await self._database.read(_select("ORDER BY name", {}))
        return tuple(map(_read, rows))

    async def create(self, webhook: Webhook, at: datetime, most: int) -> bool:
        """See ports.Webhooks."""
        # PostgreSQL cannot tell the type of a parameter in a SELECT that inserts it.
        statement = Statement(
            """
            INSERT INTO webhooks (name, repository, is_enabled, definition, created_at, changed_at)
            SELECT CAST(:name AS TEXT), CAST(:repository AS TEXT), CAST(:is_enabled AS INTEGER),
                   CAST(:definition AS TEXT), CAST(:at AS BIGINT), CAST(:at AS BIGINT)
            WHERE (SELECT COUNT(*) FROM webhooks) < :most
            ON CONFLICT (name) DO NOTHING RETURNING name
            """,
            {**_columns(webhook), "at": to_microseconds(at), "most": most},
        )
        return await self._database.write(did(statement))

    async def replace(self, webhook: Webhook, was: Webhook, at: datetime) -> bool:
        """See ports.Webhooks."""
        return await self._database.write(_replace(webhook, was, to_microseconds(at)))

    async def delete(self, name: str) -> bool:
        """See ports.Webhooks."""
        return await self._database.write(_delete(name))


def read_standing(row: Row) -> Standing:
    """The columns of STANDING."""
    waiting, dropped, succeeded_at, failing_since, problem, dead = row
    return Standing(
        waiting=int(waiting),
        dead=int(dead),
        dropped=int(dropped),
        succeeded_at=None if succeeded_at is None else from_microseconds(succeeded_at),
        failing_since=None if failing_since is None else from_microseconds(failing_since),
        problem=str(problem),
    )


def _select(condition: str, parameters: dict[str, SqlValue]) -> Statement:
    columns = f"definition, created_at, changed_at, {STANDING}"
    return Statement(f"SELECT {columns} FROM webhooks {condition}", parameters)  # noqa: S608 -- our own conditions


def _replace(webhook: Webhook, was: Webhook, at: int) -> Steps[bool]:
    replaced = yield Statement(
        """
        UPDATE webhooks
        SET repository = :repository, is_enabled = :is_enabled, definition = :definition,
            changed_at = :at
        WHERE name = :name AND definition = :was
        RETURNING name
        """,
        {**_columns(webhook), "was": _json(was), "at": at},
    )
    if replaced:  # what was wrong may be right now
        yield Statement(
            "UPDATE webhook_lanes SET due_at = :at, failures = 0 WHERE webhook = :name",
            {"name": webhook.name, "at": at},
        )
    return bool(replaced)


def _delete(name: str) -> Steps[bool]:
    for table in ("webhook_events", "webhook_lanes"):
        yield Statement(f"DELETE FROM {table} WHERE webhook = :name", {"name": name})  # noqa: S608 -- our own names
    deleted = yield Statement(
        "DELETE FROM webhooks WHERE name = :name RETURNING name", {"name": name}
    )
    return bool(deleted)


def _columns(webhook: Webhook) -> dict[str, SqlValue]:
    return {
        "name": webhook.name,
        "repository": webhook.scope.repository,
        "is_enabled": int(webhook.is_enabled),
        "definition": _json(webhook),
    }


def _json(webhook: Webhook) -> str:
    return msgspec.json.encode(webhook).decode()


def _read(row: Row) -> StoredWebhook:
    definition, created_at, changed_at, *standing = row
    return StoredWebhook(
        msgspec.json.decode(definition, type=Webhook),
        from_microseconds(created_at),
        from_microseconds(changed_at),
        read_standing(tuple(standing)),
    )
