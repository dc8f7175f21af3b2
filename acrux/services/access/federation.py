"""Turn a token of an external OpenID issuer into a principal."""

from dataclasses import dataclass
from typing import Final

from acrux.domain.access import federated
from acrux.domain.access.federated import FederatedIdentity
from acrux.domain.access.grants import Principal
from acrux.domain.access.reason import Reason
from acrux.domain.access.scope_maps import NOTHING, ScopeMap
from acrux.domain.access.trust import Verdict, scope_map_of
from acrux.errors import BadCredentials, Denied, InvalidToken, IssuerUnavailable, RegistryError
from acrux.ports.clock import Clock
from acrux.ports.federation import Issuers, StoredTrust, Trusts

# acr-protocol.md §1.7: ACR's message if a token gives no access.
REFUSED = "retrieving permissions failed"

# How much of the reasons is recorded: at a shared issuer, anybody can get tokens to be refused.
MAX_OBJECTION_CHARACTERS: Final = 4096


@dataclass(frozen=True, slots=True)
class Examination:
    """What a trust decides about a token, and what it would give."""

    verdict: Verdict
    scope_map: ScopeMap


@dataclass(frozen=True, slots=True)
class TokenTest:
    """What the trusts in a token's issuer decide about it, sorted by their names.

    If none could be asked, `refusal` says what is wrong with the token or its issuer.
    """

    examinations: tuple[Examination, ...] = ()
    refusal: RegistryError | None = None


class Federation:
    """Authenticates callers by tokens of the issuers that the registry's trusts name."""

    def __init__(self, trusts: Trusts, issuers: Issuers, clock: Clock) -> None:
        self._trusts = trusts
        self._issuers = issuers
        self._clock = clock

    def is_subject_token(self, text: str) -> bool:
        """Whether the text claims to be a token of an external issuer, which a URL names."""
        try:
            return "://" in self._issuers.issuer_of(text)
        except InvalidToken:
            return False

    async def authenticate(self, text: str, trust: str | None = None) -> Principal:
        """The principal of the token, if this trust accepts it, or else the first that does.

        Without `trust`, any trust may accept it. Raises BadCredentials if the token is invalid, its
        issuer is not trusted, or it was not issued for this registry; Denied if it is valid, but
        no trust accepts it; IssuerUnavailable. The error's `detail` holds each trust's reasons, for
        the registry's operator: the caller, who may be anybody, does not see them.
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
                f"{REFUSED}: the token was not issued for this registry: request one with the "
                "audience that the trust names",
                reason=Reason.UNTRUSTED,
                objections=objections,
            )
        raise Denied(
            f"{REFUSED}: no trust accepts this token. acrux trust test shows the registry's "
            "administrator why",
            reason=Reason.NO_TRUST,
            objections=objections,
        )

    async def examine(self, text: str) -> tuple[Examination, ...]:
        """What each trust in the token's issuer decides about it, sorted by the trusts' names.

        Raises InvalidToken if the token is invalid or its issuer is not trusted, and
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

    async def test(self, text: str) -> TokenTest:
        """As `examine`, but a token that is refused is a result: it is not the caller's own."""
        try:
            return TokenTest(await self.examine(text))
        except (InvalidToken, IssuerUnavailable) as refused:
            return TokenTest(refusal=refused)

    async def find(self, identity: FederatedIdentity) -> Principal:
        """The principal of an identity that a trust accepted before, without asking the issuer.

        Raises BadCredentials if the trust is deleted or disabled.
        """
        stored = await self._trusts.find(identity.trust)
        if stored is None or not stored.trust.is_enabled:
            raise BadCredentials(
                "the trust behind this token is deleted or disabled",
                reason=Reason.DISABLED_ACCOUNT if stored else Reason.GONE_ACCOUNT,
                account=identity.name,
            )
        return _principal(stored, identity)

    async def scope_map(self, identity: FederatedIdentity) -> ScopeMap:
        """What the identity holds now, whatever an older token says."""
        stored = await self._trusts.find(identity.trust)
        if stored is None or not stored.trust.is_enabled:
            return NOTHING
        return scope_map_of(stored.trust, stored.permissions, identity)

    async def _judge(self, text: str) -> list[tuple[StoredTrust, Verdict]]:
        # The issuer that an unverified token names only chooses among the trusted ones: keys are
        # never requested from any other.
        issuer = self._issuers.issuer_of(text)
        trusts = await self._trusts.of_issuer(issuer)
        if not any(stored.trust.is_enabled for stored in trusts):
            raise InvalidToken(
                f"no trust names the token's issuer {issuer[:255]!r}",
                reason=Reason.UNTRUSTED,
            )
        claims = await self._issuers.read(text, issuer)
        trusts = await self._trusts.of_issuer(issuer)  # again: the request may have taken seconds
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
