"""What the audit log needs: a place that keeps records."""

from collections.abc import Sequence
from datetime import datetime
from typing import Protocol

from msgspec import Struct

from acrux.domain.audit.decision import Record, Search


class Trimmed(Struct, frozen=True):
    """How many of the oldest records of an account were forgotten before their time."""

    account: str
    records: int


class AuditLog(Protocol):
    """Records of decisions, which are added and looked for, and never changed."""

    async def append(self, records: Sequence[Record]) -> None:
        """Keep the records, durably when it returns; one that is there already is left alone."""

    async def search(self, wanted: Search) -> tuple[Record, ...]:
        """What is searched for, the oldest first."""

    async def find(self, case: str) -> Record | None:
        """The record of this case, None where there is none."""

    async def prune(self, before: datetime, unproven: int, slice_: int) -> bool:
        """Forget at most `slice_` records from before this instant, and say whether that many were.

        Of callers whom no credential proved only the newest `unproven` records stay.
        """

    async def trim(self, of_one: int, of_all: int, slice_: int) -> Trimmed | None:
        """Forget at most `slice_` of the oldest records of the account whose records take most.

        None where no account's take more than `of_one` bytes, nor all together more than `of_all`.
        Only records of callers whom a credential proved count.
        """
