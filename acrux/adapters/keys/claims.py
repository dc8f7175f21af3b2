"""The claims of our tokens as JSON, and back."""

import json
from datetime import UTC, datetime
from typing import Annotated, Final, TypeVar

import msgspec

from acrux.domain.access.federated import FederatedIdentity
from acrux.domain.access.grants import Grant
from acrux.domain.access.reason import Reason
from acrux.domain.access.scope import Scope
from acrux.domain.access.token import (
    ACCESS_TOKEN_KIND,
    REFRESH_TOKEN_KIND,
    VERSION,
    AccessToken,
    RefreshToken,
)
from acrux.errors import InvalidToken

# Some clients decode the payload with the standard base64 alphabet, so it must hold neither
# - nor _. In ASCII only > ? ~ DEL can lead to those (acr-protocol.md §3.6).
_ESCAPES: Final = {b">": b"\\u003e", b"?": b"\\u003f", b"~": b"\\u007e", b"\x7f": b"\\u007f"}

# NumericDate (RFC 7519 §2), bounded so that it and any leeway stay within datetime.
_Instant = Annotated[int, msgspec.Meta(ge=0, lt=int(datetime(9999, 1, 1, tzinfo=UTC).timestamp()))]


class _Access(msgspec.Struct, frozen=True):
    type: str
    name: str
    actions: list[str]


class _Federated(msgspec.Struct, frozen=True):
    """Ours: the trust that accepted the subject, and the claims that fill its placeholders."""

    trust: str
    subject: str
    values: dict[str, str]


class _Claims(msgspec.Struct, frozen=True, kw_only=True):
    """acr-protocol.md §3.3. Unknown claims are ignored (RFC 7519 §4)."""

    jti: str
    sub: str
    nbf: _Instant
    exp: _Instant
    iat: _Instant
    iss: str
    aud: str
    version: str
    roles: list[str]
    grant_type: str
    epoch: Annotated[int, msgspec.Meta(ge=0, le=2**63 - 1)]
    # The claim keeps its old name: else older tokens would outlive a revocation of their trust.
    federated: _Federated | None = msgspec.field(name="outside", default=None)
    password: str = ""


class _Kind(msgspec.Struct, frozen=True):
    grant_type: str = ""


class _AccessClaims(_Claims, frozen=True, kw_only=True):
    """acr-protocol.md §3.4."""

    access: list[_Access]


_Read = TypeVar("_Read", bound=_Claims)


def write_payload(claims: dict[str, object]) -> bytes:
    """Claims as JSON whose base64url form holds neither - nor _ (acr-protocol.md §3.6)."""
    payload = msgspec.json.encode(claims)
    if not payload.isascii():
        payload = json.dumps(claims, separators=(",", ":")).encode("ascii")
    for character, escape in _ESCAPES.items():
        payload = payload.replace(character, escape)
    return payload


def write_access(token: AccessToken, issuer: str) -> bytes:
    """The claims of an access token (acr-protocol.md §3.4)."""
    access = [
        {"type": scope.type, "name": scope.name, "actions": scope.ordered_actions}
        for scope in token.grant.scopes
    ]
    return write_payload(
        {
            **_common_claims(token, issuer, token.grant.principal, token.grant.federated),
            "access": access,
            "roles": [],
            "grant_type": ACCESS_TOKEN_KIND,
        }
    )


def write_refresh(token: RefreshToken, issuer: str) -> bytes:
    """The claims of a refresh token (acr-protocol.md §3.3)."""
    return write_payload(
        {
            **_common_claims(token, issuer, token.principal, token.federated),
            "grant_type": REFRESH_TOKEN_KIND,
            # Clients check that it is there. It grants nothing: rights are looked up on redemption.
            "permissions": {"actions": ["*"], "notActions": []},
            "roles": [],
        }
    )


def kind_of(payload: bytes) -> str:
    """The kind that a token with this payload claims to be; "" if it does not say."""
    try:
        return msgspec.json.decode(payload, type=_Kind).grant_type
    except (ValueError, RecursionError):  # invalid JSON is a ValueError too
        return ""


def _common_claims(
    token: AccessToken | RefreshToken,
    issuer: str,
    principal: str,
    federated: FederatedIdentity | None,
) -> dict[str, object]:
    issued_at = int(token.issued_at.timestamp())
    claims: dict[str, object] = {
        "jti": token.id,
        "sub": principal,
        "nbf": issued_at,
        "exp": int(token.expires_at.timestamp()),
        "iat": issued_at,
        "iss": issuer,
        "aud": token.audience,
        "version": VERSION,
        # Ours: what revokes all tokens of an account at once (docs/reference/walk.md).
        "epoch": token.epoch,
    }
    if token.password:
        # Ours: the name of the password it was issued for. Renewing that revokes the token.
        claims["password"] = token.password
    if federated is not None:
        claims["outside"] = {
            "trust": federated.trust,
            "subject": federated.subject,
            "values": dict(federated.values),
        }
    return claims


def _to_federated(claims: _Claims) -> FederatedIdentity | None:
    if claims.federated is None:
        return None
    federated = claims.federated
    return FederatedIdentity(federated.trust, federated.subject, tuple(federated.values.items()))


def _read_claims(payload: bytes, issuer: str, kind: type[_Read], grant_type: str) -> _Read:
    try:
        members = json.loads(payload, object_pairs_hook=without_duplicates)
        claims = msgspec.convert(members, kind)
    except (ValueError, RecursionError, msgspec.ValidationError):
        raise InvalidToken(
            "the claims of the access token are not those of an access token from this registry"
        ) from None  # the cause may quote the token
    if claims.iss != issuer or claims.version != VERSION:
        raise InvalidToken(f"the access token was not issued by {issuer!r}, version {VERSION}")
    if claims.grant_type != grant_type:
        raise InvalidToken(
            f"this token is of another kind than the expected {grant_type}",
            reason=Reason.OTHER_KIND,
        )
    if claims.nbf != claims.iat:  # our tokens have the same instant for both
        raise InvalidToken("the access token's nbf differs from its iat: ask for a new one")
    return claims


def without_duplicates(pairs: list[tuple[str, object]]) -> dict[str, object]:
    """The members of a JSON object. Raises ValueError if a name occurs twice (RFC 8725 §2.6)."""
    members = dict(pairs)
    if len(members) != len(pairs):
        raise ValueError("a name occurs twice")
    return members


def read_access(payload: bytes, issuer: str) -> AccessToken:
    """What the payload of an access token says. Raises InvalidToken for any other payload."""
    claims = _read_claims(payload, issuer, _AccessClaims, ACCESS_TOKEN_KIND)
    scopes = tuple(
        Scope(entry.type, entry.name, frozenset(entry.actions)) for entry in claims.access
    )
    return AccessToken(
        id=claims.jti,
        grant=Grant(claims.sub, scopes, _to_federated(claims)),
        audience=claims.aud,
        issued_at=datetime.fromtimestamp(claims.iat, UTC),
        expires_at=datetime.fromtimestamp(claims.exp, UTC),
        epoch=claims.epoch,
        password=claims.password,
    )


def read_refresh(payload: bytes, issuer: str) -> RefreshToken:
    """What the payload of a refresh token says. Raises InvalidToken for any other payload."""
    claims = _read_claims(payload, issuer, _Claims, REFRESH_TOKEN_KIND)
    return RefreshToken(
        id=claims.jti,
        principal=claims.sub,
        audience=claims.aud,
        issued_at=datetime.fromtimestamp(claims.iat, UTC),
        expires_at=datetime.fromtimestamp(claims.exp, UTC),
        epoch=claims.epoch,
        federated=_to_federated(claims),
        password=claims.password,
    )
