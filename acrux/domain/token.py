"""The claims of an access token and of a refresh token."""

from dataclasses import dataclass
from datetime import datetime, timedelta
from typing import Final

from acrux.domain.access import Grant
from acrux.errors import InvalidToken

# acr-protocol.md §3.4.
ISSUER: Final = "Azure Container Registry"
VERSION: Final = "1.0"
ACCESS_TOKEN_KIND: Final = "access_token"  # noqa: S105 -- the value of the claim `grant_type`
REFRESH_TOKEN_KIND: Final = "refresh_token"  # noqa: S105 -- the value of the claim `grant_type`
LEEWAY: Final = timedelta(seconds=30)

# The user name that says: the password is a token (acr-protocol.md §2.1).
TOKEN_USER: Final = "00000000-0000-0000-0000-000000000000"  # noqa: S105 -- a user name


@dataclass(frozen=True, slots=True)
class AccessToken:
    """What an access token says: who may do what, where and how long.

    Source: distribution, spec/auth/jwt.md; acr-protocol.md §3.4. Instants are aware datetimes.
    """

    id: str
    grant: Grant
    audience: str
    issued_at: datetime
    expires_at: datetime
    epoch: int = 0

    def check_time(self, now: datetime) -> None:
        """Raise InvalidToken before the token's time and after it, with LEEWAY either way."""
        _check_time("access", self.issued_at, self.expires_at, now)

    def check_audience(self, audiences: frozenset[str]) -> None:
        """Raise InvalidToken unless the token was made for one of our login servers."""
        _check_audience("access", self.audience, audiences)

    def check_epoch(self, least: int) -> None:
        """Raise InvalidToken where the tokens of its epoch were revoked."""
        _check_epoch("access", self.epoch, least)


@dataclass(frozen=True, slots=True)
class RefreshToken:
    """What a refresh token says: who may ask for access tokens, where and how long.

    It holds no right: those are looked up each time it is redeemed. Source: acr-protocol.md §3.3.
    """

    id: str
    principal: str
    audience: str
    issued_at: datetime
    expires_at: datetime
    epoch: int = 0

    def check_time(self, now: datetime) -> None:
        """Raise InvalidToken before the token's time and after it, with LEEWAY either way."""
        _check_time("refresh", self.issued_at, self.expires_at, now)

    def check_audience(self, audiences: frozenset[str]) -> None:
        """Raise InvalidToken unless the token was made for one of our login servers."""
        _check_audience("refresh", self.audience, audiences)

    def check_epoch(self, least: int) -> None:
        """Raise InvalidToken where the tokens of its epoch were revoked."""
        _check_epoch("refresh", self.epoch, least)


def _check_time(kind: str, issued_at: datetime, expires_at: datetime, now: datetime) -> None:
    if now >= expires_at + LEEWAY:
        raise InvalidToken(f"the {kind} token has expired: ask for a new one")
    if now < issued_at - LEEWAY:
        raise InvalidToken(f"the {kind} token is not valid yet: compare the clocks")


def _check_audience(kind: str, audience: str, audiences: frozenset[str]) -> None:
    if audience not in audiences:
        raise InvalidToken(f"the {kind} token was made for another registry")


def _check_epoch(kind: str, epoch: int, least: int) -> None:
    if epoch < least:
        raise InvalidToken(f"the {kind} token was revoked: ask for a new one")
