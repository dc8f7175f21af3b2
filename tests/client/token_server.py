"""A token server for Debian's docker-registry, for a single user."""

import base64
import json
from dataclasses import dataclass, field
from datetime import UTC, datetime, timedelta
from urllib.parse import parse_qs, urlsplit

from cryptography import x509
from cryptography.hazmat.primitives import hashes
from cryptography.hazmat.primitives.asymmetric import rsa
from cryptography.hazmat.primitives.serialization import Encoding
from cryptography.x509.oid import NameOID
from joserfc import jwt
from joserfc.jwk import RSAKey

from acrux.domain.access.scope import parse_all
from tests.client.registry import Answered, Asked, FakeRegistry

ISSUER = "tests"
SERVICE = "docker-registry"


@dataclass
class TokenServer(FakeRegistry):
    """Issues tokens as in distribution's spec/auth/token.md, with `x5c` in the header."""

    key: rsa.RSAPrivateKey = field(
        default_factory=lambda: rsa.generate_private_key(public_exponent=65537, key_size=2048)
    )

    def __post_init__(self) -> None:
        """Make the certificate that the registry trusts."""
        name = x509.Name([x509.NameAttribute(NameOID.COMMON_NAME, ISSUER)])
        now = datetime.now(UTC)
        self.certificate = (
            x509.CertificateBuilder()
            .subject_name(name)
            .issuer_name(name)
            .public_key(self.key.public_key())
            .serial_number(x509.random_serial_number())
            .not_valid_before(now - timedelta(hours=1))
            .not_valid_after(now + timedelta(hours=1))
            .add_extension(x509.BasicConstraints(ca=True, path_length=None), critical=True)
            .sign(self.key, hashes.SHA256())
        )

    def answer(self, asked: Asked) -> Answered:
        """The answer to a token request."""
        self.asked.append(asked)
        if asked.authorization != "Basic " + base64.b64encode(b"alice:wonderland").decode():
            return 401, {}, b'{"errors":[{"code":"UNAUTHORIZED","message":"wrong password"}]}'
        scopes = parse_qs(urlsplit(asked.path).query).get("scope", [])
        return 200, {}, json.dumps({"token": self._signed(scopes)}).encode()

    def _signed(self, scopes: list[str]) -> str:
        certificate = base64.b64encode(self.certificate.public_bytes(Encoding.DER)).decode()
        now = int(datetime.now(UTC).timestamp())
        access = [
            {"type": scope.type, "name": scope.name, "actions": sorted(scope.actions)}
            for scope in parse_all(scopes)
        ]
        claims = {"iss": ISSUER, "aud": SERVICE, "sub": "alice", "jti": "1", "access": access}
        times = {"iat": now, "nbf": now - 5, "exp": now + 300}
        header = {"alg": "RS256", "x5c": [certificate]}
        return jwt.encode(header, claims | times, RSAKey.import_key(self.key), ["RS256"])
