"""The claims of an access token and of a refresh token."""

from datetime import datetime, timedelta
from typing import Final

from msgspec import Struct

from acrux.domain.access.federated import FederatedIdentity
from acrux.domain.access.grants import Grant
from acrux.domain.access.reason import Reason
from acrux.domain.instants import from_microseconds
from acrux.errors import InvalidToken

# acr-protocol.md §3.4.
ISSUER: Final = "Azure Container Registry"
VERSION: Final = "1.0"
ACCESS_TOKEN_KIND: Final = "access_token"  # noqa: S105 -- the value of the claim `grant_type`
REFRESH_TOKEN_KIND: Final = "refresh_token"  # noqa: S105 -- the value of the claim `grant_type`
LEEWAY: Final = timedelta(seconds=30)

_REMEDY: Final = {"access": "ask for a new one", "refresh": "log in again"}

# The user name that says that the password is a token (acr-protocol.md §2.1).
TOKEN_USER: Final = "00000000-0000-0000-0000-000000000000"  # noqa: S105 -- a user name


class AccessToken(Struct, frozen=True):
    """What an access token says: who may do what, where, and for how long.

    Source: distribution, spec/auth/jwt.md; acr-protocol.md §3.4. Instants are aware datetimes.
    """

    id: str
    grant: Grant
    audience: str
    issued_at: datetime
    expires_at: datetime
    epoch: int = 0
    password: str = ""  # the name of the password that was used to get it

    def check_time(self, now: datetime) -> None:
        """Raise InvalidToken if it is not valid yet or has expired, with LEEWAY either way."""
        _check_time("access", self.grant.principal, self, now)

    def check_audience(self, audiences: frozenset[str]) -> None:
        """Raise InvalidToken unless it was issued for one of these, our login servers."""
        _check_audience("access", self.grant.principal, self, audiences)

    def check_epoch(self, least: int) -> None:
        """Raise InvalidToken if its epoch is below `least`, and so revoked."""
        _check_epoch("access", self.grant.principal, self, least)


class RefreshToken(Struct, frozen=True):
    """What a refresh token says: who may get access tokens, where, and for how long.

    It holds no rights: they are looked up each time it is redeemed. Source: acr-protocol.md §3.3.
    """

    id: str
    principal: str
    audience: str
    issued_at: datetime
    expires_at: datetime
    epoch: int = 0
    federated: FederatedIdentity | None = None
    password: str = ""  # the name of the password that was used to get it

    @property
    def holder(self) -> str:
        """The name under which it is revoked: that of the account, or of the trust."""
        return self.principal if self.federated is None else self.federated.holder

    def check_time(self, now: datetime) -> None:
        """Raise InvalidToken if it is not valid yet or has expired, with LEEWAY either way."""
        _check_time("refresh", self.principal, self, now)

    def check_audience(self, audiences: frozenset[str]) -> None:
        """Raise InvalidToken unless it was issued for one of these, our login servers."""
        _check_audience("refresh", self.principal, self, audiences)

    def check_epoch(self, least: int) -> None:
        """Raise InvalidToken if its epoch is below `least`, and so revoked."""
        _check_epoch("refresh", self.principal, self, least)


def _check_time(
    kind: str, principal: str, token: "AccessToken | RefreshToken", now: datetime
) -> None:
    if now >= token.expires_at + LEEWAY:
        raise InvalidToken(
            f"the {kind} token has expired: {_REMEDY[kind]}",
            reason=Reason.EXPIRED,
            account=principal,
            expired_at=token.expires_at.isoformat(),
        )
    if now < token.issued_at - LEEWAY:
        raise InvalidToken(
            f"the {kind} token is not valid yet: compare the clocks",
            reason=Reason.NOT_YET,
            account=principal,
            issued_at=token.issued_at.isoformat(),
        )


def _check_audience(
    kind: str, principal: str, token: "AccessToken | RefreshToken", audiences: frozenset[str]
) -> None:
    if token.audience not in audiences:
        raise InvalidToken(
            f"the {kind} token was issued for another registry",
            reason=Reason.OTHER_REGISTRY,
            account=principal,
            audience=token.audience,
        )


def _check_epoch(
    kind: str, principal: str, token: "AccessToken | RefreshToken", least: int
) -> None:
    if token.epoch < least:
        raise InvalidToken(
            f"the {kind} token was revoked: {_REMEDY[kind]}",
            reason=Reason.REVOKED,
            account=principal,
            issued_at=token.issued_at.isoformat(),
            revoked_at=from_microseconds(least).isoformat(),
        )
