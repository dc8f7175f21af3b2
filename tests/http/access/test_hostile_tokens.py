"""Forged tokens, at every place where a token can be presented."""

import hmac
import json
from collections.abc import Awaitable, Callable

import pytest
from cryptography.hazmat.primitives.serialization import Encoding, PublicFormat

from acrux.adapters.keys.signing_keys import SigningKey
from acrux.domain.access.token import TOKEN_USER
from acrux.settings import Settings
from tests.adapters.keys.minting import a_key, decode, encode, signed
from tests.http.caller import HOST, Answer, Caller, basic
from tests.http.conftest import HandClock
from tests.http.identities import World
from tests.http.oauth2.token_requests import post

FOREIGN = a_key()
SCOPE = "repository:*:*"


class Forge:
    """Takes a good token apart, changes it, and signs it again, usually with our own key."""

    def __init__(self, good: str, key: SigningKey, clock: HandClock) -> None:
        self.good = good
        self.key = key
        self.header, self.payload, self.signature = good.split(".")
        self.claims = json.loads(decode(self.payload))
        self.now = int(clock().timestamp())

    def headed(self, key: SigningKey | None = None, **header: object) -> str:
        """The same claims under another header."""
        return signed(decode(self.payload), {**self.key.header, **header}, key or self.key)

    def claiming(self, **claims: object) -> str:
        """Other claims, with a valid signature; a claim that is None is left out."""
        changed = {**self.claims, **claims}
        kept = {name: value for name, value in changed.items() if value is not None}
        return signed(json.dumps(kept).encode(), None, self.key)

    def saying(self, payload: bytes) -> str:
        """Any payload, with a valid signature."""
        return signed(payload, self.key.header, self.key)

    def under_a_shared_secret(self, secret: bytes) -> str:
        """Signed with HMAC, our public key as the secret (RFC 8725 §2.1)."""
        header = encode(json.dumps({**self.key.header, "alg": "HS256"}).encode())
        text = f"{header}.{self.payload}"
        return f"{text}.{encode(hmac.digest(secret, text.encode(), 'sha256'))}"

    @property
    def public_pem(self) -> bytes:
        """Our public key, which anybody can fetch."""
        return self.key.jwk.public_key.public_bytes(Encoding.PEM, PublicFormat.SubjectPublicKeyInfo)


FORGED: dict[str, Callable[[Forge], str]] = {
    "alg none": lambda f: (
        f"{encode(json.dumps({**f.key.header, 'alg': 'none'}).encode())}.{f.payload}."
    ),
    "alg none, with a signature": lambda f: f.headed(alg="none"),
    "alg nOnE": lambda f: f.headed(alg="nOnE"),
    "alg HS256 with the public key": lambda f: f.under_a_shared_secret(f.public_pem),
    "alg HS256 with an empty key": lambda f: f.under_a_shared_secret(b""),
    "alg RS256": lambda f: f.headed(alg="RS256"),
    "alg ES512": lambda f: f.headed(alg="ES512"),
    "no alg": lambda f: signed(decode(f.payload), {"typ": "JWT", "kid": f.key.id}, f.key),
    "a foreign key": lambda f: f.headed(FOREIGN),
    "a foreign key and its kid": lambda f: f.headed(FOREIGN, kid=FOREIGN.id),
    "a jwk of its own": lambda f: f.headed(FOREIGN, jwk=FOREIGN.public),
    "a jwk of its own and its kid": lambda f: f.headed(FOREIGN, jwk=FOREIGN.public, kid=FOREIGN.id),
    "our jwk": lambda f: f.headed(jwk=f.key.public),
    "a jku": lambda f: f.headed(FOREIGN, jku="https://evil.test/keys"),
    "an x5u": lambda f: f.headed(FOREIGN, x5u="https://evil.test/cert"),
    "an x5c": lambda f: f.headed(FOREIGN, x5c=["MIIB"]),
    "an unknown crit": lambda f: f.headed(crit=["evil"], evil=True),
    "a crit of b64": lambda f: f.headed(crit=["b64"], b64=False),
    "an empty crit": lambda f: f.headed(crit=[]),
    "a kid that is a path": lambda f: f.headed(kid="../../../dev/null"),
    "a kid that is a query": lambda f: f.headed(kid="' OR 1=1 --"),
    "no kid": lambda f: signed(decode(f.payload), {"alg": "ES256", "typ": "JWT"}, f.key),
    "zip": lambda f: f.headed(zip="DEF"),
    "typ of another kind": lambda f: f.headed(typ="at+jwt"),
    "another audience": lambda f: f.claiming(aud="other.test"),
    "an audience that begins as ours": lambda f: f.claiming(aud=f"{HOST}.evil.test"),
    "a list of audiences": lambda f: f.claiming(aud=[HOST]),
    "no audience": lambda f: f.claiming(aud=None),
    "another issuer": lambda f: f.claiming(iss="Azure Container Registry "),
    "no issuer": lambda f: f.claiming(iss=None),
    "another version": lambda f: f.claiming(version="2.0"),
    "another kind": lambda f: f.claiming(grant_type="id_token"),
    "no kind": lambda f: f.claiming(grant_type=None),
    "two kinds": lambda f: f.claiming(grant_type=["access_token", "refresh_token"]),
    "ended": lambda f: f.claiming(exp=f.now - 31),
    "ended long ago": lambda f: f.claiming(exp=1),
    "no end": lambda f: f.claiming(exp=None),
    "an end beyond all": lambda f: f.claiming(exp=10**300),
    "an end that is no number": lambda f: f.claiming(exp="never"),
    "an end that is true": lambda f: f.claiming(exp=True),
    "an end in fractions": lambda f: f.claiming(exp=f.now + 60.5),
    "not valid yet": lambda f: f.claiming(iat=f.now + 31, nbf=f.now + 31),
    "valid from elsewhen": lambda f: f.claiming(nbf=f.now - 60),
    "a revoked epoch": lambda f: f.claiming(epoch=0),
    "no epoch": lambda f: f.claiming(epoch=None),
    "a negative epoch": lambda f: f.claiming(epoch=-1),
    "an epoch that is text": lambda f: f.claiming(epoch="9" * 20),
    "an epoch beyond all": lambda f: f.claiming(epoch=10**30),
    "no subject": lambda f: f.claiming(sub=None),
    "a subject that is a list": lambda f: f.claiming(sub=["acrux"]),
    "a claim that stands twice": lambda f: f.saying(decode(f.payload)[:-1] + b',"sub":"acrux"}'),
    "an audience that stands twice": lambda f: f.saying(
        decode(f.payload)[:-1] + f',"aud":"{HOST}"}}'.encode()
    ),
    "a claim that stands twice in escapes": lambda f: f.saying(
        decode(f.payload)[:-1] + b',"\\u0073ub":"acrux"}'
    ),
    "no claims": lambda f: f.saying(b"{}"),
    "a list of claims": lambda f: f.saying(b"[" + decode(f.payload) + b"]"),
    "no JSON": lambda f: f.saying(b"sub=acrux"),
    "no UTF-8": lambda f: f.saying(b'{"sub":"\xff"}'),
    "a deep nest": lambda f: f.saying(b'{"a":' * 3000 + b"1" + b"}" * 3000),
    "a changed signature": lambda f: f"{f.header}.{f.payload}.{encode(bytes(64))}",
    "no signature": lambda f: f"{f.header}.{f.payload}.",
    "half of it": lambda f: f.good[: len(f.good) // 2],
    "two of them": lambda f: f"{f.good}.{f.good}",
    "a space before it": lambda f: f" {f.good}"[1:] + "=",
    "a line within it": lambda f: f"{f.header}.\n{f.payload}.{f.signature}",
    "a zero after it": lambda f: f"{f.good}\x00",
    "another spelling of it": lambda f: f"{f.header}==.{f.payload}.{f.signature}",
    "the parts of a JWE": lambda f: f"{f.header}..{f.payload}.{f.signature}.AAAA",
}


async def as_bearer(caller: Caller, token: str) -> Answer:
    """Straight on the API."""
    return await caller.call("GET", "/v2/", headers={"Authorization": f"Bearer {token}"})


async def as_a_password(caller: Caller, token: str) -> Answer:
    """Straight on the API, as docker does if nothing asks it for a token."""
    return await caller.call("GET", "/v2/", headers={"Authorization": basic(TOKEN_USER, token)})


async def as_a_password_at_get(caller: Caller, token: str) -> Answer:
    """Docker login."""
    return await Caller(caller.registry, TOKEN_USER, token).token(SCOPE, offline_token="true")


async def as_a_password_at_post(caller: Caller, token: str) -> Answer:
    """containerd."""
    return await post(
        caller, grant_type="password", username=TOKEN_USER, password=token, scope=SCOPE
    )


async def as_a_refresh_token(caller: Caller, token: str) -> Answer:
    """Azure's SDKs."""
    return await post(caller, grant_type="refresh_token", refresh_token=token, scope=SCOPE)


async def as_an_access_token_to_exchange(caller: Caller, token: str) -> Answer:
    """az acr login."""
    return await post(caller, "/oauth2/exchange", grant_type="access_token", access_token=token)


async def as_both_tokens_to_exchange(caller: Caller, token: str) -> Answer:
    """AKS."""
    return await post(
        caller,
        "/oauth2/exchange",
        grant_type="access_token_refresh_token",
        access_token=token,
        refresh_token=token,
    )


async def as_a_refresh_token_to_exchange(caller: Caller, token: str) -> Answer:
    """The third grant."""
    return await post(caller, "/oauth2/exchange", grant_type="refresh_token", refresh_token=token)


Show = Callable[[Caller, str], Awaitable[Answer]]
OPENS_FOR_ACCESS = (as_bearer, as_a_password, as_a_password_at_get, as_a_password_at_post)
OPENS_FOR_REFRESH = (
    as_a_password,
    as_a_password_at_get,
    as_a_password_at_post,
    as_a_refresh_token,
    as_an_access_token_to_exchange,
    as_both_tokens_to_exchange,
    as_a_refresh_token_to_exchange,
)
EVERYWHERE: tuple[Show, ...] = tuple(dict.fromkeys((*OPENS_FOR_ACCESS, *OPENS_FOR_REFRESH)))


@pytest.fixture
async def forges(stranger: Caller, settings: Settings, clock: HandClock) -> dict[str, Forge]:
    """A Forge for a good token of each kind."""
    world = World(stranger, settings, clock, (SCOPE,))
    (stored,) = await stranger.registry.adapters.keys.signing.load()
    await stranger.registry.services.accounts.revoke("acrux")  # anything with the epoch 0
    tokens = {"access": await world.admin_access(), "refresh": await world.admin_refresh()}
    return {kind: Forge(token, stored.key, clock) for kind, token in tokens.items()}


@pytest.mark.parametrize("kind", ["access", "refresh"])
async def test_a_token_that_was_only_signed_again_is_accepted_where_its_kind_is(
    stranger: Caller, forges: dict[str, Forge], kind: str
) -> None:
    """Without this, the refusals below would prove nothing. No kind opens what the other does."""
    opens = OPENS_FOR_ACCESS if kind == "access" else OPENS_FOR_REFRESH

    statuses = {show: (await show(stranger, forges[kind].claiming())).status for show in EVERYWHERE}

    assert statuses == {show: 200 if show in opens else 401 for show in EVERYWHERE}


@pytest.mark.parametrize("forged", FORGED)
async def test_a_hostile_token_is_refused_everywhere(
    stranger: Caller, forges: dict[str, Forge], forged: str
) -> None:
    """It gets a 400 or a 401, never a token and never a 500."""
    for kind, forge in forges.items():
        token = FORGED[forged](forge)
        for show in EVERYWHERE:
            answer = await show(stranger, token)
            assert answer.status in (400, 401), (kind, show)
            assert set(answer.json) == {"errors"}, (kind, show)


@pytest.mark.parametrize("kind", ["access", "refresh"])
async def test_a_token_over_the_bound_is_refused_everywhere(
    stranger: Caller, forges: dict[str, Forge], kind: str
) -> None:
    """Nobody may make us verify megabytes; a form or a header of a megabyte is not even read."""
    token = forges[kind].claiming(extra="x" * 1024 * 1024)

    for show in EVERYWHERE:
        assert (await show(stranger, token)).status in (401, 413, 431)


async def test_no_hostile_token_continues_an_upload(
    stranger: Caller, forges: dict[str, Forge], clock: HandClock
) -> None:
    """The capability outlives the token, but only a token of ours."""
    bearer = {"Authorization": f"Bearer {forges['access'].good}"}
    begun = await stranger.call("POST", "/v2/app/blobs/uploads/", headers=bearer)
    clock.forward(minutes=59)
    renewed = await stranger.call("GET", begun.header("Location") or "", headers=bearer)
    location = renewed.header("Location") or ""
    clock.forward(minutes=17)
    assert (await stranger.call("GET", location, headers=bearer)).status == 204

    ended = {"ended", "ended long ago", "not valid yet"}  # which this path forgives
    for name, forged in FORGED.items():
        for kind, forge in forges.items():
            answer = await stranger.call(
                "GET", location, headers={"Authorization": f"Bearer {forged(forge)}"}
            )
            is_forgiven = kind == "access" and name in ended
            assert answer.status in ((204,) if is_forgiven else (401, 400)), (kind, name)
