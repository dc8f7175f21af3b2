"""Signing keys: created once, protected, published in part, rotated."""

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

from acrux.adapters.keys.jwt_signer import JwtSigner
from acrux.adapters.keys.rotating_signer import RotatingSigner
from acrux.adapters.keys.secrets import FileSecrets
from acrux.adapters.keys.signing_keys import KeyFolder
from acrux.errors import InvalidSettings
from tests.adapters.keys.minting import KEY, KEYS, TOKEN, each_algorithm, to_pem
from tests.http.conftest import HandClock


def test_published_keys_hold_no_private_part() -> None:
    """Anyone can read the key set, without credentials."""
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
    """Otherwise it would fail at the first login."""
    with pytest.raises(InvalidSettings, match="no key"):
        JwtSigner([])


async def prepared(root: Path, algorithm: str) -> KeyFolder:
    """The keys in the folder `signing`, of which there is one at least."""
    keys = KeyFolder(FileSecrets(root))
    await keys.prepare(algorithm)
    return keys


async def signer(keys: KeyFolder) -> RotatingSigner:
    """A signer that has read them."""
    made = RotatingSigner(keys, HandClock())
    await made.refresh()
    return made


@each_algorithm
async def test_a_key_that_is_missing_is_made_and_kept(tmp_path: Path, algorithm: str) -> None:
    """Otherwise every start would invalidate all tokens."""
    text = (await signer(await prepared(tmp_path, algorithm))).sign(TOKEN)

    again = await prepared(tmp_path, algorithm)

    assert (await signer(again)).read(text) == TOKEN
    assert len(await again.load()) == 1
    assert [path.stat().st_mode & 0o777 for path in (tmp_path / "signing").iterdir()] == [0o600]


@pytest.mark.parametrize("algorithm", ["HS256", "none", "es256", "", "../ES256", "*"])
async def test_any_other_algorithm_is_refused_as_a_setting(tmp_path: Path, algorithm: str) -> None:
    """A misspelt algorithm must not start a registry that signs with another one."""
    with pytest.raises(InvalidSettings, match="ES256 or RS256"):
        await prepared(tmp_path, algorithm)

    assert await FileSecrets(tmp_path).list() == frozenset()


def small_rsa_pem() -> bytes:
    """An RSA key that can be broken."""
    return to_pem(rsa.generate_private_key(public_exponent=65537, key_size=1024))  # noqa: S505 -- to be refused


def encrypted_pem() -> bytes:
    """A key encrypted with a password that nobody gave us."""
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
async def test_a_file_that_is_not_a_usable_key_is_refused(
    tmp_path: Path, content: Callable[[], bytes]
) -> None:
    """A damaged or weak key must stop the start, and the message must name its file."""
    path = tmp_path / "signing" / "ES256-0001.pem"
    path.parent.mkdir(mode=0o700)
    path.write_bytes(content())
    path.chmod(0o600)

    with pytest.raises(InvalidSettings, match=f"{path} is not an unencrypted private key"):
        await (await prepared(tmp_path, "ES256")).load()


async def test_a_key_under_the_name_of_another_algorithm_is_refused(tmp_path: Path) -> None:
    """Tokens must never be signed with an algorithm other than the configured one."""
    await prepared(tmp_path, "RS256")
    folder = tmp_path / "signing"
    (folder / "RS256-0001.pem").rename(folder / "ES256-0001.pem")

    with pytest.raises(InvalidSettings, match="is for RS256"):
        await (await prepared(tmp_path, "ES256")).load()


async def test_a_key_that_others_may_read_is_refused(tmp_path: Path) -> None:
    """Anyone who can read it can sign whatever they like."""
    await (await prepared(tmp_path, "ES256")).load()
    (tmp_path / "signing" / "ES256-0001.pem").chmod(0o644)

    with pytest.raises(InvalidSettings, match="chmod 600"):
        await (await prepared(tmp_path, "ES256")).load()


async def test_a_key_half_written_by_a_crash_is_not_taken_for_one(tmp_path: Path) -> None:
    """What a killed process leaves behind must not stop the next start."""
    (tmp_path / "signing").mkdir(mode=0o700)
    (tmp_path / "signing" / ".ES256-0001.pem.0123456789abcdef").write_bytes(b"-----BEGIN")

    assert len(await (await prepared(tmp_path, "ES256")).load()) == 1


def test_rsa_keys_have_at_least_2048_bits() -> None:
    """RFC 7518 §3.3."""
    jwk = KEYS["RS256"].jwk

    assert isinstance(jwk, RSAKey)
    assert jwk.raw_value.key_size >= 2048
