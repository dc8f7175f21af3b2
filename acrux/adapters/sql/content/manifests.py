"""Manifests and their referrers: statements."""

from collections.abc import Mapping, Sequence
from datetime import datetime
from typing import Final

import msgspec

from acrux.adapters.sql.content import attributes, blob_links, repositories
from acrux.adapters.sql.content.tags import point_tag
from acrux.adapters.sql.database import Row, SqlValue, Statement, Steps
from acrux.domain.content.attributes import Operation
from acrux.domain.content.digest import Digest
from acrux.domain.content.manifest import Manifest, Platform, Referrer, stated_media_type
from acrux.domain.content.names import Reference, RepositoryName, Tag
from acrux.domain.content.page import Page
from acrux.domain.instants import to_microseconds
from acrux.errors import DamagedManifest, UnknownManifest
from acrux.ports.content import StoredManifest

# What follows from the bytes that were put, except the subject, which may be missing.
_DERIVED: Final = (
    "media_type", "size", "image_size", "artifact_type", "config_media_type", "annotations",
    "entries", "content",
)  # fmt: skip


def put_manifest(  # noqa: PLR0913, PLR0917 -- one of each
    repository: RepositoryName,
    required: Sequence[Digest],
    sizes: Mapping[Digest, int] | None,
    held: Statement,
    digest: Digest,
    tags: Sequence[Tag],
    at: datetime,
) -> Steps[None]:
    """Store the manifest and point the tags at it, if all of them may be written."""
    overwritten = yield from attributes.of_tags(repository, tags)
    yield from attributes.check_repository(Operation.WRITE, repository, overwritten)
    yield from blob_links.check_links(repository, required, sizes)
    yield repositories.ensure_repository(repository, at)
    yield held
    for tag in tags:
        yield point_tag(repository, tag, digest, at)


# If only the media type differs, that is damage only if the bytes state the type pushed now. Bytes
# that state no type may be pushed as two types, and keep the first.
def hold(
    repository: RepositoryName, manifest: Manifest, platform: Platform, at: datetime
) -> Statement:
    """Insert the manifest; an existing one stays as it is, unless it was damaged."""
    healed = ", ".join(f"{column} = excluded.{column}" for column in _DERIVED)
    differs = " OR ".join(f"manifests.{column} <> excluded.{column}" for column in _DERIVED)
    entries = [
        (str(entry.digest), entry.platform.architecture, entry.platform.os)
        if entry.platform
        else (str(entry.digest), "", "")
        for entry in manifest.manifests
    ]
    return Statement(
        f"""
        INSERT INTO manifests (repository, digest, media_type, size, image_size, subject,
                               artifact_type, config_media_type, architecture, os, created_at,
                               updated_at, annotations, entries, content)
        VALUES (:repository, :digest, :media_type, :size, :image_size, :subject,
                :artifact_type, :config_media_type, :architecture, :os, :at,
                :at, :annotations, :entries, :content)
        ON CONFLICT (repository, digest) DO UPDATE
        SET subject = excluded.subject, {healed}
        WHERE manifests.content <> excluded.content
           OR manifests.media_type <> excluded.media_type AND excluded.media_type = :stated
           OR manifests.media_type = excluded.media_type
          AND (coalesce(manifests.subject, '') <> coalesce(excluded.subject, '') OR {differs})
        """,  # noqa: S608 -- our own column names
        {
            **_key(repository, manifest.digest),
            "media_type": manifest.media_type,
            "size": len(manifest.content),
            "image_size": manifest.content_size,
            "subject": str(manifest.subject.digest) if manifest.subject else None,
            "artifact_type": manifest.referrer_type,
            "config_media_type": manifest.config_media_type,
            "architecture": platform.architecture,
            "os": platform.os,
            "at": to_microseconds(at),
            "annotations": _json(manifest.annotations),
            "entries": _json(entries),
            "content": manifest.content,
            "stated": stated_media_type(manifest.content),
        },
    )


def find(repository: RepositoryName, digest: Reference) -> Statement:
    """The manifest of the digest, and whether repository and manifest may be read."""
    return Statement(
        """
        SELECT manifests.digest, manifests.media_type, manifests.content,
               repositories.read_enabled, manifests.read_enabled
        FROM manifests JOIN repositories ON repositories.name = manifests.repository
        WHERE manifests.repository = :repository AND manifests.digest = :digest
        """,
        {"repository": repository.value, "digest": str(digest)},
    )


def find_tagged(repository: RepositoryName, tag: Reference) -> Statement:
    """The manifest of the tag, and whether repository, tag and manifest may be read."""
    return Statement(
        """
        SELECT manifests.digest, manifests.media_type, manifests.content,
               repositories.read_enabled, tags.read_enabled, manifests.read_enabled
        FROM tags
        JOIN manifests
          ON manifests.repository = tags.repository AND manifests.digest = tags.digest
        JOIN repositories ON repositories.name = tags.repository
        WHERE tags.repository = :repository AND tags.name = :tag
        """,
        {"repository": repository.value, "tag": str(tag)},
    )


def read_manifest(rows: list[Row]) -> StoredManifest | None:
    """The manifest that `find` or `find_tagged` found.

    Raises Disallowed if it may not be read. Raises DamagedManifest if its bytes do not match its
    digest, or state another type: a client that learns it is missing pushes it again, and that
    repairs it.
    """
    for text, media_type, content, *flags in rows:
        attributes.readable(flags)
        digest = Digest.parse(text)
        if not _is_whole(digest, media_type, content):
            raise DamagedManifest(
                "the manifest is damaged in the registry's database: push it again", digest=text
            )
        return StoredManifest(digest, media_type, content)
    return None


def _is_whole(digest: Digest, media_type: object, content: object) -> bool:
    if not isinstance(content, bytes) or Digest.of(content, digest.algorithm) != digest:
        return False
    # If the bytes state no type, only the row says as which type they were pushed.
    return stated_media_type(content) in {"", media_type}


def delete_manifest(repository: RepositoryName, digest: Digest) -> Steps[None]:
    """Remove the manifest with its tags, if none of them is locked."""
    manifest = yield from attributes.of_manifest(repository, digest)
    if not manifest:
        raise UnknownManifest(reference=str(digest))
    tags = yield from attributes.of_tags_on(repository, digest)
    yield from attributes.check_repository(Operation.DELETE, repository, [*manifest, *tags])
    # The schema deletes its tags with it (ON DELETE CASCADE).
    yield Statement(
        "DELETE FROM manifests WHERE repository = :repository AND digest = :digest",
        _key(repository, digest),
    )
    yield _forget_locks_of_an_empty(repository)


def _forget_locks_of_an_empty(repository: RepositoryName) -> Statement:
    # A repository ceases to exist with its last manifest (acr-protocol.md §5.7). Its links stay,
    # since a push may be under way.
    switches = ", ".join(f"{switch} = 1" for switch in attributes.SWITCHES)
    return Statement(
        f"UPDATE repositories SET {switches} WHERE name = :repository"  # noqa: S608 -- our own column names
        " AND NOT EXISTS (SELECT 1 FROM manifests WHERE manifests.repository = repositories.name)",
        {"repository": repository.value},
    )


def list_referrers(
    repository: RepositoryName, subject: Digest, artifact_type: str | None, page: Page
) -> Statement:
    """The manifests that point at the subject, up to one more than the page holds."""
    return Statement(
        f"""
        SELECT digest, media_type, size, artifact_type, annotations FROM manifests
        WHERE repository = :repository AND subject = :subject AND digest > :last
          AND list_enabled = 1 {"AND artifact_type = :type" if artifact_type else ""}
        ORDER BY digest LIMIT :rows
        """,  # noqa: S608 -- a parameter's name
        {
            "repository": repository.value,
            "subject": str(subject),
            "last": page.last,
            "rows": page.items + 1,
            **({"type": artifact_type} if artifact_type else {}),
        },
    )


def read_referrer(row: Row) -> Referrer:
    """A row of `list_referrers`."""
    digest, media_type, size, artifact_type, annotations = row
    read: Mapping[str, str] = msgspec.json.decode(annotations, type=dict[str, str])
    return Referrer(Digest.parse(digest), media_type, int(size), artifact_type, read)


def _json(value: object) -> str:
    return msgspec.json.encode(value).decode()


def _key(repository: RepositoryName, digest: Digest) -> dict[str, SqlValue]:
    return {"repository": repository.value, "digest": str(digest)}
