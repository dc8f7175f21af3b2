"""Manifests and what they name: bytes, references, tags."""

from itertools import groupby
from operator import itemgetter
from typing import Final

from acrux.adapters.sql.content import manifests, references, reviews
from acrux.adapters.sql.content.grace import Grace
from acrux.adapters.sql.database import Row, Statement, Steps
from acrux.adapters.sql.many_rows import placeholders, slices
from acrux.domain.content.digest import Digest
from acrux.domain.content.storage.integrity import Kind
from acrux.ports.content.integrity.rows import Cursor, Fault, Scanned

CONTENT_BYTES: Final = 8 * 1024 * 1024  # of manifests that one step reads

_NAME: Final = "COALESCE(repositories.name, repositories.former_name, repositories.key)"


def scan_manifests(after: Cursor, count: int) -> Steps[Scanned]:
    """Manifests whose bytes are damaged, and those that lack references."""
    key, digest = after or ("", "")
    lengths = yield Statement(
        """
        SELECT repository, digest, LENGTH(content) FROM manifests
        WHERE (repository, digest) > (:key, :digest) ORDER BY repository, digest LIMIT :count
        """,
        {"key": key, "digest": digest, "count": count},
    )
    some, read = 0, 0
    while some < len(lengths) and (not some or read + int(lengths[some][2]) <= CONTENT_BYTES):
        read += int(lengths[some][2])
        some += 1
    if not some:
        return Scanned(0, (), ())
    last = (str(lengths[some - 1][0]), str(lengths[some - 1][1]))
    faults: list[Fault] = []
    for row in (yield _find_contents(key, digest, last)):
        faults += yield from _look_at(row)
    is_end = some == len(lengths) < count
    return Scanned(some, tuple(faults), () if is_end else last, read)


def _find_contents(key: str, digest: str, last: Cursor) -> Statement:
    return Statement(
        f"""
        SELECT manifests.repository, {_NAME}, manifests.digest, media_type, content
        FROM manifests JOIN repositories ON repositories.key = manifests.repository
        WHERE (manifests.repository, manifests.digest) > (:key, :digest)
          AND (manifests.repository, manifests.digest) <= (:last_key, :last)
        ORDER BY manifests.repository, manifests.digest
        """,  # noqa: S608 -- our own expression
        {"key": key, "digest": digest, "last_key": last[0], "last": last[1]},
    )


def _look_at(row: Row) -> Steps[list[Fault]]:
    key, name, digest, media_type, content = row
    where = (str(key), str(digest))
    if not _is_whole(str(digest), media_type, content):
        detail = "its bytes do not match its digest, or state another type"
        return [Fault(Kind.DAMAGED_MANIFEST, where, where[1], str(name), detail, where[1])]
    missing = yield from _find_missing(where, str(media_type), content)
    if not missing:
        return []
    detail = f"{len(missing)} that it names, such as {missing[0]}"
    return [Fault(Kind.MISSING_REFERENCE, where, where[1], str(name), detail)]


def _is_whole(digest: str, media_type: object, content: object) -> bool:
    # With the right digest these are the bytes that were pushed, so that they can be read.
    return manifests.is_whole(Digest.parse(digest), media_type, content)


def _find_missing(where: Cursor, media_type: str, content: bytes) -> Steps[list[str]]:
    named = references.guessed_targets(media_type, content)
    missing: list[str] = []
    for some in slices(named):
        rows = yield Statement(
            f"""
            SELECT target FROM manifest_references
            WHERE repository = ? AND digest = ? AND target IN {placeholders(len(some))}
            """,  # noqa: S608 -- only placeholders
            {},
            [*where, *some],
        )
        known = {str(target) for (target,) in rows}
        missing += [target for target in some if target not in known]
    return missing


def refer(where: Cursor, _grace: Grace) -> Steps[bool]:
    """Insert the references that a whole manifest lacks."""
    for media_type, content in (yield _find(where)):
        if not _is_whole(where[1], media_type, content):
            return False
        named = references.guessed_targets(str(media_type), content)
        yield from references.refer(where[0], where[1], named)
    return True


def _find(where: Cursor) -> Statement:
    return Statement(
        "SELECT media_type, content FROM manifests WHERE repository = :key AND digest = :digest",
        {"key": where[0], "digest": where[1]},
    )


def scan_references(after: Cursor, count: int) -> Steps[Scanned]:
    """References of manifests that are gone, or that do not name the target."""
    key, target, digest = after or ("", "", "")
    rows = yield Statement(
        """
        SELECT named.repository, named.target, named.digest, repositories.name
        FROM manifest_references AS named
        LEFT JOIN repositories ON repositories.key = named.repository
        WHERE (named.repository, named.target, named.digest) > (:key, :target, :digest)
        ORDER BY named.repository, named.target, named.digest LIMIT :count
        """,
        {"key": key, "target": target, "digest": digest, "count": count},
    )
    # The rows of a deleted repository are cleared in their order.
    by_manifest = sorted(rows, key=itemgetter(0, 2))
    faults: list[Fault] = []
    for (of, name, by), some in groupby(by_manifest, key=itemgetter(0, 3, 2)):
        if name is not None:
            targets = [str(row[1]) for row in some]
            faults += yield from _look_at_references((str(of), str(by)), targets, str(name))
    last = tuple(map(str, rows[-1][:3])) if len(rows) == count else ()
    return Scanned(len(rows), tuple(faults), last)


def _look_at_references(where: Cursor, targets: list[str], name: str) -> Steps[list[Fault]]:
    rows = yield _find(where)
    key, digest = where
    if not rows:
        kind, wrong = Kind.LOST_MANIFEST, targets
    else:
        kind, [(media_type, content)] = Kind.WRONG_REFERENCE, rows
        wrong = _unnamed(digest, media_type, content, targets)
    return [
        Fault(kind, (key, target, digest), digest, name, f"refers to {target}") for target in wrong
    ]


def _unnamed(digest: str, media_type: object, content: bytes, targets: list[str]) -> list[str]:
    doubtful = [target for target in targets if target.encode() not in content]
    if not doubtful or not _is_whole(digest, media_type, content):
        return []
    # JSON can write a digest in other ways than letter by letter.
    named = references.guessed_targets(str(media_type), content)
    return [target for target in doubtful if target not in named]


def withdraw(key: Cursor, grace: Grace) -> Steps[bool]:
    """Remove a reference that its whole manifest does not name, and review the target."""
    repository, target, digest = key
    for media_type, content in (yield _find((repository, digest))):
        if _unnamed(digest, media_type, content, [target]):
            yield Statement(
                """
                DELETE FROM manifest_references
                WHERE repository = :key AND target = :target AND digest = :digest
                """,
                {"key": repository, "target": target, "digest": digest},
            )
            yield from reviews.review(repository, [target], grace.ends())
    return True


def scan_tags(after: Cursor, count: int) -> Steps[Scanned]:
    """Tags whose manifest is not there."""
    key, tag = after or ("", "")
    rows = yield Statement(
        f"""
        SELECT tags.repository, tags.name, tags.digest, manifests.digest, {_NAME}
        FROM tags LEFT JOIN repositories ON repositories.key = tags.repository
        LEFT JOIN manifests
          ON manifests.repository = tags.repository AND manifests.digest = tags.digest
        WHERE (tags.repository, tags.name) > (:key, :tag)
        ORDER BY tags.repository, tags.name LIMIT :count
        """,  # noqa: S608 -- our own expression
        {"key": key, "tag": tag, "count": count},
    )
    faults = tuple(
        Fault(Kind.LOST_TAG, (str(of), str(name)), str(name), str(shown or of), f"names {digest}")
        for of, name, digest, there, shown in rows
        if there is None
    )
    last = (str(rows[-1][0]), str(rows[-1][1])) if len(rows) == count else ()
    return Scanned(len(rows), faults, last)
