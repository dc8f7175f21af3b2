"""What repositories hold: from the counters, and what must be computed."""

from typing import Final

from acrux.adapters.sql.content import repositories
from acrux.adapters.sql.content.repositories import NameRange
from acrux.adapters.sql.database import Row, SqlValue, Statement, Steps
from acrux.adapters.sql.space.counted import is_counted
from acrux.domain.content.names import RepositoryName
from acrux.domain.content.patterns import RepositoryPattern
from acrux.domain.content.storage.space import Amount, Usage, Usages
from acrux.errors import UnknownRepository

PAGE: Final = 10_000  # links that one statement sums
REPOSITORIES: Final = 1000  # counters that one statement reads

_COUNTERS: Final = (
    "usage.tags, usage.manifests, usage.manifest_bytes, usage.blobs, usage.blob_bytes"
)


def of_repository(repository: RepositoryName) -> Steps[Usage]:
    """What the repository holds. Raises UnknownRepository."""
    pattern = RepositoryPattern(repository.value)
    usage = yield from of_pattern(pattern)
    if not usage.repositories:
        raise UnknownRepository("there is no such repository", name=str(repository))
    return usage


def of_pattern(pattern: RepositoryPattern) -> Steps[Usage]:
    """What the repositories of the pattern hold together."""
    [names] = repositories.ranges([pattern])
    content, own, tags, count, after = Amount(), Amount(), 0, 0, ""
    while rows := (yield _find_counters(names, after)):
        for key, _, counted_tags, manifests, manifest_bytes, *_blobs in rows:
            tags += int(counted_tags)
            some = Amount(manifests=int(manifests), manifest_bytes=int(manifest_bytes))
            once, own_blobs = yield from _sum_links(str(key), names)
            content += some + once
            own += some + own_blobs
        count += len(rows)
        after = str(rows[-1][1])
    return Usage(pattern.text, count, tags, content, own)


def _sum_links(key: str, names: NameRange) -> Steps[tuple[Amount, Amount]]:
    """The blobs that no repository before this one links, and those that none outside does."""
    once, own, after = Amount(), Amount(), ""
    while True:
        last = yield _find_last(key, after)
        to = str(last[0][0]) if last else "~"
        [(blobs, size, own_blobs, own_size)] = yield _sum_page(key, names, after, to)
        once += Amount(blobs=int(blobs), blob_bytes=int(size))
        own += Amount(blobs=int(own_blobs), blob_bytes=int(own_size))
        if not last:
            return once, own
        after = to


def _find_counters(names: NameRange, after: str) -> Statement:
    return Statement(
        f"""
        SELECT repositories.key, repositories.name, {_COUNTERS}
        FROM repositories JOIN usage ON usage.repository = repositories.key
        WHERE name >= :first AND name < :end AND name > :after
        ORDER BY name LIMIT {REPOSITORIES}
        """,  # noqa: S608 -- our own columns and number
        {"first": names.first, "end": names.end, "after": after},
    )


def _find_last(key: str, after: str) -> Statement:
    """The last link of a full page; none if the page is not full."""
    return Statement(
        f"""
        SELECT digest FROM blob_links WHERE repository = :key AND digest > :after
        ORDER BY digest LIMIT 1 OFFSET {PAGE - 1}
        """,  # noqa: S608 -- our own number
        {"key": key, "after": after},
    )


def _sum_page(key: str, names: NameRange, after: str, to: str) -> Statement:
    # A key is the name, or the name and a space and more: so the keys of a range of names lie
    # together, and each question is a seek. Among them are deleted repositories that are not
    # cleared yet: they are looked past. The range of one name ends at a space: its keys, after it.
    end = names.end.replace(" ", "!")
    parameters: dict[str, SqlValue] = {
        "key": key, "first": names.first, "end": end, "after": after, "to": to,
    }  # fmt: skip
    return Statement(
        """
        SELECT COALESCE(SUM(is_first), 0), COALESCE(SUM(is_first * size), 0),
               COALESCE(SUM(is_first * is_own), 0), COALESCE(SUM(is_first * is_own * size), 0)
        FROM (
            SELECT links.size AS size,
                   CASE WHEN EXISTS (
                       SELECT 1 FROM blob_links AS others
                       JOIN repositories ON repositories.key = others.repository
                       WHERE others.digest = links.digest AND others.repository >= :first
                         AND others.repository < :key AND repositories.name IS NOT NULL
                   ) THEN 0 ELSE 1 END AS is_first,
                   CASE WHEN EXISTS (
                       SELECT 1 FROM blob_links AS others
                       WHERE others.digest = links.digest AND others.repository < :first
                   ) OR EXISTS (
                       SELECT 1 FROM blob_links AS others
                       WHERE others.digest = links.digest AND others.repository >= :end
                   ) THEN 0 ELSE 1 END AS is_own
            FROM blob_links AS links
            WHERE links.repository = :key AND links.digest > :after AND links.digest <= :to
        ) AS summed
        """,
        parameters,
    )


def of_registry(count: int) -> Steps[Usages]:
    """What the registry holds, and its largest repositories."""
    [(live, tags, manifests, manifest_bytes)] = yield _sum_counters("name IS NOT NULL")
    [(_, _, dead, dead_bytes)] = yield _sum_counters("name IS NULL")
    [(blobs, blob_bytes, waiting)] = yield _find_stored()
    deleted = Amount(manifests=int(dead), manifest_bytes=int(dead_bytes))
    content = deleted + Amount(int(manifests), int(manifest_bytes), int(blobs), int(blob_bytes))
    return Usages(
        total=Usage("*", int(live), int(tags), content, content),
        deleted=deleted,
        waiting_bytes=int(waiting),
        largest=tuple(map(_read, (yield _find_largest(count)))),
        is_counted=(yield from is_counted()),
    )


def _read(row: Row) -> Usage:
    name, *counters = row
    tags, *amounts = map(int, counters)
    # Whose the blobs are is not known from the counters.
    return Usage(str(name), 1, tags, Amount(*amounts), None)


def _sum_counters(condition: str) -> Statement:
    return Statement(
        f"""
        SELECT COUNT(*), COALESCE(SUM(usage.tags), 0), COALESCE(SUM(usage.manifests), 0),
               COALESCE(SUM(usage.manifest_bytes), 0)
        FROM usage JOIN repositories ON repositories.key = usage.repository WHERE {condition}
        """,  # noqa: S608 -- our own condition
        {},
    )


def _find_stored() -> Statement:
    return Statement(
        """
        SELECT (SELECT COALESCE(SUM(blobs), 0) FROM stored),
               (SELECT COALESCE(SUM(bytes), 0) FROM stored),
               (SELECT COALESCE(SUM(size), 0) FROM removals)
        """,
        {},
    )


def _find_largest(count: int) -> Statement:
    return Statement(
        f"""
        SELECT repositories.name, {_COUNTERS}
        FROM usage JOIN repositories ON repositories.key = usage.repository
        WHERE repositories.name IS NOT NULL
        ORDER BY usage.manifest_bytes + usage.blob_bytes DESC, repositories.name LIMIT :count
        """,  # noqa: S608 -- our own columns
        {"count": count},
    )
