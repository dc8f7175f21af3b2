"""Write a JSON Web Signature in compact form."""

import json
from base64 import urlsafe_b64encode

from cryptography.hazmat.primitives import hashes
from cryptography.hazmat.primitives.asymmetric import ec, padding, rsa
from cryptography.hazmat.primitives.asymmetric.utils import decode_dss_signature

from acrux.adapters.keys.signing_keys import SigningKey
from acrux.errors import InvalidSettings

_ES256 = ec.ECDSA(hashes.SHA256())
_P256_BYTES = 32


class CompactWriter:
    """Writes with one key (RFC 7515 §3.1). Raises InvalidSettings if that key cannot sign.

    `x5c` is the chain of its certificate, the value of that header; without one it is left out.

    We write tokens ourselves because the library would make a token request a tenth slower.
    Whatever a client sends is read by the library.
    """

    def __init__(self, key: SigningKey, x5c: tuple[str, ...] = ()) -> None:
        private_key = key.jwk.private_key
        if not isinstance(private_key, ec.EllipticCurvePrivateKey | rsa.RSAPrivateKey):
            raise InvalidSettings("a signing key is not a private key")
        self._private_key = private_key
        # What every token of this key begins with.
        header = {**key.header, "x5c": x5c} if x5c else key.header
        self.header = base64url(json.dumps(header, separators=(",", ":")).encode())

    def write(self, payload: bytes) -> str:
        """The payload, signed."""
        signed = f"{self.header}.{base64url(payload)}"
        return f"{signed}.{base64url(self._signature(signed.encode()))}"

    def _signature(self, content: bytes) -> bytes:
        if isinstance(self._private_key, rsa.RSAPrivateKey):
            return self._private_key.sign(content, padding.PKCS1v15(), hashes.SHA256())
        # R and S concatenated, not in DER (RFC 7518 §3.4).
        r, s = decode_dss_signature(self._private_key.sign(content, _ES256))
        return r.to_bytes(_P256_BYTES, "big") + s.to_bytes(_P256_BYTES, "big")


def base64url(content: bytes) -> str:
    """The bytes as base64url without padding (RFC 7515 §2)."""
    return urlsafe_b64encode(content).rstrip(b"=").decode()
