"""Audit records in SQL."""

from collections.abc import Iterable, Iterator, Mapping, Sequence
from datetime import datetime
from functools import cache
from itertools import accumulate, chain
from typing import Final

import msgspec

from acrux.adapters.sql.database import Database, Row, SqlValue, Statement, Steps
from acrux.adapters.sql.many_rows import placeholder_rows, slices
from acrux.cache import memoize
from acrux.domain.access.scope import REPOSITORY, Scope, parse_all, render
from acrux.domain.audit.decision import SEVERAL, Decision, Outcome, Record, Search, first_id
from acrux.ports.audit_log import Trimmed

_COLUMNS: Final = (
    "id", "case_id", "proven", "account", "authentication_method", "peer", "repository", "request",
    "outcome", "status", "asked", "granted", "reason", "message", "facts", "correlation",
)  # fmt: skip
_SELECT: Final = f"SELECT {', '.join(_COLUMNS)} FROM audit_log"  # noqa: S608 -- our own column names

RECORDS_PER_STATEMENT: Final = 64

_END: Final = "g"  # after every id

_ALL: Final = ""  # the row for the total size; no account there has an empty name

RECORD_BYTES: Final = 768  # that a record takes on the disk besides its long texts


class SqlAuditLog:
    """The port AuditLog on a database; each method is described there."""

    def __init__(self, database: Database) -> None:
        self._database = database

    async def append(self, records: Sequence[Record]) -> None:
        """See ports.AuditLog."""
        await self._database.write(_append(records))

    async def search(self, wanted: Search) -> tuple[Record, ...]:
        """See ports.AuditLog."""
        found: dict[str, Record] = {}
        for statement in _searches(wanted):
            for row in await self._database.read(statement):
                found[row[0]] = _read(row)
        records = sorted(found.values(), key=lambda record: record.id)
        if wanted.oldest_first:
            return tuple(records[: wanted.limit])
        return tuple(records[max(len(records) - wanted.limit, 0) :])

    async def find(self, case: str) -> Record | None:
        """See ports.AuditLog."""
        rows = await self._database.read(Statement(f"{_SELECT} WHERE case_id = :id", {"id": case}))
        return _read(rows[0]) if rows else None

    async def prune(self, before: datetime, unproven: int, slice_: int) -> bool:
        """See ports.AuditLog."""
        return await self._database.write(_prune(first_id(before), unproven, slice_))

    async def trim(self, of_one: int, of_all: int, slice_: int) -> Trimmed | None:
        """See ports.AuditLog."""
        return await self._database.write(_trim(of_one, of_all, slice_))


def _append(records: Sequence[Record]) -> Steps[None]:
    # All of this runs in the thread that writes: the event loop only hands the records over. Many
    # rows at once, because after each statement that thread must wait for the interpreter.
    proven: list[tuple[str, int]] = []
    for chunk in slices(records, RECORDS_PER_STATEMENT):
        rows = [_values(record) for record in chunk]
        yield Statement(_insert(len(rows)), {}, [*chain.from_iterable(rows)])
        proven += (
            (record.decision.account, int(row[-1] or 0))
            for record, row in zip(chunk, rows, strict=True)
            if record.decision.is_proven
        )
    # Always in the same order, so that no two transactions wait for each other.
    for sizes in slices(sorted(_sizes(proven).items()), RECORDS_PER_STATEMENT):
        yield Statement(_grow(len(sizes)), {}, [value for pair in sizes for value in pair])


def _sizes(account_sizes: Iterable[tuple[str, int]]) -> dict[str, int]:
    """How many bytes the records of each account take, and under _ALL those of all."""
    sizes: dict[str, int] = {}
    for account, size in account_sizes:
        sizes[account] = sizes.get(account, 0) + size
    if sizes:
        sizes[_ALL] = sum(sizes.values())
    return sizes


@cache
def _grow(rows: int) -> str:
    return (
        f"INSERT INTO audit_sizes (account, size) VALUES {placeholder_rows(rows, 2)}"  # noqa: S608 -- only placeholders
        " ON CONFLICT (account) DO UPDATE SET size = audit_sizes.size + excluded.size"
    )


@cache
def _insert(rows: int) -> str:
    return (
        f"INSERT INTO audit_log ({', '.join(_COLUMNS)}, size)"  # noqa: S608 -- our own column names
        f" VALUES {placeholder_rows(rows, len(_COLUMNS) + 1)} ON CONFLICT (id) DO NOTHING"
    )


def _render(scopes: tuple[Scope, ...]) -> str:
    return render(scopes)


_rendered = memoize(_render, 64, longest=2)  # clients request the same scopes again and again


def _values(record: Record) -> tuple[SqlValue, ...]:
    decision = record.decision
    asked, granted = _rendered(decision.asked), _rendered(decision.granted)
    facts = msgspec.json.encode(dict(decision.facts)).decode() if decision.facts else "{}"
    size = RECORD_BYTES + _bytes(f"{decision.request}{asked}{granted}{decision.message}{facts}")
    # These are stored in indexes too.
    size += 3 * len(decision.repository) + 2 * len(decision.account)
    return (
        record.id,
        decision.case or None,
        int(decision.is_proven),
        decision.account,
        decision.authentication_method,
        decision.peer,
        decision.repository,
        decision.request,
        decision.outcome.value,
        decision.status,
        asked,
        granted,
        decision.reason,
        decision.message,
        facts,
        decision.correlation,
        size,
    )


def _bytes(text: str) -> int:
    return len(text) if text.isascii() else len(text.encode("utf-8", "surrogatepass"))


def _read(row: Row) -> Record:
    (id_, case, proven, account, authentication_method, peer, repository, request, outcome, status,
     asked, granted, reason, message, facts, correlation) = row  # fmt: skip
    decision = Decision(
        request=request,
        outcome=Outcome(outcome),
        account=account,
        authentication_method=authentication_method,
        peer=peer,
        repository=repository,
        asked=parse_all([asked]),
        granted=parse_all([granted]),
        status=status,
        reason=reason,
        message=message,
        facts=msgspec.json.decode(facts, type=dict[str, str]),
        correlation=correlation,
        case=case or "",
        is_proven=bool(proven),
    )
    return Record(id_, decision)


def _searches(search: Search) -> Iterator[Statement]:
    # A record of several repositories is indexed under none of them; such records are few.
    if search.repository is None or search.account is not None:
        yield _search(search, search.repository, _of_repository(search.repository))
        return
    yield _search(search, search.repository, "repository = :repository")
    yield _search(search, search.repository, f"repository = '{SEVERAL}' AND {_AMONG_SEVERAL}")


# Between a space and a colon: a name holds neither.
_AMONG_SEVERAL: Final = r"' ' || asked LIKE :scope ESCAPE '\'"


def _of_repository(repository: str | None) -> str:
    if repository is None:
        return ""
    return f"(repository = :repository OR (repository = '{SEVERAL}' AND {_AMONG_SEVERAL}))"


def _search(search: Search, repository: str | None, condition: str) -> Statement:
    terms = ["id >= :since", "id < :until"]
    parameters: dict[str, SqlValue] = {
        "since": "" if search.since is None else first_id(search.since),
        "until": _END if search.until is None else first_id(search.until),
        "limit": search.limit,
    }
    if condition:
        terms.append(condition)
    if ":repository" in condition and repository is not None:
        parameters["repository"] = repository
    if ":scope" in condition and repository is not None:
        parameters["scope"] = f"% {REPOSITORY}:{_literally(repository)}:%"
    if search.account is not None:
        terms.append("account = :account")
        parameters["account"] = search.account
    if search.outcome is not None:
        terms.append("outcome = :outcome")
        parameters["outcome"] = search.outcome.value
    if search.after is not None:
        terms.append("id > :after")
        parameters["after"] = search.after
    if search.before is not None:
        terms.append("id < :before")
        parameters["before"] = search.before
    where, order = " AND ".join(terms), "ASC" if search.oldest_first else "DESC"
    return Statement(f"{_SELECT} WHERE {where} ORDER BY id {order} LIMIT :limit", parameters)


def _literally(text: str) -> str:
    for special in ("\\", "%", "_"):
        text = text.replace(special, f"\\{special}")
    return text


def _prune(before: str, unproven: int, slice_: int) -> Steps[bool]:
    old = yield Statement(
        """
        SELECT id, account, size, proven FROM audit_log WHERE id < :before ORDER BY id LIMIT :slice
        """,
        {"before": before, "slice": slice_},
    )
    if old:
        yield Statement("DELETE FROM audit_log WHERE id <= :last", {"last": old[-1][0]})
        yield from _shrink(_sizes((account, size) for _, account, size, proven in old if proven))
    surplus = yield Statement(
        """
        SELECT id FROM audit_log WHERE proven = 0 AND id > '' ORDER BY id DESC LIMIT 1 OFFSET :kept
        """,
        {"kept": unproven},
    )
    for (newest,) in surplus:
        yield Statement("DELETE FROM audit_log WHERE proven = 0 AND id <= :last", {"last": newest})
    return len(old) == slice_


def _shrink(sizes: Mapping[str, int]) -> Steps[None]:
    for account, size in sizes.items():
        yield Statement(
            "UPDATE audit_sizes SET size = size - :size WHERE account = :account",
            {"account": account, "size": size},
        )
    # Each federated identity has a name of its own, so there may be very many rows.
    yield Statement("DELETE FROM audit_sizes WHERE size <= 0 AND account <> ''", {})


def _trim(of_one: int, of_all: int, slice_: int) -> Steps[Trimmed | None]:
    all_sizes = yield from _size_of_all()
    if all_sizes <= min(of_one, of_all):  # the usual case: no account need be looked at
        return None
    largest = yield Statement(
        """
        SELECT account, size FROM audit_sizes WHERE size > 0 AND account <> ''
        ORDER BY size DESC LIMIT 1
        """,
        {},
    )
    for account, size in largest:
        surplus = max(size - of_one, all_sizes - of_all)
        if surplus <= 0:
            return None
        gone = yield from _oldest(account, surplus, slice_)
        if gone:
            yield Statement(
                "DELETE FROM audit_log WHERE account = :account AND proven = 1 AND id <= :last",
                {"account": account, "last": gone[-1][0]},
            )
        # A record that was written twice was counted twice, so a size may remain without records.
        freed = sum(row[1] for row in gone) if gone else size
        yield from _shrink({account: freed, _ALL: freed})
        return Trimmed(account, len(gone))
    return None


def _size_of_all() -> Steps[int]:
    sizes = yield Statement("SELECT size FROM audit_sizes WHERE account = :all", {"all": _ALL})
    return sum(int(size) for (size,) in sizes)


def _oldest(account: str, surplus: int, slice_: int) -> Steps[list[Row]]:
    """The oldest records of the account that free `surplus` bytes, at most `slice_` of them."""
    rows = yield Statement(
        """
        SELECT id, size FROM audit_log WHERE account = :account AND proven = 1
        ORDER BY id LIMIT :slice
        """,
        {"account": account, "slice": slice_},
    )
    ends = accumulate(row[1] for row in rows)
    return [row for row, end in zip(rows, ends, strict=True) if end - row[1] < surplus]
