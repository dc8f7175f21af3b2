"""Leases in SQL: a row for each piece of work that one process does."""

from datetime import datetime

from acrux.adapters.sql.database import Database, Statement, Steps
from acrux.domain.instants import from_microseconds, to_microseconds
from acrux.ports.leases import Lease


class SqlLeases:
    """The port Leases."""

    def __init__(self, database: Database) -> None:
        self._database = database

    async def acquire(self, name: str, holder: str, until: datetime, now: datetime) -> bool:
        """See ports.Leases."""
        return await self._database.write(_acquire(name, holder, until, now))

    async def release(self, name: str, holder: str) -> None:
        """See ports.Leases."""
        await self._database.write(_release(name, holder))

    async def find(self, name: str, now: datetime) -> Lease | None:
        """See ports.Leases."""
        rows = await self._database.read(unexpired(name, now))
        return Lease(rows[0][0], from_microseconds(rows[0][1])) if rows else None


def unexpired(name: str, now: datetime) -> Statement:
    """The holder and the end of the lease, if it has not expired; also for other transactions."""
    return Statement(
        "SELECT holder, expires_at FROM leases WHERE name = :name AND expires_at > :now",
        {"name": name, "now": to_microseconds(now)},
    )


def _acquire(name: str, holder: str, until: datetime, now: datetime) -> Steps[bool]:
    taken = yield Statement(
        """
        INSERT INTO leases (name, holder, expires_at) VALUES (:name, :holder, :until)
        ON CONFLICT (name) DO UPDATE
        SET holder = excluded.holder, expires_at = excluded.expires_at
        WHERE leases.holder = excluded.holder OR leases.expires_at <= :now
        RETURNING holder
        """,
        {
            "name": name,
            "holder": holder,
            "until": to_microseconds(until),
            "now": to_microseconds(now),
        },
    )
    return bool(taken)


def _release(name: str, holder: str) -> Steps[None]:
    yield Statement(
        "DELETE FROM leases WHERE name = :name AND holder = :holder",
        {"name": name, "holder": holder},
    )
