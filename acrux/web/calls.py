"""A page's calls to the registry's API, with its visitor's rights."""

import base64
from collections.abc import Awaitable, Callable, Mapping
from typing import Any, Final
from urllib.parse import urlencode

import msgspec
from msgspec import Struct

from acrux.domain.access.credential import Secret
from acrux.domain.access.token import TOKEN_USER
from acrux.http.messages import Message, Pace, Part, Request, Response

JSON: Final = "application/json"
FORM: Final = "application/x-www-form-urlencoded"
BAD_REQUEST: Final = 400


class Visitor(Struct, frozen=True):
    """Who looks at a page: an account with its session, or nobody in particular."""

    name: str = ""
    session: Secret | None = None
    has_ended: bool = False  # the session that was presented
    sees_management: bool = False  # for what the pages offer; the guard decides
    sees_deleted: bool = False

    @property
    def is_anonymous(self) -> bool:
        """Whether nobody has logged in."""
        return self.session is None


class Refused(Exception):
    """The API refused a call. `case` is the id that explains why, if there is one."""

    def __init__(self, status: int, code: str, message: str, case: str = "") -> None:
        super().__init__(message)
        self.status = status
        self.code = code
        self.message = message
        self.case = case


class Answer(Struct, frozen=True):
    """What the API answered: its status, its headers by their names in lower case, its body."""

    status: int
    headers: Mapping[str, str]
    body: bytes

    def json(self) -> Any:
        """The body as a value."""
        return msgspec.json.decode(self.body)


class Call(Struct, frozen=True):
    """A request to the API. The path is not percent-encoded."""

    method: str
    path: str
    query: Mapping[str, str] = {}
    body: bytes = b""
    content_type: str = ""
    accept: str = ""


class Calls:
    """Calls endpoints in this process, as a client would through a socket.

    A page has no rights of its own. Each call presents the visitor's session, and the guard decides
    as it does for every other client.
    """

    def __init__(self, answer: Callable[[Request], Awaitable[Response]], pace: Pace) -> None:
        self._answer = answer
        self._pace = pace

    async def send(self, page: Request, visitor: Visitor, call: Call, limit: int) -> Answer:
        """The answer to the call, of at most `limit` bytes. Raises Refused."""
        answer = await self.look(page, visitor, call, limit)
        if answer.status >= BAD_REQUEST:
            raise refused(answer.status, answer.body, answer.headers.get("x-acrux-case", ""))
        return answer

    async def look(self, page: Request, visitor: Visitor, call: Call, limit: int) -> Answer:
        """As `send`, for a call whose refusal is an answer too, such as that of a probe."""
        response = await self._answer(self._request(page, visitor, call))
        headers = {name.decode(): value.decode() for name, value in response.headers}
        return Answer(response.status, headers, await _whole(response, limit))

    def _request(self, page: Request, visitor: Visitor, call: Call) -> Request:
        scope = {
            "method": call.method,
            "path": call.path,
            "query_string": urlencode(call.query).encode(),
            "headers": _headers(page, visitor, call),
            "scheme": page.scheme,
            "client": (page.sender, 0),
            "http_version": page.version,
        }
        request = Request(scope, _arrived(call.body), page.id, self._pace)
        request.peer = page.peer
        request.exchange = page.exchange
        return request


def _headers(page: Request, visitor: Visitor, call: Call) -> list[tuple[bytes, bytes]]:
    kept = (b"host", b"user-agent", b"x-forwarded-proto", b"x-forwarded-host", b"x-forwarded-for")
    headers = [(name, value) for name in kept for value in page.values(name)]
    headers.append((b"content-length", str(len(call.body)).encode()))
    if call.content_type:
        headers.append((b"content-type", call.content_type.encode()))
    if call.accept:
        headers.append((b"accept", call.accept.encode()))
    if visitor.session is not None:
        text = f"{TOKEN_USER}:{visitor.session.reveal()}".encode()
        headers.append((b"authorization", b"Basic " + base64.b64encode(text)))
    return headers


def _arrived(body: bytes) -> Callable[[], Awaitable[Message]]:
    async def receive() -> Message:
        return {"type": "http.request", "body": body, "more_body": False}

    return receive


async def _whole(response: Response, limit: int) -> bytes:
    body = response.body
    if not isinstance(body, Part):
        return body
    try:
        if body.size > limit:
            raise Refused(413, "SIZE_INVALID", f"this is larger than {limit} bytes")
        content = bytearray(body.take_first())
        async for piece in body.content.read(body.start + len(content), body.stop):
            content += piece
        return bytes(content)
    finally:
        body.content.close()


class _Error(Struct):
    code: str = ""
    message: str = ""


class _Envelope(Struct):
    errors: list[_Error]


def refused(status: int, body: bytes, case: str) -> Refused:
    """What the error of an answer says; it has the id of the case itself, if there is one."""
    [error, *_] = msgspec.json.decode(body, type=_Envelope).errors
    return Refused(status, error.code, error.message.removesuffix(f" (case {case})"), case)
