"""The keys that sign tokens, as secrets of the registry."""

import asyncio
import re
from dataclasses import dataclass, field
from datetime import UTC, datetime
from typing import Final, Self

from cryptography.exceptions import UnsupportedAlgorithm
from cryptography.hazmat.primitives.asymmetric import ec, rsa
from cryptography.hazmat.primitives.serialization import (
    Encoding,
    NoEncryption,
    PrivateFormat,
    load_pem_private_key,
)
from joserfc.jwk import ECKey, RSAKey

from acrux.adapters.keys.kept import kept
from acrux.domain.access.signing import KeyRecord
from acrux.domain.instants import BEGINNING
from acrux.errors import InvalidSettings
from acrux.ports.secrets import Listing, Secrets

ES256: Final = "ES256"
RS256: Final = "RS256"
ALGORITHMS: Final = (ES256, RS256)

RSA_BITS: Final = 2048

FOLDER: Final = "signing/"
SUFFIX: Final = ".pem"

# name = "signing/" key ".pem"; key = algorithm "-" 4*9DIGIT
_NAME: Final = re.compile(r"signing/((ES256|RS256)-([0-9]{4,9}))\.pem")

# A key is kept as PKCS#8 in PEM (RFC 7468). A line before it, which PEM allows, may say when the
# key begins to sign. So this instant is copied, backed up and restored with the key, unlike a
# file's own times.
_SIGNS_FROM: Final = re.compile(
    rb"Signs-From: ([0-9]{4}-[0-9]{2}-[0-9]{2}T[0-9]{2}:[0-9]{2}:[0-9]{2}Z)\r?\n"
)
_INSTANT: Final = "%Y-%m-%dT%H:%M:%SZ"


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
        except (ValueError, TypeError, UnsupportedAlgorithm) as refused:  # TypeError: encrypted
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
    def public_key(self) -> ec.EllipticCurvePublicKey | rsa.RSAPublicKey:
        """The public half."""
        return self.jwk.public_key

    @property
    def public(self) -> dict[str, object]:
        """The public half as a JSON Web Key (RFC 7517 §4)."""
        parts = self.jwk.as_dict(private=False)
        return {**parts, "use": "sig", "alg": self.algorithm, "kid": self.id}


@dataclass(frozen=True, slots=True)
class StoredKey:
    """A key and its public record."""

    record: KeyRecord
    key: SigningKey


class KeyFolder:
    """The port SigningKeys on the secrets `signing/<algorithm>-<number>.pem`.

    If two rotate at the same time, only one makes the key.
    """

    def __init__(self, secrets: Secrets) -> None:
        self._secrets = secrets

    async def prepare(self, algorithm: str) -> None:
        """Make the first key, which signs at once, if there is no key.

        Raises InvalidSettings for an unknown algorithm, and as `Secrets` does.
        """
        if algorithm not in ALGORITHMS:
            raise InvalidSettings(
                f"tokens are signed with {' or '.join(ALGORITHMS)}, not {algorithm[:40]!r}"
            )
        if not await self.listing():
            await kept(self._secrets, _name(algorithm, 1), lambda: _make_key(algorithm))

    async def listing(self) -> Listing:
        """The state of all keys, without reading them; differs if one came, went or changed."""
        listed = await self._secrets.list(FOLDER)
        return frozenset(entry for entry in listed if entry[0].endswith(SUFFIX))

    async def load(self) -> tuple[StoredKey, ...]:
        """All keys by number.

        Raises InvalidSettings if there is no key, for one that is not a key or is not named like
        one, and as `Secrets` does.
        """
        names = [name for name, _ in await self.listing()]
        keys = [key for name in names if (key := await self._load(name))]
        if not keys:
            raise InvalidSettings(
                f"there is no key to sign tokens with in {self._secrets.place(FOLDER)}"
            )
        return tuple(sorted(keys, key=lambda key: (key.record.number, key.record.name)))

    async def list(self) -> tuple[KeyRecord, ...]:
        """See ports.SigningKeys."""
        return tuple(key.record for key in await self.load())

    async def add(self, algorithm: str, number: int, signs_from: datetime) -> bool:
        """See ports.SigningKeys."""
        made = await asyncio.to_thread(_make_key, algorithm)
        return await self._secrets.create(_name(algorithm, number), _since(signs_from) + made)

    async def advance(self, key: KeyRecord, signs_from: datetime) -> None:
        """See ports.SigningKeys."""
        name = _name(key.algorithm, key.number)
        if (content := await self._secrets.read(name)) is not None:
            pem = _SIGNS_FROM.sub(b"", content, count=1)
            await self._secrets.replace(name, _since(signs_from) + pem)

    async def remove(self, key: KeyRecord) -> None:
        """See ports.SigningKeys."""
        await self._secrets.remove(_name(key.algorithm, key.number))

    async def _load(self, name: str) -> StoredKey | None:
        place = self._secrets.place(name)
        match = _NAME.fullmatch(name)
        if match is None:
            raise InvalidSettings(
                f"{place} is not named like a signing key: rename it to <algorithm>-<number>.pem, "
                "such as ES256-0002.pem, or remove it"
            )
        content = await self._secrets.read(name)
        if content is None:  # removed meanwhile
            return None
        key = SigningKey.from_pem(content, place)
        if key.algorithm != match[2]:
            raise InvalidSettings(
                f"the key {place} is for {key.algorithm}, not for {match[2]} as its name says: "
                "rename or remove it"
            )
        signs_from = _read_instant(content, place)
        return StoredKey(KeyRecord(match[1], int(match[3]), match[2], key.id, signs_from), key)


def _name(algorithm: str, number: int) -> str:
    return f"{FOLDER}{algorithm}-{number:04}{SUFFIX}"


def _to_jwk(private_key: object) -> ECKey | RSAKey | None:
    if isinstance(private_key, ec.EllipticCurvePrivateKey):
        return ECKey.import_key(private_key) if private_key.curve.name == "secp256r1" else None
    if isinstance(private_key, rsa.RSAPrivateKey):
        return RSAKey.import_key(private_key) if private_key.key_size >= RSA_BITS else None
    return None


def _unusable(source: str) -> InvalidSettings:
    return InvalidSettings(
        f"the signing key {source} is not an unencrypted private key in PEM format, P-256 or RSA "
        f"of at least {RSA_BITS} bits: restore it from a backup, or remove it, so that acrux "
        "makes a new one"
    )


def _make_key(algorithm: str) -> bytes:
    private_key: ec.EllipticCurvePrivateKey | rsa.RSAPrivateKey
    if algorithm == ES256:
        private_key = ec.generate_private_key(ec.SECP256R1())
    else:
        private_key = rsa.generate_private_key(public_exponent=65537, key_size=RSA_BITS)
    return private_key.private_bytes(Encoding.PEM, PrivateFormat.PKCS8, NoEncryption())


def _since(signs_from: datetime) -> bytes:
    return f"Signs-From: {signs_from.astimezone(UTC):{_INSTANT}}\n".encode()


def _read_instant(content: bytes, source: str) -> datetime:
    match = _SIGNS_FROM.match(content)
    if match is None:
        if content.startswith(b"-----BEGIN"):
            return BEGINNING
        raise _unusable(source)
    try:
        return datetime.strptime(match[1].decode(), _INSTANT).replace(tzinfo=UTC)
    except ValueError:  # a 30th of February
        raise _unusable(source) from None
