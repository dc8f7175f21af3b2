"""Blobs: which copy is in use, what is wrong with its row, and healing."""

from collections.abc import Sequence

from acrux.adapters.sql.content import copies, usage
from acrux.adapters.sql.content.grace import Grace
from acrux.adapters.sql.database import Row, SqlValue, Statement, Steps
from acrux.adapters.sql.many_rows import placeholders
from acrux.domain.content.storage.copy import Copy
from acrux.domain.content.storage.integrity import Kind
from acrux.ports.content.integrity.rows import Cursor, Fault, Orphan, Scanned, UsedBlob

_USED = """
    SELECT digest, copy, size,
           EXISTS (SELECT 1 FROM blob_links WHERE blob_links.digest = blobs.digest),
           EXISTS (SELECT 1 FROM removals WHERE removals.digest = blobs.digest
                                            AND removals.copy = blobs.copy)
    FROM blobs
"""


def page(after: str, count: int) -> Statement:
    """A page of blobs in the order of their digests."""
    return Statement(
        f"{_USED} WHERE digest > :after ORDER BY digest LIMIT :count",
        {"after": after, "count": count},
    )


def find(digest: str) -> Statement:
    """One blob."""
    return Statement(f"{_USED} WHERE digest = :digest", {"digest": digest})


def read(row: Row) -> UsedBlob:
    """A row of `page` or `find`."""
    *copy, is_linked, is_doomed = row
    return UsedBlob(copies.read(tuple(copy)), bool(is_linked), bool(is_doomed))


def scan_links(after: Cursor, count: int) -> Steps[Scanned]:
    """Links to blobs without a row, and links whose size is not that of the blob."""
    repository, digest = after or ("", "")
    rows = yield Statement(
        """
        SELECT links.repository, links.digest, links.size, blobs.size,
               COALESCE(repositories.name, repositories.former_name, links.repository)
        FROM blob_links AS links
        LEFT JOIN blobs ON blobs.digest = links.digest
        LEFT JOIN repositories ON repositories.key = links.repository
        WHERE (links.repository, links.digest) > (:repository, :digest)
        ORDER BY links.repository, links.digest LIMIT :count
        """,
        {"repository": repository, "digest": digest, "count": count},
    )
    faults: list[Fault] = []
    for key, linked, size, stored, name in rows:
        if stored is None:
            kind, detail = Kind.UNSTORED_LINK, "no copy of it is in use"
        elif size != stored:
            kind, detail = Kind.WRONG_LINK, f"{size} bytes instead of {stored}"
        else:
            continue
        where = (str(key), str(linked))
        faults.append(Fault(kind, where, where[1], str(name), detail, where[1]))
    return Scanned(len(rows), tuple(faults), _next(rows, count))


def _next(rows: list[Row], count: int) -> Cursor:
    return (str(rows[-1][0]), str(rows[-1][1])) if len(rows) == count else ()


def repair_link(key: Cursor, _grace: Grace) -> Steps[bool]:
    """Correct the size of a link."""
    row: dict[str, SqlValue] = {"key": key[0], "digest": key[1]}
    wrong = yield Statement(
        """
        SELECT blob_links.size, blobs.size
        FROM blob_links JOIN blobs ON blobs.digest = blob_links.digest
        WHERE blob_links.repository = :key AND blob_links.digest = :digest
          AND blob_links.size <> blobs.size
        """,
        row,
    )
    for size, stored in wrong:
        yield Statement(
            "UPDATE blob_links SET size = :size WHERE repository = :key AND digest = :digest",
            {**row, "size": int(stored)},
        )
        yield usage.change_links(key[0], key[1], 0, int(stored) - int(size))
    return True


def spare(key: Cursor, _grace: Grace) -> Steps[bool]:
    """Do not remove a copy that is in use."""
    digest, copy = key
    yield Statement(
        """
        DELETE FROM removals WHERE digest = :digest AND copy = :copy
          AND EXISTS (SELECT 1 FROM blobs WHERE blobs.digest = removals.digest
                                            AND blobs.copy = removals.copy)
        """,
        {"digest": digest, "copy": copy},
    )
    return True


def give_up(key: Cursor, grace: Grace) -> Steps[bool]:
    """Remove a blob that nothing links, after the grace, unless some manifest names it."""
    [digest] = key
    rows = yield find(digest)
    if not rows or read(rows[0]).is_linked:
        return True
    # A link may have been lost, and this may be the only copy of what a manifest names.
    named = yield Statement(
        """
        SELECT 1 FROM repositories
        WHERE EXISTS (SELECT 1 FROM manifest_references AS named
                      WHERE named.repository = repositories.key AND named.target = :digest)
        LIMIT 1
        """,
        {"digest": digest},
    )
    if named:
        return False
    yield from copies.give_up(digest, read(rows[0]).copy.size, grace.ends())
    return True


def adopt(copy: Copy, instead: Copy | None, at: int) -> Steps[bool]:
    """Use the copy of a linked blob, if `instead` is still the one in use."""
    digest = str(copy.digest)
    rows = yield find(digest)
    used = read(rows[0]).copy if rows else None
    linked = yield Statement(
        "SELECT 1 FROM blob_links WHERE digest = :digest LIMIT 1", {"digest": digest}
    )
    if used != instead or not linked:
        return False
    yield from copies.use(copy, at)
    return True


def orphans(found: Sequence[Copy]) -> Steps[tuple[Orphan, ...]]:
    """Those of the copies that no row names."""
    digests = sorted({str(copy.digest) for copy in found})
    among = f"digest IN {placeholders(len(digests))}"
    used = {
        str(row[0]): copies.read(row)
        for row in (yield _among("digest, copy, size FROM blobs", among, digests))
    }
    to_remove = yield _among("digest, copy FROM removals", among, digests)
    doomed = {(str(digest), str(copy)) for digest, copy in to_remove}
    linked = {str(a) for (a,) in (yield _among("DISTINCT digest FROM blob_links", among, digests))}
    return tuple(
        Orphan(copy, now, digest in linked)
        for copy in found
        for digest in [str(copy.digest)]
        for now in [used.get(digest)]
        if (now is None or now.name != copy.name) and (digest, copy.name) not in doomed
    )


def _among(what: str, among: str, digests: list[str]) -> Statement:
    return Statement(f"SELECT {what} WHERE {among}", {}, digests)
