"""Make tokens and keys for these tests, valid ones and forged ones."""

import base64
import json
from collections.abc import Mapping
from datetime import UTC, datetime, timedelta

import pytest
from cryptography.hazmat.primitives.asymmetric import ec, ed25519, rsa
from cryptography.hazmat.primitives.serialization import (
    Encoding,
    KeySerializationEncryption,
    NoEncryption,
    PrivateFormat,
)
from joserfc import jws
from joserfc.jwk import ECKey

from acrux.adapters.keys.jwt_signer import JwtSigner
from acrux.adapters.keys.signing_keys import SigningKey
from acrux.domain.access.grants import Grant
from acrux.domain.access.scope import Scope
from acrux.domain.access.token import AccessToken
from acrux.errors import InvalidToken

ISSUED_AT = datetime(2026, 11, 21, 4, 0, tzinfo=UTC)
TOKEN = AccessToken(
    id="6b0b6e2c-9a0e-4c06-8a4c-0b8a3cb6a6b5",
    grant=Grant(
        "acrux",
        (
            Scope("repository", "hello-world", frozenset({"push", "metadata_read", "pull"})),
            Scope("registry", "catalog", frozenset({"*"})),
        ),
    ),
    audience="localhost:5000",
    issued_at=ISSUED_AT,
    expires_at=ISSUED_AT + timedelta(minutes=75),
)


def to_pem(
    key: ec.EllipticCurvePrivateKey | rsa.RSAPrivateKey | ed25519.Ed25519PrivateKey,
    encryption: KeySerializationEncryption | None = None,
) -> bytes:
    """A private key as a PKCS#8 file."""
    return key.private_bytes(Encoding.PEM, PrivateFormat.PKCS8, encryption or NoEncryption())


def a_key(algorithm: str = "ES256") -> SigningKey:
    """A new signing key."""
    if algorithm == "RS256":
        made = to_pem(rsa.generate_private_key(public_exponent=65537, key_size=2048))
    else:
        made = to_pem(ec.generate_private_key(ec.SECP256R1()))
    return SigningKey.from_pem(made, "a test")


KEYS = {"ES256": a_key("ES256"), "RS256": a_key("RS256")}
KEY = KEYS["ES256"]
SIGNER = JwtSigner([KEY])

each_algorithm = pytest.mark.parametrize("algorithm", ["ES256", "RS256"])


def encode(content: bytes) -> str:
    """Base64url without padding (RFC 7515 §2)."""
    return base64.urlsafe_b64encode(content).rstrip(b"=").decode()


def decode(text: str) -> bytes:
    """Decode base64url without padding."""
    return base64.urlsafe_b64decode(text + "=" * (-len(text) % 4))


def header_of(text: str) -> dict[str, object]:
    """The JOSE header of a token."""
    return dict(json.loads(decode(text.partition(".")[0])))


def claims_of(text: str) -> dict[str, object]:
    """The claims of a token."""
    return dict(json.loads(decode(text.split(".")[1])))


def signed(
    payload: bytes, header: Mapping[str, object] | None = None, key: SigningKey = KEY
) -> str:
    """Any payload under any header, with a good signature of the key."""
    head = key.header if header is None else header
    text = f"{encode(json.dumps(head, separators=(',', ':')).encode())}.{encode(payload)}"
    assert isinstance(key.jwk, ECKey)
    assert key.jwk.private_key is not None
    signature = jws.JWSRegistry(algorithms=["ES256"]).get_alg("ES256").sign(text.encode(), key.jwk)
    return f"{text}.{encode(signature)}"


def with_claims(**changed: object) -> str:
    """A valid token with these claims changed; None removes a claim."""
    claims = {**claims_of(SIGNER.sign(TOKEN)), **changed}
    kept = {name: value for name, value in claims.items() if value is not None}
    return signed(json.dumps(kept).encode())


def refusal(text: str, signer: JwtSigner = SIGNER) -> str:
    """The message with which a token is refused."""
    with pytest.raises(InvalidToken) as refused:
        signer.read(text)
    assert refused.value.__cause__ is None  # a cause may quote the token in a log
    assert not any(len(part) > 8 and part in refused.value.message for part in text.split("."))
    return refused.value.message
