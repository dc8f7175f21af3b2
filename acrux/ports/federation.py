"""What the services need to know of external issuers and trusts."""

from datetime import datetime
from typing import Protocol

from msgspec import Struct

from acrux.domain.access.federated import Claims
from acrux.domain.access.trust import Trust
from acrux.domain.instants import BEGINNING


class StoredTrust(Struct, frozen=True):
    """A trust as it is kept.

    `permissions` are those of its scope map: not kept with it, but read with it.
    """

    trust: Trust
    epoch: int = 0
    created_at: datetime = BEGINNING
    permissions: tuple[str, ...] = ()


class Trusts(Protocol):
    """Trusts, and the epochs below which the tokens of whoever they let in are revoked."""

    async def find(self, name: str) -> StoredTrust | None:
        """The trust of this name, None where there is none."""

    async def of_issuer(self, issuer: str) -> tuple[StoredTrust, ...]:
        """The trusts in this issuer by name, disabled ones too."""

    async def list(self) -> tuple[StoredTrust, ...]:
        """All of them by name, without the permissions of their scope maps."""

    async def create(self, stored: StoredTrust) -> bool:
        """Create it unless there is one of that name; say whether it was created."""

    async def replace(self, trust: Trust, epoch: int, was: int) -> bool:
        """Put it in the place of the one of its name; False where there is none.

        Revokes unless it only lets in more, and gives more. There is none either where its epoch
        is no longer `was`: somebody else has changed it.
        """

    async def delete(self, name: str, epoch: int) -> bool:
        """Remove it, and revoke; False where there is none."""


class Issuers(Protocol):
    """external issuers of tokens (OpenID Connect Core 1.0), and their keys."""

    def issuer_of(self, text: str) -> str:
        """Who the token says has issued it: unverified, good for nothing but to choose whom to ask.

        Raises InvalidToken for what is no token.
        """

    async def read(self, text: str, issuer: str) -> Claims:
        """The claims of a token that has a good signature of the issuer, and its name.

        Raises InvalidToken for anything else, and IssuerUnavailable where the issuer's keys are
        not known and cannot be fetched. Time and audience are the caller's to check.
        """
