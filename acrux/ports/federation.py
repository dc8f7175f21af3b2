"""What the services need to store trusts and to read external tokens."""

from datetime import datetime
from typing import Protocol

from msgspec import Struct

from acrux.domain.access.federated import Claims
from acrux.domain.access.trust import Trust
from acrux.domain.instants import BEGINNING


class StoredTrust(Struct, frozen=True):
    """A trust as it is stored.

    `permissions` are those of its scope map: not stored with it, but read with it.
    """

    trust: Trust
    epoch: int = 0
    created_at: datetime = BEGINNING
    permissions: tuple[str, ...] = ()


class Trusts(Protocol):
    """Trusts, and the epochs below which the tokens of the identities they accept are revoked."""

    async def find(self, name: str) -> StoredTrust | None:
        """The trust with this name, None if there is none."""

    async def of_issuer(self, issuer: str) -> tuple[StoredTrust, ...]:
        """The trusts in this issuer, sorted by name, including disabled ones."""

    async def list(self) -> tuple[StoredTrust, ...]:
        """All of them, sorted by name, without the permissions of their scope maps."""

    async def create(self, stored: StoredTrust) -> bool:
        """Create it unless the name is taken; return whether it was created."""

    async def replace(self, trust: Trust, epoch: int, was: int) -> bool:
        """Replace the trust with this name, whose epoch must be `was`.

        Revokes its tokens, unless the new one only accepts more and gives more. Return False if
        there is none, or if its epoch is no longer `was`: somebody else has changed it.
        """

    async def delete(self, name: str, epoch: int) -> bool:
        """Remove it and revoke its tokens; return False if there is none."""


class Issuers(Protocol):
    """External issuers of tokens (OpenID Connect Core 1.0), and their keys."""

    def issuer_of(self, text: str) -> str:
        """The issuer that the token claims: unverified, good only to choose whom to ask.

        Raises InvalidToken if the text is not a token.
        """

    async def read(self, text: str, issuer: str) -> Claims:
        """The claims of a token that names the issuer and has a valid signature by it.

        Raises InvalidToken for anything else, and IssuerUnavailable if the issuer's keys are
        unknown and cannot be fetched. The caller must check time and audience.
        """
