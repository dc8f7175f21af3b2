"""List what was deleted and can be restored."""

from typing import Final

from acrux.adapters.sql.content.repositories import NameRange
from acrux.adapters.sql.database import Row, Statement
from acrux.adapters.sql.deleted import places
from acrux.adapters.sql.deleted.places import Place
from acrux.domain.content.page import Page
from acrux.domain.content.storage.deleted import DeletedManifest, DeletedTag
from acrux.domain.instants import from_microseconds

_AFTER_ALL: Final = 2**62  # later than any instant


def list_repositories(names: NameRange, last: str, rows: int, now: int) -> Statement:
    """Up to `rows` names of the range after `last` of which something can be restored."""
    # For an EXISTS after OR, PostgreSQL may read whole tables.
    return Statement(
        """
        SELECT DISTINCT former_name FROM repositories
        WHERE former_name >= :first AND former_name < :end AND former_name > :last
          AND former_name IS NOT NULL
          AND restorable = 1 AND list_enabled = 1 AND (clear_at IS NULL OR clear_at > :now)
          AND ((SELECT digest FROM manifests WHERE manifests.repository = repositories.key
                ORDER BY digest LIMIT 1) IS NOT NULL
               OR (SELECT name FROM deleted_tags WHERE deleted_tags.repository = repositories.key
                   ORDER BY name LIMIT 1) IS NOT NULL)
        ORDER BY former_name LIMIT :rows
        """,
        {"first": names.first, "end": names.end, "last": last, "rows": rows, "now": now},
    )


def list_manifests(place: Place, page: Page, now: int) -> Statement:
    """The deleted manifests of the place, up to one more than the page holds."""
    return Statement(
        f"""
        SELECT manifests.digest, manifests.media_type, manifests.image_size, manifests.created_at,
               manifests.updated_at, {places.DELETED_AT}, {places.EXPIRES_AT}
        FROM {places.MANIFESTS}
        WHERE repositories.key = :key AND manifests.digest > :last
          AND manifests.list_enabled = 1 AND {places.EXPIRES_AT} > :now
        ORDER BY manifests.digest LIMIT :rows
        """,  # noqa: S608 -- our own text
        {"key": place.key, "last": page.last, "now": now, "rows": page.items + 1},
    )


def read_manifest(row: Row) -> DeletedManifest:
    """A row of `list_manifests`."""
    digest, media_type, size, *instants = row
    return DeletedManifest(digest, media_type, int(size), *map(from_microseconds, instants))


def list_tags(place: Place, page: Page, now: int) -> Statement:
    """The deleted tags of the place, up to one more than the page holds."""
    after = _AFTER_ALL if page.last_at is None else page.last_at
    if place.is_repository:
        return Statement(
            """
            SELECT tags.name, tags.digest, repositories.deleted_at, repositories.clear_at
            FROM repositories JOIN tags ON tags.repository = repositories.key
            WHERE repositories.key = :key AND tags.name >= :last
              AND (tags.name > :last OR repositories.deleted_at > :after)
              AND tags.list_enabled = 1
            ORDER BY tags.name LIMIT :rows
            """,
            {"key": place.key, "last": page.last, "after": after, "rows": page.items + 1},
        )
    return Statement(
        """
        SELECT name, digest, deleted_at, expires_at FROM deleted_tags
        WHERE repository = :key AND (name, deleted_at) > (:last, :after) AND expires_at > :now
        ORDER BY name, deleted_at LIMIT :rows
        """,
        {
            "key": place.key,
            "last": page.last,
            "after": after,
            "now": now,
            "rows": page.items + 1,
        },
    )


def read_tag(row: Row) -> DeletedTag:
    """A row of `list_tags`."""
    name, digest, deleted_at, expires_at = row
    return DeletedTag(name, digest, from_microseconds(deleted_at), from_microseconds(expires_at))
