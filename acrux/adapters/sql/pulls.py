"""Record in SQL when tags and manifests were last pulled."""

from collections.abc import Iterable, Sequence
from datetime import datetime
from itertools import groupby
from typing import Final, NamedTuple

from acrux.adapters.sql.content.keys import find_key
from acrux.adapters.sql.database import Database, Statement, Steps
from acrux.adapters.sql.facts import SqlFacts
from acrux.adapters.sql.many_rows import placeholders, slices
from acrux.domain.content.names import RepositoryName, Tag
from acrux.domain.instants import to_microseconds
from acrux.ports.content.pulls import Pull

OF_REPOSITORY: Final = "*"  # in place of a reference: the last pull of anything in the repository

_SINCE: Final = "pulls"  # the name of the fact that says since when they are recorded


class SqlPulls:
    """The port Pulls on a database; each method is described there."""

    def __init__(self, database: Database) -> None:
        self._database = database
        self._facts = SqlFacts(database)

    async def record(self, pulls: Sequence[Pull]) -> None:
        """See ports.Pulls."""
        await self._database.write(_record(pulls))

    async def begin(self, at: datetime) -> None:
        """See ports.Pulls."""
        if await self.since() is None:
            await self._database.write(_begin(at))

    async def since(self) -> datetime | None:
        """See ports.Pulls."""
        kept = await self._facts.find(_SINCE)
        return datetime.fromisoformat(kept) if kept else None


def _begin(at: datetime) -> Steps[None]:
    yield Statement(
        "INSERT INTO facts (name, value) VALUES (:name, :value) ON CONFLICT (name) DO NOTHING",
        {"name": _SINCE, "value": at.isoformat()},
    )


class _Group(NamedTuple):
    """What one statement can record: tags or manifests of a repository, in the same minute."""

    repository: str
    table: str
    at: int


def _group(pull: Pull) -> _Group:
    table = "tags" if isinstance(pull.reference, Tag) else "manifests"
    return _Group(pull.repository.value, table, to_microseconds(pull.at))


def _record(pulls: Iterable[Pull]) -> Steps[None]:
    rows = sorted((_group(pull), str(pull.reference)) for pull in pulls)
    for repository, groups in groupby(rows, key=lambda row: row[0].repository):
        key = yield from find_key(RepositoryName(repository))
        if key is None:  # deleted meanwhile
            continue
        last = 0
        for group, members in groupby(groups, key=lambda row: row[0]):
            references = [reference for _, reference in members]
            for some in slices(references):
                yield _upsert(key, group, some)
            last = max(last, group.at)
        yield _note_repository(key, last)


def _note_repository(key: str, at: int) -> Statement:
    return Statement(
        """
        INSERT INTO pulls (repository, reference, pulled_at) VALUES (:key, :any, :at)
        ON CONFLICT (repository, reference) DO UPDATE SET pulled_at = excluded.pulled_at
        WHERE pulls.pulled_at < excluded.pulled_at
        """,
        {"key": key, "any": OF_REPOSITORY, "at": at},
    )


def _upsert(key: str, group: _Group, references: Sequence[str]) -> Statement:
    column = "name" if group.table == "tags" else "digest"
    return Statement(
        f"""
        INSERT INTO pulls (repository, reference, pulled_at)
        SELECT repository, {column}, CAST(? AS BIGINT) FROM {group.table}
        WHERE repository = ? AND {column} IN {placeholders(len(references))}
        ON CONFLICT (repository, reference) DO UPDATE SET pulled_at = excluded.pulled_at
        WHERE pulls.pulled_at < excluded.pulled_at
        """,  # noqa: S608 -- our own names, placeholders
        {},
        [group.at, key, *references],
    )
