"""What pages of other origins may read and do (Fetch Standard)."""

from collections.abc import Collection
from dataclasses import dataclass
from http import HTTPStatus
from typing import Final

from acrux.http import parsing
from acrux.http.messages import Request, Response

ANY_ORIGIN: Final = "*"
OWN_PAGES: Final = "/web/"
KEPT_SECONDS: Final = 600  # that a browser may keep the answer to a preflight; browsers cap it

# What pages send besides what every page may send.
_HEADERS: Final = (
    "Accept, Accept-Language, Authorization, Content-Range, Content-Type, If-None-Match, Range, "
    "X-Requested-With"
)

# What a page needs to see to push, and to read parts, besides what every answer exposes.
_EXPOSED: Final = "Location, Range, Content-Range, Docker-Upload-UUID, OCI-Subject, OCI-Tag"


@dataclass(frozen=True, slots=True)
class Cors:
    """The origins whose pages may call the registry: `https://ui.example.com`, or `*` for all.

    Pages of a named origin may also use the password that a browser keeps for the registry. Those
    of any origin may not, and may change nothing: see Origins.check_sender.
    """

    origins: Collection[str]

    def complete(self, request: Request, response: Response) -> None:
        """Add to an answer what lets the page read it, and answer a preflight.

        Not to our own pages: they show what the visitor may see, and are nobody else's to read.
        """
        if request.path.startswith(OWN_PAGES):
            return
        response.add("Vary", "Origin")
        origin = parsing.header(request, b"origin")
        if origin is None or not (origin in self.origins or ANY_ORIGIN in self.origins):
            return
        if origin in self.origins:
            response.add("Access-Control-Allow-Origin", origin)
            response.add("Access-Control-Allow-Credentials", "true")
        else:
            response.add("Access-Control-Allow-Origin", ANY_ORIGIN)
        response.add("Access-Control-Expose-Headers", _EXPOSED)
        # The router refuses OPTIONS, and names the methods that the path has (RFC 9110 §15.5.6).
        methods = dict(response.headers).get(b"allow")
        is_preflight = b"access-control-request-method" in request.headers
        if request.method == "OPTIONS" and is_preflight and methods:
            response.status, response.body = HTTPStatus.NO_CONTENT.value, b""
            response.add("Access-Control-Allow-Methods", methods.decode())
            response.add("Access-Control-Allow-Headers", _HEADERS)
            response.add("Access-Control-Max-Age", str(KEPT_SECONDS))
