"""What the Authorization header presents; the only reader of it."""

import binascii
import re

from msgspec import Struct

from acrux.cache import memoize
from acrux.domain.access.credential import Credential, Secret
from acrux.errors import BadCredentials, InvalidRequest, InvalidToken
from acrux.http.messages import Request

# token ::= [A-Za-z0-9-._~+/]+ "="*  (RFC 6750 §2.1)
_BEARER_TOKEN = re.compile(r"[A-Za-z0-9\-._~+/]+=*")


class BearerToken(Struct, frozen=True):
    """A token presented in the Authorization header."""

    secret: Secret


def presented(request: Request) -> BearerToken | Credential | None:
    """What the request presents: a bearer token, a name with a secret, or nothing.

    Raises InvalidToken or BadCredentials if the header is malformed, and InvalidRequest if there
    are several: which of them counts must not be left to chance.
    """
    values = request.values(b"authorization")
    if not values:
        return None
    if len(values) > 1:
        raise InvalidRequest("there are several Authorization headers: send one")
    scheme, _, presented = values[0].strip().partition(b" ")
    match scheme.lower():  # the scheme's name is case-insensitive (RFC 9110 §11.1)
        case b"bearer":
            return _bearer(presented)
        case b"basic":
            return _basic(presented.strip())
    raise BadCredentials("the Authorization header must be Bearer with a token, or Basic")


def _parse_bearer(presented: bytes) -> BearerToken:
    text = presented.strip().decode("latin-1")
    if _BEARER_TOKEN.fullmatch(text) is None:
        raise InvalidToken("what follows Bearer is not a token")
    return BearerToken(Secret(text))


_bearer = memoize(_parse_bearer, 1024)  # its validity is checked each time


def _basic(text: bytes) -> Credential:
    # RFC 7617 §2: base64 of user-id ":" password, and no colon in the user-id.
    try:
        decoded = binascii.a2b_base64(text, strict_mode=True).decode("utf-8")
    except ValueError:  # the base class of binascii.Error and UnicodeDecodeError
        decoded = ""
    name, colon, secret = decoded.partition(":")
    if not colon:
        raise BadCredentials("what follows Basic must be the base64 of username:password, in UTF-8")
    return Credential(name, Secret(secret))
