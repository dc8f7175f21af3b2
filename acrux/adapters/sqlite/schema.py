"""The schema in SQLite: its version and its migrations."""

from collections.abc import Sequence
from pathlib import Path
from typing import Final

from acrux.adapters.sql.database import Statement
from acrux.adapters.sql.facts import finding, keeping
from acrux.adapters.sql.schema import FORGET_OLDEST, OLDEST, check_known, oldest_after
from acrux.adapters.sqlite.connection import Connection
from acrux.errors import InvalidSettings

_BEGIN: Final = Statement("BEGIN IMMEDIATE", {})
_COMMIT: Final = Statement("COMMIT", {})
_ROLLBACK: Final = Statement("ROLLBACK", {})
_HAS_FACTS: Final = Statement(
    "SELECT 1 FROM sqlite_schema WHERE type = 'table' AND name = 'facts'", {}
)


def migrate(connection: Connection, scripts: Sequence[str], path: Path) -> None:
    """Bring the schema to the version that the scripts make, all or nothing.

    If the schema has that version already, or a later one that this program can use, nothing is
    written, so that a start needs no free disk space. Processes that start at the same time wait
    for each other. Raises InvalidSettings as `check` does.
    """
    connection.execute(_BEGIN)
    try:
        check(connection, len(scripts), path)
        found = version(connection)
        oldest = oldest_after(scripts, found, _oldest(connection))
        for made, script in enumerate(scripts[found:], found + 1):
            connection.execute(Statement(script, {}))
            connection.execute(Statement(f"PRAGMA user_version = {made}", {}))
        if found < len(scripts):
            _keep_oldest(connection, oldest)
        connection.execute(_COMMIT)
    finally:
        if connection.in_transaction:
            connection.execute(_ROLLBACK)


def version(connection: Connection) -> int:
    """The version of the schema; 0 if there is none."""
    [(found,)] = connection.execute(Statement("PRAGMA user_version", {}))
    return int(found)


def check(connection: Connection, known: int, path: Path, *, is_fixed: bool = False) -> None:
    """Raise InvalidSettings unless a program that knows this version can use the database.

    If the database `is_fixed`, it cannot be brought up to date.
    """
    found = version(connection)
    if is_fixed and found < known:
        raise InvalidSettings(
            f"data_dir: the database {path} was made by an older acrux, and its file system is"
            " read-only: run the acrux that made it, or make the file system writable for one start"
        )
    if found > known:
        check_known(f"data_dir: the database {path}", found, _oldest(connection), known)


def _oldest(connection: Connection) -> int:
    rows = []
    if connection.execute(_HAS_FACTS):
        rows = connection.execute(finding(OLDEST))
    return int(rows[0][0]) if rows else version(connection)


def _keep_oldest(connection: Connection, oldest: int) -> None:
    if not connection.execute(_HAS_FACTS):
        return
    if oldest == version(connection):
        connection.execute(FORGET_OLDEST)
        return
    connection.execute(keeping(OLDEST, str(oldest)))
