"""Repositories: conditions for patterns, listing, deletion."""

from collections.abc import Sequence
from datetime import datetime
from typing import NamedTuple

from acrux.adapters.sql.content import attributes
from acrux.adapters.sql.database import Row, SqlValue, Statement, Steps
from acrux.domain.content.attributes import Operation
from acrux.domain.content.names import RepositoryName
from acrux.domain.content.patterns import RepositoryPattern
from acrux.domain.instants import to_microseconds
from acrux.errors import UnknownRepository
from acrux.ports.content import Deleted


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


def ensure_repository(repository: RepositoryName, at: datetime) -> Statement:
    """Create the repository unless it is there."""
    return Statement(
        """
        INSERT INTO repositories (name, created_at) VALUES (:repository, :at)
        ON CONFLICT (name) DO NOTHING
        """,
        {"repository": repository.value, "at": to_microseconds(at)},
    )


def find_any_manifest(repository: RepositoryName) -> Statement:
    """One row if the repository holds a manifest, otherwise none."""
    # Without the order, PostgreSQL scans the table if many of its rows are the repository's.
    return Statement(
        "SELECT digest FROM manifests WHERE repository = :repository ORDER BY digest LIMIT 1",
        {"repository": repository.value},
    )


def list_repositories(names: NameRange, last: str, rows: int) -> Statement:
    """Up to `rows` repositories of the range that may be listed, after `last`."""
    return Statement(
        """
        SELECT name FROM repositories
        WHERE name >= :first AND name < :end AND name > :last AND list_enabled = 1
          AND EXISTS (SELECT 1 FROM manifests WHERE manifests.repository = repositories.name)
        ORDER BY name LIMIT :rows
        """,
        {"first": names.first, "end": names.end, "last": last, "rows": rows},
    )


def delete_repository(repository: RepositoryName) -> Steps[Deleted]:
    """Remove the repository and all it holds, if nothing of it is locked."""
    if not (yield find_any_manifest(repository)):
        raise UnknownRepository(name=str(repository))
    locked = yield from attributes.of_locked_items(repository)
    yield from attributes.check_repository(Operation.DELETE_REPOSITORY, repository, locked)
    key: dict[str, SqlValue] = {"repository": repository.value}
    tags = yield Statement("DELETE FROM tags WHERE repository = :repository RETURNING name", key)
    manifests = yield Statement(
        "DELETE FROM manifests WHERE repository = :repository RETURNING digest", key
    )
    yield Statement("DELETE FROM blob_links WHERE repository = :repository", key)
    yield Statement("DELETE FROM repositories WHERE name = :repository", key)
    return Deleted(_sorted(manifests), _sorted(tags))


def _sorted(rows: Sequence[Row]) -> tuple[str, ...]:
    return tuple(sorted(value for (value,) in rows))
