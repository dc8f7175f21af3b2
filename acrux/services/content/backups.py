"""Let one backup at a time be made, and nothing vanish meanwhile."""

from datetime import timedelta
from typing import Final

from acrux.errors import RegistryError, StorageReadOnly, StorageUnavailable, TooManyRequests
from acrux.ports.clock import Clock
from acrux.ports.facts import Facts
from acrux.ports.leases import BACKUP, Leases
from acrux.services.leases import HeldLease

LEASED_FOR: Final = timedelta(seconds=60)
RENEWED_EVERY: Final = timedelta(seconds=15)

UNKNOWN: Final = "unknown"  # the id of a registry that takes no writes and has none yet

_FACT: Final = "registry"


class Backups:
    """Says when the store may be copied, and of which registry it is.

    `name` is new for each object: the holder of the lease, and the id of a registry without one.
    """

    def __init__(self, leases: Leases, facts: Facts, clock: Clock, name: str) -> None:
        self._leases = leases
        self._facts = facts
        self._clock = clock
        self._name = name
        self._lease = HeldLease(leases, BACKUP, name, clock, LEASED_FOR)
        self._is_fixed = False  # nothing can be written, and so nothing can vanish

    async def begin(self) -> None:
        """Keep the bytes of every blob until `end`, or for LEASED_FOR after the last `renew`.

        Raises TooManyRequests if another backup is being made, and StorageExhausted.
        """
        try:
            if await self._lease.acquire():
                return
        except StorageReadOnly:
            self._is_fixed = True
            return
        lease = await self._leases.find(BACKUP, self._clock())
        end = f"{lease.expires_at:%H:%M:%S} UTC" if lease else "a moment"
        raise TooManyRequests(
            "another backup of this registry is being made: try again when it has ended, or after "
            f"{end} if it was killed",
            retry_after=int(LEASED_FOR.total_seconds()),
        )

    async def renew(self) -> None:
        """Keep them longer; call this every RENEWED_EVERY.

        Raises StorageUnavailable if it is too late: something may have vanished.
        """
        if self._is_fixed:
            return
        try:
            is_held = self._lease.is_held and await self._lease.acquire()
        except RegistryError:  # a busy database, or a full disk: it is tried again
            is_held = self._lease.is_held
        if not is_held:
            raise StorageUnavailable(
                "the backup was suspended, or the database took no writes, for so long that blobs "
                "may have been removed: run the command again"
            )

    async def end(self) -> None:
        """Let bytes be removed again. What the database refuses ends by itself."""
        if not self._is_fixed:
            await self._lease.release()

    async def registry(self) -> str:
        """The id of the registry, made at its first backup; it stays the same after a restore."""
        if kept := await self._facts.find(_FACT):
            return kept
        if self._is_fixed:
            return UNKNOWN
        await self._facts.keep(_FACT, self._name)
        return self._name
