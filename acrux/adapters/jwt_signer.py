"""Sign and read tokens as JWTs: one algorithm, a set of keys."""

import re
from base64 import urlsafe_b64decode
from collections.abc import Sequence
from dataclasses import dataclass, field
from pathlib import Path
from typing import Final, Self

from cryptography.exceptions import UnsupportedAlgorithm
from cryptography.hazmat.primitives.asymmetric import ec, rsa
from cryptography.hazmat.primitives.serialization import (
    Encoding,
    NoEncryption,
    PrivateFormat,
    load_pem_private_key,
)
from joserfc import jws
from joserfc.errors import JoseError
from joserfc.jwk import ECKey, RSAKey

from acrux.adapters import claims, secrets
from acrux.domain.reason import Reason
from acrux.domain.token import REFRESH_TOKEN_KIND, AccessToken, RefreshToken
from acrux.errors import InvalidSettings, InvalidToken

ES256: Final = "ES256"
RS256: Final = "RS256"
ALGORITHMS: Final = (ES256, RS256)

MAX_TOKEN_CHARACTERS: Final = 64 * 1024
RSA_BITS: Final = 2048

# jws = base64url "." base64url "." base64url, none of them empty (RFC 7515 §7.1, without padding)
_COMPACT: Final = re.compile(r"([A-Za-z0-9_-]+)\.[A-Za-z0-9_-]+\.[A-Za-z0-9_-]+")


@dataclass(frozen=True, slots=True)
class SigningKey:
    """A private key with the one algorithm it is used with; `id` is its RFC 7638 thumbprint."""

    algorithm: str
    id: str
    jwk: ECKey | RSAKey = field(repr=False)

    @classmethod
    def from_pem(cls, pem: bytes, source: str) -> Self:
        """Read PKCS#8 in PEM: P-256 signs ES256, RSA of at least RSA_BITS signs RS256.

        Raises InvalidSettings, naming `source`, for anything else.
        """
        try:
            private_key = load_pem_private_key(pem, password=None)
        except (ValueError, TypeError, UnsupportedAlgorithm) as refused:  # Type: it is encrypted
            raise _unusable(source) from refused
        jwk = _to_jwk(private_key)
        if jwk is None:
            raise _unusable(source)
        return cls(ES256 if isinstance(jwk, ECKey) else RS256, jwk.thumbprint(), jwk)

    @property
    def header(self) -> dict[str, str]:
        """The JOSE header of every token signed with this key."""
        return {"alg": self.algorithm, "typ": "JWT", "kid": self.id}

    @property
    def public(self) -> dict[str, object]:
        """The public half as a JSON Web Key (RFC 7517 §4)."""
        parts = self.jwk.as_dict(private=False)
        return {**parts, "use": "sig", "alg": self.algorithm, "kid": self.id}


def _to_jwk(private_key: object) -> ECKey | RSAKey | None:
    if isinstance(private_key, ec.EllipticCurvePrivateKey):
        return ECKey.import_key(private_key) if private_key.curve.name == "secp256r1" else None
    if isinstance(private_key, rsa.RSAPrivateKey):
        return RSAKey.import_key(private_key) if private_key.key_size >= RSA_BITS else None
    return None


def _unusable(source: str) -> InvalidSettings:
    return InvalidSettings(
        f"the signing key {source} is no unencrypted private key in PEM, P-256 or RSA of at least "
        f"{RSA_BITS} bits: restore it from a backup, or remove it to have a new one made"
    )


def load_or_create_keys(folder: Path, algorithm: str) -> tuple[SigningKey, ...]:
    """All keys in the folder, the newest one of the algorithm first: it signs, all verify.

    Keys are the files `<algorithm>-<number>.pem`, newest with the highest number. Where there is
    none of the algorithm one is made. Raises InvalidSettings for any other algorithm, for a file
    that is no such key, and as `secrets.read_or_create` does.
    """
    if algorithm not in ALGORITHMS:
        raise InvalidSettings(
            f"tokens are signed with {' or '.join(ALGORITHMS)}, not {algorithm[:40]!r}"
        )
    if not any(folder.glob(f"{algorithm}-[0-9]*.pem")):
        secrets.read_or_create(folder / f"{algorithm}-0001.pem", lambda: _make_key(algorithm))
    paths = sorted(folder.glob("*.pem"), reverse=True)
    keys = [SigningKey.from_pem(secrets.read(path), str(path)) for path in paths]
    keys.sort(key=lambda key: key.algorithm != algorithm)
    if keys[0].algorithm != algorithm:
        raise InvalidSettings(
            f"no key in {folder} signs {algorithm}, whatever its name says: remove the files that "
            f"are named {algorithm}-... and hold another key"
        )
    return tuple(keys)


def _make_key(algorithm: str) -> bytes:
    private_key: ec.EllipticCurvePrivateKey | rsa.RSAPrivateKey
    if algorithm == ES256:
        private_key = ec.generate_private_key(ec.SECP256R1())
    else:
        private_key = rsa.generate_private_key(public_exponent=65537, key_size=RSA_BITS)
    return private_key.private_bytes(Encoding.PEM, PrivateFormat.PKCS8, NoEncryption())


class JwtSigner:
    """Signs access tokens with the first of `keys`, and reads those signed with any of them.

    Implements acrux.ports.accounts.TokenSigner. Raises InvalidSettings where there is no key.
    """

    def __init__(self, keys: Sequence[SigningKey]) -> None:
        if not keys:
            raise InvalidSettings("there is no key to sign tokens with")
        self._keys = tuple(keys)
        self._registries = {
            key.algorithm: jws.JWSRegistry(algorithms=[key.algorithm]) for key in keys
        }
        # A header is never interpreted: it is one that we write, letter for letter, or the token
        # is not ours. So alg, kid, jwk, jku, x5c, x5u and crit can choose nothing (RFC 8725 §3).
        self._key_of_header = {self._sign(b"{}", key).partition(".")[0]: key for key in keys}

    def sign(self, token: AccessToken) -> str:
        """The token as a JWT (RFC 7519), signed with the current key."""
        return self._sign(claims.write_access(token), self._keys[0])

    def read(self, text: str) -> AccessToken:
        """The claims of a token with a good signature of one of our keys and of our issuer.

        Raises InvalidToken for anything else. Time and audience are the caller's to check.
        """
        return claims.read_access(self._verify(text))

    def sign_refresh(self, token: RefreshToken) -> str:
        """The refresh token as a JWT that every client can read (acr-protocol.md §3.6)."""
        return self._sign(claims.write_refresh(token), self._keys[0])

    def read_refresh(self, text: str) -> RefreshToken:
        """As `read`, for a refresh token."""
        return claims.read_refresh(self._verify(text))

    def is_refresh(self, text: str) -> bool:
        """Whether the text says that it is a refresh token; nothing of it is verified."""
        payload = text.split(".")[1] if _COMPACT.fullmatch(text) else ""
        try:
            return claims.kind_of(urlsafe_b64decode(payload + "==")) == REFRESH_TOKEN_KIND
        except ValueError:  # no base64
            return False

    def public_keys(self) -> dict[str, object]:
        """The keys to verify with, as a JSON Web Key Set (RFC 7517 §5)."""
        return {"keys": [key.public for key in self._keys]}

    def _sign(self, payload: bytes, key: SigningKey) -> str:
        return jws.serialize_compact(
            key.header, payload, key.jwk, registry=self._registries[key.algorithm]
        )

    def _verify(self, text: str) -> bytes:
        key = self._key_of_header.get(_header_of(text))
        if key is None:
            raise InvalidToken(
                "the access token is not one that this registry signed, or its key is no longer "
                "in use: ask for a new one"
            )
        try:
            registry = self._registries[key.algorithm]
            return jws.deserialize_compact(text, key.jwk, registry=registry).payload
        except (JoseError, ValueError):
            raise InvalidToken(
                "the access token's signature is not good: it was changed or cut on its way",
                reason=Reason.ALTERED,
            ) from None  # the cause may quote the token


def _header_of(text: str) -> str:
    if len(text) > MAX_TOKEN_CHARACTERS:
        raise InvalidToken(f"the access token is longer than {MAX_TOKEN_CHARACTERS} characters")
    match = _COMPACT.fullmatch(text)
    if match is None:
        raise InvalidToken(
            "the access token is no JWT: three base64url parts separated by dots are expected"
        )
    return match[1]
