"""How many events of webhooks were not delivered, counted up to a limit."""

from collections.abc import Mapping
from datetime import datetime
from typing import Final

from msgspec import Struct

from acrux.adapters.sql.database import Database, Statement
from acrux.domain.instants import from_microseconds

# A dead event is one entry of an index. The rest is in the rows of the webhooks, of which there are
# at most MAX_WEBHOOKS. CROSS JOIN makes SQLite begin with these, and not with all that waits.
COUNT: Final = """
    SELECT COALESCE(SUM(waiting), 0), COALESCE(SUM(dropped), 0), (
        SELECT COUNT(*) FROM (
            SELECT 1 FROM webhooks CROSS JOIN webhook_events
            WHERE webhook_events.webhook = webhooks.name AND webhook_events.state = 'dead'
            LIMIT :most) AS dead),
        MIN(CASE WHEN is_enabled = 1 AND waiting > 0 THEN failing_since END)
    FROM webhooks
"""


class Undelivered(Struct, frozen=True):
    """How many events wait, are dead or were dropped.

    `failing_since` is the first failure since the last success of the webhook that fails longest,
    of those that are on and for which events wait.
    """

    events: Mapping[str, int]
    failing_since: datetime | None


async def undelivered(database: Database, most: int) -> Undelivered:
    """What was not delivered. It reads no more than `most` dead events, however many there are."""
    [row] = await database.read(Statement(COUNT, {"most": most}))
    waiting, dropped, dead, since = row
    events = {"waiting": int(waiting), "dead": int(dead), "dropped": int(dropped)}
    return Undelivered(events, None if since is None else from_microseconds(since))
