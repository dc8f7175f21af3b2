"""Tags: point them at manifests, list them, delete them."""

from acrux.adapters.sql.content import attributes, graveyard, limits, reviews, usage
from acrux.adapters.sql.content.grace import Grace
from acrux.adapters.sql.content.keys import KEY, find_key
from acrux.adapters.sql.database import Statement, Steps
from acrux.domain.content.attributes import Operation
from acrux.domain.content.digest import Digest
from acrux.domain.content.names import RepositoryName, Tag
from acrux.domain.content.page import Page
from acrux.errors import UnknownTag


def point_tag(key: str, tag: Tag, digest: Digest, at: int, grace: Grace) -> Steps[None]:
    """Point the tag at the manifest; the manifest that loses the tag is kept for a while."""
    row = {"key": key, "tag": tag.value}
    former = yield Statement(
        "SELECT digest FROM tags WHERE repository = :key AND name = :tag", {**row}
    )
    yield Statement(
        """
        INSERT INTO tags (repository, name, digest, created_at, updated_at)
        VALUES (:key, :tag, :digest, :at, :at)
        ON CONFLICT (repository, name)
        DO UPDATE SET digest = excluded.digest, updated_at = excluded.updated_at
        """,
        {**row, "digest": str(digest), "at": at},
    )
    if not former:
        yield usage.add_tag(key, tag.value)
    elif former[0][0] != str(digest):
        yield from _lose_tag(key, str(former[0][0]), at, grace.ends())


def list_tags(repository: RepositoryName, page: Page) -> Statement:
    """The tags that may be listed, up to one more than the page holds."""
    return Statement(
        f"""
        SELECT name FROM tags
        WHERE repository = {KEY} AND name > :last AND list_enabled = 1
        ORDER BY name LIMIT :rows
        """,  # noqa: S608 -- our own subquery
        {"repository": repository.value, "last": page.last, "rows": page.items + 1},
    )


def delete_tag(repository: RepositoryName, tag: Tag, grace: Grace) -> Steps[None]:
    """Remove the tag, if it is not locked; its manifest is kept for a while."""
    found = yield from attributes.of_tags(repository, [tag])
    key = yield from find_key(repository)
    if not found or key is None:
        raise UnknownTag(tag=str(tag))
    yield from attributes.check_repository(Operation.DELETE, repository, found)
    yield from limits.check_deletion(repository, [tag.value])
    yield from remove(key, tag.value, grace.now(), grace.ends())


def remove(key: str, tag: str, at: int, due_at: int) -> Steps[None]:
    """Remove the tag, and review its manifest at a later instant.

    Under a soft-delete policy, the tag can be restored.
    """
    kept = yield from graveyard.keeping(key, at)
    deleted = yield Statement(
        "DELETE FROM tags WHERE repository = :key AND name = :tag RETURNING digest",
        {"key": key, "tag": tag},
    )
    for (digest,) in deleted:
        yield usage.take_tag(key, tag)
        if kept is not None:
            yield from graveyard.note_tag(tag, str(digest), kept)
        yield from _lose_tag(key, str(digest), at, due_at)
        yield Statement(
            "DELETE FROM pulls WHERE repository = :key AND reference = :tag",
            {"key": key, "tag": tag},
        )


def _lose_tag(key: str, digest: str, at: int, due_at: int) -> Steps[None]:
    yield note_untagged(key, digest, at)
    yield from reviews.review(key, [digest], due_at)


def note_untagged(key: str, digest: str, at: int) -> Statement:
    """Count the time for which the manifest has no tag from this instant on."""
    return Statement(
        """
        INSERT INTO untagged (repository, digest, since) VALUES (:key, :digest, :at)
        ON CONFLICT (repository, digest) DO UPDATE SET since = excluded.since
        """,
        {"key": key, "digest": digest, "at": at},
    )
