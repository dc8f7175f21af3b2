"""Read what the audit log holds of the last days; several services do."""

from collections.abc import AsyncIterator
from datetime import timedelta
from typing import Final

from msgspec.structs import replace

from acrux.domain.audit.decision import Record, Search
from acrux.ports.audit_log import AuditLog
from acrux.ports.clock import Clock, Rest

DAYS: Final = 30
RECORDS: Final = 10_000  # that one reading examines
RECORDS_AT_ONCE: Final = 100  # other requests have a turn in between


class RecentRecords:
    """Those of the last DAYS days that match `wanted`; of two readings, the first has the newest.

    A reading ends after RECORDS. Then all from `since` on are `examined`, and another reading goes
    on before the record `last`, which is empty if none is left. After each few records, `turn` lets
    other requests go on.
    """

    def __init__(self, audit_log: AuditLog, clock: Clock, turn: Rest, wanted: Search) -> None:
        self._audit_log = audit_log
        self._turn = turn
        self.since = clock() - timedelta(days=DAYS)
        self.examined = 0
        self.last = wanted.before or ""
        self._wanted = replace(wanted, since=self.since, limit=RECORDS_AT_ONCE)

    async def __aiter__(self) -> AsyncIterator[Record]:
        """Read them, in no order; `since` and `last` are known at the end."""
        reached = self.since
        while self.examined < RECORDS:
            wanted = replace(self._wanted, before=self.last or None)
            found = await self._audit_log.search(wanted)
            for record in found:
                yield record
            self.examined += len(found)
            if len(found) < RECORDS_AT_ONCE:
                self.last = ""
                return
            self.last, reached = found[0].id, found[0].at
            await self._turn()
        self.since = reached
