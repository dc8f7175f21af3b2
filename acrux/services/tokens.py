"""Issue, refresh, verify and revoke the registry's own tokens."""

import uuid
from collections.abc import Iterable
from dataclasses import dataclass
from datetime import timedelta

from acrux.domain.access import Grant, Principal, narrow
from acrux.domain.scope import Scope
from acrux.domain.token import AccessToken
from acrux.errors import InvalidService
from acrux.ports import Clock, TokenSigner


@dataclass(frozen=True, slots=True)
class IssuedToken:
    """An access token as signed text, and what it says."""

    text: str
    token: AccessToken


class Tokens:
    """Access tokens for `audiences`, the registry's login servers, living for `lifetime`."""

    def __init__(
        self, signer: TokenSigner, clock: Clock, lifetime: timedelta, audiences: Iterable[str]
    ) -> None:
        self._signer = signer
        self._clock = clock
        self._lifetime = lifetime
        self._audiences = frozenset(audiences)

    def issue(self, principal: Principal, service: str, scopes: Iterable[Scope]) -> IssuedToken:
        """Sign what is asked and allowed: less than asked is normal, not an error.

        Raises InvalidService unless `service` is one of the login servers: the audience of a
        token is never chosen by whoever asks.
        """
        if service not in self._audiences:
            raise InvalidService(
                "service is not a login server of this registry: use the service of the challenge",
                service=service[:255],
            )
        now = self._clock().replace(microsecond=0)  # claims are whole seconds (RFC 7519 §2)
        token = AccessToken(
            id=str(uuid.uuid4()),
            grant=narrow(principal, scopes),
            audience=service,
            issued_at=now,
            expires_at=now + self._lifetime,
        )
        return IssuedToken(self._signer.sign(token), token)

    def verify(self, text: str) -> Grant:
        """What the token grants.

        Signature, issuer, kind, audience and time are all required; raises InvalidToken.
        """
        token = self._signer.read(text)
        token.check_audience(self._audiences)
        token.check_time(self._clock())
        return token.grant

    def read_ended(self, text: str) -> Grant:
        """What a token granted whose time is over; all else is required as in `verify`.

        Grants nothing by itself: the caller must have another reason. Raises InvalidToken.
        """
        token = self._signer.read(text)
        token.check_audience(self._audiences)
        return token.grant

    def public_keys(self) -> dict[str, object]:
        """The JSON Web Key Set that verifies our tokens (RFC 7517)."""
        return self._signer.public_keys()
