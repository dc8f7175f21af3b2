"""Tokens whose header is not ours are refused, whoever signed them."""

import hmac
import json

import pytest
from cryptography.hazmat.primitives.serialization import (
    Encoding,
    PublicFormat,
)
from joserfc import jws
from joserfc.jwk import ECKey

from acrux.adapters.keys.jwt_signer import JwtSigner
from acrux.adapters.keys.signing_keys import SigningKey
from tests.adapters.keys.minting import (
    KEY,
    KEYS,
    SIGNER,
    TOKEN,
    a_key,
    decode,
    each_algorithm,
    encode,
    refusal,
    signed,
    with_claims,
)

# RFC 7515 appendix A.3: the example of ES256.
RFC_7515_A3_KEY: dict[str, str | list[str]] = {
    "kty": "EC",
    "crv": "P-256",
    "x": "f83OJ3D2xF1Bg8vub9tLe1gHMzV76e8Tus9uPHvRVEU",
    "y": "x_FEzRu9m36HLN_tue659LNpXW6pCyStikYjKIWI5a0",
    "d": "jpsQnnGQmL-YBIffH1136cspYG6-0iY7X1fCE9-E9LI",
}
RFC_7515_A3_JWS = (
    "eyJhbGciOiJFUzI1NiJ9"
    ".eyJpc3MiOiJqb2UiLA0KICJleHAiOjEzMDA4MTkzODAsDQogImh0dHA6Ly9leGFtcGxlLmNvbS9pc19yb290Ijp0"
    "cnVlfQ"
    ".DtEhU3ljbEg8L38VWAfUAqOyKAM6-Xx-F4GawxaepmXFCgfTjDxw5djxLa8ISlSApmWQxfKTUJqPP3-Kg6NU1Q"
)
# RFC 7519 §3.1 (HS256) and §6.1 (unsecured).
RFC_7519_JWT = (
    "eyJ0eXAiOiJKV1QiLA0KICJhbGciOiJIUzI1NiJ9"
    ".eyJpc3MiOiJqb2UiLA0KICJleHAiOjEzMDA4MTkzODAsDQogImh0dHA6Ly9leGFtcGxlLmNvbS9pc19yb290Ijp0"
    "cnVlfQ"
    ".dBjftJeZ4CVP-mB92K27uhbUJU1p1r_wW1gFWFOEjXk"
)
RFC_7519_UNSECURED = (
    "eyJhbGciOiJub25lIn0"
    ".eyJpc3MiOiJqb2UiLA0KICJleHAiOjEzMDA4MTkzODAsDQogImh0dHA6Ly9leGFtcGxlLmNvbS9pc19yb290Ijp0"
    "cnVlfQ."
)


def test_the_helper_of_these_tests_signs_what_is_accepted() -> None:
    """Else the refusals below would prove nothing."""
    assert SIGNER.read(with_claims()) == TOKEN


def test_alg_none_is_refused() -> None:
    """RFC 8725 §2.1: a token that nobody signed."""
    header, payload, _ = SIGNER.sign(TOKEN).split(".")
    unsigned = encode(json.dumps({**KEY.header, "alg": "none"}).encode())

    assert "not signed by this registry" in refusal(f"{unsigned}.{payload}.AAAA")
    assert refusal(f"{unsigned}.{payload}.")
    assert refusal(f"{header}.{payload}.")


@pytest.mark.parametrize("alg", ["NONE", "None", "nOnE", "", "es256", "ES384", "RS256", "HS256"])
def test_any_other_algorithm_than_the_keys_own_is_refused(alg: str) -> None:
    """RFC 8725 §3.1: the key decides its algorithm, never the token."""
    payload = decode(SIGNER.sign(TOKEN).split(".")[1])

    assert "not signed by this registry" in refusal(signed(payload, {**KEY.header, "alg": alg}))


@pytest.mark.parametrize("form", ["pem", "der", "jwk", "kid"])
@each_algorithm
def test_an_hmac_under_the_public_key_is_refused(algorithm: str, form: str) -> None:
    """RFC 8725 §2.1: the public key is public, so anybody could sign with it as a secret."""
    key = KEYS[algorithm]
    spki = PublicFormat.SubjectPublicKeyInfo
    shared = {
        "pem": key.jwk.public_key.public_bytes(Encoding.PEM, spki),
        "der": key.jwk.public_key.public_bytes(Encoding.DER, spki),
        "jwk": json.dumps(key.public).encode(),
        "kid": key.id.encode(),
    }[form]
    payload = JwtSigner([key]).sign(TOKEN).split(".")[1]
    for alg in ("HS256", algorithm):  # and the same signature under the right header
        header = encode(json.dumps({**key.header, "alg": alg}, separators=(",", ":")).encode())
        signature = hmac.digest(shared, f"{header}.{payload}".encode(), "sha256")

        assert refusal(f"{header}.{payload}.{encode(signature)}", JwtSigner([key]))


def test_a_foreign_key_under_our_kid_is_refused() -> None:
    """The kid is a hint, and no proof."""
    foreign = a_key()
    payload = decode(SIGNER.sign(TOKEN).split(".")[1])

    assert "signature is invalid" in refusal(signed(payload, KEY.header, foreign))


def test_a_key_of_ours_under_the_kid_of_another_is_refused() -> None:
    """Each key verifies its own tokens only."""
    other = a_key()
    payload = decode(SIGNER.sign(TOKEN).split(".")[1])

    assert "signature is invalid" in refusal(
        signed(payload, other.header, KEY), JwtSigner([KEY, other])
    )


def test_an_unknown_kid_is_refused() -> None:
    """Tokens of another registry, or of a key that was retired, are not ours."""
    assert "its key is no longer in use" in refusal(JwtSigner([a_key()]).sign(TOKEN))


@pytest.mark.parametrize("kid", ["", "../../etc/passwd", "' OR 1=1 --", 0, None, ["x"], {}])
def test_a_kid_that_is_no_thumbprint_of_ours_is_refused(kid: object) -> None:
    """RFC 8725 §3.10: it is compared, and never used to look anything up elsewhere."""
    payload = decode(SIGNER.sign(TOKEN).split(".")[1])

    assert refusal(signed(payload, {**KEY.header, "kid": kid}))


@pytest.mark.parametrize("missing", ["alg", "typ", "kid"])
def test_a_header_that_lacks_a_member_is_refused(missing: str) -> None:
    """Nothing is guessed: not the key, not the algorithm, not the type."""
    payload = decode(SIGNER.sign(TOKEN).split(".")[1])
    header: dict[str, object] = {k: v for k, v in KEY.header.items() if k != missing}

    assert "not signed by this registry" in refusal(signed(payload, header))


def test_a_key_that_a_token_brings_along_is_refused() -> None:
    """CVE-2026-27962: whoever brings the key could have signed anything."""
    foreign = a_key()
    payload = decode(SIGNER.sign(TOKEN).split(".")[1])
    for kid in (foreign.id, KEY.id):
        header: dict[str, object] = {**KEY.header, "kid": kid, "jwk": foreign.public}

        assert refusal(signed(payload, header, foreign))
        assert refusal(signed(payload, header, KEY))


@pytest.mark.parametrize(
    "brought",
    [
        {"jwk": KEY.public},
        {"jku": "https://example.com/jwks.json"},
        {"x5c": ["MIIB"]},
        {"x5u": "https://example.com/chain.pem"},
        {"x5t": "x"},
        {"x5t#S256": "x"},
        {"crit": []},
        {"crit": ["exp"]},
        {"crit": ["b64"], "b64": False},
        {"b64": False},
        {"zip": "DEF"},
        {"cty": "JWT"},
        {"unknown": 1},
    ],
    ids=",".join,
)
def test_a_header_that_says_more_than_ours_is_refused(brought: dict[str, object]) -> None:
    """RFC 8725 §3.10 and CVE-2025-59420: no header may steer how a token is verified."""
    payload = decode(SIGNER.sign(TOKEN).split(".")[1])

    assert "not signed by this registry" in refusal(signed(payload, {**KEY.header, **brought}))


def test_a_header_with_a_name_that_stands_twice_is_refused() -> None:
    """Two readers would see two tokens (RFC 7515 §4)."""
    payload = SIGNER.sign(TOKEN).split(".")[1]
    twice = json.dumps(KEY.header)[:-1] + ', "alg": "ES256"}'

    assert refusal(f"{encode(twice.encode())}.{payload}.AAAA")


@pytest.mark.parametrize("vector", [RFC_7515_A3_JWS, RFC_7519_JWT, RFC_7519_UNSECURED])
def test_the_tokens_of_the_specifications_are_good_and_not_ours(vector: str) -> None:
    """A good signature of our own key is not enough, it must be one of our tokens."""
    jwk = ECKey.import_key(RFC_7515_A3_KEY)
    key = SigningKey("ES256", jwk.thumbprint(), jwk)
    assert jws.deserialize_compact(RFC_7515_A3_JWS, jwk, algorithms=["ES256"]).payload

    assert refusal(vector, JwtSigner([key]))
