"""The CA of the keys that sign tokens for other registries."""

import asyncio
from base64 import b64encode
from datetime import timedelta
from pathlib import Path
from typing import Final

from cryptography import x509
from cryptography.hazmat.primitives import hashes
from cryptography.hazmat.primitives.serialization import Encoding
from cryptography.x509.oid import NameOID

from acrux.adapters.keys.certificates import begin_leaf, kept_key, make_ca
from acrux.adapters.keys.signing_keys import SigningKey
from acrux.ports.clock import Clock

# A registry that trusts the CA believes a stolen key for as long as its certificate lives. No token
# lives longer than a day (settings), so each ends before the certificate that came with it.
RENEWED_AFTER: Final = timedelta(days=1)
LIFETIME: Final = timedelta(days=2, hours=2)


class TokenAuthority:
    """Certifies signing keys with a key of its own, kept in a file and made when first needed.

    Other registries trust this one certificate, and so every key that signs later (`x5c`, RFC 7515
    §4.1.6). Implements acrux.ports.keys.CertificateAuthority.
    """

    def __init__(self, path: Path, clock: Clock) -> None:
        self._path = path
        self._clock = clock

    async def certificate(self) -> bytes:
        """See ports.CertificateAuthority."""
        made = await asyncio.to_thread(self._certificate)
        return made.public_bytes(Encoding.PEM)

    def certify(self, key: SigningKey) -> tuple[str, ...]:
        """The certificate of this key, as the value of `x5c`. Raises as `kept_key` does."""
        name = x509.Name([x509.NameAttribute(NameOID.COMMON_NAME, key.id)])
        own, now = kept_key(self._path), self._clock()
        begun = begin_leaf(make_ca(own, now), name, key.public_key, now, LIFETIME)
        signed = begun.sign(own, hashes.SHA256())
        return (b64encode(signed.public_bytes(Encoding.DER)).decode(),)

    def _certificate(self) -> x509.Certificate:
        return make_ca(kept_key(self._path), self._clock())
