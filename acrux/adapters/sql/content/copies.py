"""Which copy of a blob is in use, and which copies to remove."""

from collections.abc import Sequence

from acrux.adapters.sql.content import usage
from acrux.adapters.sql.database import Row, SqlValue, Statement, Steps
from acrux.adapters.sql.many_rows import placeholder_rows, placeholders, slices
from acrux.domain.content.digest import Digest
from acrux.domain.content.storage.copy import Copy
from acrux.errors import UnknownUpload


def use(copy: Copy, at: int) -> Steps[None]:
    """Use this copy of the blob from now on; a former one is removed.

    A push that is repeated may come with a copy that another push has replaced since: then the one
    in use stays. Raises UnknownUpload if the copy is to be removed and there is no other.
    """
    digest = str(copy.digest)
    [(used, size, linked, is_removed)] = yield _find_state(digest, copy.name)
    if used == copy.name:
        return
    if is_removed:
        if used is None:
            raise UnknownUpload("the upload was given up: start it again", upload=copy.name)
        return
    counted = 0 if used is None else int(size)
    yield usage.store(digest, int(used is None), copy.size - counted)
    if used is None and linked is not None:
        used, size = "", int(linked)  # stored by a former version, and not counted until now
    if used is not None:
        yield remove(digest, str(used), int(size), at)
    yield Statement(
        """
        INSERT INTO blobs (digest, copy, size, stored_at) VALUES (:digest, :copy, :size, :at)
        ON CONFLICT (digest) DO UPDATE
        SET copy = excluded.copy, size = excluded.size, stored_at = excluded.stored_at
        """,
        {"digest": digest, "copy": copy.name, "size": copy.size, "at": at},
    )


def count(digest: str, size: int, at: int) -> Steps[None]:
    """Count a blob that a former version stored, unless it is counted: its copy has no name."""
    new = yield Statement(
        """
        INSERT INTO blobs (digest, copy, size, stored_at) VALUES (:digest, '', :size, :at)
        ON CONFLICT (digest) DO NOTHING RETURNING 1
        """,
        {"digest": digest, "size": size, "at": at},
    )
    if new:
        yield usage.store(digest, 1, size)


def _find_state(digest: str, copy: str) -> Statement:
    return Statement(
        """
        SELECT (SELECT copy FROM blobs WHERE digest = :digest),
               (SELECT size FROM blobs WHERE digest = :digest),
               (SELECT size FROM blob_links WHERE digest = :digest LIMIT 1),
               (SELECT 1 FROM removals WHERE digest = :digest AND copy = :copy)
        """,
        {"digest": digest, "copy": copy},
    )


def give_up(digest: str, size: int, due_at: int) -> Steps[None]:
    """Remove the blob's copy if no repository links the blob any more."""
    if (yield _find_any_link(digest)):
        # The one that is gone may have been the only one that was not counted yet.
        yield from count(digest, size, due_at)
        return
    rows = yield Statement(
        "DELETE FROM blobs WHERE digest = :digest RETURNING copy, size", {"digest": digest}
    )
    # Stored by a former version, and not counted yet: its copy has no name.
    copy, stored = rows[0] if rows else ("", size)
    yield remove(digest, str(copy), int(stored), due_at)
    if rows:
        yield usage.store(digest, -1, -int(stored))


def give_up_all(digests: Sequence[str], due_at: int) -> Steps[None]:
    """Remove the copies of those of the blobs that no repository links any more.

    Only if all that existed before is counted: then each blob has a row.
    """
    for some in slices(digests):
        gone = yield Statement(
            f"""
            DELETE FROM blobs WHERE digest IN {placeholders(len(some))}
            AND NOT EXISTS (SELECT 1 FROM blob_links WHERE blob_links.digest = blobs.digest)
            RETURNING digest, copy, size
            """,  # noqa: S608 -- only placeholders
            {},
            some,
        )
        if gone:
            yield _remove_all(gone, due_at)
            yield usage.take_all([(str(digest), int(size)) for digest, _, size in gone])


def _remove_all(rows: Sequence[Row], due_at: int) -> Statement:
    values: list[SqlValue] = [value for row in rows for value in (*row, due_at)]
    return Statement(
        f"""
        INSERT INTO removals (digest, copy, size, due_at) VALUES {placeholder_rows(len(rows), 4)}
        ON CONFLICT (digest, copy) DO NOTHING
        """,  # noqa: S608 -- only placeholders
        {},
        values,
    )


def _find_any_link(digest: str) -> Statement:
    return Statement(
        "SELECT repository FROM blob_links WHERE digest = :digest ORDER BY repository LIMIT 1",
        {"digest": digest},
    )


def remove(digest: str, copy: str, size: int, due_at: int) -> Statement:
    """Remove the copy's bytes at an instant."""
    return _remove_all([(digest, copy, size)], due_at)


def find(digest: Digest) -> Statement:
    """The copy in use of a blob that some repository links."""
    return Statement(
        """
        SELECT blob_links.digest, COALESCE(blobs.copy, ''), COALESCE(blobs.size, blob_links.size)
        FROM blob_links LEFT JOIN blobs ON blobs.digest = blob_links.digest
        WHERE blob_links.digest = :digest ORDER BY blob_links.repository LIMIT 1
        """,
        {"digest": str(digest)},
    )


def find_any() -> Statement:
    """One blob that some repository links."""
    return Statement("SELECT digest FROM blob_links LIMIT 1", {})


def read(row: Row) -> Copy:
    """A row of digest, name and size."""
    digest, name, size = row
    return Copy(Digest.parse(digest), name, int(size))


def find_removals(now: int, count: int) -> Statement:
    """Up to `count` copies that are due to be removed."""
    return Statement(
        """
        SELECT digest, copy, size FROM removals WHERE due_at <= :now
        ORDER BY due_at LIMIT :count
        """,
        {"now": now, "count": count},
    )


def removed(copies: Sequence[Copy]) -> Steps[None]:
    """Forget copies whose bytes are removed."""
    for copy in copies:
        yield Statement(
            "DELETE FROM removals WHERE digest = :digest AND copy = :copy",
            {"digest": str(copy.digest), "copy": copy.name},
        )


def postpone(copies: Sequence[Copy], due_at: int) -> Steps[None]:
    """Remove copies at a later instant."""
    for copy in copies:
        yield Statement(
            "UPDATE removals SET due_at = :due_at WHERE digest = :digest AND copy = :copy",
            {"digest": str(copy.digest), "copy": copy.name, "due_at": due_at},
        )
