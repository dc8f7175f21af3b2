"""Manifests and their referrers: statements."""

from collections.abc import Iterable
from typing import Final

import msgspec
from msgspec import Struct

from acrux.adapters.sql.content import (
    attributes,
    blob_links,
    graveyard,
    holds,
    limits,
    references,
    repositories,
    reviews,
    usage,
)
from acrux.adapters.sql.content.grace import Grace
from acrux.adapters.sql.content.graveyard import Keeping
from acrux.adapters.sql.content.keys import find_key
from acrux.adapters.sql.content.tags import note_untagged, point_tag
from acrux.adapters.sql.database import Row, Statement, Steps
from acrux.adapters.sql.webhooks import recording
from acrux.domain.content.attributes import Operation
from acrux.domain.content.digest import Digest
from acrux.domain.content.manifest import Manifest, Platform, stated_media_type
from acrux.domain.content.names import Reference, RepositoryName, Tag
from acrux.domain.content.storage.copy import Copy
from acrux.domain.webhooks.event import Action, Cause, Subject
from acrux.errors import DamagedManifest, UnknownManifest
from acrux.ports.content.metadata import StoredManifest

REFERRERS_AT_ONCE: Final = 1000  # deleted in the transaction that deletes their subject

# What follows from the bytes that were put, except the subject, which may be missing.
_DERIVED: Final = (
    "media_type", "size", "image_size", "artifact_type", "config_media_type", "annotations",
    "entries", "content",
)  # fmt: skip


class Push(Struct, frozen=True):
    """A manifest to store: who pushes it, to where, with which tags, and what must be there.

    `damaged` are copies of blobs that the store does not hold whole.
    """

    repository: RepositoryName
    manifest: Manifest
    platform: Platform
    tags: tuple[Tag, ...]
    principal: str
    required: tuple[Digest, ...]
    damaged: frozenset[Copy]
    cause: Cause
    at: int


def put_manifest(push: Push, grace: Grace) -> Steps[None]:
    """Store the manifest and point the tags at it, if all of them may be written."""
    repository, digest = push.repository, push.manifest.digest
    overwritten = yield from attributes.of_tags(repository, push.tags)
    yield from attributes.check_repository(Operation.WRITE, repository, overwritten)
    yield from limits.check_moves(repository, (tag.value for tag in push.tags), str(digest))
    yield from blob_links.check_links(repository, push.required, push.damaged)
    key = yield from repositories.ensure(repository, push.at)
    known = yield from attributes.of_manifest(repository, digest)
    if not known:
        yield from limits.check_room(repository, len(push.manifest.content))
    yield _hold(key, push.manifest, push.platform, push.at)
    if not known:
        yield usage.add_manifest(key, str(digest), len(push.manifest.content))
    named = references.targets(push.manifest)
    yield from references.refer(key, str(digest), named)
    yield from holds.release(key, (str(digest), *named), push.principal)
    yield reviews.forget(key, str(digest))
    if not (push.tags or push.manifest.subject):  # the index that names it comes next
        yield holds.hold(key, digest, push.principal, grace.held_after(push.at))
    if known and not push.tags:  # rules on age count from now on, as if it had not been there
        yield note_untagged(key, str(digest), push.at)
    for tag in push.tags:
        yield from point_tag(key, tag, digest, push.at, grace)
    yield from recording.tell_of_push(
        key, _pushed(push.manifest), [tag.value for tag in push.tags], push.cause, push.at
    )


def _pushed(manifest: Manifest) -> Subject:
    return Subject(
        digest=str(manifest.digest), media_type=manifest.media_type, size=len(manifest.content)
    )


# If only the media type differs, that is damage only if the bytes state the type pushed now. Bytes
# that state no type may be pushed as two types, and keep the first.
def _hold(key: str, manifest: Manifest, platform: Platform, at: int) -> Statement:
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
        VALUES (:key, :digest, :media_type, :size, :image_size, :subject,
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
            "key": key,
            "digest": str(manifest.digest),
            "media_type": manifest.media_type,
            "size": len(manifest.content),
            "image_size": manifest.content_size,
            "subject": str(manifest.subject.digest) if manifest.subject else None,
            "artifact_type": manifest.referrer_type,
            "config_media_type": manifest.config_media_type,
            "architecture": platform.architecture,
            "os": platform.os,
            "at": at,
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
        FROM repositories JOIN manifests ON manifests.repository = repositories.key
        WHERE repositories.name = :repository AND manifests.digest = :digest
        """,
        {"repository": repository.value, "digest": str(digest)},
    )


def find_tagged(repository: RepositoryName, tag: Reference) -> Statement:
    """The manifest of the tag, and whether repository, tag and manifest may be read."""
    return Statement(
        """
        SELECT manifests.digest, manifests.media_type, manifests.content,
               repositories.read_enabled, tags.read_enabled, manifests.read_enabled
        FROM repositories
        JOIN tags ON tags.repository = repositories.key
        JOIN manifests
          ON manifests.repository = tags.repository AND manifests.digest = tags.digest
        WHERE repositories.name = :repository AND tags.name = :tag
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
        if not is_whole(digest, media_type, content):
            raise DamagedManifest(
                "the manifest is damaged in the registry's database: push it again", digest=text
            )
        return StoredManifest(digest, media_type, content)
    return None


def is_whole(digest: Digest, media_type: object, content: object) -> bool:
    """Whether the stored bytes have the digest, and state no other type than the row."""
    if not isinstance(content, bytes) or Digest.of(content, digest.algorithm) != digest:
        return False
    # If the bytes state no type, only the row says as which type they were pushed.
    return stated_media_type(content) in {"", media_type}


def delete_manifest(
    repository: RepositoryName, digest: Digest, cause: Cause, grace: Grace
) -> Steps[None]:
    """Remove the manifest with its tags and referrers, if neither it nor a tag is locked."""
    manifest = yield from attributes.of_manifest(repository, digest)
    key = yield from find_key(repository)
    if not manifest or key is None:
        raise UnknownManifest(reference=str(digest))
    tags = yield from attributes.of_tags_on(repository, digest)
    yield from attributes.check_repository(Operation.DELETE, repository, [*manifest, *tags])
    yield from limits.check_deletion_on(repository, str(digest))
    yield from remove(key, str(digest), grace.now(), grace.ends(), cause)
    if grace.referrers:
        yield from remove_referrers(key, str(digest), grace.ends(), grace, cause)
    yield repositories.forget_locks_of_an_empty(key)
    yield from repositories.tidy(key)


def remove(key: str, digest: str, at: int, due_at: int, cause: Cause) -> Steps[None]:
    """Remove the manifest with its tags; what it named is reviewed at an instant.

    Under a soft-delete policy it goes to the graveyard, from which it can be restored.
    """
    told = yield from recording.audience(key, Action.DELETE)
    types = (yield _find_media_type(key, digest)) if told else ()
    kept = yield from graveyard.keeping(key, at)
    if kept is None:
        kept = yield from graveyard.promised(key, digest, at)
    tags = yield from _remove(key, digest, kept, due_at)
    for (media_type,) in types:
        deleted = Subject(digest=digest, media_type=str(media_type))
        yield from recording.tell_of_deletion(told, deleted, tags, cause, at)


def _find_media_type(key: str, digest: str) -> Statement:
    return Statement(
        "SELECT media_type FROM manifests WHERE repository = :key AND digest = :digest",
        {"key": key, "digest": digest},
    )


def erase(key: str, digest: str, due_at: int) -> Steps[None]:
    """Remove the manifest with its tags for good; what it named is reviewed at an instant."""
    yield from _remove(key, digest, None, due_at)


def _remove(key: str, digest: str, kept: Keeping | None, due_at: int) -> Steps[tuple[str, ...]]:
    """Remove it in either way, and return the tags that went with it."""
    tags = yield from _remove_tags(key, digest)
    if kept is None:
        targets = yield from _delete(key, digest)
    else:
        for tag in tags:
            yield from graveyard.note_tag(tag, digest, kept)
        targets = yield from graveyard.bury(key, digest, kept)
    yield from _forget(key, digest, tags)
    yield from reviews.review(key, targets, due_at)
    return tags


def _remove_tags(key: str, digest: str) -> Steps[tuple[str, ...]]:
    rows = yield Statement(
        "DELETE FROM tags WHERE repository = :key AND digest = :digest RETURNING name",
        {"key": key, "digest": digest},
    )
    for (tag,) in rows:
        yield usage.take_tag(key, str(tag))
    return tuple(str(tag) for (tag,) in rows)


def _delete(key: str, digest: str) -> Steps[Iterable[str]]:
    removed = yield Statement(
        """
        DELETE FROM manifests WHERE repository = :key AND digest = :digest
        RETURNING size, media_type, content
        """,
        {"key": key, "digest": digest},
    )
    targets: Iterable[str] = ()
    for size, media_type, content in removed:
        yield usage.take_manifest(key, digest, int(size))
        targets = yield from references.withdraw(key, digest, media_type, content)
    return targets


def _forget(key: str, digest: str, tags: Iterable[str]) -> Steps[None]:
    yield reviews.forget_if_gone(key, digest)
    yield Statement(
        "DELETE FROM untagged WHERE repository = :key AND digest = :digest",
        {"key": key, "digest": digest},
    )
    for reference in (digest, *tags):
        yield _forget_pull(key, reference)


def remove_referrers(
    key: str, subject: str, due_at: int, grace: Grace, cause: Cause
) -> Steps[None]:
    """Remove the referrers of a removed manifest, and theirs, unless a tag or an index keeps them.

    Those that are locked, or that a push is about to name, are looked at again later. Those beyond
    the first few are left to the collector. `az acr manifest delete` says that referrers go too
    (acr-protocol.md §5.7).
    """
    subjects, room, now = [(subject, "")], REFERRERS_AT_ONCE, grace.now()
    while subjects and room > 0:
        of, after = subjects.pop()
        rows = yield _find_referrers(key, of, after, room)
        if rows:
            subjects.append((of, str(rows[-1][0])))
        for digest, is_locked, held in rows:
            if is_locked or (held is not None and held > now):
                again = grace.unlocked() if is_locked else int(held)
                yield from reviews.review(key, [str(digest)], again)
                continue
            yield from remove(key, str(digest), now, due_at, cause)
            subjects.append((str(digest), ""))
        room -= len(rows)
    yield from reviews.review(key, [of for of, _ in subjects], 0)  # at once


def _find_referrers(key: str, subject: str, after: str, count: int) -> Statement:
    """Up to `count` manifests with this subject that have no tag and that no index names."""
    return Statement(
        """
        SELECT digest, delete_enabled = 0 OR write_enabled = 0,
               (SELECT MAX(until) FROM holds WHERE holds.repository = manifests.repository
                                               AND holds.digest = manifests.digest)
        FROM manifests
        WHERE repository = :key AND subject = :subject AND digest > :after
          AND NOT EXISTS (SELECT 1 FROM tags WHERE tags.repository = manifests.repository
                                               AND tags.digest = manifests.digest)
          AND NOT EXISTS (SELECT 1 FROM manifest_references AS named
                          WHERE named.repository = manifests.repository
                            AND named.target = manifests.digest)
          AND NOT EXISTS (SELECT 1 FROM deleted_manifests AS kept
                          WHERE kept.repository = manifests.repository
                            AND kept.digest = manifests.digest)
        ORDER BY digest LIMIT :count
        """,
        {"key": key, "subject": subject, "after": after, "count": count},
    )


def _forget_pull(key: str, reference: str) -> Statement:
    return Statement(
        "DELETE FROM pulls WHERE repository = :key AND reference = :reference",
        {"key": key, "reference": reference},
    )


def _json(value: object) -> str:
    return msgspec.json.encode(value).decode()
