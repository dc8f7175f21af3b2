"""Find the rights that an account has used."""

from datetime import datetime, timedelta
from typing import Final

from msgspec import Struct

from acrux.domain.audit.decision import Outcome, Search
from acrux.domain.audit.used import Use, Uses
from acrux.ports.audit_log import AuditLog
from acrux.ports.clock import Clock, Rest

DAYS: Final = 30
RECORDS: Final = 10_000  # that one call examines
RECORDS_AT_ONCE: Final = 100  # other requests have a turn in between


class Used(Struct, frozen=True):
    """What an account did from `since` on: the permissions that this needed.

    `is_complete` is False if there were more records than one call examines. `omitted` counts uses
    of permissions that would not fit into a scope map, `unknown` records that do not say what was
    needed.
    """

    since: datetime
    examined: int
    is_complete: bool
    omitted: int
    unknown: int
    uses: tuple[Use, ...]


class LeastPrivilege:
    """Reads from the audit log what an account needed.

    After each few records, `turn` lets other requests go on.
    """

    def __init__(self, audit_log: AuditLog, clock: Clock, turn: Rest) -> None:
        self._audit_log = audit_log
        self._clock = clock
        self._turn = turn

    async def of(self, account: str) -> Used:
        """The permissions that cover what this account did in the last DAYS days, and no more."""
        uses, since = Uses(), self._clock() - timedelta(days=DAYS)
        examined, last, is_complete = 0, None, False
        reached = since
        while examined < RECORDS and not is_complete:
            wanted = Search(
                account=account,
                outcome=Outcome.GRANTED,
                since=since,
                limit=RECORDS_AT_ONCE,
                before=last,
            )
            found = await self._audit_log.search(wanted)
            for record in found:
                uses.add(record)
            examined += len(found)
            is_complete = len(found) < RECORDS_AT_ONCE
            if not is_complete:
                last, reached = found[0].id, found[0].at
                await self._turn()
        return Used(
            since if is_complete else reached,
            examined,
            is_complete,
            uses.omitted,
            uses.unknown,
            uses.all,
        )
