"""The pages, one row for each: its path, and what shows it."""

from collections.abc import Mapping
from typing import Final

from acrux.errors import UnknownEndpoint
from acrux.http import parsing
from acrux.http.access import guard
from acrux.http.messages import Request, Response
from acrux.http.routes import Endpoint, Handler, Row
from acrux.web import static
from acrux.web.content import changes as changing
from acrux.web.content import comparison, deleted, images, repositories, tags
from acrux.web.login import LoginPages
from acrux.web.static import Static
from acrux.web.visits import HOME, LOGIN, Visits, redirect

NAME: Final = "page"


def table(visits: Visits, login: LoginPages, files: Static) -> tuple[Row, ...]:
    """Every page. Each is public: what it shows, the API's own guard allows its visitor."""
    shows, changes = visits.shows, visits.changes
    return (
        _row("/", {"GET": _to_pages}),
        _row(HOME, {"GET": shows(repositories.list_repositories)}),
        _row("/web/compare", {"GET": shows(comparison.compare)}),
        _row("/web/deleted", {"GET": shows(deleted.list_repositories)}),
        _row(LOGIN, {"GET": shows(login.ask), "POST": changes(login.begin)}),
        _row("/web/logout", {"POST": changes(login.end)}),
        _row(static.PATH, {"GET": files.show}),
        *_content(visits),
    )


def _content(visits: Visits) -> tuple[Row, ...]:
    # A hyphen is no component of a repository's name. Its own row would match all the others.
    shows, changes = visits.shows, visits.changes
    deletion = {"GET": shows(changing.ask_deletion), "POST": changes(changing.delete)}
    lock = {"GET": shows(changing.ask_lock), "POST": changes(changing.lock)}
    retag = {"GET": shows(changing.ask_retag), "POST": changes(changing.retag)}
    restoration = {"GET": shows(deleted.ask_restoration), "POST": changes(deleted.restore)}
    one = "/web/repositories/{repository}"
    return (
        _row(f"{one}/-/manifests/{{reference}}", {"GET": shows(images.show_image)}),
        _row(f"{one}/-/manifests", {"GET": shows(tags.list_manifests)}),
        _row(f"{one}/-/delete/{{reference}}", deletion),
        _row(f"{one}/-/delete", deletion),
        _row(f"{one}/-/lock/{{reference}}", lock),
        _row(f"{one}/-/lock", lock),
        _row(f"{one}/-/tag/{{reference}}", retag),
        _row(f"{one}/-/restore/{{digest}}", restoration),
        _row(f"{one}/-/deleted", {"GET": shows(deleted.show)}),
        _row(one, {"GET": shows(tags.show_repository)}),
    )


def _row(path: str, methods: Mapping[str, Handler]) -> Row:
    return Row(NAME, path, {name: Endpoint(guard.public, one) for name, one in methods.items()})


async def _to_pages(request: Request) -> Response:
    # Only browsers ask for HTML by name. For every other client there is nothing here.
    if "text/html" not in parsing.accept(request).wanted:
        raise UnknownEndpoint
    return redirect(HOME)
