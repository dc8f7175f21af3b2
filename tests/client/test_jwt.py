"""What a token says, and which key signed it."""

import base64
import hmac
import json
from datetime import UTC, datetime, timedelta

import pytest
from joserfc import jwt as jose
from joserfc.jwk import ECKey, KeySet, RSAKey

from acrux.client import jwt
from acrux.client.errors import SignatureRefused, TokenUnreadable

NOW = datetime(2026, 1, 1, tzinfo=UTC)
CLAIMS = {"sub": "alice", "exp": int(NOW.timestamp()) + 90}
EC = ECKey.generate_key("P-256", parameters={"kid": "ec"})
RSA = RSAKey.generate_key(2048, parameters={"kid": "rsa"})
KEYS = KeySet([EC, RSA]).as_dict(private=False)


def token(algorithm: str = "ES256", key: ECKey | RSAKey = EC) -> str:
    """A signed token."""
    header = {"alg": algorithm, "kid": key.kid or "ec"}
    return jose.encode(header, CLAIMS, key, [algorithm])


def encoded(content: object) -> str:
    """An encoded part of a token."""
    return base64.urlsafe_b64encode(json.dumps(content).encode()).decode().rstrip("=")


def test_a_token_is_decoded_without_its_key() -> None:
    """After a refusal you first want to see what the token grants."""
    decoded = jwt.decode(f"{token()}\n")

    assert decoded.header == {"typ": "JWT", "alg": "ES256", "kid": "ec"}
    assert decoded.claims == CLAIMS
    assert decoded.life_left(NOW) == timedelta(seconds=90)


@pytest.mark.parametrize("exp", [None, "soon", True, 1e300, float("nan")])
def test_a_token_without_a_sensible_expiry_states_none(exp: object) -> None:
    """A strange claim must not hide the others."""
    assert jwt.DecodedToken({}, {"exp": exp}).life_left(NOW) is None


@pytest.mark.parametrize(
    "text", ["", "opaque", "a.b", "a.b.c", "e30.W10.", "e30.e30.e30.e30", "é.é.é"]
)
def test_a_text_that_is_not_a_jwt_is_reported(text: str) -> None:
    """Opaque tokens exist, and a traceback would not say so."""
    with pytest.raises(TokenUnreadable, match="token"):
        jwt.decode(text)


@pytest.mark.parametrize(("algorithm", "key"), [("ES256", EC), ("RS256", RSA)])
def test_a_good_signature_is_reported_with_its_algorithm(
    algorithm: str, key: ECKey | RSAKey
) -> None:
    """With both algorithms that acrux uses."""
    assert jwt.verify(token(algorithm, key), KEYS) == algorithm


def test_a_changed_claim_is_seen() -> None:
    """The signature is the only reason to believe a claim."""
    header, _, signature = token().split(".")
    forged = f"{header}.{encoded({**CLAIMS, 'sub': 'admin'})}.{signature}"

    with pytest.raises(SignatureRefused):
        jwt.verify(forged, KEYS)


def test_a_foreign_key_is_seen() -> None:
    """A token of another registry is not valid here."""
    foreign = ECKey.generate_key("P-256", parameters={"kid": "ec"})

    with pytest.raises(SignatureRefused):
        jwt.verify(token(key=foreign), KEYS)


def test_a_public_key_is_not_taken_for_a_shared_secret() -> None:
    """HS256 with the published key is the oldest forgery."""
    signed = f"{encoded({'alg': 'HS256', 'kid': 'rsa'})}.{encoded(CLAIMS)}"
    mac = hmac.digest(RSA.as_pem(private=False), signed.encode(), "sha256")
    forged = f"{signed}.{base64.urlsafe_b64encode(mac).decode().rstrip('=')}"

    with pytest.raises(SignatureRefused):
        jwt.verify(forged, KEYS)


def test_no_algorithm_is_no_signature() -> None:
    """Anybody can make a token with `none`."""
    with pytest.raises(SignatureRefused):
        jwt.verify("eyJhbGciOiJub25lIn0.e30.", KEYS)


@pytest.mark.parametrize("keys", [None, [], {}, {"keys": 1}, {"keys": [{"kty": "?"}]}, "x"])
def test_an_invalid_key_set_is_reported(keys: object) -> None:
    """An error page in place of the keys is not a bad signature."""
    with pytest.raises((TokenUnreadable, SignatureRefused)):
        jwt.verify(token(), keys)
