"""What the services need to rotate the keys that sign tokens."""

from datetime import datetime
from typing import Protocol

from acrux.domain.access.signing import KeyRecord


class SigningKeys(Protocol):
    """The keys that sign tokens, kept where every worker finds them. At least one is there.

    What is changed here holds on every worker within a second; each key that is there verifies.
    Every method raises InvalidSettings where a key cannot be read or kept.
    """

    async def list(self) -> tuple[KeyRecord, ...]:
        """All of them by number."""

    async def add(self, algorithm: str, number: int, signs_from: datetime) -> bool:
        """Make a key, durably; False where there is one of that algorithm and number already."""

    async def advance(self, key: KeyRecord, signs_from: datetime) -> None:
        """Let the key sign from then on; nothing happens where it is gone."""

    async def remove(self, key: KeyRecord) -> None:
        """Remove the key: its tokens are worth nothing. Nothing happens where it is gone."""
