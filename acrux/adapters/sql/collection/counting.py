"""Count what existed before references were rows, in bounded steps."""

from typing import Final

from acrux.adapters.sql.content import copies, references, reviews, usage
from acrux.adapters.sql.content.grace import Grace
from acrux.adapters.sql.database import Row, SqlValue, Statement, Steps
from acrux.adapters.sql.many_rows import fitting

CONTENT_BYTES: Final = 8 * 1024 * 1024  # of manifests that one step reads


def count_some(count: int, grace: Grace) -> Steps[int]:
    """Count up to `count` manifests, tags or links; returns how many. 0: all is counted.

    The order matters: a link is unreferenced only if all manifests are read.
    """
    for key, manifests_to, tags_to, blobs_to in (yield find_uncounted()):
        if manifests_to < usage.ALL:
            return 1 + (yield from _count_manifests(str(key), manifests_to, count, grace))
        if tags_to < usage.ALL:
            return 1 + (yield from _count_tags(str(key), tags_to, count))
        return 1 + (yield from _count_links(str(key), blobs_to, count, grace))
    return 0


def find_uncounted() -> Statement:
    """A repository that is not counted yet, and how far each of its counters got."""
    return Statement(
        f"""
        SELECT repository, manifests_to, tags_to, blobs_to FROM usage
        WHERE {usage.UNCOUNTED} LIMIT 1
        """,  # noqa: S608 -- our own condition
        {},
    )


def _count_manifests(key: str, after: str, count: int, grace: Grace) -> Steps[int]:
    sizes = yield _page("manifests", "digest, size", "digest", key, after, count)
    counted = sizes[: fitting((int(size) for _, size in sizes), CONTENT_BYTES)]
    if counted:
        last = str(counted[-1][0])
        yield from _refer(key, after, last)
        # It is not known since when these have no tag: rules on age begin to count now.
        yield Statement(
            """
            INSERT INTO untagged (repository, digest, since)
            SELECT repository, digest, CAST(:now AS BIGINT) FROM manifests
            WHERE repository = :key AND digest > :after AND digest <= :last
              AND NOT EXISTS (SELECT 1 FROM tags WHERE tags.repository = manifests.repository
                                                   AND tags.digest = manifests.digest)
            ON CONFLICT (repository, digest) DO NOTHING
            """,
            {"key": key, "after": after, "last": last, "now": grace.now()},
        )
    to = str(counted[-1][0]) if len(counted) == count or len(counted) < len(sizes) else usage.ALL
    yield Statement(
        """
        UPDATE usage
        SET manifests = manifests + :count, manifest_bytes = manifest_bytes + :bytes,
            manifests_to = :to
        WHERE repository = :key
        """,
        {
            "key": key,
            "count": len(counted),
            "bytes": sum(int(size) for _, size in counted),
            "to": to,
        },
    )
    return len(counted)


def _refer(key: str, after: str, last: str) -> Steps[None]:
    contents = yield Statement(
        """
        SELECT digest, media_type, content FROM manifests
        WHERE repository = :key AND digest > :after AND digest <= :last
        """,
        {"key": key, "after": after, "last": last},
    )
    for digest, media_type, content in contents:
        named = references.guessed_targets(str(media_type), bytes(content))
        yield from references.refer(key, str(digest), named)


def _count_tags(key: str, after: str, count: int) -> Steps[int]:
    tags = yield _page("tags", "name", "name", key, after, count)
    yield Statement(
        "UPDATE usage SET tags = tags + :count, tags_to = :to WHERE repository = :key",
        {"key": key, "count": len(tags), "to": _to(tags, count)},
    )
    return len(tags)


def _count_links(key: str, after: str, count: int, grace: Grace) -> Steps[int]:
    links = yield _page("blob_links", "digest, size", "digest", key, after, count)
    for digest, size in links:
        yield from copies.count(str(digest), int(size), grace.now())
        if not (yield references.find_namers(key, str(digest), 1)):
            yield from reviews.review(key, [str(digest)], grace.ends())
    yield Statement(
        """
        UPDATE usage SET blobs = blobs + :count, blob_bytes = blob_bytes + :bytes, blobs_to = :to
        WHERE repository = :key
        """,
        {
            "key": key,
            "count": len(links),
            "bytes": sum(int(size) for _, size in links),
            "to": _to(links, count),
        },
    )
    return len(links)


def _page(table: str, columns: str, name: str, key: str, after: str, count: int) -> Statement:
    parameters: dict[str, SqlValue] = {"key": key, "after": after, "count": count}
    return Statement(
        f"SELECT {columns} FROM {table} WHERE repository = :key AND {name} > :after"  # noqa: S608 -- our own names
        f" ORDER BY {name} LIMIT :count",
        parameters,
    )


def _to(rows: list[Row], count: int) -> str:
    return str(rows[-1][0]) if len(rows) == count else usage.ALL
