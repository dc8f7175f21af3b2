"""Read a JWT of an external issuer, and verify it with one of its keys."""

import base64
import binascii
import json
import re
from collections.abc import Iterable, Mapping
from dataclasses import dataclass, field
from typing import Final, Never, Self

from joserfc import jws
from joserfc.errors import JoseError
from joserfc.jwk import ECKey, RSAKey

from acrux.adapters.keys.claims import without_duplicates
from acrux.domain.access.federated import Claims
from acrux.domain.access.reason import Reason
from acrux.errors import InvalidToken

# Entra ID writes the groups of a user into a token; no issuer sends a longer one.
MAX_TOKEN_CHARACTERS: Final = 16 * 1024
MAX_KEYS: Final = 100
RSA_BITS: Final = 2048

# Each algorithm is used with its own type of key only. HMAC is left out: anyone who can read the
# issuer's public keys could sign with one (RFC 8725 §2.1).
KEY_OF_ALGORITHM: Final = {
    "RS256": ("RSA", None), "RS384": ("RSA", None), "RS512": ("RSA", None),
    "PS256": ("RSA", None), "PS384": ("RSA", None), "PS512": ("RSA", None),
    "ES256": ("EC", "P-256"), "ES384": ("EC", "P-384"), "ES512": ("EC", "P-521"),
}  # fmt: skip

# Headers that would let a token choose its own key (RFC 8725 §3.10), or that need extensions.
REFUSED_HEADERS: Final = frozenset({"crit", "jwk", "jku", "x5c", "x5u", "b64"})
TYPES: Final = frozenset({"jwt", "at+jwt", "application/jwt", "application/at+jwt"})

_COMPACT = re.compile(r"([A-Za-z0-9_-]+)\.([A-Za-z0-9_-]+)\.[A-Za-z0-9_-]+")


@dataclass(frozen=True, slots=True)
class PublicKey:
    """A key of an issuer; `id` and `algorithm` are empty if the issuer does not say."""

    id: str
    type: str
    curve: str | None
    algorithm: str
    jwk: RSAKey | ECKey = field(repr=False)

    @classmethod
    def read(cls, entry: object) -> Self | None:
        """A JSON Web Key (RFC 7517 §4); None for one that cannot or must not verify tokens."""
        if not isinstance(entry, dict) or entry.get("use", "sig") != "sig":
            return None
        operations = entry.get("key_ops", ["verify"])
        if not isinstance(operations, list) or "verify" not in operations:
            return None
        named = [entry.get(name, "") for name in ("kid", "kty", "alg")]
        if not all(isinstance(value, str) for value in named):
            return None
        jwk = _import(entry)
        if jwk is None:
            return None
        return cls(named[0], named[1], entry.get("crv"), named[2], jwk)


def read_keys(document: Mapping[str, object]) -> tuple[PublicKey, ...]:
    """The usable keys of a JSON Web Key Set (RFC 7517 §5); those of other kinds are left out."""
    entries = document.get("keys")
    if not isinstance(entries, list):
        return ()
    return tuple(key for entry in entries[:MAX_KEYS] if (key := PublicKey.read(entry)))


@dataclass(frozen=True, slots=True)
class SubjectToken:
    """A token that was read but not verified."""

    text: str = field(repr=False)
    algorithm: str
    key_id: str
    claims: Claims

    @classmethod
    def parse(cls, text: str) -> Self:
        """Read a signed JWT (RFC 7519 §7.2); raise InvalidToken for anything else."""
        header, claims = _parts(text)
        algorithm, key_id, kind = header.get("alg"), header.get("kid", ""), header.get("typ", "jwt")
        if not isinstance(algorithm, str) or algorithm not in KEY_OF_ALGORITHM:
            raise InvalidToken(
                f"the token is signed with {str(algorithm)[:20]!r}, expected one of "
                f"{', '.join(KEY_OF_ALGORITHM)}"
            )
        if refused := REFUSED_HEADERS & header.keys():
            raise InvalidToken(f"the token's header must not hold {', '.join(sorted(refused))}")
        if not isinstance(kind, str) or kind.lower() not in TYPES:
            raise InvalidToken("the token is of another kind: its typ must be JWT or at+jwt")
        if not isinstance(key_id, str):
            raise InvalidToken("the token's kid is not a string")
        return cls(text, algorithm, key_id, claims)

    def fitting(self, keys: Iterable[PublicKey]) -> PublicKey | None:
        """The only key with the token's `kid`, type and algorithm; None if none or several fit."""
        fitting = [
            key
            for key in keys
            if self.key_id in ("", key.id)
            and (key.type, key.curve) == KEY_OF_ALGORITHM[self.algorithm]
            and key.algorithm in ("", self.algorithm)
        ]
        return fitting[0] if len(fitting) == 1 else None

    def verified(self, key: PublicKey) -> Claims:
        """The claims, if the key signed them. Raises InvalidToken if it did not."""
        registry = jws.JWSRegistry(algorithms=[self.algorithm], strict_check_header=False)
        try:
            jws.deserialize_compact(self.text, key.jwk, registry=registry)
        except (JoseError, ValueError):
            raise InvalidToken(
                "the token's signature is invalid: the token was changed, or another key signed it",
                reason=Reason.ALTERED,
            ) from None  # the cause may quote the token
        return self.claims


def issuer_of(text: str) -> str:
    """The token's `iss`, unverified: printable ASCII, as in any address.

    Raises InvalidToken if the token has no such `iss`.
    """
    issuer = _parts(text)[1].get("iss")
    # JSON can hold a lone surrogate, which UTF-8 cannot encode and so no database can look up.
    if not isinstance(issuer, str) or not (issuer.isascii() and issuer.isprintable()):
        raise InvalidToken("the token does not say who issued it")
    return issuer


def _parts(text: str) -> tuple[dict[str, object], dict[str, object]]:
    if len(text) > MAX_TOKEN_CHARACTERS:
        raise InvalidToken(f"the token is longer than {MAX_TOKEN_CHARACTERS} characters")
    match = _COMPACT.fullmatch(text)
    if match is None:
        raise InvalidToken("this is not a JWT: expected three base64url parts separated by dots")
    return _object(match[1]), _object(match[2])


def _object(part: str) -> dict[str, object]:
    try:
        content = base64.urlsafe_b64decode(part + "=" * (-len(part) % 4)).decode("utf-8")
        read = json.loads(
            content, object_pairs_hook=without_duplicates, parse_constant=_refuse_constant
        )
    except (binascii.Error, ValueError, RecursionError):
        read = None
    if not isinstance(read, dict):
        raise InvalidToken(
            "a part of the token is not a JSON object with unique names, encoded as base64url"
        )
    return read


def _refuse_constant(name: str) -> Never:
    raise ValueError(f"{name} is not JSON")


def _import(entry: dict[str, object]) -> RSAKey | ECKey | None:
    try:
        if entry.get("kty") == "EC":
            return ECKey.import_key(_public(entry, "crv", "x", "y"))
        if entry.get("kty") == "RSA" and len(str(entry["n"])) * 6 >= RSA_BITS:
            key = RSAKey.import_key(_public(entry, "n", "e"))
            return key if key.public_key.key_size >= RSA_BITS else None
    except (JoseError, ValueError, TypeError, KeyError):
        return None
    return None


def _public(entry: dict[str, object], *names: str) -> dict[str, str | list[str]]:
    # Only what makes up the key: use, key_ops and alg were checked before, and x5c is not used.
    return {name: str(entry[name]) for name in ("kty", *names)}
