"""The schema in PostgreSQL: what the server must be, versions, migrations."""

import re
from collections.abc import Sequence
from functools import partial
from typing import Final

from acrux.adapters.postgresql.connections import Access, Connection
from acrux.adapters.postgresql.writer import LOCK, carry_out
from acrux.adapters.sql.database import Statement, Steps
from acrux.adapters.sql.facts import finding, keeping
from acrux.adapters.sql.schema import FORGET_OLDEST, OLDEST, check_known, oldest_after
from acrux.errors import InvalidSettings

OLDEST_SERVER: Final = 13  # the first with pg_current_snapshot(), and what Debian has supported

# Migrations take as long as they take.
_BEGIN: Final = Statement(
    f"BEGIN; SET LOCAL statement_timeout = 0; SELECT pg_advisory_xact_lock({LOCK})",
    {},
)
_COMMIT: Final = Statement("COMMIT", {})

# A table that no migration makes, beside those that they do.
_CREATE: Final = Statement("CREATE TABLE schema_version (version INTEGER NOT NULL)", {})
_HAS_VERSION: Final = Statement("SELECT to_regclass('schema_version') IS NOT NULL", {})
_VERSION: Final = Statement("SELECT version FROM schema_version", {})
_FIRST: Final = Statement("INSERT INTO schema_version (version) VALUES (0)", {})

_SERVER: Final = Statement(
    """
    SELECT current_setting('server_version'), current_setting('server_version_num')::int,
           current_setting('server_encoding'), current_setting('transaction_read_only')
    """,
    {},
)

# Pages of names go on byte by byte, whatever the database's own collation is.
_TEXT: Final = re.compile(r"\bTEXT\b")
_BYTEWISE: Final = 'TEXT COLLATE "C"'


async def check_server(access: Access, connection: Connection) -> None:
    """Raise InvalidSettings unless acrux can use the server and the database."""
    [(shown, number, encoding, read_only)] = await access.execute(connection, _SERVER)
    where = f"database: {access.address.shown}"
    if number < OLDEST_SERVER * 10_000:
        raise InvalidSettings(
            f"{where} is PostgreSQL {shown}: acrux needs version {OLDEST_SERVER} or a newer one"
        )
    if encoding != "UTF8":
        raise InvalidSettings(
            f"{where} has the encoding {encoding}: create the database with ENCODING 'UTF8'"
        )
    if read_only == "on":
        raise InvalidSettings(
            f"{where} is read-only: correct default_transaction_read_only of the role, the database"
            " or the server, or name the primary server"
        )


async def migrate(access: Access, connection: Connection, scripts: Sequence[str]) -> None:
    """Bring the schema to the version that the scripts make, all or nothing.

    Nodes that start at the same time wait for each other, and none writes meanwhile. The scripts
    make the table of facts, too. Raises InvalidSettings if this program cannot use the schema,
    which is newer.
    """
    await access.command(connection, _BEGIN)
    found, oldest = await carry_out(versions(), partial(access.execute, connection))
    check_known(f"database: the database {access.address.shown}", found, oldest, len(scripts))
    if found < len(scripts):
        await _apply(access, connection, scripts, found, oldest)
    await access.command(connection, _COMMIT)


def versions() -> Steps[tuple[int, int]]:
    """The version of the schema, and the oldest that a program must know; 0 if there is none."""
    [(is_there,)] = yield _HAS_VERSION
    if not is_there:
        return 0, 0
    [(found,)] = yield _VERSION
    rows = yield finding(OLDEST)
    return int(found), int(rows[0][0]) if rows else int(found)


async def _apply(
    access: Access, connection: Connection, scripts: Sequence[str], found: int, oldest: int
) -> None:
    if not found:
        await access.execute(connection, _CREATE)
        await access.execute(connection, _FIRST)
    for script in scripts[found:]:
        await access.command(connection, Statement(_TEXT.sub(_BYTEWISE, script), {}))
    made = len(scripts)
    set_version = Statement("UPDATE schema_version SET version = :made", {"made": made})
    await access.execute(connection, set_version)
    oldest = oldest_after(scripts, found, oldest)
    note = FORGET_OLDEST if oldest == made else keeping(OLDEST, str(oldest))
    await access.execute(connection, note)
