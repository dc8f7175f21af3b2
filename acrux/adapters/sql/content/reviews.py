"""What to look at again, and when, because it lost a reference."""

from collections.abc import Iterable, Sequence

from acrux.adapters.sql.database import SqlValue, Statement, Steps

ROWS_PER_STATEMENT = 500


def review(key: str, digests: Iterable[str], due_at: int) -> Steps[None]:
    """Look at these digests of the repository at an instant, in microseconds since 1970.

    What is already to be looked at stays so, at the earlier instant.
    """
    rows: list[tuple[str, str, int]] = [(key, digest, due_at) for digest in digests]
    for start in range(0, len(rows), ROWS_PER_STATEMENT):
        some = rows[start : start + ROWS_PER_STATEMENT]
        values: list[SqlValue] = [value for row in some for value in row]
        yield Statement(
            "INSERT INTO reviews (repository, digest, due_at) VALUES "  # noqa: S608 -- only placeholders
            + ", ".join(["(?, ?, ?)"] * len(some))
            + " ON CONFLICT (repository, digest) DO UPDATE SET due_at = excluded.due_at"
            " WHERE reviews.due_at > excluded.due_at",
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
    for start in range(0, len(looked_at), ROWS_PER_STATEMENT):
        some = looked_at[start : start + ROWS_PER_STATEMENT]
        values: list[SqlValue] = [value for pair in some for value in pair]
        yield Statement(
            "DELETE FROM reviews WHERE (repository, digest) IN (VALUES "  # noqa: S608 -- only placeholders
            + ", ".join(["(?, ?)"] * len(some))
            + ")",
            {},
            values,
        )
