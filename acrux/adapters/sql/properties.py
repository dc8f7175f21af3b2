"""What /acr/v1 shows of repositories, tags and manifests, in SQL."""

from collections.abc import Sequence
from datetime import datetime
from typing import Final

import msgspec
from msgspec.structs import replace

from acrux.adapters.sql import policies
from acrux.adapters.sql.content import attributes, repositories
from acrux.adapters.sql.content.keys import KEY
from acrux.adapters.sql.content.usage import UNCOUNTED
from acrux.adapters.sql.database import Database, Row, SqlValue, Statement, Steps
from acrux.adapters.sql.many_rows import fitting
from acrux.adapters.sql.pulls import OF_REPOSITORY
from acrux.domain.content.attributes import AttributesChange
from acrux.domain.content.digest import Digest
from acrux.domain.content.manifest import Platform
from acrux.domain.content.names import RepositoryName, Tag
from acrux.domain.content.page import MAX_COUNT, Order, Page, Slice
from acrux.domain.content.policies.write_once import WriteOncePolicy, forbids
from acrux.domain.content.properties import (
    Entry,
    ManifestProperties,
    RepositoryProperties,
    TagProperties,
)
from acrux.domain.instants import from_microseconds
from acrux.errors import UnknownManifest, UnknownRepository, UnknownTag

# The last pull of a row of tags or manifests, in microseconds since 1970, or NULL; for every
# statement that reads such rows. Each costs one look into the primary key, whatever the planner
# knows, which a join would not promise.
PULL_OF_TAG: Final = (
    "(SELECT pulled_at FROM pulls"
    " WHERE pulls.repository = tags.repository AND pulls.reference = tags.name)"
)
PULL_OF_MANIFEST: Final = (
    "(SELECT pulled_at FROM pulls"
    " WHERE pulls.repository = manifests.repository AND pulls.reference = manifests.digest)"
)

# An index of four megabytes has 49,000 entries. Short ones, in bytes each, come with the rows of a
# page, and longer ones are read one by one, up to so many bytes together, where the page ends.
SHORT_ENTRIES: Final = 4096
LONG_ENTRIES: Final = 1 << 21

_TAG: Final = f"name, digest, created_at, updated_at, {PULL_OF_TAG}, {attributes.columns('tags')}"
_MANIFEST: Final = (
    "digest, media_type, config_media_type, image_size, created_at, updated_at, architecture, os,"
    f" octet_length(entries), CASE WHEN octet_length(entries) <= {SHORT_ENTRIES} THEN entries END,"
    f" {PULL_OF_MANIFEST}, {attributes.columns('manifests')}"
)


class SqlProperties:
    """The port Properties on a database; each method is described there."""

    def __init__(self, database: Database) -> None:
        self._database = database

    async def repository(self, name: RepositoryName) -> RepositoryProperties:
        """See ports.Properties."""
        for row in await self._database.read(_find_repository(name)):
            created_at, updated_at, manifests, tags, size, pulled_at, *switches = row
            if manifests:
                return RepositoryProperties(
                    name=name.value,
                    created_at=from_microseconds(created_at),
                    updated_at=from_microseconds(updated_at),
                    manifest_count=manifests,
                    tag_count=tags,
                    attributes=attributes.read(switches),
                    size=size,
                    pulled_at=None if pulled_at is None else from_microseconds(pulled_at),
                )
        raise UnknownRepository(name=str(name))

    async def change_repository(self, name: RepositoryName, change: AttributesChange) -> None:
        """See ports.Properties."""
        condition = (
            "name = :repository"
            " AND EXISTS (SELECT 1 FROM manifests WHERE manifests.repository = repositories.key)"
        )
        parameters: dict[str, SqlValue] = {"repository": name.value}
        if not await self._change("repositories", condition, parameters, change):
            raise UnknownRepository(name=str(name))

    async def tag(self, repository: RepositoryName, tag: Tag) -> TagProperties:
        """See ports.Properties."""
        for row in await self._database.read(_find_tag(repository, tag)):
            return _read_tag(row, repository, await self._write_once())
        raise UnknownTag(tag=str(tag))

    async def tags(
        self, repository: RepositoryName, page: Page, order: Order, digest: Digest | None
    ) -> Slice[TagProperties]:
        """See ports.Properties."""
        rows = await self._database.read(_list_tags(repository, page, order, digest))
        await self._check_known(repository, rows)
        write_once = await self._write_once()
        tags = tuple(_read_tag(row, repository, write_once) for row in rows[: page.items])
        return Slice(tags, more=0 < page.items < len(rows))

    async def change_tag(
        self, repository: RepositoryName, tag: Tag, change: AttributesChange
    ) -> None:
        """See ports.Properties."""
        parameters: dict[str, SqlValue] = {"repository": repository.value, "tag": tag.value}
        condition = f"repository = {KEY} AND name = :tag"
        if not await self._change("tags", condition, parameters, change):
            raise UnknownTag(tag=str(tag))

    async def manifest(
        self, repository: RepositoryName, digest: Digest, tags: int = MAX_COUNT
    ) -> ManifestProperties:
        """See ports.Properties."""
        for row in await self._database.read(_find_manifest(repository, digest, tags)):
            return await self._read_manifest(repository, row)
        raise UnknownManifest(reference=str(digest))

    async def manifests(
        self, repository: RepositoryName, page: Page, order: Order, tags: int = MAX_COUNT
    ) -> Slice[ManifestProperties]:
        """See ports.Properties."""
        rows = await self._database.read(_list_manifests(repository, page, order, tags))
        await self._check_known(repository, rows)
        count = fitting(map(_size_apart, rows[: page.items]), LONG_ENTRIES)
        shown = rows[: min(count, page.items)]
        manifests = [await self._read_manifest(repository, row) for row in shown]
        return Slice(tuple(manifests), more=0 < len(manifests) < len(rows))

    async def change_manifest(
        self, repository: RepositoryName, digest: Digest, change: AttributesChange
    ) -> None:
        """See ports.Properties."""
        parameters: dict[str, SqlValue] = {"repository": repository.value, "digest": str(digest)}
        condition = f"repository = {KEY} AND digest = :digest"
        if not await self._change("manifests", condition, parameters, change):
            raise UnknownManifest(reference=str(digest))

    async def _read_manifest(self, repository: RepositoryName, row: Row) -> ManifestProperties:
        if not _size_apart(row):
            return _read_manifest(row)
        found = await self._database.read(_find_entries(repository, row[0]))
        return _read_manifest(row, *(entries for (entries,) in found))

    async def _write_once(self) -> tuple[WriteOncePolicy, ...]:
        return await self._database.find(policies.select(WriteOncePolicy), policies.read_write_once)

    async def _check_known(self, repository: RepositoryName, rows: list[Row]) -> None:
        if not rows and not await self._database.read(repositories.find_any_manifest(repository)):
            raise UnknownRepository(name=str(repository))

    async def _change(
        self, table: str, condition: str, key: dict[str, SqlValue], change: AttributesChange
    ) -> bool:
        # A lock does not change `updated_at`: what purges by age must not be misled.
        assignments, values = attributes.assignments(change)
        statement = Statement(
            f"UPDATE {table} SET {assignments} WHERE {condition} RETURNING 1",  # noqa: S608 -- our own names
            {**key, **values},
        )
        return bool(await self._database.write(_run(statement)))


def _run(statement: Statement) -> Steps[list[Row]]:
    return (yield statement)


def _find_repository(name: RepositoryName) -> Statement:
    # A million tags are counted by the transactions that change them. Of a registry that an earlier
    # program filled, only a part is counted at first.
    return Statement(
        f"""
        SELECT created_at,
               (SELECT MAX(updated_at) FROM manifests WHERE repository = key),
               CASE WHEN {UNCOUNTED} IS FALSE THEN usage.manifests
                    ELSE (SELECT COUNT(*) FROM manifests WHERE repository = key) END,
               CASE WHEN {UNCOUNTED} IS FALSE THEN usage.tags
                    ELSE (SELECT COUNT(*) FROM tags WHERE repository = key) END,
               CASE WHEN {UNCOUNTED} IS FALSE THEN manifest_bytes + blob_bytes END,
               (SELECT pulled_at FROM pulls
                WHERE pulls.repository = key AND pulls.reference = '{OF_REPOSITORY}'),
               {attributes.columns("repositories")}
        FROM repositories LEFT JOIN usage ON usage.repository = key WHERE name = :name
        """,  # noqa: S608 -- our own column names
        {"name": name.value},
    )


def _find_tag(repository: RepositoryName, tag: Tag) -> Statement:
    return Statement(
        f"SELECT {_TAG} FROM tags WHERE repository = {KEY} AND name = :tag",  # noqa: S608 -- our own column names
        {"repository": repository.value, "tag": tag.value},
    )


def _list_tags(
    repository: RepositoryName, page: Page, order: Order, digest: Digest | None
) -> Statement:
    # The tags on one manifest are few. With the bare column, a database would search for them
    # among all tags in the order of time, instead of finding and sorting just these.
    time = "updated_at + 0" if digest else "updated_at"
    after, sorting = _keyset("tags", "name", page, order, time)
    on_one = "AND digest = :digest" if digest else ""
    return Statement(
        f"""
        SELECT {_TAG} FROM tags
        WHERE repository = {KEY} AND list_enabled = 1 {on_one} {after}
        ORDER BY {sorting} LIMIT :rows
        """,  # noqa: S608 -- our own column names
        {
            "repository": repository.value,
            "last": page.last,
            "last_at": page.last_at,
            "rows": page.items + 1,
            **({"digest": str(digest)} if digest else {}),
        },
    )


def _manifest_columns() -> str:
    # The tags of a manifest, separated by spaces, which no tag holds.
    return f"""{_MANIFEST}, (
        SELECT string_agg(name, ' ') FROM (
            SELECT name FROM tags
            WHERE tags.repository = manifests.repository AND tags.digest = manifests.digest
            ORDER BY name LIMIT :tags
        ) AS pointing
    )"""  # noqa: S608 -- our own column names


def _find_manifest(repository: RepositoryName, digest: Digest, tags: int) -> Statement:
    return Statement(
        f"SELECT {_manifest_columns()} FROM manifests"  # noqa: S608 -- our own column names
        f" WHERE repository = {KEY} AND digest = :digest",
        {"repository": repository.value, "digest": str(digest), "tags": tags},
    )


def _find_entries(repository: RepositoryName, digest: str) -> Statement:
    return Statement(
        f"SELECT entries FROM manifests WHERE repository = {KEY} AND digest = :digest",  # noqa: S608 -- a parameter's name
        {"repository": repository.value, "digest": digest},
    )


def _list_manifests(repository: RepositoryName, page: Page, order: Order, tags: int) -> Statement:
    after, sorting = _keyset("manifests", "digest", page, order)
    return Statement(
        f"""
        SELECT {_manifest_columns()} FROM manifests
        WHERE repository = {KEY} AND list_enabled = 1 {after}
        ORDER BY {sorting} LIMIT :rows
        """,  # noqa: S608 -- our own column names
        {
            "repository": repository.value,
            "last": page.last,
            "last_at": page.last_at,
            "rows": page.items + 1,
            "tags": tags,
        },
    )


def _keyset(
    table: str, key: str, page: Page, order: Order, time: str = "updated_at"
) -> tuple[str, str]:
    """The condition for rows after `page.last`, and how to sort."""
    if order is Order.BY_NAME:
        return f"AND {key} > :last", key
    direction, beyond = ("ASC", ">") if order is Order.OLDEST_FIRST else ("DESC", "<")
    sorting = f"{time} {direction}, {key} {direction}"
    if not page.last:
        return "", sorting
    if page.last_at is not None:  # its place is known even if it is gone by now
        return f"AND (updated_at, {key}) {beyond} (:last_at, :last)", sorting
    # `last` is still a name (acr-protocol.md §5.3): find the element's place by it. If the element
    # is gone, there is no place to continue from, and the listing ends.
    place = (
        f"(SELECT updated_at, {key} FROM {table}"  # noqa: S608 -- our own names
        f" WHERE repository = {KEY} AND {key} = :last)"
    )
    return f"AND ({time}, {key}) {beyond} {place}", sorting


def read_pull(pulled_at: int | None) -> datetime | None:
    """The last pull as PULL_OF_TAG and PULL_OF_MANIFEST find it; None if none is known."""
    return None if pulled_at is None else from_microseconds(pulled_at)


def _read_tag(
    row: Row, repository: RepositoryName, write_once: Sequence[WriteOncePolicy]
) -> TagProperties:
    name, digest, created_at, updated_at, pulled_at, *switches = row
    shown = attributes.read(switches)
    if forbids(write_once, repository.value, name):
        shown = replace(shown, write_enabled=False)
    return TagProperties(
        name=name,
        digest=digest,
        created_at=from_microseconds(created_at),
        updated_at=from_microseconds(updated_at),
        attributes=shown,
        pulled_at=read_pull(pulled_at),
    )


def _size_apart(row: Row) -> int:
    """The bytes of entries that are read by themselves; 0 of short ones."""
    size = int(row[8])
    return size if size > SHORT_ENTRIES else 0


def _read_manifest(row: Row, long_entries: str = "[]") -> ManifestProperties:
    digest, media_type, config_media_type, size, created_at, updated_at, *rest = row
    architecture, os, _, short_entries, pulled_at, *switches, tags = rest
    entries = long_entries if short_entries is None else short_entries
    return ManifestProperties(
        digest=digest,
        media_type=media_type,
        config_media_type=config_media_type,
        size=size,
        created_at=from_microseconds(created_at),
        updated_at=from_microseconds(updated_at),
        platform=Platform(architecture, os),
        entries=tuple(
            Entry(*entry) for entry in msgspec.json.decode(entries, type=list[tuple[str, str, str]])
        ),
        tags=tuple(tags.split()) if tags else (),
        attributes=attributes.read(switches),
        pulled_at=read_pull(pulled_at),
    )
