"""Trusts and their identities: a real database, an issuer taken at word."""

from datetime import timedelta

import pytest
from msgspec.structs import replace

from acrux.adapters.sql.access.revocations import SqlRevocations
from acrux.adapters.sql.access.scope_maps import SqlScopeMaps
from acrux.adapters.sql.access.trusts import SqlTrusts
from acrux.adapters.sqlite.database import SqliteDatabase
from acrux.domain.access.federated import Claims, FederatedIdentity
from acrux.domain.access.scope_maps import NOTHING
from acrux.domain.access.trust import ClaimRule, Trust
from acrux.errors import BadCredentials, Denied, InvalidInput, InvalidToken
from acrux.services.access.federation import MAX_OBJECTION_CHARACTERS, Federation, TokenTest
from acrux.services.access.trusts import Trusts
from tests.http.conftest import HandClock

ISSUER = "https://issuer.test"
TRUST = Trust(
    name="ci",
    issuer=ISSUER,
    audience="registry.test",
    rules=(ClaimRule("sub", "a-*"),),
    permissions=("repositories/app/content/read",),
)
LONGEST = timedelta(hours=3)


class Believed:
    """An issuer whose every token is believed: a token is its subject."""

    def __init__(self, clock: HandClock) -> None:
        self._clock = clock

    def issuer_of(self, text: str) -> str:
        """This issuer, for any token."""
        if not text:
            raise InvalidToken("no token")
        return ISSUER

    async def read(self, text: str, issuer: str) -> Claims:
        """A valid token of the subject."""
        now = self._clock().timestamp()
        return {"iss": issuer, "aud": "registry.test", "sub": text, "iat": now, "exp": now + 300}


class Overtaken(SqlTrusts):
    """Trusts that somebody else disables just before each change."""

    async def replace(self, trust: Trust, epoch: int, was: int) -> bool:
        """Replace the trust, as the second to do so."""
        await super().replace(replace(TRUST, is_enabled=False), epoch, was)
        return await super().replace(trust, epoch, was)


class Given:
    """Both services on one database."""

    def __init__(self, database: SqliteDatabase, clock: HandClock, stored: SqlTrusts) -> None:
        self.trusts = Trusts(
            stored, SqlScopeMaps(database), SqlRevocations(database), clock, LONGEST
        )
        self.federation = Federation(stored, Believed(clock), clock)


@pytest.fixture
def given(database: SqliteDatabase, clock: HandClock) -> Given:
    """No trusts yet."""
    return Given(database, clock, SqlTrusts(database))


async def test_an_identity_is_found_again_as_long_as_its_trust_exists(given: Given) -> None:
    """A refresh token is redeemed without the issuer, and never without the trust."""
    await given.trusts.create(TRUST)
    principal = await given.federation.authenticate("a-subject")
    assert principal.federated == FederatedIdentity("ci", "a-subject")
    assert principal.authentication_method == "trust ci"

    assert await given.federation.find(principal.federated) == principal
    assert await given.federation.scope_map(principal.federated) == principal.scope_map
    await given.trusts.change("ci", lambda old: replace(old, is_enabled=False))
    await _is_gone(given.federation, principal.federated)
    await given.trusts.delete("ci")
    await _is_gone(given.federation, principal.federated)


async def _is_gone(federation: Federation, identity: FederatedIdentity) -> None:
    assert await federation.scope_map(identity) == NOTHING
    with pytest.raises(BadCredentials, match="deleted or disabled"):
        await federation.find(identity)


async def test_the_reasons_are_for_the_operator(given: Given) -> None:
    """The caller never learns the details of a refusal."""
    await given.trusts.create(TRUST)

    with pytest.raises(BadCredentials) as unknown:
        await given.federation.authenticate("")
    (examined,) = await given.federation.examine("b-subject")

    assert unknown.value.message == "retrieving permissions failed: no token"
    assert examined.verdict.objections == ("the claim sub is 'b-subject', but must be 'a-*'",)
    assert examined.scope_map == NOTHING
    assert not given.federation.is_subject_token("")
    assert given.federation.is_subject_token("a-subject")


async def test_a_token_that_is_refused_is_a_result_of_its_test(given: Given) -> None:
    """Who tests a token for somebody else has not presented a wrong credential."""
    await given.trusts.create(TRUST)

    refused = (await given.federation.test("")).refusal
    tested = await given.federation.test("b-subject")

    assert refused is not None
    assert refused.message == "no token"
    assert tested == TokenTest(await given.federation.examine("b-subject"))


@pytest.mark.parametrize(
    ("trust", "said"),
    [
        (TRUST, "already"),
        (replace(TRUST, name="other", rules=()), "needs a rule"),
        (replace(TRUST, name="other", lifetime=LONGEST * 2), "must not exceed"),
        (replace(TRUST, name="other", permissions=(), scope_map="typo"), "no scope map"),
    ],
)
async def test_an_invalid_trust_is_refused_with_a_reason(
    given: Given, trust: Trust, said: str
) -> None:
    """And nothing changes."""
    created = await given.trusts.create(TRUST)

    with pytest.raises(InvalidInput, match=said):
        await given.trusts.create(trust)

    assert await given.trusts.list() == (created,)


async def test_a_trust_keeps_its_name(given: Given) -> None:
    """Its tokens are revoked by this name."""
    await given.trusts.create(TRUST)

    changed = await given.trusts.change("ci", lambda old: replace(old, name="evil"))

    assert changed.trust == TRUST


async def test_a_change_does_not_undo_what_somebody_else_did_meanwhile(
    database: SqliteDatabase, clock: HandClock
) -> None:
    """A trust that was disabled in haste would be enabled again."""
    given = Given(database, clock, Overtaken(database))
    await given.trusts.create(TRUST)

    with pytest.raises(InvalidInput, match="meanwhile"):
        await given.trusts.change("ci", lambda old: replace(old, audience="other.test"))

    assert (await given.trusts.show("ci")).trust == replace(TRUST, is_enabled=False)


async def test_no_more_reasons_are_recorded_than_fit_a_page(given: Given) -> None:
    """At a shared issuer anybody can get tokens that are refused, and fill the audit with them."""
    for number in range(100):
        await given.trusts.create(replace(TRUST, name=f"ci-{number}"))

    with pytest.raises(Denied) as refused:
        await given.federation.authenticate("b-subject")

    assert len(refused.value.detail["objections"]) == MAX_OBJECTION_CHARACTERS
