"""A CA and a server certificate of our own, and checks of other ones."""

import ipaddress
from dataclasses import dataclass
from datetime import datetime, timedelta
from pathlib import Path
from typing import Final, NamedTuple

from cryptography import x509
from cryptography.exceptions import InvalidSignature, UnsupportedAlgorithm
from cryptography.hazmat.primitives import hashes
from cryptography.hazmat.primitives.asymmetric import ec, ed25519, rsa
from cryptography.hazmat.primitives.asymmetric.types import (
    CertificatePublicKeyTypes,
    PrivateKeyTypes,
    PublicKeyTypes,
)
from cryptography.hazmat.primitives.serialization import (
    Encoding,
    NoEncryption,
    PrivateFormat,
    PublicFormat,
    load_pem_private_key,
)
from cryptography.x509.oid import ExtendedKeyUsageOID, NameOID

from acrux.adapters.failures import UNWRITABLE
from acrux.adapters.keys import secrets
from acrux.errors import InvalidSettings

CA_LIFETIME: Final = timedelta(days=3650)
SERVER_LIFETIME: Final = timedelta(days=397)  # some clients refuse more than 398
RENEW_BEFORE: Final = timedelta(days=30)
MIN_RSA_BITS: Final = 2048

# A client whose clock is a little behind must already find the certificate valid.
_SKEW: Final = timedelta(hours=1)


@dataclass(frozen=True, slots=True)
class CertificateFiles:
    """The paths of the files, all in PEM."""

    ca: Path
    certificate: Path
    key: Path


class Pair(NamedTuple):
    """A certificate with its chain, and its key, as the bytes of their files."""

    certificate: bytes
    key: bytes

    def __repr__(self) -> str:
        """Without the content: a key is secret."""
        return "Pair(...)"


@dataclass(frozen=True, slots=True)
class _Signer:
    certificate: x509.Certificate
    key: ec.EllipticCurvePrivateKey


def self_signed(folder: Path, names: tuple[str, ...], now: datetime) -> CertificateFiles:
    """A CA of our own and a server certificate for the names, stored in the folder.

    Names are host names and IP addresses; a port is ignored. Existing certificates are reused if
    they cover the names and stay valid for longer than RENEW_BEFORE. The keys never change, so a
    client that trusts the CA keeps trusting it. Raises InvalidSettings for a name that no
    certificate can hold, and as `secrets.read_or_create` does.
    """
    wanted = _to_general_names(names)
    files = CertificateFiles(folder / "ca.pem", folder / "server.pem", folder / "server-key.pem")
    ca_key = kept_key(folder / "ca-key.pem")
    server_key = kept_key(files.key)
    try:
        ca = _Signer(_ca(files.ca, ca_key, now), ca_key)
        _keep_server_certificate(files.certificate, ca, server_key.public_key(), wanted, now)
    except OSError as failed:
        if failed.errno in UNWRITABLE and files.certificate.exists():
            return files  # it is renewed once the file system takes writes
        raise InvalidSettings(
            f"the certificates in {folder} cannot be written ({failed.strerror}): make the folder "
            "writable for the user who runs acrux"
        ) from failed
    return files


def read_pair(files: CertificateFiles) -> Pair:
    """The content of the files. Raises InvalidSettings unless it is a pair in PEM.

    The key comes as PKCS#8, whatever its file holds: granian reads nothing else (its option
    --ssl-keyfile), and cert-manager writes PKCS#1 by default.
    """
    pair = Pair(_read(files.certificate, "certificate"), _read(files.key, "key"))
    leaf = _parse_certificate(pair.certificate)
    if leaf is None:
        raise InvalidSettings(
            f"the TLS certificate {files.certificate} is not a certificate in PEM format"
        )
    key = _parse_key(pair.key, str(files.key))
    if not _can_be_served(key):
        raise InvalidSettings(
            f"the TLS key {files.key} is of an unsupported kind: use EC (P-256 or P-384), RSA "
            "(2048 bits or more) or Ed25519"
        )
    # granian aborts a worker that gets explicit parameters of a curve, or an RSA-PSS key.
    if _spki(leaf.public_key()) not in leaf.public_bytes(Encoding.DER):
        raise InvalidSettings(
            f"the TLS certificate {files.certificate} writes its key in an unusual form: make one "
            "for an EC key with a named curve, an RSA key (rsaEncryption) or an Ed25519 key"
        )
    if _spki(key.public_key()) != _spki(leaf.public_key()):
        raise InvalidSettings(
            f"the TLS key {files.key} does not belong to the certificate {files.certificate}"
        )
    in_pkcs8 = key.private_bytes(Encoding.PEM, PrivateFormat.PKCS8, NoEncryption())
    return Pair(pair.certificate, in_pkcs8)


def _can_be_served(key: PrivateKeyTypes) -> bool:
    # granian aborts a worker that gets any other key.
    if isinstance(key, ec.EllipticCurvePrivateKey):
        return isinstance(key.curve, ec.SECP256R1 | ec.SECP384R1)
    if isinstance(key, rsa.RSAPrivateKey):
        return key.key_size >= MIN_RSA_BITS
    return isinstance(key, ed25519.Ed25519PrivateKey)


def _read(path: Path, kind: str) -> bytes:
    try:
        return path.read_bytes()
    except OSError as failed:
        raise InvalidSettings(
            f"the TLS {kind} {path} cannot be read: {failed.strerror}"
        ) from failed


def _parse_certificate(pem: bytes) -> x509.Certificate | None:
    try:
        certificate = x509.load_pem_x509_certificates(pem)[0]  # the server's own comes first
        certificate.public_key()  # parsed only now: refuses a key of an unknown kind
    except (ValueError, UnsupportedAlgorithm):
        return None
    return certificate


def _parse_key(pem: bytes, path: str) -> PrivateKeyTypes:
    try:
        return load_pem_private_key(pem, password=None)
    except TypeError as encrypted:
        raise InvalidSettings(
            f"the TLS key {path} is encrypted: remove its passphrase with "
            f"openssl pkey -in {path} -out {path}.pkcs8.pem"
        ) from encrypted
    except (ValueError, UnsupportedAlgorithm) as refused:
        raise InvalidSettings(f"the TLS key {path} is not a private key in PEM format") from refused


def _to_general_names(names: tuple[str, ...]) -> tuple[x509.GeneralName, ...]:
    # A dict drops duplicates and keeps the order. Without names, the name "" is refused.
    return tuple(dict.fromkeys(map(_to_general_name, names or ("",))))


def _to_general_name(name: str) -> x509.GeneralName:
    host = _without_port(name)
    try:
        return x509.IPAddress(ipaddress.ip_address(host))
    except ValueError:
        pass
    if not host or not host.isascii() or not host.isprintable() or " " in host:
        raise InvalidSettings(
            f"no certificate can be made for {name[:255]!r}: expected a host name (xn--... if it "
            "is not ASCII) or an IP address"
        )
    return x509.DNSName(host.lower())


def _without_port(name: str) -> str:
    if name.startswith("["):  # [::1]:5000
        host, closed, _ = name[1:].partition("]")
        return host if closed else ""
    return name.partition(":")[0] if name.count(":") == 1 else name


def kept_key(path: Path) -> ec.EllipticCurvePrivateKey:
    """The key in a file, made if there is none. Raises as `secrets.read_or_create` does."""
    return read_key(secrets.read_or_create(path, make_key), str(path))


def read_key(content: bytes, place: str) -> ec.EllipticCurvePrivateKey:
    """The key that `make_key` made. Raises InvalidSettings, naming `place`, for anything else."""
    key = _parse_key(content, place)
    if not isinstance(key, ec.EllipticCurvePrivateKey):
        raise InvalidSettings(
            f"the key {place} was not made by acrux: remove it, and acrux makes a new one"
        )
    return key


def make_key() -> bytes:
    """A new key, in PEM."""
    key = ec.generate_private_key(ec.SECP256R1())
    return key.private_bytes(Encoding.PEM, PrivateFormat.PKCS8, NoEncryption())


def _spki(public_key: PublicKeyTypes | CertificatePublicKeyTypes) -> bytes:
    return public_key.public_bytes(Encoding.DER, PublicFormat.SubjectPublicKeyInfo)


def _ca(path: Path, key: ec.EllipticCurvePrivateKey, now: datetime) -> x509.Certificate:
    kept = _parse_certificate(path.read_bytes()) if path.exists() else None
    if kept and _lives(kept, now) and _spki(kept.public_key()) == _spki(key.public_key()):
        return kept
    made = make_ca(key, now)
    secrets.replace(path, made.public_bytes(Encoding.PEM), 0o644)
    return made


def _keep_server_certificate(
    path: Path,
    ca: _Signer,
    public_key: ec.EllipticCurvePublicKey,
    names: tuple[x509.GeneralName, ...],
    now: datetime,
) -> None:
    kept = _parse_certificate(path.read_bytes()) if path.exists() else None
    if not (
        kept
        and _lives(kept, now)
        and _covers(kept, names)
        and _spki(kept.public_key()) == _spki(public_key)
        and _is_issued_by(kept, ca.certificate)
    ):
        made = _make_server_certificate(ca, public_key, names, now)
        secrets.replace(path, made.public_bytes(Encoding.PEM), 0o644)


def _lives(certificate: x509.Certificate, now: datetime) -> bool:
    return (
        certificate.not_valid_before_utc <= now
        and now + RENEW_BEFORE < certificate.not_valid_after_utc
    )


def expiry(pair: Pair) -> datetime:
    """When the first certificate of the chain expires."""
    return x509.load_pem_x509_certificate(pair.certificate).not_valid_after_utc


def _covers(certificate: x509.Certificate, names: tuple[x509.GeneralName, ...]) -> bool:
    try:
        held = certificate.extensions.get_extension_for_class(x509.SubjectAlternativeName)
    except (x509.ExtensionNotFound, ValueError):
        return False
    return set(names) <= set(held.value)


def _is_issued_by(certificate: x509.Certificate, ca: x509.Certificate) -> bool:
    try:
        certificate.verify_directly_issued_by(ca)
    except (ValueError, TypeError, InvalidSignature, UnsupportedAlgorithm):
        return False
    return True


def make_ca(key: ec.EllipticCurvePrivateKey, now: datetime) -> x509.Certificate:
    """A certificate for the key of a CA. Of one key, each replaces any other."""
    identifier = x509.SubjectKeyIdentifier.from_public_key(key.public_key())
    # Part of the key's identifier makes the name unique among what a client trusts.
    name = _common_name(f"acrux CA {identifier.digest[:4].hex()}")
    return (
        _begin(name, name, key.public_key(), now - _SKEW, now + CA_LIFETIME)
        .add_extension(x509.BasicConstraints(ca=True, path_length=0), critical=True)
        .add_extension(_key_usage(is_ca=True), critical=True)
        .sign(key, hashes.SHA256())
    )


def _make_server_certificate(
    ca: _Signer,
    public_key: ec.EllipticCurvePublicKey,
    names: tuple[x509.GeneralName, ...],
    now: datetime,
) -> x509.Certificate:
    return (
        begin_leaf(ca.certificate, _common_name("acrux"), public_key, now, SERVER_LIFETIME)
        .add_extension(x509.ExtendedKeyUsage([ExtendedKeyUsageOID.SERVER_AUTH]), critical=False)
        .add_extension(x509.SubjectAlternativeName(names), critical=False)
        .sign(ca.key, hashes.SHA256())
    )


def begin_leaf(
    ca: x509.Certificate,
    name: x509.Name,
    public_key: ec.EllipticCurvePublicKey | rsa.RSAPublicKey,
    now: datetime,
    lifetime: timedelta,
) -> x509.CertificateBuilder:
    """A certificate for a key that signs no other ones, to be signed by this CA."""
    end = min(now - _SKEW + lifetime, ca.not_valid_after_utc)
    held = ca.extensions.get_extension_for_class(x509.SubjectKeyIdentifier).value
    authority = x509.AuthorityKeyIdentifier.from_issuer_subject_key_identifier(held)
    return (
        _begin(name, ca.subject, public_key, now - _SKEW, end)
        .add_extension(x509.BasicConstraints(ca=False, path_length=None), critical=True)
        .add_extension(_key_usage(is_ca=False), critical=True)
        .add_extension(authority, critical=False)
    )


def _begin(
    subject: x509.Name,
    issuer: x509.Name,
    public_key: ec.EllipticCurvePublicKey | rsa.RSAPublicKey,
    start: datetime,
    end: datetime,
) -> x509.CertificateBuilder:
    return (
        x509.CertificateBuilder()
        .subject_name(subject)
        .issuer_name(issuer)
        .public_key(public_key)
        .serial_number(x509.random_serial_number())
        .not_valid_before(start)
        .not_valid_after(end)
        .add_extension(x509.SubjectKeyIdentifier.from_public_key(public_key), critical=False)
    )


def _common_name(text: str) -> x509.Name:
    return x509.Name([x509.NameAttribute(NameOID.COMMON_NAME, text)])


def _key_usage(*, is_ca: bool) -> x509.KeyUsage:
    return x509.KeyUsage(
        digital_signature=not is_ca,
        key_cert_sign=is_ca,
        crl_sign=is_ca,
        content_commitment=False,
        key_encipherment=False,
        data_encipherment=False,
        key_agreement=False,
        encipher_only=False,
        decipher_only=False,
    )
