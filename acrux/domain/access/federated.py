"""An identity that an external issuer vouches for, and its claims."""

import json
from collections.abc import Mapping
from datetime import UTC, datetime, timedelta
from typing import Final

from msgspec import Struct

from acrux.domain.access.reason import Reason
from acrux.errors import InvalidToken

Claims = Mapping[str, object]

# No account's name contains a slash, so that a federated identity is never taken for an account.
TRUSTS: Final = "trusts/"

LEEWAY: Final = timedelta(seconds=60)
MAX_SUBJECT_CHARACTERS: Final = 255  # OpenID Connect Core 1.0 §2, `sub`

_LAST_INSTANT: Final = datetime(9999, 1, 1, tzinfo=UTC).timestamp()


class FederatedIdentity(Struct, frozen=True):
    """An identity that a trust accepted. It holds no rights, only what is needed to find them.

    `values` are the claims' values for the placeholders of the trust's permissions.
    """

    trust: str
    subject: str
    values: tuple[tuple[str, str], ...] = ()

    @property
    def name(self) -> str:
        """The principal's name: `trusts/TRUST/SUBJECT`."""
        return f"{TRUSTS}{self.trust}/{self.subject}"

    @property
    def holder(self) -> str:
        """The name under which its tokens are revoked: that of the trust."""
        return holder(self.trust)

    @property
    def size(self) -> int:
        """About how many characters it takes in a token."""
        return len(json.dumps([self.name, self.trust, self.subject, self.values]))


def holder(trust: str) -> str:
    """The name under which the tokens of all identities that a trust accepted are revoked."""
    return f"{TRUSTS}{trust}"


def named(name: str, values: tuple[tuple[str, str], ...]) -> FederatedIdentity | None:
    """The identity with this principal's name, None if it is the name of an account."""
    trust, _, subject = name.removeprefix(TRUSTS).partition("/")
    return FederatedIdentity(trust, subject, values) if name.startswith(TRUSTS) else None


def texts_of(claims: Claims, path: str) -> tuple[str, ...]:
    """The texts that a claim holds: one, each of a list, or none if there is no such claim.

    Dots lead into nested claims: `kubernetes.io.namespace` is `namespace` in `kubernetes.io`. As
    names may contain dots too, the longest existing name wins at each step. Numbers and booleans
    are read as JSON writes them.
    """
    found = _find(claims, path)
    members = found if isinstance(found, list) else [found]
    return tuple(_text(member) for member in members if _is_scalar(member))


def _find(claims: Claims, path: str) -> object:
    name, rest = path, ""
    while name and name not in claims:
        name, _, last = name.rpartition(".")
        rest = f"{last}.{rest}" if rest else last
    found = claims.get(name)
    if not rest:
        return found
    return _find(found, rest) if isinstance(found, Mapping) else None


def _is_scalar(value: object) -> bool:
    return isinstance(value, str | int)  # a bool is an int


def _text(value: object) -> str:
    return value if isinstance(value, str) else json.dumps(value)


def check_time(claims: Claims, now: datetime) -> None:
    """Raise InvalidToken if the token is not valid yet or has expired, with LEEWAY either way.

    `exp` is required, and `iat` or `nbf` (RFC 7519 §4.1).
    """
    ends, begins = _instant(claims, "exp"), (_instant(claims, "nbf"), _instant(claims, "iat"))
    if ends is None or begins == (None, None):
        raise InvalidToken("the token does not say when it was issued and when it expires")
    if now >= ends + LEEWAY:
        raise InvalidToken(
            "the token has expired: ask its issuer for a new one",
            reason=Reason.EXPIRED,
            expired_at=ends.isoformat(),
        )
    if any(begin is not None and now < begin - LEEWAY for begin in begins):
        raise InvalidToken("the token is not valid yet: compare the clocks", reason=Reason.NOT_YET)


def _instant(claims: Claims, name: str) -> datetime | None:
    # NumericDate (RFC 7519 §2), bounded so that adding the leeway cannot overflow a datetime.
    if name not in claims:
        return None
    value = claims[name]
    if isinstance(value, bool) or not isinstance(value, int | float):
        raise InvalidToken(f"the token's {name} is not a number")
    if not 0 <= value < _LAST_INSTANT:
        raise InvalidToken(f"the token's {name} is not a valid time")
    return datetime.fromtimestamp(value, UTC)
