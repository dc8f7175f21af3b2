"""OpenID issuers and their keys, cached and fetched at a bounded rate."""

import asyncio
from collections.abc import Awaitable, Callable
from dataclasses import dataclass
from datetime import datetime, timedelta
from typing import Final

from acrux.adapters.openid.discovery import fetch_keys
from acrux.adapters.openid.subject_tokens import PublicKey, SubjectToken, issuer_of
from acrux.domain.access.federated import Claims
from acrux.errors import InvalidToken, IssuerUnavailable
from acrux.ports.clock import Clock

# A key that its issuer has withdrawn is still accepted for FRESH if the issuer answers, and for
# KEPT if it does not.
FRESH: Final = timedelta(minutes=10)
KEPT: Final = timedelta(hours=1)
# A token with an unknown key makes us ask the issuer, and anybody can send one. So we ask no more
# often than this.
PAUSE: Final = timedelta(seconds=5)

MAX_ISSUERS: Final = 64  # whose keys are cached

Fetch = Callable[[str], Awaitable[tuple[PublicKey, ...]]]


@dataclass(slots=True)
class _Issuer:
    """An issuer's keys, when they were fetched, when it was last asked, and how that failed."""

    keys: tuple[PublicKey, ...] = ()
    fetched_at: datetime | None = None
    asked_at: datetime | None = None
    failure: IssuerUnavailable | None = None
    asking: asyncio.Task[None] | None = None


class OpenIdIssuers:
    """The port Issuers. Keys are fetched when a token needs them, and then cached for a while.

    Tokens that wait for the same issuer share one request. Call `read` only with an issuer that a
    trust names: it sends requests to whatever address it is given.
    """

    def __init__(self, clock: Clock, fetch: Fetch = fetch_keys) -> None:
        self._clock = clock
        self._fetch = fetch
        self._issuers: dict[str, _Issuer] = {}

    def issuer_of(self, text: str) -> str:
        """See ports.Issuers."""
        return issuer_of(text)

    async def read(self, text: str, issuer: str) -> Claims:
        """See ports.Issuers."""
        token = SubjectToken.parse(text)
        if token.claims.get("iss") != issuer:
            raise InvalidToken("the token was issued by another issuer")
        return token.verified(await self._key(token, issuer))

    async def _key(self, token: SubjectToken, issuer: str) -> PublicKey:
        known = self._known(issuer)
        if not self._is_within(FRESH, known.fetched_at) or token.fitting(known.keys) is None:
            await self._ask(issuer, known)
        if self._is_within(KEPT, known.fetched_at) and (key := token.fitting(known.keys)):
            return key
        if known.failure is not None:
            raise IssuerUnavailable(known.failure.message)
        raise InvalidToken(
            f"the issuer publishes no key {token.key_id[:80]!r} that signs {token.algorithm}"
        )

    def _known(self, issuer: str) -> _Issuer:
        known = self._issuers.get(issuer)
        if known is None:
            if len(self._issuers) >= MAX_ISSUERS:
                self._issuers.clear()
            known = self._issuers[issuer] = _Issuer()
        return known

    async def _ask(self, issuer: str, known: _Issuer) -> None:
        if known.asking is None:
            if self._is_within(PAUSE, known.asked_at):
                return
            known.asked_at = self._clock()
            known.asking = asyncio.create_task(self._learn(issuer, known))
        await asyncio.shield(known.asking)  # if one caller gives up, the others get their answer

    async def _learn(self, issuer: str, known: _Issuer) -> None:
        try:
            known.keys = await self._fetch(issuer)
            known.fetched_at, known.failure = self._clock(), None
        except IssuerUnavailable as failure:
            known.failure = failure
        finally:
            known.asking = None

    def _is_within(self, time: timedelta, since: datetime | None) -> bool:
        # If the clock was set back, everything counts as old, and nothing lasts longer.
        return since is not None and timedelta() <= self._clock() - since < time
