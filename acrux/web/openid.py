"""Logging in with an OpenID issuer."""

import base64
import hmac
import secrets
from typing import Final, Protocol

import msgspec
from msgspec import Struct

from acrux.errors import InvalidRequest
from acrux.http.access.origin import Origins
from acrux.http.messages import Response
from acrux.web import sessions
from acrux.web.calls import Refused
from acrux.web.login import begin_session, own_page, refuse
from acrux.web.tokens.decoding import read_part
from acrux.web.visits import Visit, redirect

BEGIN: Final = "/web/login/openid/begin"
BACK: Final = "/web/login/openid"
RANDOM_BYTES: Final = 32


class Issuer(Protocol):
    """The issuer of a trust, and this registry as its client."""

    trust: str

    async def address(self, back: str, state: str, nonce: str, verifier: str) -> str:
        """Where the browser is sent, to come back to `back`. Raises RegistryError."""
        ...

    async def token(self, back: str, code: str, verifier: str) -> str:
        """The token for the code that the browser came back with. Raises RegistryError."""
        ...


class Attempt(Struct, frozen=True):
    """A login under way: what only the browser that began it knows, and where it goes on."""

    state: str
    nonce: str
    verifier: str
    following: str


class OpenIdPages:
    """Sends the visitor to the issuer, and begins a session when they come back.

    The session is that of the trust's identity, and the token is judged as any that its issuer
    signed. These are the only pages from which a browser leaves the registry.
    """

    def __init__(self, issuer: Issuer, origins: Origins) -> None:
        self._issuer = issuer
        self._origins = origins

    async def begin(self, visit: Visit) -> Response:
        """GET: to the issuer. A link and no form, which our policy of content would hold back."""
        state, nonce, verifier = (secrets.token_urlsafe(RANDOM_BYTES) for _ in range(3))
        attempt = Attempt(state, nonce, verifier, own_page(visit.param("next")))
        address = await self._issuer.address(self._back(visit), state, nonce, verifier)
        response = redirect(address)
        sessions.note(response, base64.urlsafe_b64encode(msgspec.json.encode(attempt)).decode())
        return response

    async def finish(self, visit: Visit) -> Response:
        """GET: back from the issuer, with a code or with a refusal."""
        attempt = self._attempt(visit)
        if refusal := visit.param("error"):
            return refuse(
                visit, attempt.following, 403, visit.param("error_description") or refusal
            )
        token = await self._issuer.token(self._back(visit), visit.param("code"), attempt.verifier)
        try:
            response = await begin_session(
                visit, self._origins, f"trusts/{self._issuer.trust}", token, attempt.following
            )
        except Refused as refused:
            return refuse(visit, attempt.following, refused.status, refused.message)
        # Now the token is known to be the issuer's. Of another login it would have another nonce.
        if not hmac.compare_digest(_nonce(token).encode(), attempt.nonce.encode()):
            raise InvalidRequest("the issuer answered another login than this one")
        sessions.forget(response)
        return response

    def _attempt(self, visit: Visit) -> Attempt:
        # Whoever sends somebody else's code to a visitor would log them in as somebody else.
        try:
            noted = base64.urlsafe_b64decode(sessions.noted(visit.request))
            attempt = msgspec.json.decode(noted, type=Attempt)
        except ValueError:
            raise InvalidRequest(_LOST) from None
        if not hmac.compare_digest(attempt.state.encode(), visit.param("state").encode()):
            raise InvalidRequest(_LOST)
        return attempt

    def _back(self, visit: Visit) -> str:
        origin = self._origins.of(visit.request)
        return f"{origin.scheme}://{origin.login_server}{BACK}"


_LOST: Final = "this browser began no such login: begin again at the login"


def _nonce(token: str) -> str:
    _, payload, _ = token.split(".")
    return str((read_part(payload) or {}).get("nonce", ""))
