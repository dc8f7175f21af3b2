"""Whether another process has the database in a PostgreSQL open."""

from typing import Final

from acrux.adapters.postgresql.connections import Access
from acrux.adapters.postgresql.failures import translated
from acrux.adapters.sql.database import Statement

# Who may not see the name of another role's program sees NULL
# (https://www.postgresql.org/docs/current/monitoring-stats.html, pg_stat_activity). Processes of
# the server itself have no role.
_ANOTHER: Final = Statement(
    """
    SELECT 1 FROM pg_stat_activity
    WHERE datname = current_database() AND usename IS NOT NULL AND pid <> pg_backend_pid()
      AND COALESCE(NULLIF(application_name, ''), 'acrux') = 'acrux'
    LIMIT 1
    """,
    {},
)


async def is_used(access: Access) -> bool:
    """Whether an acrux is connected to it. This process must not have it open."""
    with translated():
        connection = await access.connect()
    try:
        return bool(await access.execute(connection, _ANOTHER))
    finally:
        connection.terminate()
