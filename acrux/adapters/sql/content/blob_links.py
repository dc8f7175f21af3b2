"""Links from repositories to blobs: statements."""

from collections.abc import Iterable, Sequence

from acrux.adapters.sql.content import (
    attributes,
    copies,
    holds,
    limits,
    repositories,
    reviews,
    usage,
)
from acrux.adapters.sql.content.grace import Grace
from acrux.adapters.sql.content.keys import find_key
from acrux.adapters.sql.database import Row, SqlValue, Statement, Steps
from acrux.adapters.sql.many_rows import placeholders, slices
from acrux.domain.content.attributes import Operation
from acrux.domain.content.digest import Digest
from acrux.domain.content.names import RepositoryName
from acrux.domain.content.patterns import RepositoryPattern
from acrux.domain.content.storage.copy import Copy
from acrux.errors import MissingReferences, UnknownBlob

DIGESTS_PER_STATEMENT = 1000  # one value each
MISSING_NAMED = 10


def link_blob(
    repository: RepositoryName, copy: Copy, principal: str, at: int, grace: Grace
) -> Steps[None]:
    """Link the blob if the repository may be written, and use this copy of it from now on.

    The principal's push may refer to it for a while: until then it is kept.
    """
    place = repositories.read_place((yield repositories.find_place(repository)))
    # An upload outlives its repository, which may have been deleted meanwhile.
    key = place.key or (yield from repositories.ensure(repository, at))
    yield from copies.use(copy, at)
    yield from _link(key, copy, at, repository if place.has_quotas else None)
    yield holds.hold(key, copy.digest, principal, grace.held_until())


def _link(key: str, copy: Copy, at: int, limited: RepositoryName | None) -> Steps[None]:
    """Link the blob, or correct the link's size; `limited` is the repository if quotas may count.

    Raises QuotaExceeded.
    """
    digest, size = copy.digest, copy.size
    row: dict[str, SqlValue] = {"key": key, "digest": str(digest), "size": size}
    is_new = yield Statement(
        """
        INSERT INTO blob_links (repository, digest, size, created_at)
        VALUES (:key, :digest, :size, :at)
        ON CONFLICT (repository, digest) DO NOTHING RETURNING 1
        """,
        {**row, "at": at},
    )
    if is_new:
        if limited:
            yield from limits.check_room(limited, size)
        yield usage.add_link(key, str(digest), size)
        return
    former = yield Statement(
        """
        SELECT size FROM blob_links
        WHERE repository = :key AND digest = :digest AND size <> :size
        """,
        row,
    )
    for (wrong,) in former:  # it counted bytes that were damaged
        yield Statement(
            "UPDATE blob_links SET size = :size WHERE repository = :key AND digest = :digest", row
        )
        yield usage.change_links(key, str(digest), 0, size - int(wrong))


def find_blob(repository: RepositoryName, digest: Digest) -> Statement:
    """The copy in use of the linked blob, and whether the repository may be read."""
    return Statement(
        """
        SELECT blob_links.digest, COALESCE(blobs.copy, ''), COALESCE(blobs.size, blob_links.size),
               repositories.read_enabled
        FROM repositories JOIN blob_links ON blob_links.repository = repositories.key
        LEFT JOIN blobs ON blobs.digest = blob_links.digest
        WHERE repositories.name = :repository AND blob_links.digest = :digest
        """,
        _key(repository, digest),
    )


def read_blob(rows: list[Row]) -> Copy | None:
    """The copy that `find_blob` found. Raises Disallowed if it may not be read."""
    for *copy, read_enabled in rows:
        attributes.readable((read_enabled,))
        return copies.read(tuple(copy))
    return None


def find_copies(repository: RepositoryName, digests: Sequence[Digest]) -> Iterable[Statement]:
    """The copies in use of those of the blobs that the repository links."""
    for some in slices(digests, DIGESTS_PER_STATEMENT):
        yield _find_links(repository, some)


def mount_blob(
    sources: Sequence[RepositoryPattern],
    repository: RepositoryName,
    copy: Copy,
    principal: str,
    at: int,
    grace: Grace,
) -> Steps[None]:
    """Link the blob if a readable repository of the patterns links it in this size.

    Otherwise raises UnknownBlob.
    """
    among, parameters = repositories.condition("repositories.name", sources)
    found = yield Statement(
        f"""
        SELECT blob_links.size
        FROM blob_links JOIN repositories ON repositories.key = blob_links.repository
        WHERE blob_links.digest = :digest AND blob_links.size = :size
          AND repositories.read_enabled = 1 AND {among}
        LIMIT 1
        """,  # noqa: S608 -- a condition of parameters
        {"digest": str(copy.digest), "size": copy.size, **parameters},
    )
    if not found:
        raise UnknownBlob(digest=str(copy.digest))
    place = repositories.read_place((yield repositories.find_place(repository)))
    key = place.key or (yield from repositories.ensure(repository, at))
    if not copy.name:  # the repository that has it may be deleted before it is counted there
        yield from copies.count(str(copy.digest), copy.size, at)
    yield from _link(key, copy, at, repository if place.has_quotas else None)
    yield holds.hold(key, copy.digest, principal, grace.held_until())


def unlink_blob(repository: RepositoryName, digest: Digest, grace: Grace) -> Steps[None]:
    """Remove the link if the repository may be written. Raises UnknownBlob if there is no link."""
    yield from attributes.check_repository(Operation.DELETE, repository)
    key = yield from find_key(repository)
    if key is None or not (yield from unlink(key, str(digest), grace.ends())):
        raise UnknownBlob(digest=str(digest))
    yield from repositories.tidy(key)


def unlink(key: str, digest: str, due_at: int) -> Steps[bool]:
    """Remove the link, and the bytes at an instant if it was the last one of the blob.

    Returns whether there was a link.
    """
    unlinked = yield Statement(
        "DELETE FROM blob_links WHERE repository = :key AND digest = :digest RETURNING size",
        {"key": key, "digest": digest},
    )
    for (size,) in unlinked:
        yield usage.take_link(key, digest, int(size))
        yield from copies.give_up(digest, int(size), due_at)
    yield reviews.forget_if_gone(key, digest)
    return bool(unlinked)


def unlink_all(key: str, digests: Sequence[str], due_at: int) -> Steps[None]:
    """Remove the links, and the bytes of blobs that lose their last one at an instant.

    Only if all that existed before is counted.
    """
    for some in slices(digests, DIGESTS_PER_STATEMENT):
        unlinked = yield Statement(
            f"""
            DELETE FROM blob_links WHERE repository = ? AND digest IN {placeholders(len(some))}
            RETURNING size
            """,  # noqa: S608 -- only placeholders
            {},
            [key, *some],
        )
        size = sum(int(row[0]) for row in unlinked)
        yield usage.change_links(key, "", -len(unlinked), -size)
    yield from copies.give_up_all(digests, due_at)


def check_links(
    repository: RepositoryName, required: Sequence[Digest], damaged: frozenset[Copy]
) -> Steps[None]:
    """Raise MissingReferences unless the repository links all of these, with undamaged copies."""
    missing: list[str] = []
    for some in slices(required, DIGESTS_PER_STATEMENT):
        # A copy that is not known to be damaged was stored just now.
        linked = {
            copy.digest
            for copy in map(copies.read, (yield _find_links(repository, some)))
            if copy not in damaged
        }
        missing += (str(digest) for digest in some if digest not in linked)
    if missing:
        raise MissingReferences(
            f"{len(missing)} of the manifest's blobs are not in the repository: push them first",
            digest=" ".join(missing[:MISSING_NAMED]),
        )


def _find_links(repository: RepositoryName, digests: Sequence[Digest]) -> Statement:
    return Statement(
        f"""
        SELECT blob_links.digest, COALESCE(blobs.copy, ''), COALESCE(blobs.size, blob_links.size)
        FROM blob_links LEFT JOIN blobs ON blobs.digest = blob_links.digest
        WHERE blob_links.repository = (SELECT key FROM repositories WHERE name = ?)
          AND blob_links.digest IN {placeholders(len(digests))}
        """,  # noqa: S608 -- only placeholders
        {},
        [repository.value, *map(str, digests)],
    )


def _key(repository: RepositoryName, digest: Digest) -> dict[str, SqlValue]:
    return {"repository": repository.value, "digest": str(digest)}
