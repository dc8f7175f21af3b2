"""Where deleted manifests and tags are kept that can be restored."""

from typing import Final

import msgspec
from msgspec import Struct

from acrux.adapters.sql.content import references, usage
from acrux.adapters.sql.content.keys import another_key
from acrux.adapters.sql.database import Statement, Steps
from acrux.adapters.sql.many_rows import placeholders, slices
from acrux.domain.content.policies import soft_delete
from acrux.domain.content.policies.soft_delete import SoftDeletePolicy

DAY: Final = 86_400_000_000  # microseconds


class Keeping(Struct, frozen=True):
    """What is deleted from the repository `name` at an instant can be restored until another.

    Both in microseconds since 1970.
    """

    name: str
    at: int
    until: int


def keeping(key: str, at: int) -> Steps[Keeping | None]:
    """How long what is deleted from the repository now is kept; None: it is removed at once.

    What is removed from a graveyard, or from a deleted repository that cannot be restored, is gone.
    """
    rows = yield Statement(
        """
        SELECT COALESCE(repositories.name, repositories.former_name), policies.definition
        FROM repositories JOIN policies ON policies.kind = :kind
        WHERE repositories.key = :key
          AND (repositories.name IS NOT NULL
               OR repositories.restorable = 1 AND repositories.deleted_at IS NOT NULL)
        """,
        {"kind": SoftDeletePolicy.kind, "key": key},
    )
    if not rows:  # the usual case
        return None
    name = str(rows[0][0])
    policies = [msgspec.json.decode(text, type=SoftDeletePolicy) for _, text in rows]
    policy = soft_delete.applying(policies, name)
    return Keeping(name, at, at + policy.days * DAY) if policy else None


def promised(key: str, digest: str, at: int) -> Steps[Keeping | None]:
    """How long a manifest is kept because a deleted tag of it can still be restored.

    Whoever deleted the tag was promised that, whatever policy there is by now.
    """
    graves = yield Statement(
        """
        SELECT key, former_name FROM repositories
        WHERE former_name IS NOT NULL
          AND former_name = (SELECT name FROM repositories WHERE key = :key)
          AND restorable = 1 AND deleted_at IS NULL
        ORDER BY former_name, key LIMIT 1
        """,
        {"key": key},
    )
    for grave, name in graves:
        [(until,)] = yield Statement(
            """
            SELECT MAX(expires_at) FROM deleted_tags
            WHERE repository = :grave AND digest = :digest AND expires_at > :at
            """,
            {"grave": grave, "digest": digest, "at": at},
        )
        return Keeping(str(name), at, int(until)) if until is not None else None
    return None


def bury(key: str, digest: str, kept: Keeping) -> Steps[tuple[str, ...]]:
    """Move the manifest, whose tags are removed, to the graveyard; return what it names.

    If the graveyard holds the digest already, it is kept from now on. If the manifest is not there
    any more, nothing happens.
    """
    grave = yield from _ensure(kept)
    targets = yield from move(key, grave, digest, kept.at)
    if targets is None:
        return ()
    yield Statement(
        """
        INSERT INTO deleted_manifests (repository, digest, deleted_at, expires_at)
        VALUES (:grave, :digest, :at, :until)
        ON CONFLICT (repository, digest)
        DO UPDATE SET deleted_at = excluded.deleted_at, expires_at = excluded.expires_at
        """,
        {"grave": grave, "digest": digest, "at": kept.at, "until": kept.until},
    )
    return targets


def note_tag(tag: str, digest: str, kept: Keeping) -> Steps[None]:
    """Note that the tag, which pointed at the manifest, was deleted."""
    grave = yield from _ensure(kept)
    [(last,)] = yield Statement(
        "SELECT MAX(deleted_at) FROM deleted_tags WHERE repository = :grave AND name = :tag",
        {"grave": grave, "tag": tag},
    )
    # az restores the last one that is listed of a name: the one deleted last, by any clock.
    at = kept.at if last is None else max(kept.at, int(last) + 1)
    yield Statement(
        """
        INSERT INTO deleted_tags (repository, name, digest, deleted_at, expires_at)
        VALUES (:grave, :tag, :digest, :at, :until)
        ON CONFLICT (repository, name, digest)
        DO UPDATE SET deleted_at = excluded.deleted_at, expires_at = excluded.expires_at
        """,
        {"grave": grave, "tag": tag, "digest": digest, "at": at, "until": kept.until},
    )


def _ensure(kept: Keeping) -> Steps[str]:
    found = yield Statement(
        """
        SELECT key FROM repositories
        WHERE former_name = :name AND restorable = 1 AND deleted_at IS NULL
        """,
        {"name": kept.name},
    )
    if found:
        return str(found[0][0])
    key = another_key(kept.name)
    yield Statement(
        """
        INSERT INTO repositories (key, former_name, restorable, created_at)
        VALUES (:key, :name, 1, :at)
        """,
        {"key": key, "name": kept.name, "at": kept.at},
    )
    yield usage.count_from_nothing(key)
    return key


def move(source: str, target: str, digest: str, at: int) -> Steps[tuple[str, ...] | None]:
    """Move the manifest, which has no tags, with links to its blobs; return what it names.

    One of the same digest that is there is replaced. What the source linked stays linked there,
    and is to be reviewed. None if the manifest is not there.
    """
    rows = yield Statement(
        "SELECT size, media_type, content FROM manifests"
        " WHERE repository = :source AND digest = :digest",
        {"source": source, "digest": digest},
    )
    if not rows:
        return None
    [(size, media_type, content)] = rows
    yield from _replace(target, digest)
    yield Statement(
        "UPDATE manifests SET repository = :target WHERE repository = :source AND digest = :digest",
        {"source": source, "target": target, "digest": digest},
    )
    yield usage.take_manifest(source, digest, int(size))
    yield usage.add_manifest(target, digest, int(size))
    withdrawn = yield from references.withdraw(source, digest, media_type, content)
    # Of a manifest that is not counted yet, no row says what it names.
    targets = tuple(withdrawn) or references.guessed_targets(str(media_type), bytes(content))
    yield from references.refer(target, digest, targets)
    yield from _link(source, target, targets, at)
    return targets


def _replace(target: str, digest: str) -> Steps[None]:
    # The one to move is newer: it may have been healed.
    replaced = yield Statement(
        "DELETE FROM manifests WHERE repository = :target AND digest = :digest RETURNING size",
        {"target": target, "digest": digest},
    )
    for (size,) in replaced:
        yield usage.take_manifest(target, digest, int(size))


def _link(source: str, target: str, digests: tuple[str, ...], at: int) -> Steps[None]:
    for some in slices(digests):
        # PostgreSQL cannot tell the type of a parameter in a SELECT that inserts it.
        linked = yield Statement(
            f"""
            INSERT INTO blob_links (repository, digest, size, created_at)
            SELECT CAST(? AS TEXT), digest, size, CAST(? AS BIGINT)
            FROM blob_links WHERE repository = ? AND digest IN {placeholders(len(some))}
            ON CONFLICT (repository, digest) DO NOTHING RETURNING digest, size
            """,  # noqa: S608 -- only placeholders
            {},
            [target, at, source, *some],
        )
        for digest, size in linked:
            yield usage.add_link(target, str(digest), int(size))
