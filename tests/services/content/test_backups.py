"""While a backup is made nothing vanishes, and there is only one."""

import pytest

from acrux.adapters.sql.facts import SqlFacts
from acrux.adapters.sql.leases import SqlLeases
from acrux.adapters.sqlite.database import SqliteDatabase
from acrux.errors import StorageReadOnly, StorageUnavailable, TooManyRequests
from acrux.ports.leases import BACKUP
from acrux.services.content.backups import LEASED_FOR, RENEWED_EVERY, UNKNOWN, Backups
from tests.http.conftest import HandClock


@pytest.fixture
def leases(database: SqliteDatabase) -> SqlLeases:
    """Nobody makes a backup."""
    return SqlLeases(database)


@pytest.fixture
def backups(database: SqliteDatabase, leases: SqlLeases, clock: HandClock) -> Backups:
    """One process."""
    return Backups(leases, SqlFacts(database), clock, "one")


@pytest.fixture
def others(database: SqliteDatabase, leases: SqlLeases, clock: HandClock) -> Backups:
    """Another process."""
    return Backups(leases, SqlFacts(database), clock, "other")


async def test_everybody_sees_that_a_backup_is_made_until_it_ends(
    backups: Backups, leases: SqlLeases, clock: HandClock
) -> None:
    """The collector would remove what is about to be copied."""
    await backups.begin()
    during = await leases.find(BACKUP, clock())
    await backups.end()

    assert during is not None
    assert during.expires_at == clock() + LEASED_FOR
    assert await leases.find(BACKUP, clock()) is None


async def test_a_second_backup_is_told_when_to_try_again(
    backups: Backups, others: Backups, clock: HandClock
) -> None:
    """One of them may have been killed."""
    await backups.begin()
    with pytest.raises(TooManyRequests, match=r"after 12:01:00 UTC if it was killed"):
        await others.begin()
    clock.forward(seconds=LEASED_FOR.total_seconds())

    await others.begin()


async def test_a_backup_lasts_as_long_as_it_is_renewed(
    backups: Backups, others: Backups, clock: HandClock
) -> None:
    """A terabyte takes hours."""
    await backups.begin()
    for _ in range(20):
        clock.forward(seconds=RENEWED_EVERY.total_seconds())
        await backups.renew()
        with pytest.raises(TooManyRequests):
            await others.begin()


async def test_a_backup_that_was_suspended_too_long_is_not_taken_for_whole(
    backups: Backups, clock: HandClock
) -> None:
    """What it is about to copy may have been removed, and nothing else would tell."""
    await backups.begin()
    clock.forward(seconds=LEASED_FOR.total_seconds())

    with pytest.raises(StorageUnavailable, match="run the command again"):
        await backups.renew()


async def test_a_busy_database_ends_no_backup_before_its_time(
    database: SqliteDatabase, clock: HandClock
) -> None:
    """An hour of copying would be lost because of a second of waiting."""
    busy = Sometimes(SqlLeases(database), TooManyRequests("busy", retry_after=1))
    backups = Backups(busy, SqlFacts(database), clock, "one")
    await backups.begin()
    busy.is_failing = True
    clock.forward(seconds=LEASED_FOR.total_seconds() - 1)
    await backups.renew()
    clock.forward(seconds=1)

    with pytest.raises(StorageUnavailable):
        await backups.renew()


async def test_a_registry_on_a_read_only_disk_can_be_saved(
    database: SqliteDatabase, clock: HandClock
) -> None:
    """It is the day on which you need a backup most: nothing can vanish there."""
    fixed = Sometimes(SqlLeases(database), StorageReadOnly("read-only"))
    fixed.is_failing = True
    backups = Backups(fixed, SqlFacts(database), clock, "one")

    await backups.begin()
    await backups.renew()
    assert await backups.registry() == UNKNOWN
    await backups.end()


async def test_a_registry_keeps_its_id(backups: Backups, others: Backups) -> None:
    """Its next backup would be taken for that of another registry."""
    first = await backups.registry()

    assert await others.registry() == first == "one"


async def test_a_lease_that_ended_just_now_is_told_so(
    database: SqliteDatabase, clock: HandClock
) -> None:
    """The message must not fail."""

    class Gone(SqlLeases):
        async def acquire(self, *_: object) -> bool:
            return False

    with pytest.raises(TooManyRequests, match="after a moment"):
        await Backups(Gone(database), SqlFacts(database), clock, "one").begin()


class Sometimes(SqlLeases):
    """Leases in a database that fails when it is told to."""

    def __init__(self, leases: SqlLeases, failure: Exception) -> None:
        super().__init__(leases._database)  # noqa: SLF001 -- it is the same
        self.is_failing = False
        self._failure = failure

    async def acquire(self, *arguments: object) -> bool:
        """See ports.Leases."""
        if self.is_failing:
            raise self._failure
        return await super().acquire(*arguments)  # type: ignore[arg-type]
