"""The pages, one row for each: its path, and what shows it."""

from collections.abc import Mapping
from typing import Final

from acrux.errors import UnknownEndpoint
from acrux.http import parsing
from acrux.http.access import audit, guard
from acrux.http.messages import Request, Response
from acrux.http.routes import Endpoint, Handler, Row
from acrux.web import repositories, static
from acrux.web.access import pages as access
from acrux.web.login import LoginPages
from acrux.web.static import Static
from acrux.web.tokens.tokens import TokenPages
from acrux.web.visits import HOME, LOGIN, Visits, redirect

NAME: Final = "page"


def table(visits: Visits, login: LoginPages, tokens: TokenPages, files: Static) -> tuple[Row, ...]:
    """Every page. Each is public: what it shows, the API's own guard allows its visitor."""
    shows, changes = visits.shows, visits.changes
    return (
        _row("/", {"GET": _to_pages}),
        _row(HOME, {"GET": shows(repositories.list_repositories)}),
        _row(LOGIN, {"GET": shows(login.ask), "POST": changes(login.begin)}),
        _row("/web/logout", {"POST": changes(login.end)}),
        _row(static.PATH, {"GET": files.show}),
        _row("/web/repositories/{repository}", {"GET": shows(repositories.show_repository)}),
        _row("/web/tokens", {"GET": shows(tokens.ask), "POST": changes(tokens.show)}),
        _row("/web/tokens/new", {"GET": shows(tokens.explain), "POST": changes(tokens.get)}),
        *[_row(path, handlers) for path, handlers in access.rows(visits)],
    )


def _row(path: str, methods: Mapping[str, Handler]) -> Row:
    endpoints = {
        method: Endpoint(guard.public, handler, records=audit.nothing)
        for method, handler in methods.items()
    }
    return Row(NAME, path, endpoints)


async def _to_pages(request: Request) -> Response:
    # Only browsers ask for HTML by name. For every other client there is nothing here.
    if "text/html" not in parsing.accept(request).wanted:
        raise UnknownEndpoint
    return redirect(HOME)
