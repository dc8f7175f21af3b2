"""What the services need so that only one process does a piece of work."""

from datetime import datetime
from typing import Final, Protocol

from msgspec import Struct

# Whoever holds this one copies the store: no bytes are removed meanwhile. Who removes bytes looks
# for it after reading what to remove: a backup that begins later names nothing of that.
BACKUP: Final = "backup"


class Lease(Struct, frozen=True):
    """Who does the work of this name, and until when nobody else does."""

    holder: str
    expires_at: datetime


class Leases(Protocol):
    """Pieces of work, each of which one process does at a time, on any machine.

    A holder that is killed keeps its lease until it expires. All methods raise StorageExhausted,
    and TooManyRequests if the database is busy.
    """

    async def acquire(self, name: str, holder: str, until: datetime, now: datetime) -> bool:
        """Take the lease until then, or extend it if this holder has it.

        Return False if another one has it and it has not expired.
        """

    async def release(self, name: str, holder: str) -> None:
        """End the lease, if this holder has it."""

    async def find(self, name: str, now: datetime) -> Lease | None:
        """The lease of this name; None if nobody has it, or it has expired."""
