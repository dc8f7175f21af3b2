"""What pushes are about to refer to."""

from collections.abc import Sequence

from acrux.adapters.sql.content.grace import Grace
from acrux.adapters.sql.content.keys import KEY, find_key
from acrux.adapters.sql.database import Row, Statement, Steps
from acrux.adapters.sql.many_rows import placeholders, slices
from acrux.domain.content.digest import Digest
from acrux.domain.content.names import RepositoryName


def hold(key: str, digest: Digest, principal: str, until: int) -> Statement:
    """Keep what the digest names for a push of the principal."""
    return Statement(
        """
        INSERT INTO holds (repository, digest, principal, until)
        VALUES (:key, :digest, :principal, :until)
        ON CONFLICT (repository, digest, principal) DO UPDATE SET until = excluded.until
        WHERE holds.until < excluded.until
        """,
        {"key": key, "digest": str(digest), "principal": principal, "until": until},
    )


def renew(repository: RepositoryName, digest: Digest, principal: str, grace: Grace) -> Steps[None]:
    """Keep what the digest names for a push of the principal, if the repository is there."""
    key = yield from find_key(repository)
    if key is not None:
        yield hold(key, digest, principal, grace.held_until())


def find_hold(repository: RepositoryName, digest: Digest, principal: str) -> Statement:
    """Until when the principal holds the digest."""
    return Statement(
        f"""
        SELECT until FROM holds
        WHERE repository = {KEY} AND digest = :digest AND principal = :principal
        """,  # noqa: S608 -- our own subquery
        {"repository": repository.value, "digest": str(digest), "principal": principal},
    )


def read_until(rows: list[Row]) -> int:
    """The instant that `find_hold` found, in microseconds since 1970; 0 if there is none."""
    return int(rows[0][0]) if rows else 0


def release(key: str, digests: Sequence[str], principal: str) -> Steps[None]:
    """End the principal's holds: what they held is now referred to."""
    for some in slices(digests):
        yield Statement(
            f"""
            DELETE FROM holds
            WHERE repository = ? AND principal = ? AND digest IN {placeholders(len(some))}
            """,  # noqa: S608 -- only placeholders
            {},
            [key, principal, *some],
        )


def find_last(key: str, digest: str) -> Statement:
    """The latest instant until which anybody holds the digest; None if nobody does."""
    return Statement(
        "SELECT MAX(until) FROM holds WHERE repository = :key AND digest = :digest",
        {"key": key, "digest": digest},
    )


def find_expired(now: int, count: int) -> Statement:
    """Up to `count` holds that have expired, the oldest first."""
    return Statement(
        """
        SELECT repository, digest, principal FROM holds
        WHERE until <= :now ORDER BY until LIMIT :count
        """,
        {"now": now, "count": count},
    )


def forget(key: str, digest: str, principal: str) -> Statement:
    """Remove a hold."""
    return Statement(
        """
        DELETE FROM holds
        WHERE repository = :key AND digest = :digest AND principal = :principal
        """,
        {"key": key, "digest": digest, "principal": principal},
    )
