"""Repositories, manifests, tags, links, referrers, uploads in SQL."""

from datetime import datetime

from acrux.adapters.statements import (
    Database,
    Row,
    SqlValue,
    Statement,
    Steps,
    to_microseconds,
)
from acrux.domain.digest import Digest
from acrux.domain.manifest import Manifest
from acrux.domain.names import Reference, RepositoryName, Tag
from acrux.domain.page import Page, Slice
from acrux.domain.upload import UploadId
from acrux.errors import (
    MissingReferences,
    UnknownBlob,
    UnknownManifest,
    UnknownRepository,
    UnknownUpload,
)
from acrux.ports import StoredManifest

# A manifest of 4 MiB can name tens of thousands of layers; a statement takes 32,766 parameters.
DIGESTS_PER_STATEMENT = 1000
MISSING_NAMED = 10


class SqlMetadata:
    """The port Metadata on a database; each method is described there."""

    def __init__(self, database: Database) -> None:
        self._database = database

    async def open_upload(
        self, upload: UploadId, repository: RepositoryName, principal: str, at: datetime
    ) -> None:
        """See ports.Metadata."""
        await self._database.write(_open_upload(upload, repository, principal, at))

    async def find_upload(self, upload: UploadId, repository: RepositoryName) -> None:
        """See ports.Metadata."""
        if not await self._database.read(_find_upload(upload, repository)):
            raise UnknownUpload(upload=str(upload))

    async def close_upload(self, upload: UploadId, repository: RepositoryName) -> None:
        """See ports.Metadata."""
        await self._database.write(_close_upload(upload, repository))

    async def link_blob(
        self, repository: RepositoryName, digest: Digest, size: int, at: datetime
    ) -> None:
        """See ports.Metadata."""
        await self._database.write(_link_blob(repository, digest, size, at))

    async def finish_upload(
        self, upload: UploadId, repository: RepositoryName, digest: Digest, size: int, at: datetime
    ) -> None:
        """See ports.Metadata."""
        await self._database.write(_finish_upload(upload, repository, digest, size, at))

    async def find_blob(self, repository: RepositoryName, digest: Digest) -> int:
        """See ports.Metadata."""
        return _size(await self._database.read(_find_blob(repository, digest)), digest)

    async def mount_blob(
        self, source: RepositoryName, repository: RepositoryName, digest: Digest, at: datetime
    ) -> None:
        """See ports.Metadata."""
        await self._database.write(_mount_blob(source, repository, digest, at))

    async def unlink_blob(self, repository: RepositoryName, digest: Digest) -> None:
        """See ports.Metadata."""
        await self._database.write(_unlink_blob(repository, digest))

    async def put_manifest(
        self, repository: RepositoryName, manifest: Manifest, tag: Tag | None, at: datetime
    ) -> None:
        """See ports.Metadata. A manifest that is held already stays as it was first put."""
        await self._database.write(_put_manifest(repository, manifest, tag, at))

    async def get_manifest(
        self, repository: RepositoryName, reference: Reference
    ) -> StoredManifest:
        """See ports.Metadata."""
        find = _find_tagged if isinstance(reference, Tag) else _find_manifest
        for digest, media_type, content in await self._database.read(find(repository, reference)):
            return StoredManifest(Digest.parse(digest), media_type, content)
        raise UnknownManifest(reference=str(reference))

    async def delete_manifest(self, repository: RepositoryName, digest: Digest) -> None:
        """See ports.Metadata."""
        await self._database.write(_delete_manifest(repository, digest))

    async def delete_tag(self, repository: RepositoryName, tag: Tag) -> None:
        """See ports.Metadata."""
        await self._database.write(_delete_tag(repository, tag))

    async def list_tags(self, repository: RepositoryName, page: Page) -> Slice[str]:
        """See ports.Metadata."""
        rows = await self._database.read(_list_tags(repository, page))
        if not rows and not await self._database.read(_find_any_manifest(repository)):
            raise UnknownRepository(name=str(repository))
        return _slice(rows, page)

    async def list_repositories(self, page: Page) -> Slice[str]:
        """See ports.Metadata."""
        return _slice(await self._database.read(_list_repositories(page)), page)


def _open_upload(
    upload: UploadId, repository: RepositoryName, principal: str, at: datetime
) -> Steps[None]:
    yield Statement(
        """
        INSERT INTO uploads (id, repository, principal, started_at)
        VALUES (:upload, :repository, :principal, :at)
        """,
        {
            "upload": upload.value,
            "repository": repository.value,
            "principal": principal,
            "at": to_microseconds(at),
        },
    )


def _find_upload(upload: UploadId, repository: RepositoryName) -> Statement:
    return Statement(
        "SELECT id FROM uploads WHERE id = :upload AND repository = :repository",
        {"upload": upload.value, "repository": repository.value},
    )


def _close_upload(upload: UploadId, repository: RepositoryName) -> Steps[None]:
    closed = yield Statement(
        "DELETE FROM uploads WHERE id = :upload AND repository = :repository RETURNING id",
        {"upload": upload.value, "repository": repository.value},
    )
    if not closed:
        raise UnknownUpload(upload=str(upload))


def _finish_upload(
    upload: UploadId, repository: RepositoryName, digest: Digest, size: int, at: datetime
) -> Steps[None]:
    yield from _close_upload(upload, repository)
    yield from _link_blob(repository, digest, size, at)


def _link_blob(repository: RepositoryName, digest: Digest, size: int, at: datetime) -> Steps[None]:
    yield _ensure_repository(repository, at)
    yield Statement(
        """
        INSERT INTO blob_links (repository, digest, size, created_at)
        VALUES (:repository, :digest, :size, :at)
        ON CONFLICT (repository, digest) DO NOTHING
        """,
        {**_key(repository, digest), "size": size, "at": to_microseconds(at)},
    )


def _ensure_repository(repository: RepositoryName, at: datetime) -> Statement:
    return Statement(
        """
        INSERT INTO repositories (name, created_at) VALUES (:repository, :at)
        ON CONFLICT (name) DO NOTHING
        """,
        {"repository": repository.value, "at": to_microseconds(at)},
    )


def _find_blob(repository: RepositoryName, digest: Digest) -> Statement:
    return Statement(
        "SELECT size FROM blob_links WHERE repository = :repository AND digest = :digest",
        _key(repository, digest),
    )


def _mount_blob(
    source: RepositoryName, repository: RepositoryName, digest: Digest, at: datetime
) -> Steps[None]:
    size = _size((yield _find_blob(source, digest)), digest)
    yield from _link_blob(repository, digest, size, at)


def _unlink_blob(repository: RepositoryName, digest: Digest) -> Steps[None]:
    unlinked = yield Statement(
        "DELETE FROM blob_links WHERE repository = :repository AND digest = :digest RETURNING size",
        _key(repository, digest),
    )
    _size(unlinked, digest)


def _put_manifest(
    repository: RepositoryName, manifest: Manifest, tag: Tag | None, at: datetime
) -> Steps[None]:
    yield from _check_links(repository, manifest.required_blobs)
    yield _ensure_repository(repository, at)
    yield _hold(repository, manifest, at)
    if tag is not None:
        yield _point(repository, tag, manifest.digest, at)


def _check_links(repository: RepositoryName, required: tuple[Digest, ...]) -> Steps[None]:
    missing: list[str] = []
    for start in range(0, len(required), DIGESTS_PER_STATEMENT):
        digests = [str(digest) for digest in required[start : start + DIGESTS_PER_STATEMENT]]
        linked = {digest for (digest,) in (yield _find_links(repository, digests))}
        missing += (digest for digest in digests if digest not in linked)
    if missing:
        raise MissingReferences(
            f"{len(missing)} of the manifest's blobs are not in the repository: push them first",
            digest=" ".join(missing[:MISSING_NAMED]),
        )


def _find_links(repository: RepositoryName, digests: list[str]) -> Statement:
    parameters: dict[str, SqlValue] = {f"digest_{n}": text for n, text in enumerate(digests)}
    names = ", ".join(f":{name}" for name in parameters)
    return Statement(
        f"SELECT digest FROM blob_links WHERE repository = :repository AND digest IN ({names})",  # noqa: S608 -- only parameter names are put in
        {"repository": repository.value, **parameters},
    )


def _hold(repository: RepositoryName, manifest: Manifest, at: datetime) -> Statement:
    return Statement(
        """
        INSERT INTO manifests (repository, digest, media_type, size, subject, artifact_type,
                               config_media_type, created_at, content)
        VALUES (:repository, :digest, :media_type, :size, :subject, :artifact_type,
                :config_media_type, :at, :content)
        ON CONFLICT (repository, digest) DO NOTHING
        """,
        {
            **_key(repository, manifest.digest),
            "media_type": manifest.media_type,
            "size": len(manifest.content),
            "subject": str(manifest.subject.digest) if manifest.subject else None,
            "artifact_type": manifest.artifact_type,
            "config_media_type": manifest.config_media_type,
            "at": to_microseconds(at),
            "content": manifest.content,
        },
    )


def _point(repository: RepositoryName, tag: Tag, digest: Digest, at: datetime) -> Statement:
    return Statement(
        """
        INSERT INTO tags (repository, name, digest, created_at, updated_at)
        VALUES (:repository, :tag, :digest, :at, :at)
        ON CONFLICT (repository, name)
        DO UPDATE SET digest = excluded.digest, updated_at = excluded.updated_at
        """,
        {**_key(repository, digest), "tag": tag.value, "at": to_microseconds(at)},
    )


def _find_manifest(repository: RepositoryName, digest: Reference) -> Statement:
    return Statement(
        """
        SELECT digest, media_type, content FROM manifests
        WHERE repository = :repository AND digest = :digest
        """,
        {"repository": repository.value, "digest": str(digest)},
    )


def _find_tagged(repository: RepositoryName, tag: Reference) -> Statement:
    return Statement(
        """
        SELECT manifests.digest, manifests.media_type, manifests.content
        FROM tags JOIN manifests
          ON manifests.repository = tags.repository AND manifests.digest = tags.digest
        WHERE tags.repository = :repository AND tags.name = :tag
        """,
        {"repository": repository.value, "tag": str(tag)},
    )


def _find_any_manifest(repository: RepositoryName) -> Statement:
    return Statement(
        "SELECT digest FROM manifests WHERE repository = :repository LIMIT 1",
        {"repository": repository.value},
    )


def _delete_manifest(repository: RepositoryName, digest: Digest) -> Steps[None]:
    # Its tags go with it: the schema says so (ON DELETE CASCADE).
    deleted = yield Statement(
        "DELETE FROM manifests WHERE repository = :repository AND digest = :digest"
        " RETURNING digest",
        _key(repository, digest),
    )
    if not deleted:
        raise UnknownManifest(reference=str(digest))


def _delete_tag(repository: RepositoryName, tag: Tag) -> Steps[None]:
    deleted = yield Statement(
        "DELETE FROM tags WHERE repository = :repository AND name = :tag RETURNING name",
        {"repository": repository.value, "tag": tag.value},
    )
    if not deleted:
        raise UnknownManifest(reference=str(tag))


def _list_tags(repository: RepositoryName, page: Page) -> Statement:
    return Statement(
        """
        SELECT name FROM tags WHERE repository = :repository AND name > :last
        ORDER BY name LIMIT :rows
        """,
        {"repository": repository.value, "last": page.last, "rows": page.items + 1},
    )


def _list_repositories(page: Page) -> Statement:
    return Statement(
        """
        SELECT name FROM repositories
        WHERE name > :last
          AND EXISTS (SELECT 1 FROM manifests WHERE manifests.repository = repositories.name)
        ORDER BY name LIMIT :rows
        """,
        {"last": page.last, "rows": page.items + 1},
    )


def _slice(rows: list[Row], page: Page) -> Slice[str]:
    # One row more than the page holds was asked for; its presence says that there is a next page.
    return Slice(tuple(name for (name,) in rows[: page.items]), more=0 < page.items < len(rows))


def _size(rows: list[Row], digest: Digest) -> int:
    for (size,) in rows:
        return int(size)
    raise UnknownBlob(digest=str(digest))


def _key(repository: RepositoryName, digest: Digest) -> dict[str, SqlValue]:
    return {"repository": repository.value, "digest": str(digest)}
