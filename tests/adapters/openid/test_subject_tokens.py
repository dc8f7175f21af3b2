"""Tokens of external issuers: which are accepted and which never."""

import base64
import json
from typing import Any

import pytest

from acrux.adapters.openid.subject_tokens import (
    KEY_OF_ALGORITHM,
    MAX_KEYS,
    MAX_TOKEN_CHARACTERS,
    PublicKey,
    SubjectToken,
    issuer_of,
    read_keys,
)
from acrux.errors import InvalidToken
from tests.openid_provider import Key, make_key, published, sign

CLAIMS = {"iss": "https://issuer.test", "sub": "x"}
EC, RSA = make_key("ec"), make_key("rsa", "RSA")
SMALL_RSA = {"kty": "RSA", "kid": "small", "e": "AQAB", "n": base64.urlsafe_b64encode(
    bytes([255] * 127 + [1])).decode().rstrip("=")}  # fmt: skip


def public(*keys: Key) -> tuple[PublicKey, ...]:
    """The public halves, as an issuer publishes them."""
    return read_keys({"keys": published(keys)})


def raw(header: bytes, payload: bytes, signature: bytes = b"signature") -> str:
    """A token made of these bytes."""
    parts = (base64.urlsafe_b64encode(part).decode().rstrip("=") for part in
             (header, payload, signature))  # fmt: skip
    return ".".join(parts)


def with_payload(payload: bytes) -> str:
    """A token with this payload."""
    return raw(b'{"alg":"ES256"}', payload)


@pytest.mark.parametrize("algorithm", ["ES256", "RS256", "RS512", "PS256"])
def test_a_token_is_verified_with_the_key_that_signed_it(algorithm: str) -> None:
    """Issuers choose their own algorithms."""
    token = SubjectToken.parse(sign(CLAIMS, EC if algorithm == "ES256" else RSA, {}, algorithm))

    key = token.fitting(public(EC, RSA))

    assert key is not None
    assert token.verified(key) == CLAIMS


def test_headers_that_mean_nothing_here_are_ignored() -> None:
    """Entra ID sends x5t, others a nonce."""
    text = sign(CLAIMS, EC, {"x5t": "thumb", "nonce": "n", "typ": "at+JWT"})

    token = SubjectToken.parse(text)

    assert token.fitting(public(EC)) is not None


def test_a_token_without_kid_fits_the_only_key_of_its_type() -> None:
    """kid is required only if there are several (OpenID Connect Core 1.0 §10.1)."""
    token = SubjectToken.parse(sign(CLAIMS, EC, {"kid": None}))

    assert token.fitting(public(EC, RSA)) is not None
    assert token.fitting(public(EC, make_key("other"))) is None
    assert token.fitting(()) is None


@pytest.mark.parametrize(
    "entry",
    [
        None, "key", {}, {"kty": "oct", "k": "c2VjcmV0"}, {"kty": "EC"}, {"kty": "RSA", "n": 1},
        {"kty": "OKP", "crv": "Ed25519", "x": "x"}, {"kty": 7}, SMALL_RSA,
        {**published([EC])[0], "use": "enc"}, {**published([EC])[0], "key_ops": ["sign"]},
        {**published([EC])[0], "key_ops": 1}, {**published([EC])[0], "kid": 1},
        {**published([EC])[0], "x": "AA"}, {**published([EC])[0], "crv": "P-999"},
    ],
)  # fmt: skip
def test_a_key_that_cannot_or_must_not_verify_is_left_out(entry: object) -> None:
    """One unusual key must not make the others useless."""
    keys = read_keys({"keys": [entry, *published([RSA])]})

    assert [key.id for key in keys] == ["rsa"]


def test_an_invalid_key_set_holds_no_key() -> None:
    """Nor may one hold more keys than the limit."""
    assert read_keys({}) == read_keys({"keys": {}}) == ()
    assert len(read_keys({"keys": published([EC]) * (MAX_KEYS + 5)})) == MAX_KEYS


def test_an_algorithm_is_used_with_its_own_type_of_key_only() -> None:
    """RS256 with an EC key, or with a key for another algorithm, is refused."""
    token = SubjectToken.parse(sign(CLAIMS, RSA))
    other = [{**published([RSA])[0], "alg": "PS256"}]
    same_id = [{**published([EC])[0], "kid": "rsa"}]

    assert token.fitting(read_keys({"keys": other})) is None
    assert token.fitting(read_keys({"keys": same_id})) is None


def test_a_public_key_never_serves_as_an_hmac_secret() -> None:
    """The oldest confusion of all (RFC 8725 §2.1)."""
    assert not {name for name in KEY_OF_ALGORITHM if name.startswith(("HS", "none", "dir"))}


@pytest.mark.parametrize(
    "header",
    [
        {"alg": "none"}, {"alg": "HS256"}, {"alg": "None"}, {"alg": ["ES256"]}, {"alg": None}, {},
        {"alg": "ES256", "crit": ["x"]}, {"alg": "ES256", "jwk": published([EC])[0]},
        {"alg": "ES256", "jku": "https://evil.test"}, {"alg": "ES256", "x5c": []},
        {"alg": "ES256", "x5u": "https://evil.test"}, {"alg": "ES256", "b64": False},
        {"alg": "ES256", "typ": "logout+jwt"}, {"alg": "ES256", "typ": 1},
        {"alg": "ES256", "kid": 1},
    ],
)  # fmt: skip
def test_a_header_that_would_choose_how_it_is_verified_is_refused(header: dict[str, Any]) -> None:
    """Whatever its signature is (RFC 8725 §3)."""
    with pytest.raises(InvalidToken):
        SubjectToken.parse(raw(json.dumps(header).encode(), json.dumps(CLAIMS).encode()))


@pytest.mark.parametrize(
    "text",
    [
        "", "a", "a.b", "a.b.c.d", "a.b.", ".b.c", "a.b.c", "a b.c.d", "é.é.é", "a\n.b.c",
        with_payload(b""), with_payload(b"[]"), with_payload(b"7"), with_payload(b"{"),
        with_payload(b'{"sub":"a","sub":"b"}'), with_payload(b'{"a":{"b":1,"b":2}}'),
        with_payload(b'{"exp":NaN}'), with_payload(b'{"exp":Infinity}'),
        with_payload(b"\xff\xfe"), with_payload('{"a":1}'.encode("utf-16")),
        with_payload(b"[" * 9000), with_payload(b'{"a":' + b"1" * 5000 + b"}"),
        with_payload(b'{"a":"' + b"a" * MAX_TOKEN_CHARACTERS + b'"}'),
    ],
)  # fmt: skip
def test_a_text_that_is_not_a_token_is_refused(text: str) -> None:
    """It raises InvalidToken and nothing else."""
    with pytest.raises(InvalidToken):
        SubjectToken.parse(text)
    with pytest.raises(InvalidToken):
        issuer_of(text)


@pytest.mark.parametrize("payload", [b"{}", b'{"iss":1}', b'{"iss":["https://issuer.test"]}'])
def test_a_token_must_say_who_issued_it(payload: bytes) -> None:
    """Otherwise nobody knows whose keys to fetch."""
    with pytest.raises(InvalidToken):
        issuer_of(with_payload(payload))


def test_a_signature_of_another_key_is_invalid() -> None:
    """The id of a key is not a secret."""
    forged = SubjectToken.parse(sign(CLAIMS, make_key("ec")))
    (key,) = public(EC)
    assert forged.fitting([key]) == key

    with pytest.raises(InvalidToken, match="signature"):
        forged.verified(key)


def test_a_token_is_not_shown_when_it_is_printed() -> None:
    """It is a secret until it expires."""
    text = sign(CLAIMS, EC)

    assert text not in repr(SubjectToken.parse(text))
