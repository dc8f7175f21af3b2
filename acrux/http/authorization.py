"""What the Authorization header presents; sole reader of it."""

import base64
import binascii
import re
from dataclasses import dataclass

from acrux.domain.credential import Credential, Secret
from acrux.errors import BadCredentials, InvalidRequest, InvalidToken
from acrux.http import parsing
from acrux.http.messages import Request

# token ::= [A-Za-z0-9-._~+/]+ "="*  (RFC 6750 §2.1)
_BEARER_TOKEN = re.compile(r"[A-Za-z0-9\-._~+/]+=*")


@dataclass(frozen=True, slots=True)
class BearerToken:
    """A token presented in the Authorization header."""

    secret: Secret


def presented(request: Request) -> BearerToken | Credential | None:
    """What the request presents: a bearer token, a name with a secret, or nothing.

    Raises InvalidToken or BadCredentials where it cannot be read, and InvalidRequest where there
    are several: which of them counts must not be left to chance.
    """
    headers = parsing.every_header(request, b"authorization")
    if not headers:
        return None
    if len(headers) > 1:
        raise InvalidRequest("there are several Authorization headers: send one")
    scheme, _, presented = headers[0].strip().partition(" ")
    match scheme.lower():  # the scheme's name is case-insensitive (RFC 9110 §11.1)
        case "bearer":
            return _bearer(presented.strip())
        case "basic":
            return _basic(presented.strip())
    raise BadCredentials("the Authorization header must be Bearer and a token, or Basic")


def _bearer(text: str) -> BearerToken:
    if _BEARER_TOKEN.fullmatch(text) is None:
        raise InvalidToken("what follows Bearer is not a token")
    return BearerToken(Secret(text))


def _basic(text: str) -> Credential:
    # RFC 7617 §2: base64 of user-id ":" password, and no colon in the user-id.
    try:
        decoded = base64.b64decode(text, validate=True).decode("utf-8")
    except (binascii.Error, UnicodeDecodeError, ValueError):
        decoded = ""
    name, colon, secret = decoded.partition(":")
    if not colon:
        raise BadCredentials("what follows Basic must be the base64 of username:password, in UTF-8")
    return Credential(name, Secret(secret))
