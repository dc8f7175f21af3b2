"""Turn a token of an external OpenID issuer into a principal."""

from dataclasses import dataclass
from typing import Final

from acrux.domain.access import federated
from acrux.domain.access.federated import FederatedIdentity
from acrux.domain.access.grants import Principal
from acrux.domain.access.reason import Reason
from acrux.domain.access.scope_maps import NOTHING, ScopeMap
from acrux.domain.access.trust import Verdict, scope_map_of
from acrux.errors import BadCredentials, Denied, InvalidToken
from acrux.ports.clock import Clock
from acrux.ports.federation import Issuers, StoredTrust, Trusts

# acr-protocol.md §1.7: what ACR says where it knows nobody by the token.
REFUSED = "retrieving permissions failed"

# What is kept of the reasons: at a shared issuer anybody can get tokens to be refused.
MAX_OBJECTION_CHARACTERS: Final = 4096


@dataclass(frozen=True, slots=True)
class Examination:
    """What a trust makes of a token, and what it would give."""

    verdict: Verdict
    scope_map: ScopeMap


class Federation:
    """Knows who is who by the word of the issuers that somebody here put trust in."""

    def __init__(self, trusts: Trusts, issuers: Issuers, clock: Clock) -> None:
        self._trusts = trusts
        self._issuers = issuers
        self._clock = clock

    def is_subject_token(self, text: str) -> bool:
        """Whether the text claims to be a token of an external issuer: an address names it."""
        try:
            return "://" in self._issuers.issuer_of(text)
        except InvalidToken:
            return False

    async def authenticate(self, text: str, trust: str | None = None) -> Principal:
        """Say whom the token stands for: let in by this trust, or by the first one that does so.

        Raises BadCredentials where the token is not good, not of an issuer that is trusted or not
        made for this registry; Denied where it is all that and no trust lets it in;
        IssuerUnavailable. The reasons of each trust are the failure's `detail`, for whoever runs
        the registry: they are not told to the caller, who may be anybody.
        """
        try:
            judged = await self._judge(text)
        except InvalidToken as refused:
            raise BadCredentials.of_token(refused, f"{REFUSED}: ") from None
        named = [one for one in judged if trust in (None, one[1].trust)]
        for stored, verdict in named:
            if verdict.lets_in:
                return _principal(stored, verdict.identity)
        objections = " ".join(
            f"{verdict.trust}: {'; '.join(verdict.objections)}." for _, verdict in named
        )[:MAX_OBJECTION_CHARACTERS]
        if not any(verdict.is_addressed for _, verdict in named):
            raise BadCredentials(
                f"{REFUSED}: the token is not made for this registry: ask its issuer for one with "
                "the audience that the trust names",
                reason=Reason.UNTRUSTED,
                objections=objections,
            )
        raise Denied(
            f"{REFUSED}: no trust lets this token in. acrux trust test shows the registry's "
            "administrator why",
            reason=Reason.NO_TRUST,
            objections=objections,
        )

    async def examine(self, text: str) -> tuple[Examination, ...]:
        """What each trust in the token's issuer makes of it, by name.

        Raises InvalidToken where the token is not good or of an issuer that nobody trusts, and
        IssuerUnavailable.
        """
        return tuple(
            Examination(
                verdict,
                scope_map_of(stored.trust, stored.permissions, verdict.identity)
                if verdict.lets_in
                else NOTHING,
            )
            for stored, verdict in await self._judge(text)
        )

    async def find(self, identity: FederatedIdentity) -> Principal:
        """The principal whom a trust let in before; no issuer is asked.

        Raises BadCredentials where the trust is gone or disabled.
        """
        stored = await self._trusts.find(identity.trust)
        if stored is None or not stored.trust.is_enabled:
            raise BadCredentials(
                "the trust behind this token is gone or disabled",
                reason=Reason.DISABLED_ACCOUNT if stored else Reason.GONE_ACCOUNT,
                account=identity.name,
            )
        return _principal(stored, identity)

    async def scope_map(self, identity: FederatedIdentity) -> ScopeMap:
        """What whoever was let in holds now, whatever an older token says."""
        stored = await self._trusts.find(identity.trust)
        if stored is None or not stored.trust.is_enabled:
            return NOTHING
        return scope_map_of(stored.trust, stored.permissions, identity)

    async def _judge(self, text: str) -> list[tuple[StoredTrust, Verdict]]:
        # The issuer that an unverified token names chooses among those that are trusted: nobody
        # else is ever asked for keys.
        issuer = self._issuers.issuer_of(text)
        trusts = await self._trusts.of_issuer(issuer)
        if not any(stored.trust.is_enabled for stored in trusts):
            raise InvalidToken(
                f"no trust names the issuer {issuer[:255]!r} of the token",
                reason=Reason.UNTRUSTED,
            )
        claims = await self._issuers.read(text, issuer)
        trusts = await self._trusts.of_issuer(issuer)  # to ask it may have taken seconds
        federated.check_time(claims, self._clock())
        return [(stored, stored.trust.judge(claims)) for stored in trusts]


def _principal(stored: StoredTrust, identity: FederatedIdentity) -> Principal:
    return Principal(
        name=identity.name,
        scope_map=scope_map_of(stored.trust, stored.permissions, identity),
        epoch=stored.epoch,
        authentication_method=f"trust {identity.trust}",
        federated=identity,
        lifetime=stored.trust.lifetime,
    )
