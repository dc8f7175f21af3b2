"""The contract of Database.snapshot: long reads of one state."""

import asyncio

import pytest

from acrux.adapters.sql.database import Statement, Steps
from acrux.errors import StorageReadOnly, UnknownBlob
from tests.contracts.databases import Databases, Hold

COUNT = Statement("SELECT COUNT(*) FROM accounts", {})
INSERT = Statement("INSERT INTO accounts (name) VALUES ('alice')", {})


def inserted() -> Steps[None]:
    """Insert an account."""
    yield INSERT


def counted_twice(hold: Hold) -> Steps[tuple[int, int]]:
    """Count the accounts, wait until the test goes on, and count them again."""
    [(before,)] = yield COUNT
    yield from hold.steps()
    [(after,)] = yield COUNT
    return int(before), int(after)


async def test_it_sees_one_state_while_others_write_and_read(databases: Databases) -> None:
    """What would be freed would be summed over two states, or a push would wait for the sum."""
    database, hold = databases.open(), Hold()
    reading = asyncio.create_task(database.snapshot(counted_twice(hold)))
    await asyncio.to_thread(hold.begun.wait, 30)

    await database.write(inserted())
    [(now,)] = await database.read(COUNT)
    hold.go_on.set()

    assert (now, await reading) == (1, (0, 0))


async def test_it_cannot_write(databases: Databases) -> None:
    """A question would change what it asks about."""
    database = databases.open()

    with pytest.raises(Exception, match="readonly") as refused:
        await database.snapshot(inserted())

    assert not isinstance(refused.value, StorageReadOnly), "that would say the disk is to blame"
    assert await database.read(COUNT) == [(0,)]


async def test_what_the_steps_raise_passes_through(databases: Databases) -> None:
    """A refusal with a reason would become a failure without one."""

    def refused() -> Steps[None]:
        yield COUNT
        raise UnknownBlob(digest="sha256:1")

    with pytest.raises(UnknownBlob):
        await databases.open().snapshot(refused())


async def test_one_whose_caller_left_ends_before_its_next_statement(databases: Databases) -> None:
    """Impatient callers would pile up work that nobody waits for."""
    database, hold = databases.open(), Hold()
    reading = asyncio.create_task(database.snapshot(counted_twice(hold)))
    await asyncio.to_thread(hold.begun.wait, 30)

    reading.cancel()
    with pytest.raises(asyncio.CancelledError):
        await reading
    hold.go_on.set()
    await database.snapshot(counted_once())  # its turn comes

    assert databases.count(COUNT.sql) == 2


def counted_once() -> Steps[None]:
    """Count the accounts."""
    yield COUNT


async def test_one_runs_at_a_time(databases: Databases) -> None:
    """Each takes a thread and a connection."""
    database, hold = databases.open(), Hold()
    first = asyncio.create_task(database.snapshot(counted_twice(hold)))
    await asyncio.to_thread(hold.begun.wait, 30)
    second = asyncio.create_task(database.snapshot(counted_once()))
    await asyncio.sleep(0)

    assert databases.count(COUNT.sql) == 1
    hold.go_on.set()
    await asyncio.gather(first, second)
    assert databases.count(COUNT.sql) == 3


async def test_a_database_that_is_closed_answers_nothing(databases: Databases) -> None:
    """A command's mistake would open the file again."""
    database = databases.open()
    database.close()

    with pytest.raises(RuntimeError):
        await database.snapshot(counted_once())
