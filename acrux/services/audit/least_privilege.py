"""Find the rights that an account has used."""

from datetime import datetime

from msgspec import Struct

from acrux.domain.audit.decision import Outcome, Search
from acrux.domain.audit.used import Use, Uses
from acrux.ports.audit_log import AuditLog
from acrux.ports.clock import Clock, Rest
from acrux.services.recent_records import RecentRecords


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
    """Reads from the audit log what an account needed; `turn` is as RecentRecords has it."""

    def __init__(self, audit_log: AuditLog, clock: Clock, turn: Rest) -> None:
        self._audit_log = audit_log
        self._clock = clock
        self._turn = turn

    async def of(self, account: str) -> Used:
        """The permissions that cover what this account did in the last days, and no more."""
        wanted = Search(account=account, outcome=Outcome.GRANTED)
        recent = RecentRecords(self._audit_log, self._clock, self._turn, wanted)
        uses = Uses()
        async for record in recent:
            uses.add(record)
        return Used(
            recent.since,
            recent.examined,
            not recent.last,
            uses.omitted,
            uses.unknown,
            uses.all,
        )
