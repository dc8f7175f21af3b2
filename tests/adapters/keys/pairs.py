"""Names and private keys for the tests of certificates."""

from datetime import UTC, datetime

from cryptography.hazmat.primitives.asymmetric import ec, ed25519, rsa
from cryptography.hazmat.primitives.serialization import (
    Encoding,
    NoEncryption,
    PrivateFormat,
)

NAMES = ("localhost", "registry.example.com", "127.0.0.1", "::1")
NOW = datetime.now(UTC)  # TLS handshakes use the real clock

AnyKey = ec.EllipticCurvePrivateKey | rsa.RSAPrivateKey | ed25519.Ed25519PrivateKey


def pkcs8(key: AnyKey) -> bytes:
    """A private key as granian reads it."""
    return key.private_bytes(Encoding.PEM, PrivateFormat.PKCS8, NoEncryption())
