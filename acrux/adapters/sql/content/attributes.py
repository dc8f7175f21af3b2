"""The switches of repositories, tags and manifests in SQL."""

from collections.abc import Sequence

from acrux.adapters.sql.content.keys import KEY
from acrux.adapters.sql.database import Row, SqlValue, Statement, Steps
from acrux.adapters.sql.many_rows import placeholders, slices
from acrux.domain.content.attributes import UNLOCKED, Attributes, AttributesChange, Operation, check
from acrux.domain.content.digest import Digest
from acrux.domain.content.names import RepositoryName, Tag

SWITCHES = Attributes.__struct_fields__


def columns(table: str) -> str:
    """The columns of a table that hold its switches, in the order that `read` takes."""
    return ", ".join(f"{table}.{switch}" for switch in SWITCHES)


def read(values: Sequence[int]) -> Attributes:
    """The switches as the columns hold them: 0 or 1."""
    return Attributes(*map(bool, values))


def readable(flags: Sequence[int]) -> None:
    """Raise Disallowed unless all of these `read_enabled` are set."""
    if all(flags):  # the usual case
        return
    repository, *items = (Attributes(read_enabled=bool(flag)) for flag in flags)
    check(Operation.READ, repository, items)


def assignments(change: AttributesChange) -> tuple[str, dict[str, SqlValue]]:
    """The switches, as the change leaves them, as a SET clause and its parameters."""
    named = {switch: getattr(change, switch) for switch in SWITCHES}
    clause = ", ".join(f"{switch} = COALESCE(:{switch}, {switch})" for switch in SWITCHES)
    return clause, {name: None if value is None else int(value) for name, value in named.items()}


def find(repository: RepositoryName) -> Statement:
    """The switches of the repository, if it is there."""
    return Statement(
        f"SELECT {columns('repositories')} FROM repositories WHERE name = :repository",  # noqa: S608 -- our own column names
        {"repository": repository.value},
    )


def check_repository(
    operation: Operation, repository: RepositoryName, items: Sequence[Attributes] = ()
) -> Steps[None]:
    """Raise Disallowed if a lock forbids it; a missing repository has no lock."""
    rows = yield find(repository)
    check(operation, read(rows[0]) if rows else UNLOCKED, items)


def of_tags(repository: RepositoryName, tags: Sequence[Tag]) -> Steps[list[Attributes]]:
    """The switches of those of the tags that exist."""
    found: list[Row] = []
    for some in slices(tags):  # a manifest can be restored with any number of tags
        found += yield Statement(
            f"""
            SELECT {columns("tags")} FROM tags
            WHERE repository = (SELECT key FROM repositories WHERE name = ?)
              AND name IN {placeholders(len(some))}
            """,  # noqa: S608 -- our own column names, placeholders
            {},
            [repository.value, *(tag.value for tag in some)],
        )
    return [read(row) for row in found]


def of_tags_on(repository: RepositoryName, digest: Digest) -> Steps[list[Attributes]]:
    """The switches of the tags that point at the manifest."""
    rows: list[Row] = yield Statement(
        f"SELECT {columns('tags')} FROM tags"  # noqa: S608 -- our own column names
        f" WHERE repository = {KEY} AND digest = :digest",
        {"repository": repository.value, "digest": str(digest)},
    )
    return [read(row) for row in rows]


def of_manifest(repository: RepositoryName, digest: Digest) -> Steps[list[Attributes]]:
    """The switches of the manifest, if it is there."""
    rows = yield Statement(
        f"SELECT {columns('manifests')} FROM manifests"  # noqa: S608 -- our own column names
        f" WHERE repository = {KEY} AND digest = :digest",
        {"repository": repository.value, "digest": str(digest)},
    )
    return [read(row) for row in rows]


def of_locked_items(repository: RepositoryName) -> Steps[list[Attributes]]:
    """The switches of one tag and of one manifest that may not be deleted, if there are any."""
    found: list[Attributes] = []
    for table in ("tags", "manifests"):
        rows = yield Statement(
            f"SELECT {columns(table)} FROM {table} WHERE repository = {KEY}"  # noqa: S608 -- our own names
            " AND (write_enabled = 0 OR delete_enabled = 0) LIMIT 1",
            {"repository": repository.value},
        )
        found += map(read, rows)
    return found
