"""The pages, one row for each: its path, and what shows it."""

from collections.abc import Mapping
from typing import Final

from acrux.errors import UnknownEndpoint
from acrux.http import parsing
from acrux.http.access import audit, guard
from acrux.http.messages import Request, Response
from acrux.http.routes import Endpoint, Handler, Row
from acrux.web import openid, static
from acrux.web.access import pages as access
from acrux.web.content import pages as content
from acrux.web.login import LoginPages
from acrux.web.openid import OpenIdPages
from acrux.web.operation import doctor, log_level, overview, retention
from acrux.web.static import Static
from acrux.web.tokens.tokens import TokenPages
from acrux.web.visits import HOME, LOGIN, Visits, redirect

NAME: Final = "page"


def table(
    visits: Visits, login: LoginPages, issuer: OpenIdPages | None, tokens: TokenPages, files: Static
) -> tuple[Row, ...]:
    """Every page; `issuer` are those of a login with one, if there is any.

    Each is public: what it shows, the API's own guard allows its visitor.
    """
    shows = visits.shows
    return (
        _row("/", {"GET": _to_pages}),
        _row("/web", {"GET": _to_pages}),
        _row(LOGIN, {"GET": visits.greets(login.ask), "POST": visits.begins(login.begin)}),
        _row("/web/logout", {"POST": visits.begins(login.end)}),
        _row(static.PATH, {"GET": files.show}),
        _row("/web/tokens", {"GET": shows(tokens.ask), "POST": visits.changes(tokens.show)}),
        _row("/web/tokens/new", {"GET": shows(tokens.explain), "POST": visits.changes(tokens.get)}),
        *[_row(path, handlers) for path, handlers in (*content.rows(visits), *access.rows(visits))],
        *_operation(visits),
        *(_openid(visits, issuer) if issuer else ()),
    )


def _openid(visits: Visits, pages: OpenIdPages) -> tuple[Row, ...]:
    return (
        _row(openid.BEGIN, {"GET": visits.greets(pages.begin)}),
        _row(openid.BACK, {"GET": visits.greets(pages.finish)}),
    )


def _operation(visits: Visits) -> tuple[Row, ...]:
    shows, changes = visits.shows, visits.changes
    return (
        _row(overview.PATH, {"GET": shows(overview.show), "POST": changes(overview.collect)}),
        _row(doctor.PATH, {"GET": shows(doctor.show)}),
        _row(log_level.PATH, {"GET": shows(log_level.show), "POST": changes(log_level.change)}),
        _row(retention.PATH, {"GET": shows(retention.list_rules), "POST": changes(retention.run)}),
        _row(f"{retention.PATH}/{{name}}", {"GET": shows(retention.preview)}),
    )


def _row(path: str, methods: Mapping[str, Handler]) -> Row:
    endpoints = {
        name: Endpoint(guard.public, handler, records=audit.nothing)
        for name, handler in methods.items()
    }
    return Row(NAME, path, endpoints)


async def _to_pages(request: Request) -> Response:
    # Only browsers ask for HTML by name. For every other client there is nothing here.
    if "text/html" not in parsing.accept(request).wanted:
        raise UnknownEndpoint
    return redirect(HOME)
