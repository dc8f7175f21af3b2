"""The metrics that are facts of the data directory, looked up each time."""

from collections.abc import Awaitable, Callable
from contextlib import suppress
from typing import Final

from acrux.adapters.metrics.families import Values
from acrux.adapters.reserve import Reserve
from acrux.adapters.sql.collection.backlog import backlog
from acrux.adapters.sql.database import Database
from acrux.adapters.sql.webhooks.undelivered import undelivered
from acrux.errors import RegistryError
from acrux.ports.clock import Clock

MOST_COUNTED: Final = 10_000  # of each kind: what waits may be millions


class Facts:
    """Looks up what no process counts. What cannot be read now is left out."""

    def __init__(
        self,
        database: Database,
        open_uploads: Callable[[int], Awaitable[int]],
        reserve: Reserve,
        clock: Clock,
    ) -> None:
        self._database = database
        self._open_uploads = open_uploads
        self._reserve = reserve
        self._clock = clock

    async def values(self) -> Values:
        """The values as they are now."""
        found: Values = {}
        with suppress(RegistryError):
            found |= await self._collection()
        with suppress(RegistryError):
            found |= await self._webhooks()
        with suppress(RegistryError):
            found["acrux_uploads_open",] = [await self._open_uploads(MOST_COUNTED)]
        with suppress(OSError):
            found["acrux_storage_free_bytes",] = [self._reserve.free()]
            found["acrux_storage_writes_refused",] = [bool(self._reserve.trouble())]
        return found

    async def _collection(self) -> Values:
        now = self._clock()
        waiting = await backlog(self._database, now, MOST_COUNTED)
        age = (now - waiting.oldest).total_seconds() if waiting.oldest else 0.0
        entries: Values = {
            ("acrux_collection_queue_entries", entry): [count]
            for entry, count in waiting.due.items()
        }
        return {**entries, ("acrux_collection_queue_age_seconds",): [age]}

    async def _webhooks(self) -> Values:
        found = await undelivered(self._database, MOST_COUNTED)
        since = found.failing_since
        failing = (self._clock() - since).total_seconds() if since else 0.0
        events: Values = {
            ("acrux_webhook_events", state): [count] for state, count in found.events.items()
        }
        return {**events, ("acrux_webhook_failing_seconds",): [failing]}
