"""Who visits: the session in a browser's cookie."""

from typing import Final

from acrux.domain.access.credential import Secret
from acrux.domain.access.grants import narrow
from acrux.domain.access.scope import READ, on_deleted_catalog, on_management
from acrux.errors import BadCredentials
from acrux.http import parsing
from acrux.http.access.identity import Identity
from acrux.http.messages import Request, Response
from acrux.web.calls import Visitor

# The prefix lets no other host and no http page set it (RFC 6265bis §4.1.3.2).
COOKIE: Final = "__Host-acrux"
ATTEMPT: Final = "__Host-acrux-login"
ATTEMPT_SECONDS: Final = 600  # that a login with an issuer may take
_MANAGEMENT: Final = on_management(READ)
_DELETED: Final = on_deleted_catalog()
_ATTRIBUTES: Final = "Path=/; Secure; HttpOnly; SameSite=Lax"


class Sessions:
    """A session is a refresh token, kept by the browser where no script can read it.

    So it ends when a refresh token would: after its time, or as soon as its account is disabled,
    deleted or changed. The registry keeps nothing.
    """

    def __init__(self, identity: Identity) -> None:
        self._identity = identity

    async def visitor(self, request: Request) -> Visitor:
        """Whose session the request presents; nobody's if there is none, or it has ended."""
        session = _cookie(request, COOKIE)
        if not session:
            return Visitor()
        try:
            principal = await self._identity.of_refresh_token(session)
        except BadCredentials:
            return Visitor(has_ended=True)
        held = narrow(principal, [_MANAGEMENT, _DELETED])
        return Visitor(
            principal.name,
            Secret(session),
            sees_management=held.permits(_MANAGEMENT),
            sees_deleted=held.permits(_DELETED),
        )


def begin(response: Response, session: Secret) -> None:
    """Give the browser the session, until it is closed or the session ends."""
    response.add("Set-Cookie", f"{COOKIE}={session.reveal()}; {_ATTRIBUTES}")


def end(response: Response) -> None:
    """Let the browser forget the session."""
    response.add("Set-Cookie", f"{COOKIE}=; Max-Age=0; {_ATTRIBUTES}")


def note(response: Response, attempt: str) -> None:
    """Let the browser keep what it needs to come back from an issuer, for ATTEMPT_SECONDS."""
    response.add("Set-Cookie", f"{ATTEMPT}={attempt}; Max-Age={ATTEMPT_SECONDS}; {_ATTRIBUTES}")


def noted(request: Request) -> str:
    """What the browser keeps of a login with an issuer; empty if nothing."""
    return _cookie(request, ATTEMPT)


def forget(response: Response) -> None:
    """Let the browser forget it."""
    response.add("Set-Cookie", f"{ATTEMPT}=; Max-Age=0; {_ATTRIBUTES}")


def _cookie(request: Request, name: str) -> str:
    # http.cookies takes seconds for some kilobytes (CVE-2024-7592), and drops all that follow a
    # cookie which it cannot read. Other servers on this host choose what is in theirs.
    for header in parsing.every_header(request, b"cookie"):
        for pair in header.split(";"):
            found, _, value = pair.strip().partition("=")
            if found == name:
                return value
    return ""
