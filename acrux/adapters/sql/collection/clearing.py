"""Clear the rows of deleted repositories in bounded steps."""

from typing import Final

from acrux.adapters.sql.content import blob_links
from acrux.adapters.sql.database import Statement, Steps
from acrux.ports.collection import Collected

# The columns that tell the rows of a repository apart, in the order in which its tables are
# cleared: tags refer to manifests.
_ROWS: Final = {
    "tags": "name",
    "manifests": "digest",
    "manifest_references": "target, digest",
    "pulls": "reference",
    "reviews": "digest",
    "holds": "digest, principal",
    "deleted_tags": "name, digest",
    "deleted_manifests": "digest",
}


def clear(now: int, count: int) -> Steps[Collected]:
    """Remove up to `count` rows of a deleted repository that is due to be cleared."""
    for (key,) in (yield _find_due(now)):
        for table, columns in _ROWS.items():
            gone = yield _clear(table, columns, str(key), count)
            if gone:
                is_manifest = table == "manifests"
                return Collected(looked_at=len(gone), manifests=len(gone) * is_manifest)
        links = yield _find_links(str(key), count)
        for (digest,) in links:
            yield from blob_links.unlink(str(key), str(digest), now)
        if links:
            return Collected(looked_at=len(links), links=len(links))
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
        RETURNING 1
        """,  # noqa: S608 -- our own names
        {"key": key, "count": count},
    )


def _find_links(key: str, count: int) -> Statement:
    return Statement(
        "SELECT digest FROM blob_links WHERE repository = :key ORDER BY digest LIMIT :count",
        {"key": key, "count": count},
    )
