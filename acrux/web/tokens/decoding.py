"""What a token says, whoever issued it. Nothing of it is believed."""

import base64
import binascii
from collections.abc import Mapping
from datetime import UTC, datetime
from typing import Any, Final

import msgspec
from msgspec import Struct

MAX_TOKEN_CHARACTERS: Final = 32 * 1024
_TIMES: Final = ("iat", "nbf", "exp")
_LAST_INSTANT: Final = datetime(9999, 1, 1, tzinfo=UTC).timestamp()


class Right(Struct, frozen=True):
    """What a token says that it may: some actions on a resource."""

    resource: str
    actions: tuple[str, ...]


class Decoded(Struct, frozen=True):
    """A token's header and claims as text, in the order in which they are written."""

    header: tuple[tuple[str, str], ...]
    claims: tuple[tuple[str, str], ...]
    times: Mapping[str, datetime]
    rights: tuple[Right, ...]
    subject: str


def decode(text: str) -> Decoded | None:
    """What the token says; None if the text is not a JWT in its compact form (RFC 7519 §3)."""
    parts = text.split(".")
    if len(parts) != 3 or len(text) > MAX_TOKEN_CHARACTERS:
        return None
    header, claims = read_part(parts[0]), read_part(parts[1])
    if header is None or claims is None:
        return None
    times = {name: at for name in _TIMES if (at := _instant(claims.get(name))) is not None}
    return Decoded(
        _texts(header), _texts(claims), times, _rights(claims.get("access")), str(claims.get("sub"))
    )


def read_part(part: str) -> dict[str, Any] | None:
    """The JSON object that a part of a token is; None if it is none."""
    try:
        content = base64.b64decode(part + "=" * (-len(part) % 4), altchars=b"-_", validate=True)
        found = msgspec.json.decode(content)
    except (binascii.Error, ValueError, RecursionError):
        return None
    return found if isinstance(found, dict) else None


def _texts(values: Mapping[str, Any]) -> tuple[tuple[str, str], ...]:
    return tuple((name, _text(value)) for name, value in values.items())


def _text(value: Any) -> str:
    if isinstance(value, str):
        return value
    return msgspec.json.format(msgspec.json.encode(value), indent=2).decode()


def _instant(value: Any) -> datetime | None:
    # NumericDate (RFC 7519 §2): a token may hold any number, or something else.
    if isinstance(value, bool) or not isinstance(value, int | float):
        return None
    return datetime.fromtimestamp(value, UTC) if 0 <= value < _LAST_INSTANT else None


def _rights(access: Any) -> tuple[Right, ...]:
    # distribution, spec/auth/jwt.md: a list of objects with type, name and actions.
    if not isinstance(access, list):
        return ()
    return tuple(
        Right(f"{one.get('type', '')}:{one.get('name', '')}", tuple(map(str, _list(one))))
        for one in access
        if isinstance(one, dict)
    )


def _list(one: Mapping[str, Any]) -> list[Any]:
    actions = one.get("actions")
    return actions if isinstance(actions, list) else []
