"""The contract of ports.FailedLogins, on every database."""

import asyncio
from datetime import UTC, datetime, timedelta

import pytest
from msgspec.structs import replace

from acrux.adapters.sql.access.failed_logins import SqlFailedLogins
from acrux.adapters.sql.database import Statement
from acrux.domain.access.lockout import Subject
from acrux.errors import StorageExhausted
from tests.contracts.databases import Databases

KEY = bytes(32)
AT = datetime(2026, 11, 21, 12, 0, tzinfo=UTC)
LONG_AGO = AT - timedelta(days=30)
PAIR = Subject("acrux", "192.0.2.7")
ALL = (PAIR, PAIR.everywhere, PAIR.anybody)


@pytest.fixture
def failed_logins(databases: Databases) -> SqlFailedLogins:
    """No failed logins yet."""
    return worker(databases)


def worker(databases: Databases) -> SqlFailedLogins:
    """The view of one worker process."""
    return SqlFailedLogins(databases.open(), lambda: KEY)


def counts(failed_logins: SqlFailedLogins, at: datetime = AT) -> list[int]:
    """The number of known failures of the pair, the account and the address."""
    return [subject.limit.count(failed_logins.find(subject), at) for subject in ALL]


async def test_a_failure_is_counted_for_each_subject(failed_logins: SqlFailedLogins) -> None:
    """Otherwise one of them would be unlimited."""
    await failed_logins.fail(ALL, AT)
    await failed_logins.fail((PAIR.anybody,), AT)

    assert counts(failed_logins) == [1, 1, 2]


async def test_a_failure_returns_what_all_workers_counted(databases: Databases) -> None:
    """Each worker would allow as many free guesses as one."""
    workers = [worker(databases) for _ in range(4)]

    await asyncio.gather(*(each.fail(ALL, AT) for each in workers for _ in range(3)))
    await workers[0].fail(ALL, AT)

    assert counts(workers[0]) == [13, 13, 13]


async def test_a_worker_learns_of_failures_and_pardons_of_another(databases: Databases) -> None:
    """A lockout would apply only where it began, and not end where it was lifted."""
    one, other = worker(databases), worker(databases)
    await one.fail(ALL, AT)
    await other.refresh()
    learned = counts(other)
    await one.forgive(PAIR.everywhere, AT + timedelta(seconds=1))
    await other.refresh()

    assert learned == [1, 1, 1]
    assert counts(other, AT + timedelta(seconds=2)) == [0, 0, 1]


@pytest.mark.parametrize(
    ("subject", "left"),
    [
        (PAIR, [0, 1, 1]),
        (PAIR.everywhere, [0, 0, 1]),
        (PAIR.anybody, [0, 1, 0]),
        (Subject(None, None), [0, 0, 0]),
        (Subject("other", None), [1, 1, 1]),
    ],
)
async def test_only_the_named_lockout_is_lifted(
    failed_logins: SqlFailedLogins, subject: Subject, left: list[int]
) -> None:
    """Lifting one lockout would also lift that of an attacker."""
    await failed_logins.fail(ALL, AT)
    await failed_logins.forgive(subject, AT)

    assert counts(failed_logins) == left


async def test_what_was_typed_as_a_user_name_is_not_stored(
    failed_logins: SqlFailedLogins, databases: Databases
) -> None:
    """It may be a password typed into the wrong field."""
    await failed_logins.fail((Subject("pa55word", "192.0.2.7"), Subject("pa55word", None)), AT)

    rows = await databases.open().read(Statement("SELECT * FROM failures", {}))
    assert len(rows) == 2
    assert "pa55word" not in str(rows)
    assert {kept.account for kept in await failed_logins.list()} == {failed_logins.hash("pa55word")}


async def test_subjects_that_look_alike_are_counted_apart(failed_logins: SqlFailedLogins) -> None:
    """A chosen user name would add to the counter of somebody else."""
    subjects = [
        Subject("a", "b"), Subject("b", "a"), Subject("", "b"), Subject(None, "b"),
        Subject("b", None), Subject("", None), Subject("-", None), Subject("*", None),
        Subject("\udcff", "b"), Subject("a\n+b", None), Subject("ä" * 100_000, None),
    ]  # fmt: skip
    for subject in subjects:
        await failed_logins.fail((subject,), AT)

    assert [subject.limit.count(failed_logins.find(subject), AT) for subject in subjects] == (
        [1] * len(subjects)
    )


async def test_a_worker_counts_alone_if_nothing_can_be_written(
    failed_logins: SqlFailedLogins,
) -> None:
    """On a full disk, either everyone could guess or everyone would be refused."""

    class Full:
        async def read(self, _: object) -> list[object]:
            return []

        async def write(self, _: object) -> None:
            raise StorageExhausted

    alone = SqlFailedLogins(Full(), lambda: KEY)  # type: ignore[arg-type]  # it accepts no rows
    for _ in range(3):
        await alone.fail(ALL, AT)

    assert counts(alone) == [3, 3, 3]


async def test_the_addresses_of_successful_logins_are_known_to_all_workers(
    databases: Databases,
) -> None:
    """A stranger could lock the account out everywhere."""
    one, other = worker(databases), worker(databases)
    before = await other.is_known(PAIR, LONG_AGO)
    await one.know([PAIR], AT - timedelta(days=1))
    await one.know([PAIR], AT)

    assert not before
    assert await other.is_known(PAIR, LONG_AGO)
    assert await other.is_known(PAIR, AT)
    assert not await other.is_known(PAIR, AT + timedelta(seconds=1))
    assert not await other.is_known(Subject("other", PAIR.address), LONG_AGO)
    assert not await other.is_known(replace(PAIR, address="192.0.2.8"), LONG_AGO)


async def test_expired_failures_are_removed(databases: Databases) -> None:
    """The database would grow with every guess forever."""
    failed_logins, database = worker(databases), databases.open()
    await failed_logins.fail(ALL, AT)
    await failed_logins.know([PAIR], AT)
    later = AT + timedelta(hours=1)

    await failed_logins.prune(later, later)

    assert counts(failed_logins) == [0, 0, 0]
    for table in ("failures", "known_places"):
        assert await database.read(Statement(f"SELECT * FROM {table}", {})) == []  # noqa: S608 -- our own names


async def test_a_pardon_stays_until_every_worker_has_seen_it(databases: Databases) -> None:
    """Another worker would continue to refuse."""
    one, other = worker(databases), worker(databases)
    await one.fail(ALL, AT)
    await other.refresh()
    await one.forgive(Subject(None, None), AT)
    await one.prune(AT + timedelta(seconds=2), LONG_AGO)
    await other.refresh()

    assert counts(other) == [0, 0, 0]


async def test_a_flood_of_names_evicts_no_lockout(databases: Databases) -> None:
    """Rows and memory are bounded, and an attacker cannot free a counter by filling them."""
    failed_logins = SqlFailedLogins(databases.open(), lambda: KEY, max_rows=10)
    database = databases.open()
    for _ in range(6):
        await failed_logins.fail((PAIR,), AT)
    for number in range(30):
        await failed_logins.fail((Subject(f"name-{number}", PAIR.address),), AT)

    await failed_logins.prune(AT, LONG_AGO)

    rows = await database.read(Statement("SELECT * FROM failures", {}))
    assert len(rows) <= 10
    assert counts(failed_logins)[0] == 6
    assert failed_logins.find(Subject("name-1", PAIR.address)) is None
    fresh = SqlFailedLogins(database, lambda: KEY)
    await fresh.refresh()
    assert counts(fresh)[0] == 6


async def test_a_flood_takes_no_more_memory_before_it_is_pruned(databases: Databases) -> None:
    """An attacker with a thousand addresses can do much in a minute."""
    failed_logins = SqlFailedLogins(databases.open(), lambda: KEY, max_rows=10)
    names = [Subject(f"name-{number}", PAIR.address) for number in range(30)]
    for name in names:
        await failed_logins.fail((name,), AT)

    assert sum(failed_logins.find(name) is not None for name in names) <= 13


async def test_an_idle_check_is_one_statement(
    failed_logins: SqlFailedLogins, databases: Databases
) -> None:
    """Every worker checks twice a second, and a login makes no query at all."""
    with databases.watched() as statements:
        await failed_logins.refresh()
        failed_logins.find(PAIR)

    assert len(statements) == 1


async def test_news_that_arrive_late_undo_no_earlier_ones(databases: Databases) -> None:
    """Otherwise a guess would not be counted."""
    one, other, database = worker(databases), worker(databases), databases.open()
    failing = asyncio.ensure_future(one.fail(ALL, AT))
    while not await database.read(Statement("SELECT 1 FROM failures", {})):  # noqa: ASYNC110 -- a thread writes
        await asyncio.sleep(0)
    await other.fail(ALL, AT)
    await one.refresh()
    await failing

    assert counts(one) == [2, 2, 2]
