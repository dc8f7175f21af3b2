"""The contract of ports.Leases, on every database."""

import asyncio
from datetime import UTC, datetime, timedelta

import pytest

from acrux.adapters.sql.leases import SqlLeases
from acrux.ports.leases import Lease
from tests.contracts.databases import Databases

NOW = datetime(2026, 11, 29, 12, 0, tzinfo=UTC)
LATER = NOW + timedelta(minutes=1)
MICROSECOND = timedelta(microseconds=1)


@pytest.fixture
def leases(databases: Databases) -> SqlLeases:
    """Nobody has a lease yet."""
    return SqlLeases(databases.open())


async def test_one_of_many_processes_gets_the_lease(databases: Databases) -> None:
    """Two of them would do the work at once."""
    workers = [SqlLeases(databases.open()) for _ in range(4)]

    taken = await asyncio.gather(
        *(one.acquire("work", f"worker-{number}", LATER, NOW) for number, one in enumerate(workers))
    )

    assert sorted(taken) == [False, False, False, True]
    lease = Lease(f"worker-{taken.index(True)}", LATER)
    assert [await one.find("work", NOW) for one in workers] == [lease] * 4


async def test_its_holder_extends_it_and_nobody_else_does(leases: SqlLeases) -> None:
    """Long work would be begun by another one before its end."""
    await leases.acquire("work", "one", LATER, NOW)
    still = LATER - MICROSECOND
    refused = await leases.acquire("work", "other", LATER + timedelta(hours=1), still)
    extended = await leases.acquire("work", "one", LATER + timedelta(minutes=1), still)

    assert (refused, extended) == (False, True)
    assert await leases.find("work", LATER) == Lease("one", LATER + timedelta(minutes=1))


async def test_an_expired_lease_is_free(leases: SqlLeases) -> None:
    """The work of a killed process would never be done again."""
    await leases.acquire("work", "killed", LATER, NOW)

    assert await leases.find("work", LATER - MICROSECOND) is not None
    assert await leases.find("work", LATER) is None
    assert await leases.acquire("work", "other", LATER + timedelta(minutes=1), LATER)


async def test_only_its_holder_releases_it(leases: SqlLeases) -> None:
    """A process that was suspended would end the lease of its successor."""
    await leases.acquire("work", "one", LATER, NOW)
    await leases.release("work", "other")
    kept = await leases.find("work", NOW)
    await leases.release("work", "one")
    await leases.release("work", "one")

    assert kept == Lease("one", LATER)
    assert await leases.find("work", NOW) is None


async def test_leases_of_other_names_are_independent(leases: SqlLeases) -> None:
    """A backup would wait for the collector."""
    await leases.acquire("work", "one", LATER, NOW)

    assert await leases.acquire("other work", "two", LATER, NOW)
    assert await leases.find("third", NOW) is None
