"""Builds the pages."""

from collections.abc import Awaitable, Callable
from dataclasses import dataclass
from typing import Final

from acrux import edge
from acrux.edge import Completion
from acrux.http.access.identity import Identity
from acrux.http.access.origin import Origins
from acrux.http.messages import Request, Response
from acrux.http.routes import Row
from acrux.settings import Settings
from acrux.web import routes
from acrux.web.calls import Calls
from acrux.web.errors import ErrorPages
from acrux.web.login import LoginPages
from acrux.web.rendering import Rendering
from acrux.web.sessions import Sessions
from acrux.web.static import Static
from acrux.web.visits import Visits


@dataclass(frozen=True)
class Pages:
    """The pages: their rows, and what shows people the errors that are none of a page."""

    rows: tuple[Row, ...]
    complete: Completion


NONE: Final = Pages((), lambda _request, _response: None)


def build(
    settings: Settings, answer: Callable[[Request], Awaitable[Response]], identity: Identity
) -> Pages:
    """All pages. `answer` answers their calls to the API."""
    static = Static()
    origins = edge.origins(settings)
    own = Origins(origins.login_servers, origins.trusted_proxies)
    calls = Calls(answer, edge.pace(settings))
    rendering = Rendering(settings.name, static)
    visits = Visits(Sessions(identity), calls, rendering, own)
    rows = routes.table(visits, LoginPages(origins), static)
    return Pages(rows, ErrorPages(rendering).complete)
