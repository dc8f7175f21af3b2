"""The schema: its version, its migrations, and which programs can use it.

A migration that expands leaves all that an earlier program reads and writes as it is, and says so
in its first line: `-- expands: 15` means that programs that know version 15 go on working. Any
other migration contracts: an earlier program refuses the database afterwards.
"""

import re
from collections.abc import Sequence
from importlib import resources
from pathlib import Path
from typing import Final

from acrux.adapters.sql.database import Statement
from acrux.adapters.sql.facts import finding, keeping
from acrux.adapters.sqlite.connection import Connection
from acrux.errors import InvalidSettings

# The fact that holds the oldest version that a program must know to use the database. Without it,
# that is the version that there is.
OLDEST: Final = "oldest-schema"

_EXPANDS: Final = re.compile(r"-- expands: ([0-9]{1,4})\n.*", re.DOTALL)

_BEGIN: Final = Statement("BEGIN IMMEDIATE", {})
_COMMIT: Final = Statement("COMMIT", {})
_ROLLBACK: Final = Statement("ROLLBACK", {})
_HAS_FACTS: Final = Statement(
    "SELECT 1 FROM sqlite_schema WHERE type = 'table' AND name = 'facts'", {}
)


def migrations() -> tuple[str, ...]:
    """The scripts that make the schema, in order; the first makes version 1."""
    folder = resources.files("acrux.adapters.sql.migrations")
    scripts = [entry for entry in folder.iterdir() if entry.name.endswith(".sql")]
    scripts.sort(key=lambda script: script.name)
    return tuple(script.read_text(encoding="utf-8") for script in scripts)


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
        oldest = _oldest(connection)
        for made, script in enumerate(scripts[found:], found + 1):
            connection.execute(Statement(script, {}))
            connection.execute(Statement(f"PRAGMA user_version = {made}", {}))
            oldest = max(oldest, _expanded(script) or made)
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
    if found > known and known < _oldest(connection):
        raise InvalidSettings(
            f"data_dir: the database {path} has version {found} of the schema, and this acrux"
            f" knows versions up to {known}: run the acrux that made it, or a newer one"
        )


def _expanded(script: str) -> int | None:
    """The version that the migration expands, None if it contracts."""
    match = _EXPANDS.fullmatch(script)
    return int(match[1]) if match else None


def _oldest(connection: Connection) -> int:
    rows = []
    if connection.execute(_HAS_FACTS):
        rows = connection.execute(finding(OLDEST))
    return int(rows[0][0]) if rows else version(connection)


def _keep_oldest(connection: Connection, oldest: int) -> None:
    if not connection.execute(_HAS_FACTS):
        return
    if oldest == version(connection):
        connection.execute(Statement("DELETE FROM facts WHERE name = :name", {"name": OLDEST}))
        return
    connection.execute(keeping(OLDEST, str(oldest)))
