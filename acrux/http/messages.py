"""A request, its body and a response, as this edge knows them in ASGI."""

import asyncio
from collections.abc import (
    AsyncIterator,
    Awaitable,
    Callable,
    Mapping,
    MutableMapping,
    Sequence,
)
from contextlib import suppress
from http import HTTPStatus
from itertools import chain
from types import MappingProxyType
from typing import Any, Final, Protocol, cast

from msgspec import Struct, field

from acrux.domain.access.credential import Secret
from acrux.domain.access.grants import Grant, Principal
from acrux.domain.access.scope import Scope as AskedScope
from acrux.errors import ContentTooLarge, IncompleteBody
from acrux.http.room import Place
from acrux.services.connections import Exchange

# ASGI's own types (asgiref.typing says the same at more length).
Scope = MutableMapping[str, Any]
Message = MutableMapping[str, Any]
Receive = Callable[[], Awaitable[Message]]
Send = Callable[[Message], Awaitable[None]]
Headers = list[tuple[bytes, bytes]]

# As numbers: a member of HTTPStatus is looked for each time it is named.
CREATED: Final = HTTPStatus.CREATED.value
BAD_REQUEST: Final = HTTPStatus.BAD_REQUEST.value  # and above: a refusal

# What is read of a body that was refused: Azure's Python SDK first sends each chunk of 4 MiB
# without credentials, Go's clients send a whole layer.
MAX_DRAINED_BYTES = 1024 * 1024 * 1024
MAX_DRAIN_SECONDS = 30

# What is copied into an answer on the event loop: more would let other requests wait for it.
AT_ONCE_BYTES: Final = 128 * 1024


class Pace(Struct, frozen=True):
    """How fast a client must be. Times are in seconds.

    Of a body `bytes_per_second` must come over each `body_idle` that is spent on waiting for it,
    and all of it within `body`.
    """

    body_idle: float
    body: float
    bytes_per_second: float


class Body:
    """A request's body as it arrives.

    `length` is how many bytes it has, where that was announced: no end is waited for after them.
    `waited` is how many seconds it let us wait so far.
    `at_end` is awaited once, after the last byte: what it raises, whoever reads the body gets.
    """

    at_end: Callable[[], Awaitable[None]] | None = None
    place: Place | None = None  # of those that take memory

    def __init__(self, receive: Receive, pace: Pace, length: int | None) -> None:
        self._receive = receive
        self._pace = pace
        self._length = length
        self._complete = length == 0
        self._is_late = False
        self.waited = 0.0
        self._waited_before = 0.0  # until enough had come
        self._received_before = 0
        self.received_bytes = 0

    async def chunks(self) -> AsyncIterator[bytes]:
        """The body piece by piece.

        Raises IncompleteBody where the client goes away or is too slow: a body that was cut short
        must never look complete. Raises Crowded where others need its room, and what `at_end` does.
        """
        while not self._complete:
            message = await self._next()
            chunk = message.get("body", b"")
            self.received_bytes += len(chunk)
            if self.place is not None:
                self.place.moved += len(chunk)
            is_last = not message.get("more_body", False)
            self._complete = is_last or self.received_bytes == self._length
            del message
            if chunk:
                yield chunk
            del chunk  # while the next one is waited for
        if self.at_end is not None:
            at_end, self.at_end = self.at_end, None
            await at_end()

    @property
    def is_complete(self) -> bool:
        """Whether nothing of it is left to come."""
        return self._complete

    async def _next(self) -> Message:
        # Only waiting counts: how long it takes to store what came is not the client's doing.
        loop = asyncio.get_running_loop()
        began = loop.time()
        message = await self._in_time(loop)
        self.waited += loop.time() - began
        if message["type"] == "http.disconnect":
            self._complete = True
            raise IncompleteBody("the client went away before the end of the body")
        return message

    async def _in_time(self, loop: asyncio.AbstractEventLoop) -> Message:
        # As asyncio.timeout does it, without what that needs to be used in other ways: for each
        # piece of a body this takes a third of the time.
        task = cast("asyncio.Task[object]", asyncio.current_task(loop))
        cancelled_before = task.cancelling()
        timer = loop.call_later(self._remaining(), self._end, task)
        try:
            coming = self._receive()
            return await (coming if self.place is None else self.place.wait(coming))
        except asyncio.CancelledError:
            if not self._is_late or task.uncancel() > cancelled_before:
                raise
            self._complete = True  # nobody waits for the rest
            raise IncompleteBody(self._too_slow()) from None
        finally:
            timer.cancel()

    def _end(self, task: asyncio.Task[object]) -> None:
        self._is_late = True
        task.cancel()

    def _remaining(self) -> float:
        """The seconds that the next piece may take."""
        pace = self._pace
        if self.received_bytes - self._received_before >= pace.bytes_per_second * pace.body_idle:
            self._waited_before, self._received_before = self.waited, self.received_bytes
        slow = self._waited_before + pace.body_idle
        return min(slow, pace.body) - self.waited

    def _too_slow(self) -> str:
        pace = self._pace
        if self._waited_before + pace.body_idle > pace.body:
            return f"the body took longer than {pace.body:g} seconds"
        if self.received_bytes == self._received_before:
            return f"no byte of the body came for {pace.body_idle:g} seconds"
        return (
            f"fewer than {pace.bytes_per_second:g} bytes of the body came in a second, "
            f"over {pace.body_idle:g} seconds"
        )

    async def read(self, limit: int) -> bytes:
        """The whole body; raises ContentTooLarge beyond `limit` bytes, and IncompleteBody."""
        content = bytearray()
        async for chunk in self.chunks():
            content += chunk
            if len(content) > limit:
                raise ContentTooLarge(f"the body is longer than {limit} bytes")
            if self.place is not None:
                self.place.hold(self.place.held + len(chunk))
        return bytes(content)

    async def abandoned(self) -> None:
        """Return when the client goes away; for use after the body, while an answer is sent."""
        while (await self._receive())["type"] != "http.disconnect":
            pass

    async def drain(self) -> None:
        """Read and forget what is left, within bounds of size and time."""
        self.at_end = None  # what was refused is not decided again
        end = self.received_bytes + MAX_DRAINED_BYTES
        with suppress(IncompleteBody, TimeoutError):
            async with asyncio.timeout(MAX_DRAIN_SECONDS):
                async for _ in self.chunks():
                    if self.received_bytes > end:
                        return


class Request:
    """One request. Its headers and query are read by `parsing`, and by nobody else.

    `headers` holds the first value of each header under its name in lower case.
    """

    # What most requests leave as it is.
    fields: Mapping[str, tuple[str, ...]] | None = None  # of the query, once it was read
    params: Mapping[str, str] = MappingProxyType({})
    has_outlived_its_token = False
    grant = Grant("")
    access_token: Secret | None = None
    principal: Principal | None = None  # where a name and a secret were presented
    authentication_method = ""  # by what the caller is known
    asked: tuple[AskedScope, ...] = ()  # for a token
    exchange: Exchange  # what its connection is told of it

    def __init__(self, scope: Scope, receive: Receive, request_id: str, pace: Pace) -> None:
        self.id = request_id
        self.method: str = scope["method"]
        self.path: str = scope["path"]
        self.raw_path: bytes = scope.get("raw_path") or self.path.encode()
        self.query: bytes = scope.get("query_string", b"")
        self.scheme: str = scope.get("scheme", "http")
        self.sender: str = (scope.get("client") or ("", 0))[0]  # a proxy, or the client itself
        self.peer = self.sender  # the client's address, once `Origins` looked through the proxies
        self.version: str = scope.get("http_version", "1.1")
        self._pairs: Headers = scope["headers"]
        self.headers = dict(reversed(self._pairs))
        self.repeats_headers = len(self.headers) != len(self._pairs)
        self.body = Body(receive, pace, _announced_length(self.headers))

    def values(self, name: bytes) -> Sequence[bytes]:
        """Every value of a header, in the order in which they came."""
        first = self.headers.get(name)
        if first is None:
            return ()
        if not self.repeats_headers:  # as nearly always
            return (first,)
        return [value for other, value in self._pairs if other == name]

    def header_bytes(self) -> int:
        """How many bytes the names and values of its headers have."""
        return len(b"".join(chain.from_iterable(self._pairs)))


def _announced_length(headers: Mapping[bytes, bytes]) -> int | None:
    # Transfer-Encoding overrides Content-Length (RFC 9112 §6.3).
    text = headers.get(b"content-length")
    if text is None or b"transfer-encoding" in headers:
        return None
    return int(text) if text.isdigit() and len(text) <= 18 else None


class Content(Protocol):
    """Bytes that stay readable until they are closed, such as an open blob."""

    @property
    def size(self) -> int: ...
    def read_at_once(self, start: int, stop: int) -> bytes | bytearray | None: ...
    def read(self, start: int, stop: int) -> AsyncIterator[bytes | bytearray]: ...
    def close(self) -> None: ...


class Part(Struct):
    """The bytes of some content from `start` up to and without `stop`.

    So many of them were `sent`; where that ended before the last one, `cut` says why.
    """

    content: Content
    start: int
    stop: int
    first: bytes | bytearray = b""
    sent: int = 0
    cut: str = ""

    async def begin(self, piece_bytes: int) -> None:
        """Read the first piece, while an error can still be the answer; then `content` is closed.

        It is of at most `piece_bytes`, unless all is short. Raises what reading raises.
        """
        try:
            at_once = self._read_at_once()
            if at_once is None:
                stop = min(self.start + piece_bytes, self.stop)
                at_once = await anext(self.content.read(self.start, stop), b"")
            self.first = at_once
        except BaseException:
            self.content.close()
            raise

    def take_first(self) -> bytes | bytearray:
        """The first piece, which is kept no longer."""
        first, self.first = self.first, b""
        return first

    def _read_at_once(self) -> bytes | bytearray | None:
        # Where it waits for nothing, a short part is copied in less time than a thread is asked for
        # it; a long one would let others wait.
        if self.size > AT_ONCE_BYTES:
            return None
        return self.content.read_at_once(self.start, self.stop)

    @property
    def size(self) -> int:
        """How many bytes these are."""
        return self.stop - self.start


class Response(Struct):
    """An answer: status, headers, and a body that is text in memory or a part of some content.

    `stated_length` is the body's length in bytes where only that is known of it.
    """

    status: int
    headers: Headers = field(default_factory=list)
    body: bytes | Part = b""
    stated_length: int | None = None

    def add(self, name: str, value: str) -> None:
        """Add a header. Its value must be printable ASCII, so that nothing can be injected."""
        if not (value.isascii() and value.isprintable()):
            raise ValueError(f"the value of {name} is not printable ASCII")
        self.headers.append((name.lower().encode(), value.encode()))

    @property
    def is_refusal(self) -> bool:
        """Whether it says no, perhaps before the request was read to its end."""
        return self.status >= BAD_REQUEST

    @property
    def size(self) -> int:
        """How many bytes the body has."""
        return len(self.body) if isinstance(self.body, bytes) else self.body.size
