"""One request for a page: who visits, what they are told and shown."""

import asyncio
from collections.abc import Awaitable, Callable, Mapping
from dataclasses import dataclass
from typing import Any, Final
from urllib.parse import urlencode

from acrux.domain.access.credential import Secret
from acrux.domain.access.grants import Grant
from acrux.errors import RegistryError
from acrux.http import parsing, problems
from acrux.http.access.origin import Origin, Origins
from acrux.http.messages import Request, Response
from acrux.web import forms, navigation, sessions
from acrux.web.calls import JSON, Answer, Call, Calls, Refused, Visitor
from acrux.web.rendering import Rendering
from acrux.web.sessions import Sessions

HOME: Final = "/web/"
LOGIN: Final = "/web/login"

# Of an answer of the API: a page never needs more, and a stranger pushed some of it.
ANSWER_BYTES: Final = 4 * 1024 * 1024
UNAUTHORIZED: Final = 401

# Pages that hold manifests, configurations and SBOMs in memory at the same time. More would answer
# no sooner: all of that is work of the one processor.
AT_ONCE: Final = 4

Handler = Callable[[Request], Awaitable[Response]]
Rows = tuple[tuple[str, Mapping[str, Handler]], ...]  # paths, each with its handlers by method


@dataclass(frozen=True, slots=True)
class Visit:
    """A request for a page by its visitor."""

    request: Request
    visitor: Visitor
    origin: Origin  # under which clients reach the registry
    _calls: Calls
    _rendering: Rendering
    turn: asyncio.Semaphore  # for a page that holds in memory what a stranger pushed

    @property
    def host(self) -> str:
        """What docker calls the registry: its host and port."""
        return self.origin.login_server

    @property
    def address(self) -> str:
        """What acrux calls the registry: as `host`, with the scheme if it is not https."""
        return self.host if self.origin.scheme == "https" else f"http://{self.host}"

    async def get(self, path: str, **query: str) -> Any:
        """What the API answers to a GET. Raises Refused."""
        return (await self.send(Call("GET", path, query))).json()

    async def send(self, call: Call, limit: int = ANSWER_BYTES) -> Answer:
        """The API's answer, of at most `limit` bytes, in the visitor's name. Raises Refused."""
        return await self._calls.send(self.request, self.visitor, call, limit)

    async def look(self, call: Call) -> Answer:
        """The API's answer to a probe, whatever it says."""
        return await self._calls.look(self.request, self.visitor, call, ANSWER_BYTES)

    async def change(self, method: str, path: str, body: bytes = b"", **query: str) -> Answer:
        """The API's answer to a call that changes something. Raises Refused."""
        return await self.send(Call(method, path, query, body, JSON if body else ""))

    async def form(self) -> dict[str, str]:
        """The fields of the form that was sent. Raises InvalidRequest."""
        return await forms.read(self.request)

    def param(self, name: str) -> str:
        """A parameter of the query, empty if it is missing."""
        return parsing.first(self.request, name) or ""

    def page(self, template: str, status: int = 200, **values: Any) -> Response:
        """The page that the template makes of the values."""
        frame = {
            "visitor": self.visitor,
            "places": navigation.places(self.visitor),
            "here": self.request.path,
        }
        page = self._rendering.page(template, {**frame, **values}, status)
        if self.origin.scheme == "https":  # by http, browsers ignore it, and complain
            page.add("Cross-Origin-Opener-Policy", "same-origin")
        return page


Page = Callable[[Visit], Awaitable[Response]]


class Visits:
    """Makes handlers of pages."""

    def __init__(
        self, sessions: Sessions, calls: Calls, rendering: Rendering, origins: Origins
    ) -> None:
        self._sessions = sessions
        self._calls = calls
        self._rendering = rendering
        self._origins = origins
        self._turn = asyncio.Semaphore(AT_ONCE)

    def shows(self, page: Page) -> Handler:
        """A handler that shows the page, or why it cannot be shown.

        Whose session has ended is asked to log in, also for what anybody may see: they would look
        at less than they know, and not see why.
        """

        async def asking(visit: Visit) -> Response:
            return to_login(visit) if visit.visitor.has_ended else await page(visit)

        return self.greets(asking)

    def greets(self, page: Page) -> Handler:
        """As `shows`, also for whose session has ended: the login itself."""

        async def handler(request: Request) -> Response:
            visitor = await self._sessions.visitor(request)
            request.grant = Grant(visitor.name)  # for the log: it grants nothing
            origin = self._origins.of(request)
            visit = Visit(request, visitor, origin, self._calls, self._rendering, self._turn)
            try:
                return await page(visit)
            except Refused as refused:
                return _refusal(visit, refused)
            except RegistryError as wrong:
                problem = problems.find(wrong)
                if problem is problems.UNEXPECTED:
                    raise
                message = wrong.message or problem.message
                return _refusal(visit, Refused(problem.status, problem.code, message))

        return handler

    def changes(self, page: Page) -> Handler:
        """As `shows`, for a form: one that another site's page sends is refused.

        Not even the pages that may call the API may send one in the visitor's name.
        """
        return self._from_our_pages(self.shows(page))

    def begins(self, page: Page) -> Handler:
        """As `changes`, also for whose session has ended: the form of the login."""
        return self._from_our_pages(self.greets(page))

    def _from_our_pages(self, shown: Handler) -> Handler:
        async def handler(request: Request) -> Response:
            self._origins.check_sender(request)
            return await shown(request)

        return handler


def _refusal(visit: Visit, refused: Refused) -> Response:
    if refused.status == UNAUTHORIZED and visit.visitor.is_anonymous:
        return to_login(visit)
    return visit.page("refused", refused.status, refused=refused)


def to_login(visit: Visit) -> Response:
    """To the login, and back to the page afterwards."""
    request = visit.request
    wanted = HOME
    if request.method in ("GET", "HEAD"):
        wanted = request.raw_path.decode("latin-1")
        if request.query:
            wanted += f"?{request.query.decode('latin-1')}"
    return redirect(f"{LOGIN}?{urlencode({'next': wanted})}")


def redirect(location: str) -> Response:
    """To another page, whatever the method was (303, RFC 9110 §15.4.4)."""
    response = Response(303, [(b"cache-control", b"no-store")])
    response.add("Location", location)
    return response


def with_session(response: Response, session: Secret) -> Response:
    """The answer, and the session of who has just logged in."""
    sessions.begin(response, session)
    return response
