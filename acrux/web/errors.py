"""What a browser is shown instead of the page that it asked for."""

from typing import Final

from acrux.http.messages import Request, Response
from acrux.http.problems import JSON
from acrux.web.calls import refused
from acrux.web.rendering import Rendering
from acrux.web.visits import HOME

# What an answer says beside the error, and a page of it has to say too.
_KEPT: Final = frozenset({b"allow", b"retry-after", b"set-cookie", b"x-acrux-case"})

SEE_OTHER: Final = 303
NO_CONTENT: Final = 204
# Replace all of the page but its frame, whatever part was to be replaced.
_WHOLE: Final = {"HX-Retarget": "#content", "HX-Reselect": "#content", "HX-Reswap": "outerHTML"}
# Who asks for HTML is led to the pages from here. A cache must not keep the 404 of the others.
NEGOTIATED: Final = frozenset({"/", "/web"})


class ErrorPages:
    """Shows people what the registry answers below /web/ where no page answers.

    An unknown address, a wrong method, too many requests at once, a fault of ours.
    """

    def __init__(self, rendering: Rendering) -> None:
        self._rendering = rendering

    def complete(self, request: Request, response: Response) -> None:
        """Turn an error of the API into a page, if it was a page that was asked for.

        If htmx asked for a part of a page, let it show the whole answer: the part is not in there.
        """
        if request.path in NEGOTIATED:
            response.add("Vary", "Accept")
        self._show(request, response)
        if b"hx-request" in request.headers and request.path.startswith(HOME):
            _let_htmx_show_all(response)

    def _show(self, request: Request, response: Response) -> None:
        headers, body = dict(response.headers), response.body
        is_error = response.is_refusal and headers.get(b"content-type", b"") == JSON.encode()
        if not (is_error and request.path.startswith(HOME) and isinstance(body, bytes)):
            return
        case = headers.get(b"x-acrux-case", b"").decode()
        why = refused(response.status, body, case)
        values = {"visitor": None, "places": (), "here": request.path, "refused": why}
        page = self._rendering.page("refused", values, response.status)
        kept = [(name, value) for name, value in response.headers if name in _KEPT]
        response.headers, response.body = [*page.headers, *kept], page.body


def _let_htmx_show_all(response: Response) -> None:
    # A browser follows a redirection by itself, and htmx would look for its part in what is there:
    # in the login, if the session has ended. So the browser is sent there (htmx.org/reference).
    location = dict(response.headers).get(b"location")
    if response.status == SEE_OTHER and location is not None:
        response.status = NO_CONTENT
        response.add("HX-Redirect", location.decode("latin-1"))
    elif response.is_refusal:
        for name, value in _WHOLE.items():
            response.add(name, value)
