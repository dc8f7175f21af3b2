"""Tokens are refused whose form, signature or claims are not ours."""

import pytest
from hypothesis import given
from hypothesis import strategies as st

from acrux.adapters.keys.jwt_signer import MAX_TOKEN_CHARACTERS, JwtSigner
from acrux.domain.access.grants import Grant
from acrux.domain.access.scope import Scope
from acrux.domain.access.token import AccessToken
from acrux.errors import InvalidToken
from tests.adapters.keys.minting import (
    ISSUED_AT,
    KEYS,
    SIGNER,
    TOKEN,
    claims_of,
    decode,
    each_algorithm,
    encode,
    refusal,
    signed,
    with_claims,
)


@each_algorithm
def test_a_token_that_was_changed_anywhere_is_refused(algorithm: str) -> None:
    """One character changed is another token."""
    signer = JwtSigner([KEYS[algorithm]])
    text = signer.sign(TOKEN)
    for place in range(0, len(text), 7):
        changed = text[:place] + ("A" if text[place] != "A" else "B") + text[place + 1 :]

        assert refusal(changed, signer)


def test_a_token_that_was_cut_anywhere_is_refused() -> None:
    """A token that was pasted incompletely must say so, and not end in a 500."""
    text = SIGNER.sign(TOKEN)

    assert all(refusal(text[:length]) for length in range(0, len(text), 5))


@pytest.mark.parametrize(
    "signature",
    ["A", "AAAA", encode(bytes(64)), encode(bytes(63)), encode(b"\xff" * 64), encode(bytes(9999))],
)
def test_a_signature_that_is_none_is_refused(signature: str) -> None:
    """CVE-2022-21449: zeros once verified everything."""
    text = SIGNER.sign(TOKEN).rpartition(".")[0]

    assert "signature is invalid" in refusal(f"{text}.{signature}")


def test_one_token_has_one_text() -> None:
    """Base64 with stray bits would give it sixteen, each one a new entry in a cache."""
    text = SIGNER.sign(TOKEN)
    alphabet = "ABCDEFGHIJKLMNOPQRSTUVWXYZabcdefghijklmnopqrstuvwxyz0123456789-_"
    same_bytes = [
        text[:-1] + last
        for last in alphabet
        if last != text[-1] and decode(text[:-1].split(".")[2] + last) == decode(text.split(".")[2])
    ]

    assert len(same_bytes) == 15
    assert all(refusal(spelling) for spelling in same_bytes)


@pytest.mark.parametrize("change", ["{}=", "{}==", " {}", "{} ", "{}\n", "\n{}", "{}.", ".{}"])
def test_anything_around_a_token_is_refused(change: str) -> None:
    """What is tolerated today must be tolerated for ever."""
    assert "is not a JWT" in refusal(change.format(SIGNER.sign(TOKEN)))


@pytest.mark.parametrize(
    "text",
    [
        "",
        ".",
        "..",
        "...",
        "a.b",
        "a.b.c.d",
        "a.b.c.d.e",
        "not a token",
        "a.b.ç",
        "a.b.\ud800",
        "a.b.\x00",
        "a.b.\u0661",
        '{"payload":"e30","signatures":[]}',
    ],
)
def test_what_is_no_jwt_is_refused(text: str) -> None:
    """Any text may stand behind the word Bearer."""
    assert "is not a JWT" in refusal(text)


@given(st.text() | st.from_regex(r"[A-Za-z0-9_-]*(\.[A-Za-z0-9_-]*){2}", fullmatch=True))
def test_no_text_raises_anything_but_invalid_token(text: str) -> None:
    """A 500 in the place of a 401 hides who knocks."""
    with pytest.raises(InvalidToken):
        SIGNER.read(text)


def test_a_token_over_64_kib_is_refused_before_anything_is_done_with_it() -> None:
    """Nobody may have megabytes hashed with every request."""
    padded = with_claims(rid="x" * MAX_TOKEN_CHARACTERS)

    assert "longer than" in refusal(padded)


def test_a_token_of_a_hundred_repositories_is_read() -> None:
    """The bound on length must leave room for the most that is granted."""
    many = tuple(
        Scope("repository", f"{number:03}/".ljust(255, "x"), frozenset({"pull", "push", "delete"}))
        for number in range(100)
    )
    token = AccessToken("id", Grant("acrux", many), "host", ISSUED_AT, TOKEN.expires_at)

    assert SIGNER.read(SIGNER.sign(token)) == token


@pytest.mark.parametrize("claim", sorted(claims_of(SIGNER.sign(TOKEN))))
def test_a_token_that_lacks_a_claim_is_refused(claim: str) -> None:
    """Absence refuses: a token without exp would live for ever."""
    assert refusal(with_claims(**{claim: None}))


@pytest.mark.parametrize(
    ("claim", "value"),
    [
        ("jti", 1),
        ("sub", ["acrux"]),
        ("aud", ["localhost:5000"]),
        ("exp", "1795238100"),
        ("exp", 1795238100.5),
        ("exp", True),
        ("exp", -1),
        ("exp", 10**12),
        ("exp", 10**400),
        ("iat", {}),
        ("nbf", "now"),
        ("roles", "admin"),
        ("roles", [1]),
        ("access", {}),
        ("access", "repository:hello-world:pull"),
        ("access", [["repository", "hello-world", ["pull"]]]),
        ("access", [{"type": "repository", "name": "hello-world"}]),
        ("access", [{"type": "repository", "name": "hello-world", "actions": "pull"}]),
        ("access", [{"type": "repository", "name": None, "actions": ["pull"]}]),
        ("access", [{"type": 1, "name": "hello-world", "actions": ["pull"]}]),
    ],
)
def test_a_claim_of_another_type_is_refused(claim: str, value: object) -> None:
    """What is not understood exactly must not be guessed at."""
    assert "not those of an access token" in refusal(with_claims(**{claim: value}))


@pytest.mark.parametrize("value", ["", "azure container registry", "Azure Container Registry "])
def test_another_issuer_is_refused(value: str) -> None:
    """CVE-2024-53861: a part of the issuer's name is not its name."""
    assert "was not issued by" in refusal(with_claims(iss=value))


@pytest.mark.parametrize("value", ["", "1.1", "2.0"])
def test_another_version_is_refused(value: str) -> None:
    """Its claims may mean something else."""
    assert "was not issued by" in refusal(with_claims(version=value))


@pytest.mark.parametrize("value", ["refresh_token", "", "Access_token"])
def test_a_token_of_another_kind_is_refused(value: str) -> None:
    """RFC 8725 §3.12: a refresh token lives hours and must open nothing by itself."""
    assert "another kind" in refusal(with_claims(grant_type=value))


@pytest.mark.parametrize("shift", [-1, 1, 3600])
def test_a_token_that_is_valid_from_another_instant_than_its_issue_is_refused(shift: int) -> None:
    """The time that is checked later must be the one that the token says."""
    issued_at = int(ISSUED_AT.timestamp())

    assert "nbf" in refusal(with_claims(nbf=issued_at + shift))


def test_a_claim_that_stands_twice_is_refused() -> None:
    """Two readers would see two tokens (RFC 7519 §4)."""
    payload = decode(SIGNER.sign(TOKEN).split(".")[1])
    doubled = payload[:-1] + b',"sub":"admin"}'
    nested = payload.replace(b'"name":"catalog"', b'"name":"catalog","name":"hello"')
    assert nested != payload

    assert refusal(signed(doubled))
    assert refusal(signed(nested))


@pytest.mark.parametrize(
    "payload",
    [
        b"null",
        b"[]",
        b'"text"',
        b"1",
        b"{}",
        b"{",
        b"not json",
        b"\xff\xfe",
        b'{"sub":"\xff"}',
        b"\xef\xbb\xbf{}",
        b"[" * 40000,
        b'{"a":' * 6000 + b"1" + b"}" * 6000,
    ],
    ids=lambda payload: repr(payload[:12]),
)
def test_a_payload_that_is_no_set_of_claims_is_refused(payload: bytes) -> None:
    """Even what our key signed is read with care."""
    assert "not those of an access token" in refusal(signed(payload))
