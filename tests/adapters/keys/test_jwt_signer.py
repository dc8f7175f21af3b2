"""Tokens as JWTs: what is signed, and what is read back."""

import base64
import hashlib
import json
from datetime import UTC, datetime, timedelta, timezone

import pytest
from cryptography.hazmat.primitives import hashes
from cryptography.hazmat.primitives.asymmetric import ec, padding, rsa
from cryptography.hazmat.primitives.asymmetric.utils import encode_dss_signature
from hypothesis import given
from hypothesis import strategies as st
from joserfc import jws
from joserfc.jwk import KeySet

from acrux.adapters.keys.claims import write_payload
from acrux.adapters.keys.jwt_signer import JwtSigner
from acrux.domain.access.grants import Grant
from acrux.domain.access.scope import Scope
from acrux.domain.access.token import AccessToken
from tests.adapters.keys.minting import (
    ISSUED_AT,
    KEY,
    KEYS,
    SIGNER,
    TOKEN,
    claims_of,
    decode,
    each_algorithm,
    encode,
    header_of,
    with_claims,
)


def test_a_token_holds_exactly_the_claims_that_acr_gives_it() -> None:
    """`az` and acr-cli read them by these names (acr-protocol.md §3.4)."""
    assert claims_of(SIGNER.sign(TOKEN)) == {
        "jti": "6b0b6e2c-9a0e-4c06-8a4c-0b8a3cb6a6b5",
        "sub": "acrux",
        "nbf": 1795233600,
        "exp": 1795238100,
        "iat": 1795233600,
        "iss": "Azure Container Registry",
        "aud": "localhost:5000",
        "version": "1.0",
        "access": [
            {
                "type": "repository",
                "name": "hello-world",
                "actions": ["pull", "push", "metadata_read"],
            },
            {"type": "registry", "name": "catalog", "actions": ["*"]},
        ],
        "roles": [],
        "grant_type": "access_token",
        "epoch": 0,  # ours: it revokes them all at once
    }


@each_algorithm
def test_the_header_says_algorithm_type_and_key_and_nothing_else(algorithm: str) -> None:
    """Some verifier might obey any other member of a header."""
    header = header_of(JwtSigner([KEYS[algorithm]]).sign(TOKEN))

    assert header == {"alg": algorithm, "typ": "JWT", "kid": KEYS[algorithm].id}


def test_the_kid_is_the_rfc_7638_thumbprint_of_the_key() -> None:
    """Verifiers such as distribution find the key by it."""
    public = KEY.public
    required = {name: public[name] for name in ("crv", "kty", "x", "y")}
    canonical = json.dumps(required, separators=(",", ":")).encode()

    assert encode(hashlib.sha256(canonical).digest()) == KEY.id


def test_an_es256_signature_is_the_64_octets_that_rfc_7518_writes() -> None:
    """Every other verifier would refuse a DER signature."""
    signing_input, _, signature = SIGNER.sign(TOKEN).rpartition(".")
    octets = decode(signature)
    r, s = int.from_bytes(octets[:32], "big"), int.from_bytes(octets[32:], "big")
    public_key = KEY.jwk.public_key
    assert isinstance(public_key, ec.EllipticCurvePublicKey)

    assert len(octets) == 64
    public_key.verify(encode_dss_signature(r, s), signing_input.encode(), ec.ECDSA(hashes.SHA256()))


def test_an_rs256_signature_is_pkcs1_v1_5_with_sha_256() -> None:
    """RS256 is for clients that support nothing else."""
    signing_input, _, signature = JwtSigner([KEYS["RS256"]]).sign(TOKEN).rpartition(".")
    public_key = KEYS["RS256"].jwk.public_key
    assert isinstance(public_key, rsa.RSAPublicKey)

    public_key.verify(
        decode(signature), signing_input.encode(), padding.PKCS1v15(), hashes.SHA256()
    )


@each_algorithm
def test_a_token_verifies_with_the_published_keys_alone(algorithm: str) -> None:
    """`acrux auth inspect --jwks` does this, and every service that trusts this registry."""
    signer = JwtSigner([KEYS[algorithm]])
    text = signer.sign(TOKEN)

    key_set = KeySet.import_key_set(json.loads(json.dumps(signer.public_keys())))

    assert jws.deserialize_compact(text, key_set, algorithms=[algorithm]).payload


@given(sub=st.text(), name=st.text(), audience=st.text())
def test_a_payload_holds_no_dash_and_no_underscore_in_base64url(
    sub: str, name: str, audience: str
) -> None:
    """The Python and the Go SDK decode it with the standard alphabet (acr-protocol.md §3.6)."""
    claims: dict[str, object] = {"sub": sub, name: audience}

    payload = write_payload(claims)

    assert not {"-", "_"} & set(encode(payload))
    assert json.loads(payload) == claims


@pytest.mark.parametrize("shift", range(3))
@pytest.mark.parametrize("character", [">", "?", "~", "\x7f", "ÿ", "\U0001f600"])
def test_each_character_that_could_bring_a_dash_or_an_underscore_is_escaped(
    character: str, shift: int
) -> None:
    """At one of three offsets, each of these would break a client."""
    payload = write_payload({"s": "x" * shift + character * 3})

    assert not {"-", "_"} & set(encode(payload))
    assert base64.b64decode(encode(payload) + "==")


names = st.text(max_size=60)
scopes = st.builds(Scope, names, names, st.frozensets(names, max_size=6))
# The seconds from 1970 to the end of 9998.
instants = st.integers(0, 253_370_764_799).map(lambda at: datetime.fromtimestamp(at, UTC))
tokens = st.builds(
    AccessToken,
    id=names,
    grant=st.builds(Grant, names, st.lists(scopes, max_size=5).map(tuple)),
    audience=names,
    issued_at=instants,
    expires_at=instants,
)


@given(tokens)
def test_what_was_signed_is_read_back(token: AccessToken) -> None:
    """A permission that changed on the way would be granted or lost by mistake."""
    assert SIGNER.read(SIGNER.sign(token)) == token


@each_algorithm
def test_both_algorithms_read_what_they_signed(algorithm: str) -> None:
    """RS256 is a setting, and must do all that ES256 does."""
    signer = JwtSigner([KEYS[algorithm]])

    assert signer.read(signer.sign(TOKEN)) == TOKEN


def test_instants_are_read_as_whole_seconds_in_utc() -> None:
    """A token signed in another time zone must not be valid for hours longer."""
    zone = timezone(timedelta(hours=9))
    local = AccessToken(
        "id", TOKEN.grant, "host", ISSUED_AT.astimezone(zone), TOKEN.expires_at.astimezone(zone)
    )

    read = SIGNER.read(SIGNER.sign(local))

    assert read.issued_at == ISSUED_AT
    assert read.issued_at.tzinfo is UTC


def test_a_token_of_an_older_key_is_read_while_the_newest_signs() -> None:
    """Rotating keys must not invalidate the tokens already issued."""
    older, newest = KEYS["RS256"], KEYS["ES256"]
    signer = JwtSigner([newest, older])

    assert signer.read(JwtSigner([older]).sign(TOKEN)) == TOKEN
    assert header_of(signer.sign(TOKEN))["kid"] == newest.id


def test_a_claim_that_is_not_understood_is_ignored() -> None:
    """A newer version may add one while an older version still runs (RFC 7519 §4)."""
    assert SIGNER.read(with_claims(rid="a registry id")) == TOKEN


def test_an_access_entry_without_actions_is_read_and_permits_nothing() -> None:
    """A token grants only what it states."""
    text = with_claims(access=[{"type": "repository", "name": "hello-world", "actions": []}])

    grant = SIGNER.read(text).grant

    assert not grant.permits(Scope("repository", "hello-world", frozenset({"pull"})))
    assert not grant.permits(Scope("repository", "hello-world", frozenset()))
