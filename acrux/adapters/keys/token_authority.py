"""The CA of the keys that sign tokens for other registries."""

from base64 import b64encode
from datetime import timedelta
from typing import Final

from cryptography import x509
from cryptography.hazmat.primitives import hashes
from cryptography.hazmat.primitives.asymmetric import ec
from cryptography.hazmat.primitives.serialization import Encoding
from cryptography.x509.oid import NameOID

from acrux.adapters.keys.certificates import begin_leaf, make_ca, make_key, read_key
from acrux.adapters.keys.kept import kept
from acrux.adapters.keys.signing_keys import SigningKey
from acrux.ports.clock import Clock
from acrux.ports.secrets import Secrets

# A registry that trusts the CA believes a stolen key for as long as its certificate lives. No token
# lives longer than a day (settings), so each ends before the certificate that came with it.
RENEWED_AFTER: Final = timedelta(days=1)
LIFETIME: Final = timedelta(days=2, hours=2)

NAME: Final = "token-ca"


class TokenAuthority:
    """Certifies signing keys with a key of its own, the secret `token-ca`, made when first needed.

    Other registries trust this one certificate, and so every key that signs later (`x5c`, RFC 7515
    §4.1.6). Implements acrux.ports.keys.CertificateAuthority.
    """

    def __init__(self, secrets: Secrets, clock: Clock) -> None:
        self._secrets = secrets
        self._clock = clock

    async def certificate(self) -> bytes:
        """See ports.CertificateAuthority."""
        return make_ca(await self._key(), self._clock()).public_bytes(Encoding.PEM)

    async def certify(self, key: SigningKey) -> tuple[str, ...]:
        """The certificate of this key, as the value of `x5c`. Raises as `Secrets` does."""
        name = x509.Name([x509.NameAttribute(NameOID.COMMON_NAME, key.id)])
        own, now = await self._key(), self._clock()
        begun = begin_leaf(make_ca(own, now), name, key.public_key, now, LIFETIME)
        signed = begun.sign(own, hashes.SHA256())
        return (b64encode(signed.public_bytes(Encoding.DER)).decode(),)

    async def _key(self) -> ec.EllipticCurvePrivateKey:
        return read_key(await kept(self._secrets, NAME, make_key), self._secrets.place(NAME))
