"""All memory that callers can fill is bounded, and the sum is documented."""

import ast
import re
import sqlite3
import tracemalloc
from collections.abc import Callable, Iterator
from contextlib import closing
from datetime import UTC, datetime, timedelta
from importlib import import_module
from pathlib import Path

import apsw
import pytest

from acrux.adapters.sql.access.failed_logins import MAX_ROWS, _Counted
from acrux.adapters.sql.database import Statement
from acrux.adapters.sqlite.connection import KEPT_STATEMENTS, KEPT_VALUES, Connection
from acrux.adapters.sqlite.database import SqliteDatabase
from acrux.domain.access.federated import MAX_SUBJECT_CHARACTERS
from acrux.domain.access.grants import Grant
from acrux.domain.access.lockout import Failures, Subject
from acrux.domain.access.scope import PULL, PUSH, REPOSITORY, Scope, parse_all
from acrux.domain.access.token import AccessToken
from acrux.domain.audit.decision import Decision, Outcome, Record
from acrux.domain.audit.waiting import memory_of
from acrux.domain.content.digest import Digest
from acrux.domain.content.names import RepositoryName, Tag
from acrux.domain.content.upload import Session
from acrux.services.access.lockout import CACHED_PAIRS, NEW_PAIRS
from acrux.services.access.tokens import size_of
from acrux.services.content.pulls import MAX_NOTED

NOON = datetime(2026, 11, 21, 12, 0, tzinfo=UTC)
DAY = timedelta(days=1)

ROOT = Path(__file__).parent.parent
SERVER = [
    module
    for module in sorted((ROOT / "acrux").rglob("*.py"))
    if module.relative_to(ROOT / "acrux").parts[0] not in {"cli", "client", "testing", "cache.py"}
]

KEEPERS = {"memoize", "Cache", "lru_cache", "cache", "deque", "OrderedDict", "defaultdict",
           "SimpleQueue", "Queue", "set", "dict"}  # fmt: skip

# Where something is stored: the most that it takes in a worker, in KiB, and why.
BOUNDS: dict[str, tuple[int, str]] = {
    "acrux/domain/content/policies/retention.py:_before": (
        1,
        "an instant of tags, one of manifests",
    ),
    "acrux/adapters/sql/access/revocations.py:_least": (
        2048,
        "a row an account that was revoked, of 10,000",
    ),
    "acrux/adapters/sql/access/revocations.py:_of_passwords": (
        4352,
        "two rows each, of 10,000 accounts",
    ),
    "acrux/web/static.py:_compressed": (32, "the files of acrux/web/static"),
    "acrux/adapters/metrics/history.py:_samples": (64, "KEPT samples of four numbers"),
    "acrux/adapters/metrics/page.py:_awaited": (2048, "a page in each of two formats"),
    "acrux/http/traffic.py:_answers": (
        4096,
        "250 endpoints of 25 statuses: here, on the board, and what a predecessor left there",
    ),
    "acrux/adapters/backup/damage.py:digests": (0, "MAX_DAMAGED digests, in a command only"),
    "acrux/adapters/blobs/batches.py:_waiting": (24576, "three times BATCHES_BYTES"),
    "acrux/adapters/blobs/blob_files.py:_looks": (4096, "MAX_VERIFIED digests"),
    "acrux/adapters/passwords/chosen.py:_right": (1024, "a digest each, of 4,096 at most"),
    "acrux/adapters/blobs/blob_store.py:_durable": (128, "512 names of folders"),
    "acrux/adapters/objects/object_store.py:_small": (0, "blob_cache_bytes, 0 by default"),
    "acrux/adapters/objects/receiving.py:_queue": (
        0,
        "only with an object store, and told on its page: GATHERED_BYTES and STREAMS times 3 parts",
    ),
    "acrux/adapters/sql/access/failed_logins.py:_addresses": (
        0,
        "addresses of the rows that are kept, counted there",
    ),
    "acrux/adapters/sql/access/failed_logins.py:_failures": (16384, "five quarters of MAX_ROWS"),
    "acrux/adapters/blobs/hashers.py:_kept": (1024, "MAX_HASHERS digests under way"),
    "acrux/adapters/sql/audit_log.py:_grow": (64, "64 texts of ours at most"),
    "acrux/adapters/sql/audit_log.py:_insert": (64, "64 texts of ours at most"),
    "acrux/adapters/sql/audit_log.py:_rendered": (8192, "64 pairs of scopes"),
    "acrux/adapters/log.py:_quote_once": (4096, "1,024 texts of 256 characters, escaped"),
    "acrux/adapters/sqlite/connection.py:statementcachesize": (
        20480,
        "KEPT_STATEMENTS of KEPT_VALUES, for two connections",
    ),
    "acrux/adapters/sql/space/chains.py:waiting": (3072, "LOOKED_AT times NAMERS digests"),
    "acrux/adapters/sql/space/freeing.py:_shares": (512, "REPOSITORIES keys and two numbers"),
    "acrux/adapters/sql/space/freeing.py:leaving": (4096, "MAX_LOOKED_AT digests and sizes"),
    "acrux/adapters/sql/space/unreferenced.py:_gone": (0, "counted with _targets"),
    "acrux/adapters/sql/space/unreferenced.py:_targets": (
        6144,
        "MAX_LOOKED_AT digests, and those of one manifest",
    ),
    "acrux/adapters/sql/space/unreferenced.py:candidates": (2048, "texts of _targets"),
    "acrux/adapters/openid/issuers.py:_issuers": (
        4096,
        "MAX_ISSUERS of trusts, whose keys take some ten kilobytes",
    ),
    "acrux/adapters/sql/results.py:_cache": (16384, "MAX_BYTES, on either database"),
    "acrux/adapters/postgresql/texts.py:_numbered": (
        0,
        "512 texts of 2,048 characters, instead of the statements that SQLite keeps",
    ),
    "acrux/adapters/postgresql/writer.py:_waiting": (0, "instead of SQLite's"),
    "acrux/adapters/shared_counts.py:_taken": (1024, "a number an upload, of 10,000 connections"),
    "acrux/adapters/shared_counts.py:_known": (2048, "CACHE_BYTES"),
    "acrux/adapters/sockets.py:_peers": (4096, "a place a connection, of 10,000"),
    "acrux/adapters/sqlite/database.py:_waiting": (
        4096,
        "a transaction a request; what it writes is counted with bodies",
    ),
    "acrux/adapters/standard_error.py:_waiting": (1024, "MAX_WAITING"),
    "acrux/domain/access/grants.py:_is_repository": (1024, "1,024 names of 256 characters"),
    "acrux/domain/access/lockout.py:network_of": (512, "1,024 texts of 64 characters, twice"),
    "acrux/domain/access/scope_maps.py:_permissions_on": (8192, "64 names of 128 characters"),
    "acrux/domain/audit/case_id.py:_digits": (1, "8 numbers"),
    "acrux/domain/audit/simulation.py:_allowed": (1280, "MAX_EFFECTS, each of 6 KiB at most"),
    "acrux/domain/audit/simulation.py:_refused": (1280, "MAX_EFFECTS, each of 6 KiB at most"),
    "acrux/domain/audit/used.py:_uses": (512, "MAX_USES, each of 1 KiB at most"),
    "acrux/domain/audit/waiting.py:_lines": (
        17408,
        "Room.waiting_bytes and unproven_waiting_bytes",
    ),
    "acrux/domain/content/upload.py:_digest": (512, "256 names of a repository and a principal"),
    "acrux/threads.py:_waiting": (4096, "what a request waits for; its body is counted there"),
    "acrux/http/access/authorization.py:_bearer": (6144, "1,024 tokens of 2,048 characters"),
    "acrux/http/access/guard.py:_on": (2048, "1,024 names of 255 characters"),
    "acrux/http/parsing.py:_accept": (4096, "32 headers of 2,048 characters"),
    "acrux/http/parsing.py:_digest": (1024, "1,024 digests: what is none is not kept"),
    "acrux/http/parsing.py:_fields": (12288, "128 queries of 512 characters"),
    "acrux/http/parsing.py:_reference": (1024, "1,024 tags or digests"),
    "acrux/http/parsing.py:_scopes": (8192, "128 texts of 512 characters"),
    "acrux/http/parsing.py:parse_repository": (1024, "1,024 names of 255 characters"),
    "acrux/http/responses.py:_describe_once": (2048, "1,024 media types of 255 characters"),
    "acrux/http/responses.py:_described_blob": (2048, "1,024 digests"),
    "acrux/http/room.py:_of": (512, "a number an address that takes part"),
    "acrux/http/room.py:_places": (110592, "INCOMING_BYTES, of which one is copied, ANSWERS_BYTES"),
    "acrux/http/routes.py:_cut_once": (8192, "1,024 paths of 2,048 characters"),
    "acrux/http/access/audit.py:_limited": (1024, "CASES_BYTES"),
    "acrux/http/access/audit.py:_read": (8192, "128 texts of 512 characters"),
    "acrux/serving/listeners.py:_own": (0, "a socket for each worker, in the parent"),
    "acrux/services/connections.py:_exchanges": (8192, "a peer each, of 10,000 connections"),
    "acrux/services/connections.py:_known": (8192, "a connection each, of 10,000"),
    "acrux/services/access/lockout.py:_known": (4096, "CACHED_PAIRS"),
    "acrux/services/access/lockout.py:_new": (12288, "NEW_PAIRS times as many"),
    "acrux/services/access/lockout.py:_turns": (
        4096,
        "a login under way each, of 10,000 connections",
    ),
    "acrux/services/content/pulls.py:_noted": (8192, "MAX_NOTED"),
    "acrux/services/webhooks/deliveries.py:_dropped": (128, "a number each of MAX_WEBHOOKS names"),
    "acrux/services/webhooks/deliveries.py:_running": (
        2048,
        "AT_ONCE deliveries, each with an event and the beginning of an answer",
    ),
    "acrux/services/webhooks/deliveries.py:_troubles": (512, "a sentence each of MAX_WEBHOOKS"),
    "acrux/services/audit/audit_log.py:_trimmed": (64, "a number an account that takes too much"),
    "acrux/services/access/tokens.py:_issued": (8192, "CACHE_BYTES"),
    "acrux/services/access/tokens.py:_known": (8192, "CACHE_BYTES"),
}


def _called(node: ast.expr | None) -> str:
    if isinstance(node, ast.Dict) and not node.keys:
        return "dict"
    while isinstance(node, ast.Call | ast.Subscript):
        node = node.func if isinstance(node, ast.Call) else node.value
    return node.attr if isinstance(node, ast.Attribute) else getattr(node, "id", "")


def _is_kept_empty(made: object, target: ast.expr, value: ast.expr | None) -> bool:
    is_ours = isinstance(target, ast.Attribute) and made in {"set", "dict"}
    return is_ours and not getattr(value, "args", ())


def _kept_in(tree: ast.AST) -> Iterator[str]:
    # Only dictionaries and sets that an object keeps: the others end with their function.
    for node in ast.walk(tree):
        if isinstance(node, ast.FunctionDef):
            if {"lru_cache", "cache"} & {_called(decorator) for decorator in node.decorator_list}:
                yield node.name
        elif isinstance(node, ast.keyword) and node.arg == "statementcachesize":
            yield node.arg
        elif isinstance(node, ast.Assign | ast.AnnAssign):
            target = node.targets[0] if isinstance(node, ast.Assign) else node.target
            made = isinstance(node.value, ast.Call | ast.Dict) and _called(node.value)
            if made in KEEPERS - {"set", "dict"}:
                yield target.attr if isinstance(target, ast.Attribute) else ast.unparse(target)
            elif _is_kept_empty(made, target, node.value):
                yield ast.unparse(target).removeprefix("self.")


def test_everything_kept_in_memory_is_in_the_table() -> None:
    """A cache bounded in entries grew to 865 MB when a client sent long texts."""
    kept = {
        f"{module.relative_to(ROOT).as_posix()}:{name}"
        for module in SERVER
        for name in _kept_in(ast.parse(module.read_text()))
    }

    assert kept == BOUNDS.keys()


def test_the_sum_is_documented() -> None:
    """Operators must know how much memory a worker needs."""
    page = ROOT / "docs" / "how-to" / "disk-and-memory.md"
    told = re.search(r"under way take at most (\d+) MiB", page.read_text())

    assert told is not None
    assert int(told[1]) == -(-sum(bound for bound, _ in BOUNDS.values()) // 1024)


def _scopes(number: int) -> str:
    return " ".join(f"a:{number * 200 + place}:" for place in range(110))[:512]


def _memoized(name: str) -> Callable[..., object]:
    module, _, function = name.replace("/", ".").partition(".py:")
    memoized: Callable[..., object] = getattr(import_module(module), function)
    return memoized


DIGEST = "sha256:" + "0" * 64

# Distinct texts that take the most memory for their length, with the arguments beside them.
WORST: dict[str, tuple[Callable[[int], object], tuple[str, ...]]] = {
    "acrux/domain/access/scope_maps.py:_permissions_on": (lambda n: f"{n:04}" + "/a" * 62, ()),
    "acrux/http/access/guard.py:_on": (lambda n: f"{n:04}" + "a" * 251, ("pull", "push")),
    "acrux/http/parsing.py:_accept": (
        lambda n: ",".join(f"a/{n * 300 + m}" for m in range(250)).encode()[:2048],
        (),
    ),
    "acrux/http/parsing.py:_fields": (
        lambda n: "&".join(f"{n:x}{m:x}=" for m in range(170)).encode()[:512],
        (),
    ),
    "acrux/http/parsing.py:_scopes": (_scopes, ()),
    "acrux/http/responses.py:_describe_once": (lambda n: f"{n:04}" + "a" * 251, (DIGEST,)),
    "acrux/http/access/audit.py:_read": (_scopes, ()),
}


def _failed_logins(number: int) -> object:
    at = datetime(2026, 1, 1, tzinfo=UTC) + timedelta(seconds=number)
    address = f"2001:db8:{number:x}:ffff::/64"
    return f"{number:064x}", _Counted(address, 10**15 + number, Failures(at, at + DAY))


def _pair(number: int) -> object:
    at = datetime(2026, 1, 1, tzinfo=UTC) + timedelta(seconds=number)
    return Subject(f"{number:050}", f"2001:db8:{number:x}:ffff::/64"), at


def _pull(number: int) -> object:
    repository = RepositoryName(f"{number:04}" + "a" * 251)
    pulled = repository, Tag(f"{number:04}" + "a" * 124), Digest("sha512", f"{number:0128x}")
    return pulled, NOON + number * DAY


def _session(number: int) -> object:
    subject = f"{number:04}" + "\N{GRINNING FACE}" * (MAX_SUBJECT_CHARACTERS - 4)
    repository = RepositoryName(f"{number:04}" + "a" * 251)
    return Session(repository, f"trusts/{'a' * 50}/{subject}"), f"{number:064x}"


# What is stored one row at a time, with the highest number of rows.
ROWS: dict[str, tuple[Callable[[int], object], int]] = {
    "acrux/adapters/sql/access/failed_logins.py:_failures": (_failed_logins, MAX_ROWS * 5 // 4),
    "acrux/services/access/lockout.py:_known": (_pair, CACHED_PAIRS),
    "acrux/services/access/lockout.py:_new": (_pair, CACHED_PAIRS * NEW_PAIRS),
    "acrux/services/content/pulls.py:_noted": (_pull, MAX_NOTED),
    "acrux/domain/content/upload.py:_digest": (_session, 256),
    "acrux/adapters/sql/access/revocations.py:_least": (
        lambda number: (f"{number:050}", 10**15 + number),
        10_000,
    ),
}


def _taken(act: Callable[[int], object], times: int) -> int:
    tracemalloc.start()
    try:
        before = tracemalloc.get_traced_memory()[0]
        for number in range(times):
            act(number)
        return tracemalloc.get_traced_memory()[0] - before
    finally:
        tracemalloc.stop()


@pytest.mark.parametrize("name", WORST)
def test_what_is_cached_takes_no_more_than_the_table_says(name: str) -> None:
    """A sum of bounds that nobody measured would be a guess."""
    read, (worst, beside) = _memoized(name), WORST[name]

    taken = _taken(lambda number: read(worst(number), *beside), 1100 if beside else 150)

    assert taken <= BOUNDS[name][0] * 1024


@pytest.mark.parametrize("name", ROWS)
def test_rows_that_are_kept_take_no_more_than_the_table_says(name: str) -> None:
    """A bound in rows means nothing until somebody measures one."""
    make, most = ROWS[name]
    kept: list[object] = []

    taken = _taken(lambda number: kept.append(make(number)), most // 10)

    assert taken * 10 <= BOUNDS[name][0] * 1024


def test_statements_that_are_kept_take_no_more_than_the_table_says(tmp_path: Path) -> None:
    """A caller chooses how many layers a manifest has, and so how long some statements are."""
    bound, _ = BOUNDS["acrux/adapters/sqlite/connection.py:statementcachesize"]
    with closing(Connection(tmp_path / "registry.sqlite")) as connection:
        connection.execute(Statement("CREATE TABLE t (a, b, c, PRIMARY KEY (a, b, c))", {}))
        before = apsw.memory_used()

        for number in range(2 * KEPT_STATEMENTS):
            rows = ", ".join(["(?, ?, ?)"] * (KEPT_VALUES // 3))
            text = f"INSERT INTO t VALUES {rows} ON CONFLICT DO NOTHING -- {number}"  # noqa: S608 -- no input
            connection.execute(Statement(text, {}, ["x"] * (KEPT_VALUES // 3 * 3)))
        kept = apsw.memory_used() - before

        connection.execute(Statement(f"SELECT 1 IN ({'?, ' * 20_000} 1)", {}, ["x"] * 20_000))

        assert 2 * kept <= bound * 1024  # the reader has such a connection, and the writer
        assert apsw.memory_used() - before <= kept


@pytest.mark.parametrize("scopes", [1, 20, 100])
def test_a_token_takes_no_more_than_is_counted_for_it(scopes: int) -> None:
    """1,500 tokens of 118 scopes took 104 MB of caches that were bounded in entries."""
    kept: list[object] = []
    counted: list[int] = []

    def issue(number: int) -> None:
        names = [f"team/{number:05}-{each:03}-{'x' * 90}" for each in range(scopes)]
        held = tuple(Scope(REPOSITORY, name, frozenset({PULL, PUSH})) for name in names)
        token = AccessToken(
            id=f"{number:036}",
            grant=Grant(f"account-{number}", held),
            audience="localhost",
            issued_at=NOON,
            expires_at=NOON + DAY,
        )
        text = f"{number:06}" + "".join(names)
        kept.append((text, text.encode(), token))
        counted.append(size_of(text, token))

    assert _taken(issue, 50) <= sum(counted)


def test_a_record_that_waits_takes_no_more_than_is_counted_for_it() -> None:
    """20,000 of them, each with four kilobytes of scopes, took hundreds of megabytes."""
    kept: list[object] = []
    counted: list[int] = []

    def record(number: int) -> None:
        asked = parse_all([" ".join(f"a:{number}-{each}:pull,push" for each in range(200))])
        decision = Decision(
            f"GET /{number:01000}",
            Outcome.GRANTED,
            f"account {number}",
            peer=f"2001:db8::{number:x}",
            asked=asked,
            message=f"message {number}",
            facts={"fact": f"{number:0100}"},
            correlation=f"{number:036}",
        )
        kept.append(Record(f"{number:020}", decision))
        counted.append(memory_of(decision))

    assert _taken(record, 100) <= sum(counted)


# What bounds the rows of each table of the database.
TABLES: dict[str, str] = {
    "accounts": "made by whoever may manage accounts",
    "blob_links": "made by whoever may push; a quota is to come",
    "blobs": "one for each blob that is linked",
    "deleted_manifests": "made by whoever may delete; removed after the days of soft delete",
    "deleted_tags": "removed with their manifests",
    "facts": "a few of ours",
    "failures": "MAX_ROWS of adapters/sql/access/failed_logins.py",
    "audit_log": "audit_bytes, and Room.unproven_kept of strangers",
    "audit_sizes": "an account each",
    "holds": "a row for each blob and principal, until it expires",
    "known_places": "MAX_PLACES of adapters/sql/access/failed_logins.py",
    "leases": "a few of ours",
    "manifest_references": "as many as the manifests name",
    "manifests": "made by whoever may push; a quota is to come",
    "passwords": "two an account",
    "policies": "MAX_POLICIES of each kind",
    "pulls": "one for each tag and manifest",
    "removals": "one for each copy to remove",
    "repositories": "made by whoever may push; a quota is to come",
    "reviews": "one for each manifest and link",
    "revocations": "three an account that was made",
    "scope_maps": "made by whoever may manage accounts",
    "secrets": "a few of ours; signing keys are removed when their tokens have expired",
    "stored": "one for each of 256 parts",
    "tags": "made by whoever may push; a quota is to come",
    "trusts": "made by whoever may manage accounts",
    "untagged": "one for each manifest",
    "uploads": "made by whoever may push; forgotten when nobody goes on, or an hour after its end",
    "upload_segments": "MAX_SEGMENTS of adapters/objects/object_store.py for each upload",
    "webhook_events": "MAX_WAITING_BYTES of sql/webhooks/recording.py and KEPT, for each webhook",
    "webhook_lanes": "one for each repository of which events wait",
    "webhooks": "MAX_WEBHOOKS",
    "usage": "one for each repository",
}


def test_every_table_says_what_bounds_its_rows(tmp_path: Path) -> None:
    """A client that could only pull filled the disk at a megabyte a second."""
    database = SqliteDatabase(tmp_path / "registry.sqlite")
    database.open()
    with closing(database), closing(sqlite3.connect(tmp_path / "registry.sqlite")) as reading:
        found = reading.execute("SELECT name FROM sqlite_schema WHERE type = 'table'").fetchall()

    assert {name for (name,) in found if not name.startswith("sqlite_")} == TABLES.keys()


def test_no_text_of_65_kilobytes_is_cached() -> None:
    """300 token requests with 65 KB of distinct scopes each took 865 MB for good."""
    read = _memoized("acrux/http/parsing.py:_scopes")

    taken = _taken(lambda n: read(" ".join(f"repository:a{n}b{m}:pull" for m in range(2800))), 20)

    assert taken < 1024 * 1024
