"""Failed logins in SQL, known to each worker without a query."""

from collections.abc import Callable, Iterable
from datetime import datetime, timedelta
from typing import Final

from msgspec import Struct

from acrux.adapters.keys.keyed_hash import KeyedHash
from acrux.adapters.sql.database import Database, Row, Statement, Steps
from acrux.domain.access.lockout import Failures, Subject
from acrux.domain.instants import BEGINNING, from_microseconds, to_microseconds
from acrux.errors import RegistryError
from acrux.ports.failed_logins import StoredFailures

# How many subjects are kept, on disk and in the memory of each worker. Beyond that, the ones that
# are forgiven soonest are dropped: a flood of single failures drives out only single failures.
MAX_ROWS: Final = 25_000

# How many addresses of successful logins are kept in all: one account may have very many.
MAX_PLACES: Final = 500_000

# How long a forgiven row stays, so that every worker sees that it is forgiven.
SEEN_BY_ALL: Final = timedelta(minutes=1)


class _Counted(Struct, frozen=True):
    """Failures as of a revision of their row; 0 if they could not be written."""

    address: str | None
    revision: int
    failures: Failures


class _Hashed(Struct, frozen=True):
    """A subject, its hash, and the hash of its account."""

    key: str
    account: str
    subject: Subject


class SqlFailedLogins:
    """The port FailedLogins. User names, as presented, are stored as hashes under `key`."""

    def __init__(
        self, database: Database, key: Callable[[], bytes], max_rows: int = MAX_ROWS
    ) -> None:
        self._database = database
        self._keyed_hash = KeyedHash(key)
        self._max_rows = max_rows
        self._failures: dict[str, _Counted] = {}
        self._addresses: set[str | None] = set()
        self._seen = -1

    def find(self, subject: Subject) -> Failures | None:
        """See ports.FailedLogins."""
        # Most callers have never failed: to look them up costs one hash or none.
        if subject.address not in self._addresses:
            return None
        counted = self._failures.get(self._hash(subject))
        return counted.failures if counted else None

    async def fail(self, subjects: Iterable[Subject], at: datetime) -> None:
        """See ports.FailedLogins."""
        hashed = [
            _Hashed(self._hash(subject), self._account(subject), subject) for subject in subjects
        ]
        try:
            self._learn(await self._database.write(_fail(hashed, at)))
        except RegistryError:
            self._learn((entry.key, self._count_alone(entry.subject, at)) for entry in hashed)

    async def forgive(self, subject: Subject, at: datetime) -> bool:
        """See ports.FailedLogins."""
        named = {"account": self._account(subject), "address": subject.address or ""}
        forgiven = await self._database.write(_forgive(named, to_microseconds(at)))
        await self.refresh()
        return forgiven

    async def is_known(self, pair: Subject, since: datetime) -> bool:
        """See ports.FailedLogins."""
        rows = await self._database.read(
            Statement(
                "SELECT 1 FROM known_places WHERE subject = :subject AND seen_at >= :since",
                {"subject": self._hash(pair), "since": to_microseconds(since)},
            )
        )
        return bool(rows)

    async def know(self, pairs: Iterable[Subject], at: datetime) -> None:
        """See ports.FailedLogins."""
        await self._database.write(_know([self._hash(pair) for pair in pairs], at))

    async def refresh(self) -> None:
        """See ports.FailedLogins."""
        rows = await self._database.read(
            Statement(
                """
                SELECT failed_at, forgiven_at, subject, address, revision FROM failures
                WHERE revision >= :seen
                """,
                {"seen": self._seen},
            )
        )
        self._learn((row[2], _Counted(row[3] or None, row[4], _read(row))) for row in rows)
        self._seen = max([self._seen, *(row[4] for row in rows)])

    async def prune(self, now: datetime, known_since: datetime) -> None:
        """See ports.FailedLogins."""
        try:
            await self._database.write(_prune(now - SEEN_BY_ALL, known_since, self._max_rows))
        finally:
            self._forget(now)

    def _forget(self, now: datetime) -> None:
        """Keep at most `max_rows` rows in memory, and none that was forgiven by `now`."""
        ends = sorted(counted.failures.forgiven_at for counted in self._failures.values())
        end = max([now, *ends[: -self._max_rows][-1:]])
        self._failures = {
            subject: counted
            for subject, counted in self._failures.items()
            if counted.failures.forgiven_at > end
        }
        self._addresses = {counted.address for counted in self._failures.values()}

    async def list(self) -> tuple[StoredFailures, ...]:
        """See ports.FailedLogins."""
        rows = await self._database.read(
            Statement(
                """
                SELECT failed_at, forgiven_at, account, address FROM failures
                ORDER BY forgiven_at DESC
                """,
                {},
            )
        )
        return tuple(StoredFailures(row[2] or None, row[3] or None, _read(row)) for row in rows)

    def hash(self, account: str) -> str:
        """See ports.FailedLogins."""
        return self._hash(Subject(account, None))

    def _learn(self, news: Iterable[tuple[str, _Counted]]) -> None:
        # A refresh may already have seen a later revision than the one that our write returns.
        for subject, counted in news:
            known = self._failures.get(subject)
            if known is None or counted.revision == 0 or known.revision <= counted.revision:
                self._failures[subject] = counted
                self._addresses.add(counted.address)
        if len(self._failures) > self._max_rows * 5 // 4:  # a flood, between two calls of `prune`
            self._forget(BEGINNING)

    def _count_alone(self, subject: Subject, at: datetime) -> _Counted:
        failures = subject.limit.after_another(self.find(subject), at)
        return _Counted(subject.address, 0, failures)

    def _account(self, subject: Subject) -> str:
        return "" if subject.account is None else self.hash(subject.account)

    def _hash(self, subject: Subject) -> str:
        # An address holds no newline, so what follows the first newline is the account.
        account = "-" if subject.account is None else f"+{subject.account}"
        text = f"{subject.address or '*'}\n{account}".encode("utf-8", "surrogatepass")
        return self._keyed_hash.digest(text).hex()


def _read(row: Row) -> Failures:
    return Failures(from_microseconds(row[0]), from_microseconds(row[1]))


def _fail(hashed: Iterable[_Hashed], at: datetime) -> Steps[list[tuple[str, _Counted]]]:
    news = []
    revision = yield from _next_revision(to_microseconds(at))
    for entry in hashed:
        kept = yield Statement(
            "SELECT failed_at, forgiven_at FROM failures WHERE subject = :subject",
            {"subject": entry.key},
        )
        failures = entry.subject.limit.after_another(_read(kept[0]) if kept else None, at)
        yield _put(entry, failures, revision)
        news.append((entry.key, _Counted(entry.subject.address, revision, failures)))
    return news


def _next_revision(at: int) -> Steps[int]:
    # Above all existing rows, and above all removed ones, since those are older than `at`.
    newest = yield Statement("SELECT COALESCE(MAX(revision), 0) FROM failures", {})
    return max(at, int(newest[0][0]) + 1)


def _put(entry: _Hashed, failures: Failures, revision: int) -> Statement:
    return Statement(
        """
        INSERT INTO failures (subject, account, address, failed_at, forgiven_at, revision)
        VALUES (:subject, :account, :address, :failed_at, :forgiven_at, :revision)
        ON CONFLICT (subject) DO UPDATE
        SET failed_at = excluded.failed_at, forgiven_at = excluded.forgiven_at,
            revision = excluded.revision
        """,
        {
            "subject": entry.key,
            "account": entry.account,
            "address": entry.subject.address or "",
            "failed_at": to_microseconds(failures.failed_at),
            "forgiven_at": to_microseconds(failures.forgiven_at),
            "revision": revision,
        },
    )


def _forgive(named: dict[str, str], at: int) -> Steps[bool]:
    revision = yield from _next_revision(at)
    # An update, since other workers would not see a deletion.
    given = {column: value for column, value in named.items() if value}
    only = "".join(f" AND {column} = :{column}" for column in given)
    forgiven = yield Statement(
        f"""
        UPDATE failures SET forgiven_at = :at, revision = :revision
        WHERE forgiven_at > :at{only} RETURNING subject
        """,  # noqa: S608 -- our own column names
        {"at": at, "revision": revision, **given},
    )
    return bool(forgiven)


def _know(subjects: Iterable[str], at: datetime) -> Steps[None]:
    for subject in subjects:
        yield Statement(
            """
            INSERT INTO known_places (subject, seen_at) VALUES (:subject, :at)
            ON CONFLICT (subject) DO UPDATE SET seen_at = excluded.seen_at
            """,
            {"subject": subject, "at": to_microseconds(at)},
        )


def _prune(end: datetime, known_since: datetime, most: int) -> Steps[None]:
    too_many = yield Statement(
        "SELECT forgiven_at FROM failures ORDER BY forgiven_at DESC LIMIT 1 OFFSET :most",
        {"most": most},
    )
    least = max([to_microseconds(end), *(row[0] for row in too_many)])
    yield Statement("DELETE FROM failures WHERE forgiven_at <= :end", {"end": least})
    surplus = yield Statement(
        "SELECT seen_at FROM known_places ORDER BY seen_at DESC LIMIT 1 OFFSET :most",
        {"most": MAX_PLACES},
    )
    since = max([to_microseconds(known_since), *(row[0] + 1 for row in surplus)])
    yield Statement("DELETE FROM known_places WHERE seen_at < :since", {"since": since})
