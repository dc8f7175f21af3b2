"""The configured certificate and key are checked before the port is open."""

import subprocess
from collections.abc import Callable
from dataclasses import replace
from datetime import timedelta
from pathlib import Path

import pytest
from cryptography import x509
from cryptography.hazmat.primitives import hashes
from cryptography.hazmat.primitives.asymmetric import ec, ed25519, rsa
from cryptography.hazmat.primitives.serialization import (
    BestAvailableEncryption,
    Encoding,
    NoEncryption,
    PrivateFormat,
    load_pem_private_key,
)
from cryptography.x509.oid import NameOID

from acrux.adapters.keys.certificates import CertificateFiles, read_pair, self_signed
from acrux.errors import InvalidSettings
from tests.adapters.keys.pairs import NAMES, NOW, AnyKey, pkcs8
from tests.tools import require_tool


@pytest.fixture
def files(tmp_path: Path) -> CertificateFiles:
    """A newly generated CA and server certificate."""
    return self_signed(tmp_path, NAMES, NOW)


def the_key(files: CertificateFiles) -> ec.EllipticCurvePrivateKey:
    """The server's private key."""
    key = load_pem_private_key(files.key.read_bytes(), None)
    assert isinstance(key, ec.EllipticCurvePrivateKey)
    return key


def test_a_chain_is_checked_by_its_first_certificate(files: CertificateFiles) -> None:
    """Certificates of public CAs come with the intermediate certificates."""
    chain = files.certificate.read_bytes() + files.ca.read_bytes()
    files.certificate.write_bytes(chain)

    read_pair(files)


@pytest.mark.parametrize("missing", ["certificate", "key"])
def test_a_file_that_is_missing_is_named(files: CertificateFiles, missing: str) -> None:
    """One clear line, not a traceback from inside the server."""
    path = files.certificate if missing == "certificate" else files.key
    path.unlink()

    with pytest.raises(InvalidSettings, match=f"TLS {missing} {path} cannot be read: No such file"):
        read_pair(files)


def test_a_folder_instead_of_a_file_is_named(tmp_path: Path, files: CertificateFiles) -> None:
    """A failed mount leaves a folder."""
    with pytest.raises(InvalidSettings, match="cannot be read: Is a directory"):
        read_pair(replace(files, certificate=tmp_path))


@pytest.mark.parametrize(
    "content",
    [b"", b"text", b"\x30\x82\x01\x00", b"-----BEGIN CERTIFICATE-----\nAAAA\n", b"\xff" * 99],
)
def test_an_invalid_certificate_is_refused(files: CertificateFiles, content: bytes) -> None:
    """DER, an empty file, half a file: each must be reported before the port is open."""
    files.certificate.write_bytes(content)

    with pytest.raises(InvalidSettings, match="not a certificate in PEM"):
        read_pair(files)


def test_a_key_instead_of_the_certificate_is_refused(files: CertificateFiles) -> None:
    """The two are easily swapped."""
    with pytest.raises(InvalidSettings, match="not a certificate in PEM"):
        read_pair(CertificateFiles(files.ca, files.key, files.certificate))


@pytest.mark.parametrize(
    "content", [b"", b"text", b"-----BEGIN PRIVATE KEY-----\nAAAA\n-----END PRIVATE KEY-----\n"]
)
def test_an_invalid_key_is_refused(files: CertificateFiles, content: bytes) -> None:
    """Half a key must be reported before the port is open."""
    files.key.write_bytes(content)

    with pytest.raises(InvalidSettings, match="not a private key in PEM"):
        read_pair(files)


@pytest.mark.parametrize(
    "make",
    [
        lambda: ec.generate_private_key(ec.SECP256R1()),
        lambda: rsa.generate_private_key(public_exponent=65537, key_size=2048),
        ed25519.Ed25519PrivateKey.generate,
    ],
    ids=["P-256", "RSA", "Ed25519"],
)
def test_the_key_of_another_certificate_is_refused(
    files: CertificateFiles, make: Callable[[], AnyKey]
) -> None:
    """After an incomplete renewal the two files do not match."""
    files.key.write_bytes(pkcs8(make()))

    with pytest.raises(InvalidSettings, match=f"{files.key} does not belong to"):
        read_pair(files)


@pytest.mark.parametrize(
    "make",
    [
        lambda: ec.generate_private_key(ec.SECP521R1()),
        lambda: ec.generate_private_key(ec.SECP256K1()),
        lambda: rsa.generate_private_key(public_exponent=65537, key_size=1024),  # noqa: S505 -- to be refused
    ],
    ids=["P-521", "secp256k1", "RSA of 1024 bits"],
)
def test_a_key_of_a_kind_that_cannot_be_served_is_refused(
    files: CertificateFiles, make: Callable[[], AnyKey]
) -> None:
    """The underlying server aborts every worker that is given one."""
    files.key.write_bytes(pkcs8(make()))

    with pytest.raises(InvalidSettings, match="P-256 or P-384"):
        read_pair(files)


def test_a_curve_that_is_written_out_is_refused(files: CertificateFiles, tmp_path: Path) -> None:
    """`openssl ecparam -param_enc explicit` writes one, and the server aborts at it."""
    openssl = require_tool("openssl", package="openssl")
    for words in (
        ["ecparam", "-name", "prime256v1", "-genkey", "-noout", "-param_enc", "explicit", "-out",
         str(files.key)],
        ["req", "-x509", "-key", str(files.key), "-out", str(files.certificate), "-days", "9",
         "-subj", "/CN=localhost"],
    ):  # fmt: skip
        subprocess.run([openssl, *words], cwd=tmp_path, check=True, capture_output=True, timeout=60)

    with pytest.raises(InvalidSettings, match="named curve"):
        read_pair(files)


EC_PARAMETERS = b"""-----BEGIN EC PARAMETERS-----
BggqhkjOPQMBBw==
-----END EC PARAMETERS-----
"""


@pytest.mark.parametrize("before", [b"", EC_PARAMETERS], ids=["alone", "after its parameters"])
def test_a_key_in_sec1_is_served_as_pkcs8(files: CertificateFiles, before: bytes) -> None:
    """granian reads only PKCS#8; `openssl ecparam -genkey` writes the older format."""
    sec1 = the_key(files).private_bytes(
        Encoding.PEM, PrivateFormat.TraditionalOpenSSL, NoEncryption()
    )
    assert b"BEGIN EC PRIVATE KEY" in sec1
    expected = read_pair(files)
    files.key.write_bytes(before + sec1)

    assert read_pair(files) == expected
    assert b"-----BEGIN PRIVATE KEY-----" in expected.key


def test_a_key_in_pkcs1_is_served_as_pkcs8(files: CertificateFiles, tmp_path: Path) -> None:
    """cert-manager writes it unless it is told otherwise."""
    key = rsa.generate_private_key(public_exponent=65537, key_size=2048)
    name = x509.Name([x509.NameAttribute(NameOID.COMMON_NAME, "registry.test")])
    certificate = (
        x509.CertificateBuilder()
        .subject_name(name)
        .issuer_name(name)
        .public_key(key.public_key())
        .serial_number(1)
        .not_valid_before(NOW)
        .not_valid_after(NOW + timedelta(days=1))
        .sign(key, hashes.SHA256())
    )
    files.certificate.write_bytes(certificate.public_bytes(Encoding.PEM))
    files.key.write_bytes(
        key.private_bytes(Encoding.PEM, PrivateFormat.TraditionalOpenSSL, NoEncryption())
    )
    assert b"BEGIN RSA PRIVATE KEY" in files.key.read_bytes()

    assert read_pair(files).key == pkcs8(key)


def test_an_encrypted_key_is_refused_with_the_command_that_decrypts_it(
    files: CertificateFiles,
) -> None:
    """Nobody is there to type a password when a registry starts."""
    encrypted = the_key(files).private_bytes(
        Encoding.PEM, PrivateFormat.PKCS8, BestAvailableEncryption(b"hunter2")
    )
    files.key.write_bytes(encrypted)

    with pytest.raises(InvalidSettings, match="openssl pkey"):
        read_pair(files)


def test_no_refusal_of_a_pair_quotes_the_key(files: CertificateFiles) -> None:
    """The message that stops the start is printed and logged."""
    files.key.write_bytes(b"-----BEGIN PRIVATE KEY-----\nhunter2\n-----END PRIVATE KEY-----\n")

    with pytest.raises(InvalidSettings) as refused:
        read_pair(files)

    assert "hunter2" not in str(refused.value) + str(refused.value.__cause__)
