"""Builds the pages."""

from collections.abc import Awaitable, Callable
from dataclasses import dataclass

from acrux import edge
from acrux.adapters.openid.authorization_code import AuthorizationCode
from acrux.domain.access.trust import Trust
from acrux.edge import Completion
from acrux.errors import InvalidSettings
from acrux.http.access.identity import Identity
from acrux.http.access.origin import Origins
from acrux.http.messages import Request, Response
from acrux.http.routes import Row
from acrux.ports.clock import Clock
from acrux.services.access.trusts import Trusts
from acrux.settings import Settings
from acrux.web import routes
from acrux.web.calls import Calls
from acrux.web.errors import ErrorPages
from acrux.web.login import LoginPages
from acrux.web.openid import OpenIdPages
from acrux.web.rendering import Rendering
from acrux.web.sessions import Sessions
from acrux.web.static import Static
from acrux.web.tokens.tokens import TokenPages
from acrux.web.visits import Visits


@dataclass(frozen=True)
class Pages:
    """The pages: their rows, and what shows people the errors that are none of a page."""

    rows: tuple[Row, ...]
    complete: Completion


class TrustedIssuer:
    """The issuer of a trust as it is now; its audience is this registry's name there."""

    def __init__(self, trust: str, trusts: Trusts, code: AuthorizationCode) -> None:
        self.trust = trust
        self._trusts = trusts
        self._code = code

    async def address(self, back: str, state: str, nonce: str, verifier: str) -> str:
        """See acrux.web.openid.Issuer."""
        trust = await self._stored()
        return await self._code.address(trust.issuer, trust.audience, back, state, nonce, verifier)

    async def token(self, back: str, code: str, verifier: str) -> str:
        """See acrux.web.openid.Issuer."""
        trust = await self._stored()
        return await self._code.token(trust.issuer, trust.audience, back, code, verifier)

    async def _stored(self) -> Trust:
        return (await self._trusts.show(self.trust)).trust


def build(
    settings: Settings,
    answer: Callable[[Request], Awaitable[Response]],
    identity: Identity,
    trusts: Trusts,
    clock: Clock,
) -> Pages:
    """All pages. `answer` answers their calls to the API. Raises InvalidSettings."""
    static = Static()
    origins = edge.origins(settings)
    own = Origins(origins.login_servers, origins.trusted_proxies)
    calls = Calls(answer, edge.pace(settings))
    rendering = Rendering(settings.name, static, settings.web_login_trust)
    visits = Visits(Sessions(identity), calls, rendering, own)
    openid, code = None, AuthorizationCode(_secret(settings))
    if settings.web_login_trust:
        openid = OpenIdPages(TrustedIssuer(settings.web_login_trust, trusts, code), origins)
    tokens = TokenPages(identity, clock)
    rows = routes.table(visits, LoginPages(origins), openid, tokens, static)
    return Pages(rows, ErrorPages(rendering).complete)


def _secret(settings: Settings) -> str:
    file = settings.web_login_secret_file
    try:
        return "" if file is None else file.read_text("utf-8").strip()
    except (OSError, ValueError) as failed:
        raise InvalidSettings(f"web_login_secret_file cannot be read: {failed}") from failed
