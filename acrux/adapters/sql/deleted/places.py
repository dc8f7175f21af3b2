"""The rows of repositories in which what was deleted lies."""

from collections.abc import Sequence
from typing import Final

from msgspec import Struct

from acrux.adapters.sql.database import Row, Statement, Steps
from acrux.adapters.sql.many_rows import placeholders
from acrux.domain.content.names import RepositoryName

MAX_PLACES: Final = 1000

# Deleted with its repository, a manifest has the repository's times, and its own in a graveyard.
DELETED_AT: Final = "COALESCE(kept.deleted_at, repositories.deleted_at)"
EXPIRES_AT: Final = "COALESCE(kept.expires_at, repositories.clear_at)"

MANIFESTS: Final = """
    repositories JOIN manifests ON manifests.repository = repositories.key
    LEFT JOIN deleted_manifests AS kept
      ON kept.repository = manifests.repository AND kept.digest = manifests.digest
"""


class Place(Struct, frozen=True):
    """The graveyard of a name, whose `deleted_at` is None, or a deleted repository of the name.

    Times are in microseconds since 1970; the second is when the repository is cleared.
    """

    key: str
    deleted_at: int | None
    clear_at: int | None

    @property
    def is_repository(self) -> bool:
        """Whether it is a deleted repository."""
        return self.deleted_at is not None


class Found(Struct, frozen=True):
    """A deleted manifest."""

    place: Place
    digest: str
    deleted_at: int


def find(repository: RepositoryName, now: int) -> Statement:
    """The places of what was deleted of the repository: its graveyard, and those deleted last."""
    return Statement(
        """
        SELECT key, deleted_at, clear_at FROM repositories
        WHERE former_name = :name AND restorable = 1 AND (clear_at IS NULL OR clear_at > :now)
        ORDER BY deleted_at IS NOT NULL, deleted_at DESC LIMIT :count
        """,
        {"name": repository.value, "now": now, "count": MAX_PLACES},
    )


def read(rows: list[Row]) -> tuple[Place, ...]:
    """The places that `find` found, the one deleted last first."""
    found = (Place(*row) for row in rows)
    return tuple(sorted(found, key=lambda place: -(place.deleted_at or 0)))


def find_manifests(
    places: Sequence[Place], digests: Sequence[str], now: int
) -> Steps[dict[str, Found]]:
    """Those of up to ROWS_PER_STATEMENT manifests that can be restored.

    Of one that was deleted several times, the last one.
    """
    found: dict[str, Found] = {}
    for place in places if digests else ():
        rows = yield Statement(
            f"""
            SELECT manifests.digest, {DELETED_AT} FROM {MANIFESTS}
            WHERE repositories.key = ? AND {EXPIRES_AT} > ?
              AND manifests.digest IN {placeholders(len(digests))}
            """,  # noqa: S608 -- our own text, placeholders
            {},
            [place.key, now, *digests],
        )
        for digest, at in rows:
            known = found.get(str(digest))
            if known is None or known.deleted_at < int(at):
                found[str(digest)] = Found(place, str(digest), int(at))
    return found


def find_referrers(
    place: Place, subject: str, since: int, now: int, count: int
) -> Steps[list[Found]]:
    """Up to `count` deleted manifests with this subject that were not deleted before an instant."""
    rows = yield Statement(
        f"""
        SELECT manifests.digest, {DELETED_AT} FROM {MANIFESTS}
        WHERE repositories.key = :key AND manifests.subject = :subject
          AND {DELETED_AT} >= :since AND {EXPIRES_AT} > :now
        ORDER BY manifests.digest LIMIT :count
        """,  # noqa: S608 -- our own text
        {"key": place.key, "subject": subject, "since": since, "now": now, "count": count},
    )
    return [Found(place, str(digest), int(at)) for digest, at in rows]
