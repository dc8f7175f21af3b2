"""Issue, refresh, verify and revoke the registry's own tokens."""

import uuid
from collections.abc import Iterable
from dataclasses import dataclass
from datetime import datetime, timedelta
from typing import Final

from msgspec import Struct
from msgspec.structs import replace

from acrux.cache import Cache
from acrux.domain.access.grants import Grant, Principal, narrow
from acrux.domain.access.reason import Reason
from acrux.domain.access.scope import Scope
from acrux.domain.access.token import ACCESS_TOKEN_KIND, LEEWAY, AccessToken, RefreshToken
from acrux.domain.instants import BEGINNING
from acrux.errors import BadCredentials, InvalidService
from acrux.ports.accounts import Revocations, TokenSigner
from acrux.ports.clock import Clock

# A client sends one token with every request of a push or a pull: its signature is verified once.
# An access token for one repository takes about 5 KB, parsed claims included. This is the size of
# the cache of verified tokens, and again of the cache of tokens issued within the second.
CACHE_BYTES: Final = 8 * 1024 * 1024

# The memory of a token without its text, in bytes.
_TOKEN_BYTES: Final = 2048
_SCOPE_BYTES: Final = 512
_ACTION_BYTES: Final = 200
_TEXTS: Final = 3  # the issued text, the presented text, and the parsed claims


class IssuedToken(Struct, frozen=True):
    """An access token as signed text, and what it says."""

    text: str
    token: AccessToken


class _Wanted(Struct, frozen=True):
    """All that determines an access token, except its id and its time."""

    grant: Grant
    audience: str
    lifetime: timedelta
    until: datetime | None
    epoch: int
    password: str


@dataclass(frozen=True, slots=True)
class Lifetimes:
    """How long tokens live."""

    access: timedelta
    refresh: timedelta


@dataclass(frozen=True, slots=True)
class Audiences:
    """Whom tokens are for: this registry's login servers, and the services of other registries.

    Tokens for others are not accepted here: who gets one could use it in the caller's name.
    """

    own: frozenset[str]
    others: frozenset[str] = frozenset()


class Tokens:
    """Tokens for these audiences."""

    def __init__(
        self,
        signer: TokenSigner,
        revocations: Revocations,
        clock: Clock,
        lifetimes: Lifetimes,
        audiences: Audiences,
        cache_bytes: int = CACHE_BYTES,
    ) -> None:
        self._known: Cache[str, AccessToken] = Cache(cache_bytes)
        # The tokens issued in this second.
        self._issued: Cache[_Wanted, IssuedToken] = Cache(cache_bytes)
        self._issuing_at = BEGINNING
        self._generation = signer.generation
        self._signer = signer
        self._revocations = revocations
        self._clock = clock
        self._lifetimes = lifetimes
        self._audiences = audiences.own
        self._others = audiences.others

    def issue(self, principal: Principal, service: str, scopes: Iterable[Scope]) -> IssuedToken:
        """Sign what is requested and allowed: less than requested is normal, not an error.

        Equal requests within the same second get the same token: fifty nodes that pull one image
        at once cost one signature.

        Raises InvalidService unless `service` is one of the audiences: a caller must not choose the
        audience of a token.
        """
        if service not in self._others:
            self._check_service(service)
        wanted = _Wanted(
            grant=narrow(principal, scopes),
            audience=service,
            lifetime=min(self._lifetimes.access, principal.lifetime),
            until=principal.access_until,
            epoch=principal.epoch,
            password=principal.password,
        )
        self._notice_other_keys()
        self._notice_another_second()
        issued = self._issued.find(wanted)
        if issued is None:
            issued = self._sign(wanted)
            self._issued.keep(wanted, issued, size_of(issued.text, issued.token))
        return issued

    def _sign(self, wanted: _Wanted) -> IssuedToken:
        now = self._issuing_at
        token = AccessToken(
            id=str(uuid.uuid4()),
            grant=wanted.grant,
            audience=wanted.audience,
            issued_at=now,
            expires_at=_earlier(now + wanted.lifetime, wanted.until),
            epoch=wanted.epoch,
            password=wanted.password,
        )
        if wanted.audience in self._others:
            return IssuedToken(self._signer.sign_for_others(token), token)
        return IssuedToken(self._signer.sign(token), token)

    def may_refresh(self, principal: Principal, service: str) -> bool:
        """Whether they may get a refresh token for the service: it has to be a login server.

        A client keeps a refresh token for another registry, and sends it where that registry says.
        """
        return principal.may_refresh and service in self._audiences

    def issue_refresh(self, principal: Principal, service: str) -> str:
        """A refresh token, which stands for the principal's password. Raises InvalidService."""
        self._check_service(service)
        now = self._now()
        token = RefreshToken(
            id=str(uuid.uuid4()),
            principal=principal.name,
            audience=service,
            issued_at=now,
            expires_at=_earlier(
                now + min(self._lifetimes.refresh, principal.lifetime), principal.refresh_until
            ),
            epoch=principal.epoch,
            federated=principal.federated,
            password=principal.password,
        )
        return self._signer.sign_refresh(token)

    def redeem(self, text: str) -> RefreshToken:
        """Verify a refresh token, and return what it says. Raises InvalidToken."""
        return self._read_refresh(text)

    def check_refresh(self, token: RefreshToken) -> None:
        """Raise InvalidToken if it was revoked, as far as this process knows."""
        token.check_epoch(self._revocations.least_epoch(token.holder, token.password))

    def is_refresh(self, text: str) -> bool:
        """Whether the token claims to be a refresh token; nothing is verified."""
        return self._signer.is_refresh(text)

    def holder(self, text: str) -> Principal:
        """The principal of an access token: they hold what it grants, until it expires.

        Raises InvalidToken as `verify` does.
        """
        token = self._read(text)
        now = self._clock()
        token.check_time(now)
        token.check_time(now + LEEWAY)  # within the leeway, a new token would be expired already
        return Principal(
            token.grant.principal,
            token.grant.scope_map,
            token.epoch,
            authentication_method=ACCESS_TOKEN_KIND,
            password=token.password,
            access_until=token.expires_at,
            federated=token.grant.federated,
        )

    def exchange(self, old: RefreshToken, service: str) -> str:
        """A new refresh token for a redeemed one. It expires when the old one does.

        Raises InvalidService.
        """
        self._check_service(service)
        return self._signer.sign_refresh(replace(old, id=str(uuid.uuid4()), audience=service))

    def _read_refresh(self, text: str) -> RefreshToken:
        token = self._signer.read_refresh(text)
        token.check_audience(self._audiences)
        token.check_time(self._clock())
        self.check_refresh(token)
        return token

    def _check_service(self, service: str) -> None:
        if service not in self._audiences:
            raise InvalidService(
                "service is not a login server of this registry: use the service of the challenge",
                service=service[:255],
            )

    def _now(self) -> datetime:
        return self._clock().replace(microsecond=0)  # claims are whole seconds (RFC 7519 §2)

    def verify(self, text: str) -> Grant:
        """What the token grants.

        Signature, issuer, kind, audience, time and epoch are all required; raises InvalidToken.
        """
        token = self._read(text)
        token.check_time(self._clock())
        return token.grant

    def read_ended(self, text: str) -> Grant:
        """What a token grants, or granted until it expired; all else is required as in `verify`.

        The caller must have another reason to allow the request. Raises InvalidToken.
        """
        return self._read(text).grant

    def _read(self, text: str) -> AccessToken:
        token = self._read_once(text)
        token.check_epoch(self._revocations.least_epoch(token.grant.holder, token.password))
        return token

    def _read_once(self, text: str) -> AccessToken:
        # While the key exists, a valid signature stays valid, and our audiences do not change. Time
        # and epoch, which decide whether the token still counts, are checked on every request.
        self._notice_other_keys()
        known = self._known.find(text)
        if known is None:
            known = self._signer.read(text)
            known.check_audience(self._audiences)
            self._known.keep(text, known, size_of(text, known))
        return known

    async def learn_of_key(self, text: str) -> None:
        """Learn of the key of a token that was refused, if another process has just made it."""
        await self._signer.learn(text)

    async def learn_of_revocations(self) -> None:
        """Learn of every revocation that is committed by now, by whatever process."""
        await self._revocations.refresh()

    def check_not_revoked(self, principal: Principal) -> None:
        """Raise BadCredentials if what the principal obtained by logging in was revoked since."""
        least = self._revocations.least_epoch(principal.holder, principal.password)
        if principal.epoch < least:
            raise BadCredentials(
                "the account was changed during the request: log in again",
                reason=Reason.REVOKED,
                account=principal.name,
            )

    def _notice_other_keys(self) -> None:
        if self._generation != self._signer.generation:
            self._generation = self._signer.generation
            self._known.forget()
            self._issued.forget()

    def _notice_another_second(self) -> None:
        now = self._now()
        if self._issuing_at != now:
            self._issuing_at = now
            self._issued.forget()

    def public_keys(self) -> dict[str, object]:
        """The JSON Web Key Set that verifies our tokens (RFC 7517)."""
        return self._signer.public_keys()


def _earlier(instant: datetime, limit: datetime | None) -> datetime:
    return instant if limit is None else min(instant, limit)


def size_of(text: str, token: AccessToken) -> int:
    """How many bytes a token takes in memory with its text, rather too many than too few."""
    scopes = token.grant.scopes
    names = sum(_SCOPE_BYTES + len(scope.name) for scope in scopes)
    actions = sum(len(scope.actions) for scope in scopes)
    return _TOKEN_BYTES + _TEXTS * len(text) + names + _ACTION_BYTES * actions
