"""What the audit log needs: a store of records."""

from collections.abc import Sequence
from datetime import datetime
from typing import Protocol

from msgspec import Struct

from acrux.domain.audit.decision import Record, Search


class Trimmed(Struct, frozen=True):
    """How many of the oldest records of an account were removed early."""

    account: str
    records: int


class AuditLog(Protocol):
    """Records of decisions, which are appended and searched, and never changed."""

    async def append(self, records: Sequence[Record]) -> None:
        """Store the records; they are durable when it returns. Those already stored are skipped."""

    async def search(self, wanted: Search) -> tuple[Record, ...]:
        """The records that match, the oldest first."""

    async def find(self, case: str) -> Record | None:
        """The record of this case, None if there is none."""

    async def prune(self, before: datetime, unproven: int, slice_: int) -> bool:
        """Remove at most `slice_` records from before this instant.

        Of callers whom no credential proved, only the newest `unproven` records are kept. Return
        whether `slice_` were removed, so that there may be more.
        """

    async def trim(self, of_one: int, of_all: int, slice_: int) -> Trimmed | None:
        """Remove at most `slice_` of the oldest records of the account whose records take most.

        None if no account's records take more than `of_one` bytes, and all together no more than
        `of_all`. Only records of callers whom a credential proved count.
        """
