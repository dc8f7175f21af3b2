"""The contract of ports.AuditLog, on every database."""

from datetime import UTC, datetime, timedelta

import pytest
from msgspec.structs import replace

from acrux.adapters.sql.audit_log import SqlAuditLog
from acrux.adapters.sql.database import Statement
from acrux.domain.access.scope import parse_all
from acrux.domain.audit.decision import SEVERAL, Decision, Outcome, Record, Search, record_id
from acrux.domain.instants import to_microseconds
from acrux.ports.audit_log import Trimmed
from tests.contracts.databases import Databases

AT = datetime(2026, 11, 21, 12, 0, 0, 123456, tzinfo=UTC)
WHOLE = Decision(
    request="DELETE /v2/team/app/manifests/v1",
    outcome=Outcome.REFUSED,
    account="ci-team",
    authentication_method="password1",
    peer="192.0.2.7",
    repository="team/app",
    asked=parse_all(["repository:team/app:delete"]),
    granted=parse_all(["repository:team/app:pull repository:b:pull,push"]),
    status=401,
    reason="missing-scope",
    message="the token \u201cholds\u201d too little",
    facts={"expired_at": "2026-11-21T11:00:00+00:00"},
    correlation="0b5b9b2e-3b1f-4f4e-9d0a-0d6c9e7d8a11",
    case="k7w4zn9q2m",
    is_proven=False,
)


@pytest.fixture
def audit_log(databases: Databases) -> SqlAuditLog:
    """An empty audit log."""
    return SqlAuditLog(databases.open())


def record(number: int, **parts: object) -> Record:
    """A record made this many seconds after noon."""
    at = to_microseconds(AT + timedelta(seconds=number))
    plain = Decision(f"request {number}", Outcome.GRANTED, "acrux")
    return Record(record_id(at, "writer"), replace(plain, **parts))


async def found(audit_log: SqlAuditLog, **parts: object) -> list[str]:
    """The request ids of the records that a search finds."""
    wanted = Search(**parts)  # type: ignore[arg-type]  # of any field
    return [one.decision.request for one in await audit_log.search(wanted)]


async def test_a_record_is_found_as_it_was_made(audit_log: SqlAuditLog) -> None:
    """An audit record that differs from what happened is worthless."""
    whole = Record(record_id(1, "writer"), WHOLE)
    await audit_log.append([whole, record(1)])

    assert await audit_log.search(Search(account="ci-team")) == (whole,)
    assert await audit_log.find("k7w4zn9q2m") == whole


async def test_an_unknown_case_is_not_found(audit_log: SqlAuditLog) -> None:
    """Otherwise records without a case would match any."""
    await audit_log.append([record(1)])

    assert await audit_log.find("") is None
    assert await audit_log.find("k7w4zn9q2m") is None


async def test_adding_a_record_twice_adds_it_once(audit_log: SqlAuditLog) -> None:
    """A write that was cancelled but still executed would count double."""
    await audit_log.append([record(1), record(2)])
    await audit_log.append([record(2, request="changed"), record(3)])

    assert await found(audit_log) == ["request 1", "request 2", "request 3"]


async def test_the_newest_records_are_shown_in_order_of_time(audit_log: SqlAuditLog) -> None:
    """The last lines on the screen would be months old."""
    await audit_log.append([record(number) for number in range(10)])

    assert await found(audit_log, limit=3) == ["request 7", "request 8", "request 9"]


async def test_since_belongs_to_a_search_and_until_does_not(audit_log: SqlAuditLog) -> None:
    """A record between two searches would be found twice, or never."""
    await audit_log.append([record(number) for number in range(10)])
    since, until = (AT + timedelta(seconds=seconds) for seconds in (3, 5))

    assert await found(audit_log, since=since, until=until) == ["request 3", "request 4"]


async def test_a_search_is_narrowed_by_all_that_it_names(audit_log: SqlAuditLog) -> None:
    """A search for one account would show the records of all."""
    await audit_log.append(
        [
            record(1, account="a", repository="team/app"),
            record(2, account="a", repository="team/app", outcome=Outcome.REFUSED),
            record(3, account="a", repository="other"),
            record(4, account="b", repository="team/app"),
        ]
    )

    assert await found(audit_log, account="a") == ["request 1", "request 2", "request 3"]
    assert await found(audit_log, repository="team/app") == ["request 1", "request 2", "request 4"]
    assert await found(audit_log, account="a", repository="team/app") == ["request 1", "request 2"]
    assert await found(audit_log, outcome=Outcome.REFUSED) == ["request 2"]
    assert await found(audit_log, account="b", outcome=Outcome.REFUSED) == []


@pytest.mark.parametrize("account", [None, "acrux"])
async def test_a_record_of_several_repositories_is_found_under_each(
    audit_log: SqlAuditLog, account: str | None
) -> None:
    """A token for two repositories would be found under neither."""
    asked = parse_all(["repository:a_b:pull repository:team/app:pull"])
    await audit_log.append(
        [
            record(1, repository="team/app"),
            record(2, repository=SEVERAL, asked=asked),
            record(3, repository="team/app"),
            record(4, repository="app"),
        ]
    )

    assert await found(audit_log, account=account, repository="team/app") == [
        "request 1", "request 2", "request 3",
    ]  # fmt: skip
    assert await found(audit_log, account=account, repository="team/app", limit=2) == [
        "request 2", "request 3",
    ]  # fmt: skip
    assert await found(audit_log, account=account, repository="a_b") == ["request 2"]
    assert await found(audit_log, account=account, repository="app") == ["request 4"]
    for stranger in ("axb", "team", "%", "a_b:pull"):
        assert await found(audit_log, account=account, repository=stranger) == []


async def test_old_records_are_deleted_in_slices(audit_log: SqlAuditLog) -> None:
    """Pushes would wait while months of records are deleted at once."""
    await audit_log.append([record(number) for number in range(10)])
    before = AT + timedelta(seconds=5)

    assert await audit_log.prune(before, 100, 3)
    assert await found(audit_log, limit=7) == [f"request {number}" for number in range(3, 10)]
    assert not await audit_log.prune(before, 100, 3)
    assert not await audit_log.prune(before, 100, 3)
    assert await found(audit_log) == [f"request {number}" for number in range(5, 10)]


async def test_only_the_newest_records_of_strangers_are_kept(audit_log: SqlAuditLog) -> None:
    """A stranger who sends garbage for a month would fill the disk with it."""
    await audit_log.append([record(number, is_proven=number % 2 == 0) for number in range(10)])
    await audit_log.prune(AT, 2, 100)

    assert await found(audit_log) == [
        "request 0", "request 2", "request 4", "request 6", "request 7", "request 8", "request 9",
    ]  # fmt: skip


async def test_pages_go_back_in_time_or_forward_and_meet_without_a_gap(
    audit_log: SqlAuditLog,
) -> None:
    """A year of records is read in pages, and nothing between two pages may be missed."""
    await audit_log.append([record(number) for number in range(6)])
    middle = record(3).id

    assert await found(audit_log, before=middle, limit=2) == ["request 1", "request 2"]
    assert await found(audit_log, after=middle, limit=5) == ["request 4", "request 5"]
    assert await found(audit_log, oldest_first=True, limit=2) == ["request 0", "request 1"]
    assert await found(audit_log, oldest_first=True, after=middle, limit=1) == ["request 4"]


async def test_pages_of_a_repository_hold_records_of_several_ones_too(
    audit_log: SqlAuditLog,
) -> None:
    """They are found by a separate search, and would be out of order."""
    several = parse_all(["repository:a:pull repository:b:pull"])
    await audit_log.append(
        [
            record(1, repository="a"),
            record(2, repository=SEVERAL, asked=several),
            record(3, repository="a"),
        ]
    )

    assert await found(audit_log, repository="a", oldest_first=True, limit=2) == [
        "request 1",
        "request 2",
    ]
    assert await found(audit_log, repository="a", limit=2) == ["request 2", "request 3"]


async def test_the_oldest_records_of_an_account_that_takes_too_much_are_deleted(
    audit_log: SqlAuditLog,
) -> None:
    """A pull-only account would fill the disk at a megabyte a second, for ninety days."""
    await audit_log.append([record(number, account="loud") for number in range(10)])
    await audit_log.append([record(number + 10, account="quiet") for number in range(2)])
    of_one = len("request 0") + 800

    assert await audit_log.trim(5 * of_one, 100 * of_one, 3) == Trimmed("loud", 3)
    trimmed = await audit_log.trim(5 * of_one, 100 * of_one, 3)
    assert trimmed is not None
    assert trimmed.account == "loud"
    assert await audit_log.trim(5 * of_one, 100 * of_one, 3) is None

    left = await found(audit_log)
    assert left[-3:] == ["request 9", "request 10", "request 11"]
    assert 4 <= len(left) - 2 <= 6


async def test_the_account_that_takes_most_makes_room_if_all_take_too_much(
    audit_log: SqlAuditLog,
) -> None:
    """However many accounts there are, they must not fill the disk."""
    await audit_log.append([record(number, account="loud") for number in range(4)])
    await audit_log.append([record(number + 10, account="quiet") for number in range(2)])

    assert await audit_log.trim(1_000_000, 2000, 1) == Trimmed("loud", 1)


async def test_records_deleted_for_their_age_no_longer_count(audit_log: SqlAuditLog) -> None:
    """An account would lose new records because of old ones that are long gone."""
    await audit_log.append([record(number, account="loud") for number in range(10)])
    await audit_log.prune(AT + timedelta(seconds=9), 100, 100)

    assert await audit_log.trim(1000, 1000, 100) is None
    assert await found(audit_log) == ["request 9"]


async def test_records_of_strangers_count_for_no_account(audit_log: SqlAuditLog) -> None:
    """They have their own limit, and would make an account lose its records."""
    await audit_log.append([record(number, is_proven=False) for number in range(10)])

    assert await audit_log.trim(1, 1, 100) is None


async def test_sizes_without_records_are_corrected(audit_log: SqlAuditLog) -> None:
    """A record that was written twice counts twice, and the search for it would never stop."""
    twice = [record(1), record(1)]
    await audit_log.append(twice[:1])
    await audit_log.append(twice[1:])

    assert await audit_log.trim(0, 0, 100) == Trimmed("acrux", 1)
    assert await audit_log.trim(0, 0, 100) == Trimmed("acrux", 0)
    assert await audit_log.trim(0, 0, 100) is None


async def test_nothing_is_kept_of_accounts_that_have_no_records(databases: Databases) -> None:
    """Each identity that a trust lets in has its own name, one for each branch."""
    database = databases.open()
    audit_log = SqlAuditLog(database)
    await audit_log.append([record(number, account=f"trusts/ci/{number}") for number in range(10)])
    await audit_log.prune(AT + timedelta(days=1), 100, 100)

    rows = await database.read(Statement("SELECT * FROM audit_sizes WHERE account <> ''", {}))
    assert rows == []


async def test_a_record_is_counted_in_bytes(databases: Databases) -> None:
    """With four bytes a character, an account would take more than twice its share."""
    database = databases.open()
    audit_log = SqlAuditLog(database)
    text = "\U0001f433" * 1000
    await audit_log.append([record(1, message=text)])

    [(size,)] = await database.read(Statement("SELECT size FROM audit_log", {}))
    assert size >= len(text.encode())


async def test_the_sizes_of_many_accounts_are_counted(databases: Databases) -> None:
    """Records of a moment come from hundreds of accounts, more than one statement takes."""
    database = databases.open()
    records = [
        record(number, account=f"account-{number % 150:03}", request="the same")
        for number in range(300)
    ]

    await SqlAuditLog(database).append(records)

    [(size,)] = await database.read(Statement("SELECT DISTINCT size FROM audit_log", {}))
    rows = await database.read(Statement("SELECT account, size FROM audit_sizes", {}))
    expected = {f"account-{number:03}": 2 * size for number in range(150)}
    assert dict(rows) == {**expected, "": 300 * size}
