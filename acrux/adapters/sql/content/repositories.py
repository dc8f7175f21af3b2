"""Repositories: conditions for patterns, listing, deletion."""

from collections.abc import Sequence
from typing import Final, NamedTuple

from acrux.adapters.sql.content import attributes, graveyard, usage
from acrux.adapters.sql.content.grace import Grace
from acrux.adapters.sql.content.keys import KEY, another_key, find_key
from acrux.adapters.sql.database import Row, SqlValue, Statement, Steps
from acrux.adapters.sql.webhooks import recording
from acrux.domain.content.attributes import Attributes, Operation, check
from acrux.domain.content.names import RepositoryName
from acrux.domain.content.patterns import RepositoryPattern
from acrux.domain.webhooks.event import Cause
from acrux.errors import UnknownRepository
from acrux.ports.content.metadata import Deleted

NAMED: Final = 100_000  # manifests, and tags, that the answer to a deletion names


class NameRange(NamedTuple):
    """The names from `first` on and before `end`, in byte order."""

    first: str
    end: str


def ranges(patterns: Sequence[RepositoryPattern]) -> list[NameRange]:
    """The ranges of exactly the names that the patterns cover, in order and without overlap.

    Each is one seek in an index. A condition of many patterns would read all names in between.
    """
    disjoint: list[NameRange] = []
    for one in sorted(map(_range, patterns)):
        if not disjoint or disjoint[-1].end <= one.first:
            disjoint.append(one)
        # Otherwise it lies within the one before: ranges of names and prefixes nest.
    return disjoint


def _range(pattern: RepositoryPattern) -> NameRange:
    if pattern.covers_all:
        return NameRange("", "~")  # beyond every character of a name
    prefix = pattern.prefix
    if prefix is None:
        return NameRange(pattern.text, f"{pattern.text} ")  # before every character of a name
    return NameRange(prefix, prefix[:-1] + chr(ord(prefix[-1]) + 1))


def condition(
    column: str, patterns: Sequence[RepositoryPattern]
) -> tuple[str, dict[str, SqlValue]]:
    """The condition that one of the patterns covers the column; without patterns, none is met."""
    terms: list[str] = ["1 = 0"]
    parameters: dict[str, SqlValue] = {}
    for number, names in enumerate(ranges(patterns)):
        first, end = f"first_{number}", f"end_{number}"
        terms.append(f"({column} >= :{first} AND {column} < :{end})")
        parameters |= {first: names.first, end: names.end}
    return f"({' OR '.join(terms)})", parameters


class Place(NamedTuple):
    """Where a push goes: the repository's key, None if it is new, and whether there are quotas."""

    key: str | None
    has_quotas: bool


def find_place(repository: RepositoryName) -> Statement:
    """Whether the repository is there and may be written, and whether there are quotas: one row."""
    # Aggregates make one row of none. For an outer join, SQLite would set up a temporary table.
    return Statement(
        """
        SELECT MAX(key), MIN(write_enabled), EXISTS (SELECT 1 FROM policies WHERE kind = 'quota')
        FROM repositories WHERE name = :repository
        """,
        {"repository": repository.value},
    )


def read_place(rows: Sequence[Row]) -> Place:
    """The row of `find_place`. Raises Disallowed if nothing may be pushed there."""
    [(key, is_writable, has_quotas)] = rows
    if key is not None:
        check(Operation.WRITE, Attributes(write_enabled=bool(is_writable)))
    return Place(key, bool(has_quotas))


def ensure(repository: RepositoryName, at: int) -> Steps[str]:
    """Create the repository unless it is there, and return its key."""
    key = yield from find_key(repository)
    if key is not None:
        return key
    taken = yield Statement(
        "SELECT 1 FROM repositories WHERE key = :name", {"name": repository.value}
    )
    # A deleted repository of this name is not cleared yet.
    key = another_key(repository.value) if taken else repository.value
    yield Statement(
        "INSERT INTO repositories (key, name, created_at) VALUES (:key, :name, :at)",
        {"key": key, "name": repository.value, "at": at},
    )
    yield usage.count_from_nothing(key)
    return key


def find_any_manifest(repository: RepositoryName) -> Statement:
    """One row if the repository holds a manifest, otherwise none."""
    # Without the order, PostgreSQL scans the table if many of its rows are the repository's.
    return Statement(
        f"SELECT digest FROM manifests WHERE repository = {KEY} ORDER BY digest LIMIT 1",  # noqa: S608 -- our own subquery
        {"repository": repository.value},
    )


def forget_locks_of_an_empty(key: str) -> Statement:
    """Unlock a repository that holds no manifest any more.

    It ceases to exist with its last manifest (acr-protocol.md §5.7). Its links stay, since a push
    may be under way.
    """
    switches = ", ".join(f"{switch} = 1" for switch in attributes.SWITCHES)
    return Statement(
        f"UPDATE repositories SET {switches} WHERE key = :key"  # noqa: S608 -- our own column names
        # Without the order, PostgreSQL scans the table.
        " AND (SELECT digest FROM manifests WHERE repository = :key ORDER BY digest LIMIT 1)"
        " IS NULL",
        {"key": key},
    )


def tidy(key: str) -> Steps[None]:
    """Remove the repository's own row if it holds nothing any more."""
    empty = yield Statement(
        """
        SELECT 1 FROM repositories
        WHERE key = :key AND deleted_at IS NULL
          AND NOT EXISTS (SELECT 1 FROM manifests WHERE manifests.repository = repositories.key)
          AND NOT EXISTS (SELECT 1 FROM blob_links WHERE blob_links.repository = repositories.key)
          AND NOT EXISTS (SELECT 1 FROM deleted_tags
                          WHERE deleted_tags.repository = repositories.key)
        """,
        {"key": key},
    )
    if empty:
        yield Statement("DELETE FROM usage WHERE repository = :key", {"key": key})
        yield Statement("DELETE FROM pulls WHERE repository = :key", {"key": key})
        yield Statement("DELETE FROM repositories WHERE key = :key", {"key": key})


def list_repositories(names: NameRange, last: str, rows: int) -> Statement:
    """Up to `rows` repositories of the range that may be listed, after `last`."""
    return Statement(
        """
        SELECT name FROM repositories
        WHERE name >= :first AND name < :end AND name > :last AND list_enabled = 1
          AND EXISTS (SELECT 1 FROM manifests WHERE manifests.repository = repositories.key)
        ORDER BY name LIMIT :rows
        """,
        {"first": names.first, "end": names.end, "last": last, "rows": rows},
    )


def find_end(names: NameRange, last: str, count: int) -> Statement:
    """The name of the range that is `count` names after `last`; no row if there are fewer."""
    return Statement(
        """
        SELECT name FROM repositories
        WHERE name >= :first AND name < :end AND name > :last
        ORDER BY name LIMIT 1 OFFSET :before
        """,
        {"first": names.first, "end": names.end, "last": last, "before": count - 1},
    )


def find_repositories(names: NameRange, last: str, text: str, rows: int) -> Statement:
    """As `list_repositories`, those whose names contain the text."""
    escaped = text.replace("_", "!_")  # of the characters of a name, the one that is a wildcard
    return Statement(
        """
        SELECT name FROM repositories
        WHERE name >= :first AND name < :end AND name > :last AND name LIKE :like ESCAPE '!'
          AND list_enabled = 1
          AND EXISTS (SELECT 1 FROM manifests WHERE manifests.repository = repositories.key)
        ORDER BY name LIMIT :rows
        """,
        {
            "first": names.first,
            "end": names.end,
            "last": last,
            "like": f"%{escaped}%",
            "rows": rows,
        },
    )


def delete_repository(repository: RepositoryName, cause: Cause, grace: Grace) -> Steps[Deleted]:
    """Take the repository's name away, if nothing of it is locked; its rows are cleared later.

    Under a soft-delete policy, they are kept meanwhile, and can be restored. Names up to NAMED of
    its manifests and tags.
    """
    key = yield from find_key(repository)
    if key is None or not (yield find_any_manifest(repository)):
        raise UnknownRepository(name=str(repository))
    locked = yield from attributes.of_locked_items(repository)
    yield from attributes.check_repository(Operation.DELETE_REPOSITORY, repository, locked)
    manifests = yield from _name_some("manifests", "digest", repository)
    tags = yield from _name_some("tags", "name", repository)
    at = grace.now()
    yield from recording.tell_of_deleted_repository(key, cause, at)
    kept = yield from graveyard.keeping(key, at)
    yield Statement(
        """
        UPDATE repositories
        SET name = NULL, former_name = name, deleted_at = :at, clear_at = :clear_at,
            restorable = :restorable
        WHERE key = :key
        """,
        {
            "key": key,
            "at": at,
            "clear_at": kept.until if kept else grace.ends(),
            "restorable": int(kept is not None),
        },
    )
    return Deleted(manifests, tags)


def _name_some(table: str, column: str, repository: RepositoryName) -> Steps[tuple[str, ...]]:
    rows = yield Statement(
        f"SELECT {column} FROM {table} WHERE repository = {KEY} ORDER BY {column} LIMIT :count",  # noqa: S608 -- our own names
        {"repository": repository.value, "count": NAMED},
    )
    return tuple(str(value) for (value,) in rows)
