"""Builds the pages."""

from collections.abc import Awaitable, Callable

from acrux import edge
from acrux.http.access.identity import Identity
from acrux.http.access.origin import Origins
from acrux.http.messages import Request, Response
from acrux.http.routes import Row
from acrux.ports.clock import Clock
from acrux.settings import Settings
from acrux.web import routes
from acrux.web.calls import Calls
from acrux.web.login import LoginPages
from acrux.web.rendering import Rendering
from acrux.web.sessions import Sessions
from acrux.web.static import Static
from acrux.web.tokens.tokens import TokenPages
from acrux.web.visits import Visits


def build(
    settings: Settings,
    answer: Callable[[Request], Awaitable[Response]],
    identity: Identity,
    clock: Clock,
) -> tuple[Row, ...]:
    """The rows of all pages. `answer` answers their calls to the API."""
    static = Static()
    origins = edge.origins(settings)
    own = Origins(origins.login_servers, origins.trusted_proxies)
    calls = Calls(answer, edge.pace(settings))
    visits = Visits(Sessions(identity), calls, Rendering(settings.name, static), own)
    return routes.table(visits, LoginPages(origins), TokenPages(identity, origins, clock), static)
