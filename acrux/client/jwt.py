"""Decode a token, and verify that a key of the registry signed it."""

import base64
import binascii
import json
from dataclasses import dataclass
from datetime import UTC, datetime, timedelta
from typing import Any, Final

from joserfc import jws
from joserfc.errors import JoseError
from joserfc.jwk import KeySet

from acrux.client.errors import SignatureRefused, TokenUnreadable

# Asymmetric ones only: with HS256 anyone who can read the published key could sign.
ALGORITHMS: Final = (
    "ES256", "ES384", "ES512", "RS256", "RS384", "RS512", "PS256", "PS384", "PS512", "Ed25519",
    "EdDSA",
)  # fmt: skip


@dataclass(frozen=True, slots=True)
class DecodedToken:
    """The header and the claims of a JWT, as written. Nothing is verified."""

    header: dict[str, Any]
    claims: dict[str, Any]

    @property
    def kind(self) -> str | None:
        """`access_token` or `refresh_token`, None if it does not say (acr-protocol.md §3)."""
        kind = self.claims.get("grant_type")
        return kind if isinstance(kind, str) else None

    def life_left(self, now: datetime) -> timedelta | None:
        """The time until it expires, negative afterwards; None if the token does not say."""
        expires = self.claims.get("exp")
        if isinstance(expires, bool) or not isinstance(expires, int | float):
            return None
        try:
            return datetime.fromtimestamp(expires, UTC) - now
        except (ValueError, OverflowError, OSError):
            return None


def decode(token: str) -> DecodedToken:
    """Read a JWT (RFC 7519 §3) without verifying it; raise TokenUnreadable for anything else."""
    parts = token.strip().split(".")
    if len(parts) != 3:
        raise TokenUnreadable(
            f"a JWT has three parts separated by dots, but this text has {len(parts)}: "
            "it may be an opaque token, which only its registry can read"
        )
    return DecodedToken(_part("header", parts[0]), _part("payload", parts[1]))


def verify(token: str, key_set: object) -> str:
    """The algorithm with which a key of the JSON Web Key Set (RFC 7517) signed the token.

    Raises SignatureRefused if none did, or if the algorithm is symmetric or `none`;
    TokenUnreadable if `key_set` is not a key set. Expiry and audience are not checked.
    """
    keys = _keys(key_set)
    try:
        header = jws.deserialize_compact(token.strip(), keys, ALGORITHMS).headers()
    except (JoseError, ValueError) as refused:
        raise SignatureRefused(f"the signature is not good: {refused}") from None
    return str(header["alg"])


def _keys(key_set: object) -> KeySet:
    try:
        return KeySet.import_key_set(key_set)  # type: ignore[arg-type]  # it refuses anything else
    except (JoseError, ValueError, TypeError, KeyError, AttributeError):
        raise TokenUnreadable(
            'the keys are not a JSON Web Key Set: expected {"keys":[...]}'
        ) from None


def _part(name: str, text: str) -> dict[str, Any]:
    try:
        padded = text + "=" * (-len(text) % 4)
        content = json.loads(base64.b64decode(padded, altchars=b"-_", validate=True))
    except (binascii.Error, ValueError, RecursionError):
        content = None
    if not isinstance(content, dict):
        raise TokenUnreadable(f"the {name} of the token is not the base64url of a JSON object")
    return content
