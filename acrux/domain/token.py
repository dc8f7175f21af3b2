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
LEEWAY: Final = timedelta(seconds=30)


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

    def check_time(self, now: datetime) -> None:
        """Raise InvalidToken before the token's time and after it, with LEEWAY either way."""
        if now >= self.expires_at + LEEWAY:
            raise InvalidToken("the access token has expired: ask for a new one")
        if now < self.issued_at - LEEWAY:
            raise InvalidToken("the access token is not valid yet: compare the clocks")

    def check_audience(self, audiences: frozenset[str]) -> None:
        """Raise InvalidToken unless the token was made for one of our login servers."""
        if self.audience not in audiences:
            raise InvalidToken("the access token was made for another registry")
