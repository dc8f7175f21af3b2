"""Tokens: a signature is verified once, and everything else on every request."""

from datetime import timedelta

import pytest

from acrux.adapters.jwt_signer import JwtSigner
from acrux.adapters.signing_keys import SigningKey
from acrux.domain.access import ADMINISTRATOR, Principal
from acrux.domain.scope import Scope
from acrux.domain.token import AccessToken
from acrux.errors import InvalidToken
from acrux.services.tokens import Lifetimes, Tokens
from tests.adapters.minting import KEYS
from tests.http.conftest import HandClock

SERVICE = "registry.test"
LIFETIMES = Lifetimes(access=timedelta(minutes=75), refresh=timedelta(hours=3))
ADMIN = Principal("acrux", ADMINISTRATOR, epoch=5)
PULL = [Scope.parse("repository:app:pull")]


class CountingSigner(JwtSigner):
    """A signer that counts how many signatures it verified."""

    def __init__(self, key: SigningKey) -> None:
        super().__init__([key])
        self.verified = 0

    def read(self, text: str) -> AccessToken:
        """Count, then read."""
        self.verified += 1
        return super().read(text)


class HandRevocations:
    """Revocations that a test sets."""

    def __init__(self) -> None:
        self.least: dict[str, int] = {}

    def least_epoch(self, account: str) -> int:
        """What the test set."""
        return self.least.get(account, 0)

    async def refresh(self) -> None:
        """Nothing to learn."""


class Given:
    """Tokens, and what they stand on."""

    def __init__(self) -> None:
        self.signer = CountingSigner(next(iter(KEYS.values())))
        self.revocations = HandRevocations()
        self.clock = HandClock()
        self.tokens = Tokens(
            self.signer, self.revocations, self.clock, LIFETIMES, [SERVICE], remembered=2
        )

    def token(self) -> str:
        """A new access token."""
        return self.tokens.issue(ADMIN, SERVICE, PULL).text


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


def test_a_token_that_is_no_good_is_never_remembered() -> None:
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
    texts = [given.token() for _ in range(5)]

    for text in texts * 2:
        assert given.tokens.verify(text).principal == "acrux"
