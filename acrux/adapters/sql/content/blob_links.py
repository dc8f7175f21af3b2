"""Links from repositories to blobs: statements."""

from collections.abc import Mapping, Sequence
from datetime import datetime

from acrux.adapters.sql.content import attributes, repositories
from acrux.adapters.sql.database import Row, SqlValue, Statement, Steps
from acrux.domain.content.attributes import Operation
from acrux.domain.content.digest import Digest
from acrux.domain.content.names import RepositoryName
from acrux.domain.content.patterns import RepositoryPattern
from acrux.domain.instants import to_microseconds
from acrux.errors import MissingReferences, UnknownBlob

# A manifest of 4 MiB can name tens of thousands of layers; a statement takes 32,766 parameters.
DIGESTS_PER_STATEMENT = 1000
MISSING_NAMED = 10


def link_blob(repository: RepositoryName, digest: Digest, size: int, at: datetime) -> Steps[None]:
    """Link the blob if the repository may be written, and correct the size of an existing link."""
    yield from attributes.check_repository(Operation.WRITE, repository)
    # An upload outlives its repository, which may have been deleted meanwhile.
    yield repositories.ensure_repository(repository, at)
    yield Statement(
        """
        INSERT INTO blob_links (repository, digest, size, created_at)
        VALUES (:repository, :digest, :size, :at)
        ON CONFLICT (repository, digest) DO UPDATE SET size = excluded.size
        WHERE blob_links.size <> excluded.size
        """,
        {**_key(repository, digest), "size": size, "at": to_microseconds(at)},
    )


def find_blob(repository: RepositoryName, digest: Digest) -> Statement:
    """The size of the linked blob, and whether the repository may be read."""
    return Statement(
        """
        SELECT blob_links.size, repositories.read_enabled
        FROM blob_links JOIN repositories ON repositories.name = blob_links.repository
        WHERE blob_links.repository = :repository AND blob_links.digest = :digest
        """,
        _key(repository, digest),
    )


def read_size(rows: list[Row]) -> int | None:
    """The size that `find_blob` found, in bytes. Raises Disallowed if it may not be read."""
    for size, read_enabled in rows:
        attributes.readable((read_enabled,))
        return int(size)
    return None


def mount_blob(
    sources: Sequence[RepositoryPattern],
    repository: RepositoryName,
    digest: Digest,
    size: int,
    at: datetime,
) -> Steps[None]:
    """Link the blob if a readable repository of the patterns links it in this size.

    Otherwise raises UnknownBlob.
    """
    among, parameters = repositories.condition("blob_links.repository", sources)
    found = yield Statement(
        f"""
        SELECT blob_links.size
        FROM blob_links JOIN repositories ON repositories.name = blob_links.repository
        WHERE blob_links.digest = :digest AND blob_links.size = :size
          AND repositories.read_enabled = 1 AND {among}
        LIMIT 1
        """,  # noqa: S608 -- a condition of parameters
        {"digest": str(digest), "size": size, **parameters},
    )
    if not found:
        raise UnknownBlob(digest=str(digest))
    yield from link_blob(repository, digest, size, at)


def unlink_blob(repository: RepositoryName, digest: Digest) -> Steps[None]:
    """Remove the link if the repository may be written. Raises UnknownBlob if there is no link."""
    yield from attributes.check_repository(Operation.DELETE, repository)
    unlinked = yield Statement(
        "DELETE FROM blob_links WHERE repository = :repository AND digest = :digest RETURNING size",
        _key(repository, digest),
    )
    if not unlinked:
        raise UnknownBlob(digest=str(digest))


def check_links(
    repository: RepositoryName, required: Sequence[Digest], sizes: Mapping[Digest, int] | None
) -> Steps[None]:
    """Raise MissingReferences unless the repository links all of these, with these sizes."""
    held = {str(digest): size for digest, size in sizes.items()} if sizes is not None else None
    missing: list[str] = []
    for start in range(0, len(required), DIGESTS_PER_STATEMENT):
        digests = [str(digest) for digest in required[start : start + DIGESTS_PER_STATEMENT]]
        linked = {
            digest
            for digest, size in (yield _find_links(repository, digests))
            if held is None or held.get(digest) == size
        }
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
        "SELECT digest, size FROM blob_links"  # noqa: S608 -- only parameter names are put in
        f" WHERE repository = :repository AND digest IN ({names})",
        {"repository": repository.value, **parameters},
    )


def _key(repository: RepositoryName, digest: Digest) -> dict[str, SqlValue]:
    return {"repository": repository.value, "digest": str(digest)}
