"""What to look at again, and when, because it lost a reference."""

from collections.abc import Iterable, Sequence

from acrux.adapters.sql.database import SqlValue, Statement, Steps
from acrux.adapters.sql.many_rows import placeholder_rows, slices


def review(key: str, digests: Iterable[str], due_at: int) -> Steps[None]:
    """Look at these digests of the repository at an instant, in microseconds since 1970.

    What is already to be looked at is looked at once, at the later instant: each reference that it
    loses keeps it for a grace of its own.
    """
    rows: list[tuple[str, str, int]] = [(key, digest, due_at) for digest in digests]
    for some in slices(rows):
        values: list[SqlValue] = [value for row in some for value in row]
        yield Statement(
            f"""
            INSERT INTO reviews (repository, digest, due_at) VALUES {placeholder_rows(len(some), 3)}
            ON CONFLICT (repository, digest) DO UPDATE SET due_at = excluded.due_at
            WHERE reviews.due_at < excluded.due_at
            """,  # noqa: S608 -- only placeholders
            {},
            values,
        )


def forget(key: str, digest: str) -> Statement:
    """Do not look at it any more: it was pushed again, or it was looked at."""
    return Statement(
        "DELETE FROM reviews WHERE repository = :key AND digest = :digest",
        {"key": key, "digest": digest},
    )


def forget_all(looked_at: Sequence[tuple[str, str]]) -> Steps[None]:
    """Do not look at these digests of repositories any more."""
    for some in slices(looked_at):
        values: list[SqlValue] = [value for pair in some for value in pair]
        yield Statement(
            f"""
            DELETE FROM reviews
            WHERE (repository, digest) IN (VALUES {placeholder_rows(len(some), 2)})
            """,  # noqa: S608 -- only placeholders
            {},
            values,
        )


def forget_if_gone(key: str, digest: str) -> Statement:
    """Do not look at it any more if there is neither a manifest nor a blob of this digest.

    The same bytes can have been pushed as both.
    """
    return Statement(
        """
        DELETE FROM reviews WHERE repository = :key AND digest = :digest
          AND NOT EXISTS (SELECT 1 FROM manifests
                          WHERE manifests.repository = :key AND manifests.digest = :digest)
          AND NOT EXISTS (SELECT 1 FROM blob_links
                          WHERE blob_links.repository = :key AND blob_links.digest = :digest)
        """,
        {"key": key, "digest": digest},
    )


def find(key: str, digest: str) -> Statement:
    """When the digest is to be looked at; no row if it is not."""
    return Statement(
        "SELECT due_at FROM reviews WHERE repository = :key AND digest = :digest",
        {"key": key, "digest": digest},
    )
