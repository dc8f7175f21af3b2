"""Tokens: a signature is verified once, and everything else on every request."""

import uuid
from datetime import timedelta

import pytest
from msgspec.structs import replace

from acrux.adapters.keys.jwt_signer import JwtSigner
from acrux.adapters.keys.signing_keys import SigningKey
from acrux.domain.access.federated import FederatedIdentity
from acrux.domain.access.grants import Principal, narrow
from acrux.domain.access.scope import Scope
from acrux.domain.access.scope_maps import ADMINISTRATOR, NOTHING
from acrux.domain.access.token import AccessToken
from acrux.errors import InvalidService, InvalidToken
from acrux.services.access.tokens import Lifetimes, Tokens
from tests.adapters.keys.minting import KEYS
from tests.http.conftest import HandClock

SERVICE = "registry.test"
OTHER = "other.registry.test"
LIFETIMES = Lifetimes(access=timedelta(minutes=75), refresh=timedelta(hours=3))
ADMIN = Principal("acrux", ADMINISTRATOR, epoch=5)
PULL = [Scope.parse("repository:app:pull")]


class CountingSigner(JwtSigner):
    """A signer that counts the signatures it made, and those it verified."""

    def __init__(self, key: SigningKey) -> None:
        super().__init__([key])
        self.signed = self.verified = 0

    def sign(self, token: AccessToken) -> str:
        """Count, then sign."""
        self.signed += 1
        return super().sign(token)

    def read(self, text: str) -> AccessToken:
        """Count, then read."""
        self.verified += 1
        return super().read(text)


class HandRevocations:
    """Revocations that a test sets."""

    def __init__(self) -> None:
        self.least: dict[str, int] = {}

    def least_epoch(self, holder: str, password: str) -> int:
        """What the test set, for whichever password."""
        return max(self.least.get(holder, 0), self.least.get(f"{holder}:{password}", 0))

    async def refresh(self) -> None:
        """Nothing to learn."""


class Given:
    """Tokens, and what they stand on."""

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
            [SERVICE, OTHER],
            cache_bytes=10_000,  # two tokens of one scope
        )

    def token(self) -> str:
        """A new access token."""
        return self.tokens.issue(ADMIN, SERVICE, PULL).text

    def another_token(self) -> str:
        """An access token that differs from those before, which end when it does."""
        self.epoch += 1
        return self.tokens.issue(replace(ADMIN, epoch=self.epoch), SERVICE, PULL).text


def test_the_signature_of_a_token_is_verified_once() -> None:
    """A pull of twenty layers sends it twenty times."""
    given = Given()
    text = given.token()

    grants = {given.tokens.verify(text) for _ in range(5)}

    assert len(grants) == 1
    assert given.signer.verified == 1


def test_a_token_that_is_known_ends_with_its_time() -> None:
    """A memory must not answer for what has ended."""
    given = Given()
    text = given.token()
    given.tokens.verify(text)
    given.clock.forward(minutes=76)

    with pytest.raises(InvalidToken):
        given.tokens.verify(text)


def test_a_token_that_is_known_ends_with_its_account() -> None:
    """A memory must not answer for what was taken away."""
    given = Given()
    text = given.token()
    given.tokens.verify(text)
    given.revocations.least["acrux"] = 6

    with pytest.raises(InvalidToken):
        given.tokens.verify(text)


def test_a_token_that_is_known_is_read_again_where_a_key_may_be_gone() -> None:
    """A memory must not answer for a key that was revoked."""
    given = Given()
    text = given.token()
    given.tokens.verify(text)
    given.signer.generation += 1
    given.tokens.verify(text)
    given.tokens.verify(text)

    assert given.signer.verified == 2


def test_a_token_that_is_no_good_is_never_cached() -> None:
    """Nobody must be able to fill the memory with what they made up."""
    given = Given()
    text = given.token()[:-8] + "AAAAAAAA"

    for _ in range(3):
        with pytest.raises(InvalidToken):
            given.tokens.verify(text)
    assert given.signer.verified == 3


def test_the_memory_is_bounded() -> None:
    """A million tokens must not take a million places."""
    given = Given()
    texts = [given.another_token() for _ in range(5)]

    for text in texts * 2:
        assert given.tokens.verify(text).principal == "acrux"


def test_the_memory_holds_as_many_tokens_as_it_is_told_and_then_begins_anew() -> None:
    """What fits is verified once, what does not is verified again, and never trusted unread."""
    given = Given()  # remembers two
    first, second, third = (given.another_token() for _ in range(3))
    for text in (first, second, first, second):
        given.tokens.verify(text)
    assert given.signer.verified == 2

    for text in (third, first):
        given.tokens.verify(text)

    assert given.signer.verified == 4


def test_each_token_has_an_id_of_its_own() -> None:
    """Whoever keeps a list of tokens tells them apart by it (RFC 7519 §4.1.7)."""
    given = Given()
    refresh = [given.tokens.issue_refresh(ADMIN, SERVICE) for _ in range(2)]
    old = given.tokens.redeem(refresh[0])
    exchanged = [given.tokens.exchange(old, SERVICE) for _ in range(2)]
    access = [given.tokens.issue(ADMIN, SERVICE, scopes).token.id for scopes in (PULL, ())]

    ids = [*access, *(given.tokens.redeem(text).id for text in (*refresh, *exchanged))]

    assert len({str(uuid.UUID(text)) for text in ids}) == 6


def test_an_exchanged_token_is_the_old_one_for_the_service_that_was_named() -> None:
    """The same holder, epoch and end; another login server, where that was asked for."""
    given = Given()
    old = given.tokens.redeem(given.tokens.issue_refresh(ADMIN, SERVICE))
    given.clock.forward(hours=1)

    new = given.tokens.redeem(given.tokens.exchange(old, OTHER))

    assert (old.audience, new.audience) == (SERVICE, OTHER)
    assert replace(new, id=old.id, audience=old.audience) == old


def test_a_refresh_token_is_of_the_epoch_in_which_it_was_given() -> None:
    """One that is given after a revocation must work, and one from before it must not."""
    given = Given()
    given.revocations.least["acrux"] = 5  # ADMIN's
    text = given.tokens.issue_refresh(ADMIN, SERVICE)
    assert given.tokens.redeem(text).epoch == 5

    given.revocations.least["acrux"] = 6

    with pytest.raises(InvalidToken):
        given.tokens.redeem(text)


def test_what_is_given_for_an_access_token_is_revoked_with_it() -> None:
    """Else whoever stole one would only have to ask for another."""
    given = Given()
    holder = given.tokens.holder(given.token())
    second = given.tokens.issue(holder, SERVICE, PULL).text
    assert (holder.epoch, holder.authentication_method) == (5, "access_token")
    assert given.tokens.verify(second).scopes == tuple(PULL)

    given.revocations.least["acrux"] = 6

    with pytest.raises(InvalidToken):
        given.tokens.verify(second)


def test_what_is_given_for_an_access_token_from_outside_is_revoked_with_the_trust() -> None:
    """The trust ends all that came of it, however often it was handed on."""
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
def test_a_service_that_is_not_ours_is_refused_in_words(service: str) -> None:
    """Whoever configured the wrong name must see which one would do."""
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


def test_who_asks_for_the_very_same_within_a_second_gets_the_same_token() -> None:
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
def test_who_asks_for_anything_else_gets_another_token(
    principal: Principal, service: str, scopes: list[Scope]
) -> None:
    """What one account may do, or until when, would be another's."""
    given = Given()
    first = given.tokens.issue(ADMIN, SERVICE, PULL)

    second = given.tokens.issue(principal, service, scopes)

    assert second.text != first.text
    assert given.signer.read(second.text) == second.token
    assert second.token.grant == narrow(principal, scopes)
    assert (second.token.audience, second.token.epoch) == (service, principal.epoch)


def test_a_second_later_the_token_is_another_one() -> None:
    """One that was handed out again and again would end too soon for the last of them."""
    given = Given()
    first = given.tokens.issue(ADMIN, SERVICE, PULL)

    given.clock.forward(seconds=1)
    second = given.tokens.issue(ADMIN, SERVICE, PULL)

    assert second.token.expires_at == first.token.expires_at + timedelta(seconds=1)
    assert given.signer.signed == 2


def test_no_token_of_a_key_that_may_be_gone_is_handed_out_again() -> None:
    """A key that was revoked would go on opening the registry for whoever asks now."""
    given = Given()
    given.tokens.issue(ADMIN, SERVICE, PULL)

    given.signer.generation += 1
    given.tokens.issue(ADMIN, SERVICE, PULL)

    assert given.signer.signed == 2


def test_no_more_tokens_are_kept_to_be_handed_out_again_than_are_cached() -> None:
    """Whoever asks for ever other scopes would fill the memory."""
    given = Given()  # remembers two
    scopes = [[Scope.parse(f"repository:app{number}:pull")] for number in range(3)]
    for asked in scopes:
        given.tokens.issue(ADMIN, SERVICE, asked)

    given.tokens.issue(ADMIN, SERVICE, scopes[2])
    assert given.signer.signed == 3
    given.tokens.issue(ADMIN, SERVICE, scopes[0])
    assert given.signer.signed == 4
