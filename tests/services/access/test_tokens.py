"""Tokens: signatures are verified once, all else on every request."""

import uuid
from datetime import timedelta

import pytest
from msgspec.structs import replace

from acrux.adapters.keys.jwt_signer import JwtSigner
from acrux.adapters.keys.signing_keys import SigningKey
from acrux.domain.access.federated import FederatedIdentity
from acrux.domain.access.grants import ANONYMOUS, Principal, narrow
from acrux.domain.access.scope import Scope
from acrux.domain.access.scope_maps import ADMINISTRATOR, NOTHING
from acrux.domain.access.token import AccessToken
from acrux.errors import InvalidService, InvalidToken
from acrux.services.access.tokens import Audiences, Lifetimes, Tokens
from tests.adapters.keys.minting import KEYS
from tests.http.conftest import HandClock

SERVICE = "registry.test"
OTHER = "other.registry.test"
ELSEWHERE = "elsewhere"
LIFETIMES = Lifetimes(access=timedelta(minutes=75), refresh=timedelta(hours=3))
ADMIN = Principal("acrux", ADMINISTRATOR, epoch=5)
PULL = [Scope.parse("repository:app:pull")]


class CountingSigner(JwtSigner):
    """A signer that counts the signatures it makes and verifies."""

    def __init__(self, key: SigningKey) -> None:
        super().__init__([key])
        self.signed = self.signed_for_others = self.verified = 0

    def sign(self, token: AccessToken) -> str:
        """Count, then sign."""
        self.signed += 1
        return super().sign(token)

    def sign_for_others(self, token: AccessToken) -> str:
        """Count, then sign."""
        self.signed_for_others += 1
        return super().sign_for_others(token)

    def read(self, text: str) -> AccessToken:
        """Count, then read."""
        self.verified += 1
        return super().read(text)


class HandRevocations:
    """Revocations that a test sets."""

    def __init__(self) -> None:
        self.least: dict[str, int] = {}

    def least_epoch(self, holder: str, password: str) -> int:
        """What the test set, for any password."""
        return max(self.least.get(holder, 0), self.least.get(f"{holder}:{password}", 0))

    async def refresh(self) -> None:
        """Nothing to read."""


class Given:
    """Tokens, and what they depend on."""

    def __init__(self) -> None:
        self.signer = CountingSigner(next(iter(KEYS.values())))
        self.revocations = HandRevocations()
        self.clock = HandClock()
        self.epoch = ADMIN.epoch
        self.tokens = Tokens(
            self.signer,
            self.revocations,
            self.clock,
            LIFETIMES,
            Audiences(frozenset({SERVICE, OTHER}), frozenset({ELSEWHERE})),
            cache_bytes=10_000,  # two tokens of one scope
        )

    def token(self) -> str:
        """A new access token."""
        return self.tokens.issue(ADMIN, SERVICE, PULL).text

    def another_token(self) -> str:
        """An access token that differs from the earlier ones, and expires when it does."""
        self.epoch += 1
        return self.tokens.issue(replace(ADMIN, epoch=self.epoch), SERVICE, PULL).text


def test_a_token_for_another_registry_is_not_accepted_here() -> None:
    """Who runs that registry could use it here, in the name of its callers."""
    given = Given()
    issued = given.tokens.issue(ADMIN, ELSEWHERE, PULL)

    with pytest.raises(InvalidToken, match="for another registry"):
        given.tokens.verify(issued.text)
    assert issued.token.audience == ELSEWHERE
    assert (given.signer.signed, given.signer.signed_for_others) == (0, 1)


def test_nobody_gets_a_refresh_token_for_another_registry() -> None:
    """A client sends it where that registry says, and with it one can log in here."""
    given = Given()

    for service, may in ((SERVICE, True), (ELSEWHERE, False)):
        assert given.tokens.may_refresh(ADMIN, service) is may
        assert given.tokens.may_refresh(ANONYMOUS, service) is False
    with pytest.raises(InvalidService):
        given.tokens.issue_refresh(ADMIN, ELSEWHERE)


def test_the_signature_of_a_token_is_verified_once() -> None:
    """A pull of twenty layers sends the token twenty times."""
    given = Given()
    text = given.token()

    grants = {given.tokens.verify(text) for _ in range(5)}

    assert len(grants) == 1
    assert given.signer.verified == 1


def test_a_cached_token_expires_on_time() -> None:
    """The cache must not accept what has expired."""
    given = Given()
    text = given.token()
    given.tokens.verify(text)
    given.clock.forward(minutes=76)

    with pytest.raises(InvalidToken):
        given.tokens.verify(text)


def test_a_cached_token_ends_with_its_account() -> None:
    """The cache must not accept what was revoked."""
    given = Given()
    text = given.token()
    given.tokens.verify(text)
    given.revocations.least["acrux"] = 6

    with pytest.raises(InvalidToken):
        given.tokens.verify(text)


def test_a_cached_token_is_verified_again_if_a_key_may_be_gone() -> None:
    """The cache must not accept what a revoked key signed."""
    given = Given()
    text = given.token()
    given.tokens.verify(text)
    given.signer.generation += 1
    given.tokens.verify(text)
    given.tokens.verify(text)

    assert given.signer.verified == 2


def test_an_invalid_token_is_never_cached() -> None:
    """Nobody must be able to fill the memory with invented tokens."""
    given = Given()
    text = given.token()[:-8] + "AAAAAAAA"

    for _ in range(3):
        with pytest.raises(InvalidToken):
            given.tokens.verify(text)
    assert given.signer.verified == 3


def test_the_cache_is_bounded() -> None:
    """A million tokens must not take a million entries."""
    given = Given()
    texts = [given.another_token() for _ in range(5)]

    for text in texts * 2:
        assert given.tokens.verify(text).principal == "acrux"


def test_the_cache_holds_the_configured_number_of_tokens_and_then_starts_over() -> None:
    """A token that fits is verified once, others are verified again, and none is trusted unread."""
    given = Given()  # remembers two
    first, second, third = (given.another_token() for _ in range(3))
    for text in (first, second, first, second):
        given.tokens.verify(text)
    assert given.signer.verified == 2

    for text in (third, first):
        given.tokens.verify(text)

    assert given.signer.verified == 4


def test_each_token_has_an_id_of_its_own() -> None:
    """Lists of tokens tell them apart by it (RFC 7519 §4.1.7)."""
    given = Given()
    refresh = [given.tokens.issue_refresh(ADMIN, SERVICE) for _ in range(2)]
    old = given.tokens.redeem(refresh[0])
    exchanged = [given.tokens.exchange(old, SERVICE) for _ in range(2)]
    access = [given.tokens.issue(ADMIN, SERVICE, scopes).token.id for scopes in (PULL, ())]

    ids = [*access, *(given.tokens.redeem(text).id for text in (*refresh, *exchanged))]

    assert len({str(uuid.UUID(text)) for text in ids}) == 6


def test_an_exchanged_token_is_the_old_one_for_the_service_that_was_named() -> None:
    """It has the same holder, epoch and expiry, and another login server if one was requested."""
    given = Given()
    old = given.tokens.redeem(given.tokens.issue_refresh(ADMIN, SERVICE))
    given.clock.forward(hours=1)

    new = given.tokens.redeem(given.tokens.exchange(old, OTHER))

    assert (old.audience, new.audience) == (SERVICE, OTHER)
    assert replace(new, id=old.id, audience=old.audience) == old


def test_a_refresh_token_has_the_epoch_in_which_it_was_issued() -> None:
    """One issued after a revocation must work, and one from before must not."""
    given = Given()
    given.revocations.least["acrux"] = 5  # ADMIN's
    text = given.tokens.issue_refresh(ADMIN, SERVICE)
    assert given.tokens.redeem(text).epoch == 5

    given.revocations.least["acrux"] = 6

    with pytest.raises(InvalidToken):
        given.tokens.redeem(text)


def test_a_token_issued_for_an_access_token_is_revoked_with_it() -> None:
    """A thief would only have to exchange a stolen token."""
    given = Given()
    holder = given.tokens.holder(given.token())
    second = given.tokens.issue(holder, SERVICE, PULL).text
    assert (holder.epoch, holder.authentication_method) == (5, "access_token")
    assert given.tokens.verify(second).scopes == tuple(PULL)

    given.revocations.least["acrux"] = 6

    with pytest.raises(InvalidToken):
        given.tokens.verify(second)


def test_a_token_issued_for_a_federated_access_token_is_revoked_with_the_trust() -> None:
    """A revoked trust ends everything derived from it, at any number of removes."""
    given = Given()
    federated = FederatedIdentity("ci", "repo:org/app")
    first = given.tokens.issue(
        replace(ADMIN, name=federated.name, federated=federated), SERVICE, PULL
    )
    holder = given.tokens.holder(first.text)
    second = given.tokens.issue(holder, SERVICE, PULL).text
    assert holder.federated == federated
    assert given.tokens.verify(second).federated == federated

    given.revocations.least["trusts/ci"] = 6

    with pytest.raises(InvalidToken):
        given.tokens.verify(second)


@pytest.mark.parametrize("service", ["elsewhere.test", "", "x" * 500])
def test_an_unknown_service_is_refused_with_an_explanation(service: str) -> None:
    """A client configured with the wrong name must learn which one is right."""
    given = Given()
    old = given.tokens.redeem(given.tokens.issue_refresh(ADMIN, SERVICE))

    for ask in (
        lambda: given.tokens.issue(ADMIN, service, PULL),
        lambda: given.tokens.issue_refresh(ADMIN, service),
        lambda: given.tokens.exchange(old, service),
    ):
        with pytest.raises(InvalidService) as refused:
            ask()
        assert refused.value.message == (
            "service is not a login server of this registry: use the service of the challenge"
        )
        assert refused.value.detail == {"service": service[:255]}


def test_the_same_request_within_a_second_gets_the_same_token() -> None:
    """Fifty nodes that pull one image at once would cost fifty signatures."""
    given = Given()

    texts = {given.tokens.issue(ADMIN, SERVICE, PULL).text for _ in range(50)}

    assert (len(texts), given.signer.signed) == (1, 1)


@pytest.mark.parametrize(
    ("principal", "service", "scopes"),
    [
        (replace(ADMIN, name="other"), SERVICE, PULL),
        (replace(ADMIN, epoch=6), SERVICE, PULL),
        (replace(ADMIN, scope_map=NOTHING), SERVICE, PULL),
        (replace(ADMIN, lifetime=timedelta(minutes=1)), SERVICE, PULL),
        (replace(ADMIN, federated=FederatedIdentity("trust", "subject", ())), SERVICE, PULL),
        (ADMIN, OTHER, PULL),
        (ADMIN, SERVICE, [Scope.parse("repository:app:push")]),
        (ADMIN, SERVICE, [Scope.parse("repository:app2:pull")]),
        (ADMIN, SERVICE, []),
    ],
)
def test_a_different_request_gets_another_token(
    principal: Principal, service: str, scopes: list[Scope]
) -> None:
    """One account would get the rights or the lifetime of another."""
    given = Given()
    first = given.tokens.issue(ADMIN, SERVICE, PULL)

    second = given.tokens.issue(principal, service, scopes)

    assert second.text != first.text
    assert given.signer.read(second.text) == second.token
    assert second.token.grant == narrow(principal, scopes)
    assert (second.token.audience, second.token.epoch) == (service, principal.epoch)


def test_a_second_later_the_token_is_another_one() -> None:
    """A token handed out again and again would expire too soon for its last holder."""
    given = Given()
    first = given.tokens.issue(ADMIN, SERVICE, PULL)

    given.clock.forward(seconds=1)
    second = given.tokens.issue(ADMIN, SERVICE, PULL)

    assert second.token.expires_at == first.token.expires_at + timedelta(seconds=1)
    assert given.signer.signed == 2


def test_no_token_of_a_key_that_may_be_gone_is_handed_out_again() -> None:
    """A revoked key would go on opening the registry for new requests."""
    given = Given()
    given.tokens.issue(ADMIN, SERVICE, PULL)

    given.signer.generation += 1
    given.tokens.issue(ADMIN, SERVICE, PULL)

    assert given.signer.signed == 2


def test_no_more_tokens_are_kept_to_be_handed_out_again_than_are_cached() -> None:
    """Requests for ever new scopes would fill the memory."""
    given = Given()  # remembers two
    scopes = [[Scope.parse(f"repository:app{number}:pull")] for number in range(3)]
    for asked in scopes:
        given.tokens.issue(ADMIN, SERVICE, asked)

    given.tokens.issue(ADMIN, SERVICE, scopes[2])
    assert given.signer.signed == 3
    given.tokens.issue(ADMIN, SERVICE, scopes[0])
    assert given.signer.signed == 4
