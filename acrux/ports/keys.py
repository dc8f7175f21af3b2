"""What the services need to rotate the keys that sign tokens."""

from datetime import datetime
from typing import Protocol

from acrux.domain.access.signing import KeyRecord


class SigningKeys(Protocol):
    """The keys that sign tokens, shared by all workers. There is always at least one.

    A change takes effect on every worker within a second. Every existing key verifies. Every
    method raises InvalidSettings if a key cannot be read or stored.
    """

    async def list(self) -> tuple[KeyRecord, ...]:
        """All of them, sorted by number."""

    async def add(self, algorithm: str, number: int, signs_from: datetime) -> bool:
        """Create a key, durably; return False if that algorithm and number already has one."""

    async def advance(self, key: KeyRecord, signs_from: datetime) -> None:
        """Let the key sign from then on; do nothing if it no longer exists."""

    async def remove(self, key: KeyRecord) -> None:
        """Remove the key, which invalidates its tokens; do nothing if it no longer exists."""


class CertificateAuthority(Protocol):
    """What certifies signing keys, so that others trust every later key too."""

    async def certificate(self) -> bytes:
        """Its own certificate (PEM). Each that it ever returned verifies what it certified.

        Raises InvalidSettings if its key cannot be read or stored.
        """
