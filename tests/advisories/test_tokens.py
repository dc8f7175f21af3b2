"""Tokens that were accepted and should not have been."""

import hmac
import json

import httpx2
import pytest
from cryptography.hazmat.primitives.serialization import Encoding, PublicFormat

from acrux.client import realm
from acrux.client.errors import RealmRefused
from tests.adapters.keys.minting import KEY, SIGNER, TOKEN, a_key, decode, encode, refusal, signed
from tests.adapters.keys.minting import with_claims as token_with

PAYLOAD = decode(SIGNER.sign(TOKEN).split(".")[1])
PUBLIC_KEY = KEY.jwk.public_key


def test_the_tokens_of_these_tests_are_good_but_for_what_each_changes() -> None:
    """Otherwise every refusal below could have another reason."""
    assert SIGNER.read(signed(PAYLOAD)) == TOKEN


def test_cve_2025_24976_a_key_in_the_tokens_header_is_not_believed() -> None:
    """distribution verified with a token's `jwk` once it knew the kid; here only our keys count."""
    foreign = a_key()

    assert refusal(signed(PAYLOAD, {**KEY.header, "jwk": foreign.public}, foreign))
    assert refusal(signed(PAYLOAD, {**KEY.header, "jwk": KEY.public}))


@pytest.mark.parametrize("name", ["jwk", "jku", "x5u", "x5c"])
def test_cve_2026_27962_no_header_brings_or_names_a_key(name: str) -> None:
    """Authlib took the key from the header; here a header that contains one is refused."""
    foreign = a_key()
    brought = {"jwk": foreign.public, "x5c": ["MIIB"]}.get(name, "https://example.com/keys")
    header = {**KEY.header, "kid": foreign.id, name: brought}

    assert refusal(signed(PAYLOAD, header, foreign))


@pytest.mark.parametrize("crit", [["exp"], ["b64"], ["unknown"], []])
def test_cve_2026_32597_and_cve_2025_59420_a_critical_header_is_refused(crit: list[str]) -> None:
    """PyJWT and Authlib ignored `crit`, which must be understood; here it is refused."""
    assert refusal(signed(PAYLOAD, {**KEY.header, "crit": crit}))


@pytest.mark.parametrize("form", ["PEM", "DER", "JWK", "OpenSSH"])
@pytest.mark.parametrize("alg", ["HS256", "HS384", "HS512"])
def test_cve_2022_29217_and_cve_2024_33663_the_public_key_is_not_a_shared_secret(
    form: str, alg: str
) -> None:
    """PyJWT and python-jose verified HMACs with a public key; anyone can make one with it."""
    spki = PublicFormat.SubjectPublicKeyInfo
    shared = {
        "PEM": PUBLIC_KEY.public_bytes(Encoding.PEM, spki),
        "DER": PUBLIC_KEY.public_bytes(Encoding.DER, spki),
        "JWK": json.dumps(KEY.public).encode(),
        "OpenSSH": PUBLIC_KEY.public_bytes(Encoding.OpenSSH, PublicFormat.OpenSSH),
    }[form]
    header = encode(json.dumps({**KEY.header, "alg": alg}, separators=(",", ":")).encode())
    content = f"{header}.{encode(PAYLOAD)}"
    signature = hmac.digest(shared, content.encode(), f"sha{alg[2:]}")

    assert refusal(f"{content}.{encode(signature)}")


@pytest.mark.parametrize("alg", ["none", "None", "ES384", "ES512", "RS256", "PS256", "EdDSA", ""])
def test_cve_2026_48523_the_key_decides_the_algorithm(alg: str) -> None:
    """PyJWT let a token choose a forbidden algorithm; here each key has one algorithm."""
    assert refusal(signed(PAYLOAD, {**KEY.header, "alg": alg}))


@pytest.mark.parametrize(
    "issuer",
    [
        "Azure",
        "Azure Container Registry ",
        "azure container registry",
        "",
        ["Azure Container Registry"],
    ],
)
def test_cve_2024_53861_the_issuer_is_compared_as_a_whole(issuer: object) -> None:
    """PyJWT accepted a substring of the issuer's name."""
    assert refusal(token_with(iss=issuer))


@pytest.mark.parametrize("kind", ["refresh_token", "upload", "", None, ["access_token"]])
def test_rfc_8725_a_token_of_another_kind_is_not_an_access_token(kind: object) -> None:
    """Rule 3.11: if one key signs all kinds, only their content tells them apart."""
    assert refusal(token_with(grant_type=kind))


def test_rfc_8725_a_repeated_claim_is_refused() -> None:
    """Two parsers of one token would see two grants."""
    twice = PAYLOAD[:-1] + b', "sub": "somebody else"}'

    assert refusal(signed(twice))


@pytest.mark.parametrize(
    "elsewhere",
    [
        "https://evil.example.com/token",
        "https://registry.example.com.evil.org/token",
        "http://registry.example.com/token",
        "https://registry.example.com:8443/token",
    ],
)
def test_cve_2026_33540_a_password_goes_to_no_realm_elsewhere(elsewhere: str) -> None:
    """distribution's proxy sent its password to any realm in a challenge; our client does not."""
    asked = httpx2.URL("https://registry.example.com/v2/")

    with pytest.raises(RealmRefused):
        realm.resolve(elsewhere, asked)
