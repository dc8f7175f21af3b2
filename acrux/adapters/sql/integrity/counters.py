"""Counters: what the rows add up to, and corrections by the difference."""

from typing import Final

from acrux.adapters.sql.content import usage
from acrux.adapters.sql.database import Row, SqlValue, Statement, Steps
from acrux.domain.content.integrity.findings import Kind
from acrux.ports.content.integrity.rows import Cursor, Fault, Scanned

REPOSITORIES_AT_ONCE: Final = 20
PARTS_AT_ONCE: Final = 64
PARTS: Final = 256  # see the table `stored`

_COLUMNS: Final = ("manifests", "manifest_bytes", "tags", "blobs", "blob_bytes")

# What the counters of a repository should be.
_COUNTED: Final = """
    (SELECT COUNT(*) FROM manifests WHERE manifests.repository = repositories.key),
    (SELECT COALESCE(SUM(size), 0) FROM manifests WHERE manifests.repository = repositories.key),
    (SELECT COUNT(*) FROM tags WHERE tags.repository = repositories.key),
    (SELECT COUNT(*) FROM blob_links WHERE blob_links.repository = repositories.key),
    (SELECT COALESCE(SUM(size), 0) FROM blob_links WHERE blob_links.repository = repositories.key)
"""

Drift = tuple[int, ...]  # how much is to be added to each counter


def scan_repositories(after: Cursor, _count: int) -> Steps[Scanned]:
    """Live repositories whose counters are wrong: those of a deleted one go with it."""
    [key] = after or ("",)
    rows = yield _find_counters("key > :key", key)
    faults = tuple(
        Fault(Kind.REPOSITORY_COUNTERS, (str(row[0]),), str(row[1]), str(row[1]), _said(drift))
        for row in rows
        if any(drift := _drift(row))
    )
    last = (str(rows[-1][0]),) if len(rows) == REPOSITORIES_AT_ONCE else ()
    return Scanned(len(rows), faults, last)


def _find_counters(condition: str, key: str) -> Statement:
    kept = ", ".join(f"COALESCE(usage.{column}, 0)" for column in _COLUMNS)
    return Statement(
        f"""
        SELECT key, name, created_at, {_COUNTED}, {kept}
        FROM repositories LEFT JOIN usage ON usage.repository = repositories.key
        WHERE name IS NOT NULL AND {condition} ORDER BY key LIMIT {REPOSITORIES_AT_ONCE}
        """,  # noqa: S608 -- our own text
        {"key": key},
    )


def _drift(row: Row) -> Drift:
    numbers = [int(value) for value in row[3:]]
    size = len(_COLUMNS)
    both = zip(numbers[:size], numbers[size:], strict=True)
    return tuple(counted - kept for counted, kept in both)


def _said(drift: Drift) -> str:
    wrong = zip(_COLUMNS, drift, strict=True)
    return ", ".join(f"{name.replace('_', ' ')} {-by:+d}" for name, by in wrong if by)


def measure_repository(key: str) -> Steps[tuple[int, Drift]]:
    """When the repository was created, and by how much its counters are wrong."""
    for row in (yield _find_counters("key = :key", key)):
        return int(row[2]), _drift(row)
    return 0, ()


def correct_repository(key: str, created_at: int, drift: Drift) -> Steps[bool]:
    """Add the difference: it stays the same whatever was pushed since it was measured."""
    alive = yield Statement(
        "SELECT 1 FROM repositories WHERE key = :key AND created_at = :at AND name IS NOT NULL",
        {"key": key, "at": created_at},
    )
    if alive:
        yield usage.count_from_nothing(key)
        sums = ", ".join(f"{column} = {column} + :{column}" for column in _COLUMNS)
        parameters: dict[str, SqlValue] = {"key": key, **dict(zip(_COLUMNS, drift, strict=True))}
        yield Statement(f"UPDATE usage SET {sums} WHERE repository = :key", parameters)  # noqa: S608
    return True


def scan_parts(after: Cursor, _count: int) -> Steps[Scanned]:
    """Parts of the store whose counters are wrong."""
    first = int(after[0], 16) + 1 if after else 0
    parts = [f"{number:02x}" for number in range(first, min(first + PARTS_AT_ONCE, PARTS))]
    faults: list[Fault] = []
    for part in parts:
        blobs, size = yield from measure_part(part)
        if blobs or size:
            said = f"blobs {-blobs:+d}, bytes {-size:+d}"
            faults.append(Fault(Kind.REGISTRY_COUNTERS, (part,), part, detail=said))
    is_end = first + PARTS_AT_ONCE >= PARTS
    return Scanned(len(parts), tuple(faults), () if is_end else (parts[-1],))


def measure_part(part: str) -> Steps[Drift]:
    """By how much the counters of a part are wrong: blobs, bytes."""
    [(blobs, size)] = yield Statement(
        """
        SELECT COUNT(*), COALESCE(SUM(size), 0) FROM blobs
        WHERE (digest >= :a AND digest < :b) OR (digest >= :c AND digest < :d)
        """,
        {  # all digits are less than g
            "a": f"sha256:{part}", "b": f"sha256:{part}g",
            "c": f"sha512:{part}", "d": f"sha512:{part}g",
        },
    )  # fmt: skip
    kept = yield Statement("SELECT blobs, bytes FROM stored WHERE part = :part", {"part": part})
    counted, stored = kept[0] if kept else (0, 0)
    return int(blobs) - int(counted), int(size) - int(stored)


def correct_part(part: str, drift: Drift) -> Steps[bool]:
    """Add the difference."""
    yield usage.store(f"sha256:{part}", *drift)
    return True


def totals() -> Statement:
    """About how many blobs, links, manifests, tags, repositories there are."""
    return Statement(
        """
        SELECT (SELECT COALESCE(SUM(blobs), 0) FROM stored), COALESCE(SUM(blobs), 0),
               COALESCE(SUM(manifests), 0), COALESCE(SUM(tags), 0), COUNT(*)
        FROM usage
        """,
        {},
    )
