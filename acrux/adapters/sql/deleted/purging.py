"""Remove for good what was deleted: by hand, and when its time is over."""

from acrux.adapters.sql.content import manifests, repositories
from acrux.adapters.sql.database import Statement, Steps
from acrux.adapters.sql.deleted import places
from acrux.domain.content.digest import Digest
from acrux.domain.content.names import RepositoryName
from acrux.errors import UnknownManifest, UnknownRepository


def purge_manifest(repository: RepositoryName, digest: Digest, now: int) -> Steps[None]:
    """Remove a deleted manifest and its deleted tags, wherever they are.

    Raises UnknownManifest.
    """
    found = False
    for place in places.read((yield places.find(repository, now))):
        here = yield from places.find_manifests([place], [str(digest)], now)
        tags = yield Statement(
            "DELETE FROM deleted_tags WHERE repository = :key AND digest = :digest RETURNING 1",
            {"key": place.key, "digest": str(digest)},
        )
        if here:
            yield from erase(place.key, str(digest), now)
        found = found or bool(here or tags)
        yield from repositories.tidy(place.key)
    if not found:
        raise UnknownManifest(
            "no manifest of this digest can be restored: list the deleted ones",
            reference=str(digest),
        )


def erase(key: str, digest: str, now: int) -> Steps[None]:
    """Remove a deleted manifest; what it named is reviewed at once."""
    yield from manifests.erase(key, digest, now)
    yield forget(key, digest)


def forget(key: str, digest: str) -> Statement:
    """Forget when a manifest was deleted that is not in the graveyard any more."""
    return Statement(
        "DELETE FROM deleted_manifests WHERE repository = :key AND digest = :digest",
        {"key": key, "digest": digest},
    )


def purge_repository(repository: RepositoryName, now: int) -> Steps[None]:
    """Have all cleared that was deleted of the repository. Raises UnknownRepository."""
    purged = yield Statement(
        """
        UPDATE repositories
        SET restorable = 0, clear_at = :now, deleted_at = COALESCE(deleted_at, :now)
        WHERE former_name = :name AND restorable = 1
        RETURNING 1
        """,
        {"name": repository.value, "now": now},
    )
    if not purged:
        raise UnknownRepository("nothing of this repository can be restored", name=str(repository))


def purge_expired(now: int, count: int) -> Steps[tuple[int, int]]:
    """Purge up to `count` manifests and tags whose time is over; returns how many of each."""
    expired = yield Statement(
        """
        SELECT repository, digest FROM deleted_manifests
        WHERE expires_at <= :now ORDER BY expires_at LIMIT :count
        """,
        {"now": now, "count": count},
    )
    for key, digest in expired:
        yield from erase(str(key), str(digest), now)
    tags = yield Statement(
        """
        DELETE FROM deleted_tags WHERE (repository, name, digest) IN (
            SELECT repository, name, digest FROM deleted_tags
            WHERE expires_at <= :now ORDER BY expires_at LIMIT :count)
        RETURNING repository
        """,
        {"now": now, "count": count - len(expired)},
    )
    for key in dict.fromkeys(str(row[0]) for row in (*expired, *tags)):
        yield from repositories.tidy(key)
    return len(expired), len(tags)
