"""The tags that point at a restored manifest."""

from collections.abc import Sequence

from acrux.adapters.sql.content import attributes, graveyard, limits, repositories, tags, usage
from acrux.adapters.sql.content.grace import Grace
from acrux.adapters.sql.content.graveyard import Keeping
from acrux.adapters.sql.content.keys import KEY
from acrux.adapters.sql.database import Statement, Steps
from acrux.adapters.sql.deleted.places import Found, Place
from acrux.domain.content.attributes import Attributes
from acrux.domain.content.digest import Digest
from acrux.domain.content.names import RepositoryName, Tag
from acrux.domain.content.storage.deleted import Restoration
from acrux.errors import NameTaken, UnknownTag


def choose(
    what: Restoration, places: Sequence[Place], found: Found | None, now: int
) -> Steps[tuple[Tag, ...]]:
    """The tags to restore.

    Of a manifest that is not deleted itself, only a tag that was. Raises UnknownTag.
    """
    if what.tag is not None:
        if found is None and not (yield from _was_deleted(places, what.tag, what.digest, now)):
            raise UnknownTag(
                "the manifest is not deleted, and no such tag of it can be restored",
                tag=str(what.tag),
            )
        return (what.tag,)
    if found is None:
        raise UnknownTag("the manifest is not deleted: name the tag of it that is")
    deleted = yield from _deleted_with(found)
    if what.force:
        return deleted
    taken = yield from _pointing_elsewhere(what.repository, deleted, what.digest)
    return tuple(tag for tag in deleted if tag.value not in taken)


def _was_deleted(places: Sequence[Place], tag: Tag, digest: Digest, now: int) -> Steps[bool]:
    for place in places:
        rows = yield Statement(
            """
            SELECT 1 FROM deleted_tags
            WHERE repository = :key AND name = :tag AND digest = :digest AND expires_at > :now
            """,
            {"key": place.key, "tag": tag.value, "digest": str(digest), "now": now},
        )
        if rows:
            return True
    return False


def _deleted_with(found: Found) -> Steps[tuple[Tag, ...]]:
    """The tags that were deleted with the manifest."""
    if found.place.is_repository:
        rows = yield Statement(
            "SELECT name FROM tags WHERE repository = :key AND digest = :digest ORDER BY name",
            {"key": found.place.key, "digest": found.digest},
        )
    else:
        rows = yield Statement(
            """
            SELECT name FROM deleted_tags
            WHERE repository = :key AND digest = :digest AND deleted_at >= :at ORDER BY name
            """,
            {"key": found.place.key, "digest": found.digest, "at": found.deleted_at},
        )
    return tuple(Tag(str(name)) for (name,) in rows)


def check_free(
    repository: RepositoryName, tags_: Sequence[Tag], digest: Digest, *, force: bool
) -> Steps[list[Attributes]]:
    """The switches of those of the tags that exist.

    Raises NameTaken if one points at another manifest, unless `force`; and then TagIsWriteOnce if
    a policy forbids to move it.
    """
    taken = yield from _pointing_elsewhere(repository, tags_, digest)
    for name, other in taken.items():
        if not force:
            raise NameTaken(
                f"the tag {name} of {repository} points at {other} by now: restore under another"
                " tag, or with force to move it",
                tag=name,
                digest=other,
            )
    yield from limits.check_moves(repository, taken, str(digest))
    return (yield from attributes.of_tags(repository, tags_))


def _pointing_elsewhere(
    repository: RepositoryName, tags_: Sequence[Tag], digest: Digest
) -> Steps[dict[str, str]]:
    """The digests of those of the tags that point at another manifest."""
    taken: dict[str, str] = {}
    for tag in tags_:
        rows = yield Statement(
            f"""
            SELECT digest FROM tags
            WHERE repository = {KEY} AND name = :tag AND digest <> :digest
            """,  # noqa: S608 -- our own subquery
            {"repository": repository.value, "tag": tag.value, "digest": str(digest)},
        )
        for (other,) in rows:
            taken[tag.value] = str(other)
    return taken


def point(key: str, tags_: Sequence[Tag], digest: Digest, now: int, grace: Grace) -> Steps[None]:
    """Point the tags at the restored manifest."""
    for tag in tags_:
        yield from tags.point_tag(key, tag, digest, now, grace)


def forget(places: Sequence[Place], tags_: Sequence[Tag], digest: Digest) -> Steps[None]:
    """Forget that the tags, which are restored, were deleted."""
    for place in places:
        for tag in tags_:
            yield Statement(
                """
                DELETE FROM deleted_tags
                WHERE repository = :key AND name = :tag AND digest = :digest
                """,
                {"key": place.key, "tag": tag.value, "digest": str(digest)},
            )
        yield from repositories.tidy(place.key)


def keep(found: Found, repository: RepositoryName) -> Steps[None]:
    """Take the tags from a manifest that leaves a deleted repository; they can be restored later.

    Those that are restored with it are forgotten by `forget`.
    """
    if found.place.deleted_at is None or found.place.clear_at is None:
        return
    kept = Keeping(repository.value, found.place.deleted_at, found.place.clear_at)
    rows = yield Statement(
        "DELETE FROM tags WHERE repository = :key AND digest = :digest RETURNING name",
        {"key": found.place.key, "digest": found.digest},
    )
    for (name,) in rows:
        yield usage.take_tag(found.place.key, str(name))
        yield from graveyard.note_tag(str(name), found.digest, kept)
