"""Tags: point them at manifests, list them, delete them."""

from datetime import datetime

from acrux.adapters.sql.content import attributes
from acrux.adapters.sql.database import Statement, Steps
from acrux.domain.content.attributes import Operation
from acrux.domain.content.digest import Digest
from acrux.domain.content.names import RepositoryName, Tag
from acrux.domain.content.page import Page
from acrux.domain.instants import to_microseconds
from acrux.errors import UnknownTag


def point_tag(repository: RepositoryName, tag: Tag, digest: Digest, at: datetime) -> Statement:
    """Point the tag at the manifest."""
    return Statement(
        """
        INSERT INTO tags (repository, name, digest, created_at, updated_at)
        VALUES (:repository, :tag, :digest, :at, :at)
        ON CONFLICT (repository, name)
        DO UPDATE SET digest = excluded.digest, updated_at = excluded.updated_at
        """,
        {
            "repository": repository.value,
            "tag": tag.value,
            "digest": str(digest),
            "at": to_microseconds(at),
        },
    )


def list_tags(repository: RepositoryName, page: Page) -> Statement:
    """The tags that may be listed, up to one more than the page holds."""
    return Statement(
        """
        SELECT name FROM tags
        WHERE repository = :repository AND name > :last AND list_enabled = 1
        ORDER BY name LIMIT :rows
        """,
        {"repository": repository.value, "last": page.last, "rows": page.items + 1},
    )


def delete_tag(repository: RepositoryName, tag: Tag) -> Steps[None]:
    """Remove the tag, if it is not locked."""
    found = yield from attributes.of_tags(repository, [tag])
    if not found:
        raise UnknownTag(tag=str(tag))
    yield from attributes.check_repository(Operation.DELETE, repository, found)
    yield Statement(
        "DELETE FROM tags WHERE repository = :repository AND name = :tag",
        {"repository": repository.value, "tag": tag.value},
    )
