"""Tags and manifests as facts that retention judges: statements."""

from collections.abc import Sequence
from typing import Final, NamedTuple

from acrux.adapters.sql.content.keys import KEY
from acrux.adapters.sql.database import Row, SqlValue, Statement
from acrux.adapters.sql.many_rows import placeholders
from acrux.adapters.sql.properties import PULL_OF_MANIFEST, read_pull
from acrux.domain.content.policies.retention import TagFact, UntaggedFact
from acrux.domain.content.policies.write_once import WriteOncePolicy, forbids
from acrux.domain.instants import from_microseconds, to_microseconds
from acrux.ports.content.collection import ManifestFact

# An image is in use whether it is pulled by this tag, by another one, or by its digest.
_PULL_OF_IMAGE: Final = (
    "(SELECT MAX(pulled_at) FROM pulls"
    " WHERE pulls.repository = tags.repository AND pulls.reference IN (tags.name, tags.digest))"
)
# Nothing can be deleted from a repository that may not be written (acr-protocol.md §5.5).
_LOCK_OF_REPOSITORY: Final = (
    "EXISTS (SELECT 1 FROM repositories WHERE name = :repository AND write_enabled = 0)"
)
_TAG: Final = f"""
    name, digest, updated_at, {_PULL_OF_IMAGE}, write_enabled = 0 OR delete_enabled = 0,
    {_LOCK_OF_REPOSITORY}
"""


class Place(NamedTuple):
    """Where a page ended: when the last item was pushed, and its name or digest."""

    pushed_at: int
    name: str


def list_repositories(after: str, count: int) -> Statement:
    """Up to `count` repositories' names after this one."""
    return Statement(
        "SELECT name FROM repositories WHERE name > :after ORDER BY name LIMIT :count",
        {"after": after, "count": count},
    )


def list_tags(repository: str, after: Place | None, count: int) -> Statement:
    """Up to `count` tags, newest first."""
    before, parameters = _keyset("name", after)
    return Statement(
        f"""
        SELECT {_TAG} FROM tags WHERE repository = {KEY} {before}
        ORDER BY updated_at DESC, name DESC LIMIT :count
        """,  # noqa: S608 -- our own text
        {"repository": repository, "count": count, **parameters},
    )


def list_tags_on(repository: str, digest: str, after: str, count: int) -> Statement:
    """Up to `count` tags on a manifest, by name."""
    return Statement(
        f"""
        SELECT {_TAG} FROM tags
        WHERE repository = {KEY} AND digest = :digest AND name > :after
        ORDER BY name LIMIT :count
        """,  # noqa: S608 -- our own text
        {"repository": repository, "digest": digest, "after": after, "count": count},
    )


def find_tag(repository: str, tag: str) -> Statement:
    """The tag, as `read_tag` takes it."""
    return Statement(
        f"SELECT {_TAG} FROM tags WHERE repository = {KEY} AND name = :tag",  # noqa: S608 -- our own text
        {"repository": repository, "tag": tag},
    )


def read_tag(
    row: Row, repository: str, write_once: Sequence[WriteOncePolicy], *, include_locked: bool
) -> TagFact:
    """A row of `list_tags`, `list_tags_on` or `find_tag`."""
    name, digest, updated_at, pulled_at, is_locked, is_in_locked = row
    return TagFact(
        name,
        digest,
        from_microseconds(updated_at),
        read_pull(pulled_at),
        is_locked=bool(is_in_locked) or (bool(is_locked) and not include_locked),
        is_write_once=forbids(write_once, repository, name) is not None,
    )


def list_manifests(repository: str, after: Place | None, count: int) -> Statement:
    """Up to `count` manifests, last pushed first: when, the digest, and whether one has a tag.

    Only indexes are read, since most manifests have a tag.
    """
    before, parameters = _keyset("digest", after)
    return Statement(
        f"""
        SELECT updated_at, digest, EXISTS (
            SELECT 1 FROM tags
            WHERE tags.repository = manifests.repository AND tags.digest = manifests.digest)
        FROM manifests WHERE repository = {KEY} {before}
        ORDER BY updated_at DESC, digest DESC LIMIT :count
        """,  # noqa: S608 -- our own text
        {"repository": repository, "count": count, **parameters},
    )


def find_manifests(repository: str, digests: Sequence[str], now: int) -> Statement:
    """These manifests at an instant, as `read_manifest` takes them, in no order."""
    return Statement(
        f"""
        SELECT manifests.digest, manifests.updated_at,
               COALESCE((SELECT since FROM untagged
                         WHERE untagged.repository = manifests.repository
                           AND untagged.digest = manifests.digest), manifests.created_at),
               {PULL_OF_MANIFEST},
               manifests.write_enabled = 0 OR manifests.delete_enabled = 0,
               repositories.write_enabled = 0,
               EXISTS (SELECT 1 FROM tags WHERE tags.repository = manifests.repository
                                            AND tags.digest = manifests.digest),
               EXISTS (SELECT 1 FROM manifest_references AS named
                       WHERE named.repository = manifests.repository
                         AND named.target = manifests.digest
                         AND named.digest <> manifests.digest),
               manifests.subject IS NOT NULL,
               EXISTS (SELECT 1 FROM manifests AS subjects
                       WHERE subjects.repository = manifests.repository
                         AND subjects.digest = manifests.subject),
               EXISTS (SELECT 1 FROM holds
                       WHERE holds.repository = manifests.repository
                         AND holds.digest = manifests.digest AND holds.until > ?),
               EXISTS (SELECT 1 FROM reviews WHERE reviews.repository = manifests.repository
                                               AND reviews.digest = manifests.digest)
        FROM repositories JOIN manifests ON manifests.repository = repositories.key
        WHERE repositories.name = ? AND manifests.digest IN {placeholders(len(digests))}
        """,  # noqa: S608 -- our own text, placeholders
        {},
        [now, repository, *digests],
    )


def find_naming(repository: str, digest: str, count: int) -> Statement:
    """Up to `count` digests of manifests that name this one."""
    return Statement(
        f"""
        SELECT digest FROM manifest_references
        WHERE repository = {KEY} AND target = :digest AND digest <> :digest
        ORDER BY digest LIMIT :count
        """,  # noqa: S608 -- our own subquery
        {"repository": repository, "digest": digest, "count": count},
    )


def read_manifest(row: Row, *, include_locked: bool) -> ManifestFact:
    """A row of `find_manifests`."""
    digest, pushed_at, untagged_at, pulled_at, is_locked, is_in_locked, *flags = row
    fact = UntaggedFact(
        digest,
        from_microseconds(pushed_at),
        from_microseconds(untagged_at),
        read_pull(pulled_at),
        is_locked=bool(is_in_locked) or (bool(is_locked) and not include_locked),
    )
    return ManifestFact(fact, *map(bool, flags))


def place_of(tag: TagFact) -> Place:
    """Where a page ends that ends with this tag."""
    return Place(to_microseconds(tag.updated_at), tag.name)


def _keyset(column: str, after: Place | None) -> tuple[str, dict[str, SqlValue]]:
    if after is None:
        return "", {}
    return (
        f"AND (updated_at, {column}) < (:pushed_at, :after)",
        {"pushed_at": after.pushed_at, "after": after.name},
    )
