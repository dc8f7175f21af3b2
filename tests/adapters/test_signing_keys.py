"""Signing keys: made once, kept safe, published in part, rotated."""

from collections.abc import Callable
from pathlib import Path

import pytest
from cryptography.hazmat.primitives.asymmetric import ec, ed25519, rsa
from cryptography.hazmat.primitives.serialization import (
    BestAvailableEncryption,
    Encoding,
    PublicFormat,
)
from joserfc.jwk import RSAKey

from acrux.adapters.jwt_signer import (
    JwtSigner,
    load_or_create_keys,
)
from acrux.errors import InvalidSettings
from tests.adapters.minting import KEY, KEYS, TOKEN, each_algorithm, header_of, to_pem


def test_published_keys_hold_no_private_part() -> None:
    """The key set is read by anybody, without credentials."""
    private = {"d", "p", "q", "dp", "dq", "qi", "oth", "k"}
    published = JwtSigner([KEYS["ES256"], KEYS["RS256"]]).public_keys()["keys"]
    assert isinstance(published, list)

    assert [set(key) & private for key in published] == [set(), set()]
    assert [(key["use"], key["alg"], key["kid"]) for key in published] == [
        ("sig", "ES256", KEYS["ES256"].id),
        ("sig", "RS256", KEYS["RS256"].id),
    ]
    assert set(published[0]) == {"kty", "crv", "x", "y", "use", "alg", "kid"}
    assert set(published[1]) == {"kty", "n", "e", "use", "alg", "kid"}


@each_algorithm
def test_a_key_does_not_show_when_it_is_printed(algorithm: str) -> None:
    """Objects are printed in logs and tracebacks."""
    key = KEYS[algorithm]
    secret = str(key.jwk.as_dict(private=True)["d"])

    assert secret not in repr(key)
    assert secret not in repr(JwtSigner([key]))


def test_a_signer_without_keys_is_refused() -> None:
    """It would fail at the first login otherwise."""
    with pytest.raises(InvalidSettings, match="no key"):
        JwtSigner([])


@each_algorithm
def test_a_key_that_is_missing_is_made_and_kept(tmp_path: Path, algorithm: str) -> None:
    """Without it every start would end all tokens."""
    folder = tmp_path / "signing"
    text = JwtSigner(load_or_create_keys(folder, algorithm)).sign(TOKEN)

    again = load_or_create_keys(folder, algorithm)

    assert JwtSigner(again).read(text) == TOKEN
    assert len(again) == 1
    assert [path.stat().st_mode & 0o777 for path in folder.iterdir()] == [0o600]


def test_the_newest_key_signs_and_all_verify(tmp_path: Path) -> None:
    """A key is rotated by adding the next one."""
    first = load_or_create_keys(tmp_path, "ES256")
    newer = tmp_path / "ES256-0002.pem"
    newer.write_bytes(to_pem(ec.generate_private_key(ec.SECP256R1())))
    newer.chmod(0o600)

    keys = load_or_create_keys(tmp_path, "ES256")

    assert [key.id for key in keys][1:] == [first[0].id]
    assert JwtSigner(keys).read(JwtSigner(first).sign(TOKEN)) == TOKEN
    assert header_of(JwtSigner(keys).sign(TOKEN))["kid"] != first[0].id


@pytest.mark.parametrize(("before", "after"), [("ES256", "RS256"), ("RS256", "ES256")])
def test_another_algorithm_signs_with_a_new_key_and_the_old_one_goes_on_verifying(
    tmp_path: Path, before: str, after: str
) -> None:
    """Changing the setting must not end the tokens that are out there."""
    text = JwtSigner(load_or_create_keys(tmp_path, before)).sign(TOKEN)

    signer = JwtSigner(load_or_create_keys(tmp_path, after))

    assert header_of(signer.sign(TOKEN))["alg"] == after
    assert signer.read(text) == TOKEN


@pytest.mark.parametrize("algorithm", ["HS256", "none", "es256", "", "../ES256", "*"])
def test_any_other_algorithm_is_refused_as_a_setting(tmp_path: Path, algorithm: str) -> None:
    """A misspelt algorithm must not start a registry that signs with anything."""
    with pytest.raises(InvalidSettings, match="ES256 or RS256"):
        load_or_create_keys(tmp_path, algorithm)

    assert list(tmp_path.iterdir()) == []


def small_rsa_pem() -> bytes:
    """An RSA key that can be broken."""
    return to_pem(rsa.generate_private_key(public_exponent=65537, key_size=1024))  # noqa: S505 -- to be refused


def encrypted_pem() -> bytes:
    """A key under a password that nobody gave us."""
    return to_pem(ec.generate_private_key(ec.SECP256R1()), BestAvailableEncryption(b"hunter2"))


def public_pem() -> bytes:
    """The public half alone."""
    return KEY.jwk.public_key.public_bytes(Encoding.PEM, PublicFormat.SubjectPublicKeyInfo)


@pytest.mark.parametrize(
    "content",
    [
        lambda: b"x" * 64,
        lambda: to_pem(ec.generate_private_key(ec.SECP256R1()))[:120],
        lambda: to_pem(ec.generate_private_key(ec.SECP384R1())),
        lambda: to_pem(ec.generate_private_key(ec.SECP256K1())),
        lambda: to_pem(ed25519.Ed25519PrivateKey.generate()),
        small_rsa_pem,
        encrypted_pem,
        public_pem,
    ],
    ids=["text", "truncated", "P-384", "secp256k1", "Ed25519", "small RSA", "encrypted", "public"],
)
def test_a_file_that_is_no_key_of_ours_is_refused(
    tmp_path: Path, content: Callable[[], bytes]
) -> None:
    """A damaged or weak key must stop the start, and name its file."""
    path = tmp_path / "ES256-0001.pem"
    path.write_bytes(content())
    path.chmod(0o600)

    with pytest.raises(InvalidSettings, match=f"{path} is no unencrypted private key"):
        load_or_create_keys(tmp_path, "ES256")


def test_a_key_under_the_name_of_another_algorithm_is_refused(tmp_path: Path) -> None:
    """Tokens must never be signed with another algorithm than the one that was set."""
    load_or_create_keys(tmp_path, "RS256")
    (tmp_path / "RS256-0001.pem").rename(tmp_path / "ES256-0001.pem")

    with pytest.raises(InvalidSettings, match="signs ES256"):
        load_or_create_keys(tmp_path, "ES256")


def test_a_key_that_others_may_read_is_refused(tmp_path: Path) -> None:
    """Whoever reads it signs what they like."""
    load_or_create_keys(tmp_path, "ES256")
    (tmp_path / "ES256-0001.pem").chmod(0o644)

    with pytest.raises(InvalidSettings, match="chmod 600"):
        load_or_create_keys(tmp_path, "ES256")


def test_a_key_half_written_by_a_crash_is_not_taken_for_one(tmp_path: Path) -> None:
    """What a kill leaves aside must not stop the next start."""
    (tmp_path / ".ES256-0001.pem.0123456789abcdef").write_bytes(b"-----BEGIN")

    assert len(load_or_create_keys(tmp_path, "ES256")) == 1


def test_rsa_keys_have_at_least_2048_bits() -> None:
    """RFC 7518 §3.3."""
    jwk = KEYS["RS256"].jwk

    assert isinstance(jwk, RSAKey)
    assert jwk.raw_value.key_size >= 2048
