"""Clear the rows of deleted repositories in bounded steps."""

from typing import Final

from acrux.adapters.sql.content import copies, usage
from acrux.adapters.sql.database import Statement, Steps
from acrux.ports.content.collection import Collected

# The columns that tell the rows of a repository apart, in the order in which its tables are
# cleared: tags refer to manifests.
_ROWS: Final = {
    "tags": "name",
    "manifests": "digest",
    "manifest_references": "target, digest",
    "untagged": "digest",
    "pulls": "reference",
    "reviews": "digest",
    "holds": "digest, principal",
    "deleted_tags": "name, digest",
    "deleted_manifests": "digest",
}
# What the counters need to know of the rows that are removed.
_COUNTED: Final = {
    "tags": "name",
    "manifests": "digest, size",
    "blob_links": "digest, size",
}


def clear(now: int, count: int) -> Steps[Collected]:
    """Remove up to `count` rows of a deleted repository that is due to be cleared."""
    for (key,) in (yield _find_due(now)):
        gone, room = Collected(), count
        for table, columns in _ROWS.items():
            removed = yield _clear(table, columns, str(key), room)
            if table in _COUNTED:
                yield from usage.take_rows(str(key), table, removed)
            rows = len(removed)
            gone += Collected(looked_at=rows, manifests=rows if table == "manifests" else 0)
            room -= rows
            if not room:
                return gone
        links = yield _clear("blob_links", "digest", str(key), room)
        yield from usage.take_rows(str(key), "blobs", links)
        yield from copies.give_up_all([str(digest) for digest, _ in links], now)
        gone += Collected(looked_at=len(links), links=len(links))
        if gone.looked_at:
            return gone
        yield Statement("DELETE FROM usage WHERE repository = :key", {"key": key})
        yield Statement("DELETE FROM repositories WHERE key = :key", {"key": key})
        return Collected(looked_at=1, repositories=1)
    return Collected()


def _find_due(now: int) -> Statement:
    return Statement(
        """
        SELECT key FROM repositories
        WHERE clear_at IS NOT NULL AND clear_at <= :now ORDER BY clear_at, key LIMIT 1
        """,
        {"now": now},
    )


def _clear(table: str, columns: str, key: str, count: int) -> Statement:
    return Statement(
        f"""
        DELETE FROM {table} WHERE repository = :key AND ({columns}) IN (
            SELECT {columns} FROM {table} WHERE repository = :key ORDER BY {columns} LIMIT :count)
        RETURNING {_COUNTED.get(table, "1")}
        """,  # noqa: S608 -- our own names
        {"key": key, "count": count},
    )
