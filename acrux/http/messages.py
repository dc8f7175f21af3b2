"""A request, its body and a response, over ASGI."""

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

# ASGI's types (asgiref.typing has them in more detail).
Scope = MutableMapping[str, Any]
Message = MutableMapping[str, Any]
Receive = Callable[[], Awaitable[Message]]
Send = Callable[[Message], Awaitable[None]]
Headers = list[tuple[bytes, bytes]]

# Plain numbers, because each use of a member of HTTPStatus costs a lookup.
CREATED: Final = HTTPStatus.CREATED.value
BAD_REQUEST: Final = HTTPStatus.BAD_REQUEST.value  # this and above are refusals

# How much of a refused body is read and discarded: Azure's Python SDK first sends each chunk of
# 4 MiB without credentials, and Go's clients send a whole layer.
MAX_DRAINED_BYTES = 1024 * 1024 * 1024
MAX_DRAIN_SECONDS = 30

# The most that is copied into an answer on the event loop; more would delay other requests.
AT_ONCE_BYTES: Final = 128 * 1024


class Pace(Struct, frozen=True):
    """How fast a client must send a body. Times are in seconds.

    Only time spent waiting for the client counts. Over each `body_idle` of it, at least
    `bytes_per_second` must arrive on average, and the whole body within `body`.
    """

    body_idle: float
    body: float
    bytes_per_second: float


class Body:
    """A request's body as it arrives.

    `length` is its size in bytes, if announced; reading stops there without waiting for an end.
    `waited` is the time in seconds spent waiting for it so far.
    `at_end` is awaited once, after the last byte; what it raises reaches the reader of the body.
    """

    at_end: Callable[[], Awaitable[None]] | None = None
    place: Place | None = None  # the memory held for the body, if any

    def __init__(self, receive: Receive, pace: Pace, length: int | None) -> None:
        self._receive = receive
        self._pace = pace
        self._length = length
        self._complete = length == 0
        self.waited = 0.0
        self._waited_before = 0.0  # when the current `body_idle` began
        self._received_before = 0
        self.received_bytes = 0

    async def chunks(self) -> AsyncIterator[bytes]:
        """The body piece by piece.

        Raises IncompleteBody if the client disconnects or is too slow: a body that was cut short
        must never look complete. Raises Crowded if others need its memory, and what `at_end` does.
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
            del chunk  # free it while waiting for the next one
        if self.at_end is not None:
            at_end, self.at_end = self.at_end, None
            await at_end()

    @property
    def is_complete(self) -> bool:
        """Whether there is nothing left to read."""
        return self._complete

    async def _next(self) -> Message:
        # Only waiting counts: the client is not to blame for the time that storing takes.
        loop = asyncio.get_running_loop()
        began = loop.time()
        message = await self._in_time(loop)
        self.waited += loop.time() - began
        if message["type"] == "http.disconnect":
            self._complete = True
            raise IncompleteBody("the client went away before the end of the body")
        return message

    async def _in_time(self, loop: asyncio.AbstractEventLoop) -> Message:
        # What asyncio.timeout does, written for this one use: for each piece of a body it takes a
        # third of the time.
        task = cast("asyncio.Task[object]", asyncio.current_task(loop))
        cancelled_before = task.cancelling()
        is_late = False

        def end() -> None:
            nonlocal is_late
            is_late = True
            task.cancel()

        timer = loop.call_later(self._remaining(), end)
        try:
            coming = self._receive()
            return await (coming if self.place is None else self.place.wait(coming))
        except asyncio.CancelledError:
            if not is_late or task.cancelling() - 1 > cancelled_before:  # the server stops, perhaps
                raise
            self._complete = True  # nobody waits for the rest
            raise IncompleteBody(self._too_slow()) from None
        finally:
            timer.cancel()
            if is_late:
                task.uncancel()

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
            return f"no byte of the body arrived for {pace.body_idle:g} seconds"
        return (
            f"the body arrived at fewer than {pace.bytes_per_second:g} bytes per second "
            f"over {pace.body_idle:g} seconds"
        )

    async def read(self, limit: int) -> bytes:
        """The whole body. Raises ContentTooLarge above `limit` bytes, and what `chunks` raises."""
        content = bytearray()
        async for chunk in self.chunks():
            content += chunk
            if len(content) > limit:
                raise ContentTooLarge(f"the body is longer than {limit} bytes")
            if self.place is not None:
                self.place.hold(self.place.held + len(chunk))
        return bytes(content)

    async def abandoned(self) -> None:
        """Return when the client disconnects. For use after the body, while an answer is sent."""
        while (await self._receive())["type"] != "http.disconnect":
            pass

    async def drain(self) -> None:
        """Read and discard the rest, within limits of size and time."""
        self.place = None  # what is discarded takes no memory
        self.at_end = None  # a refused request is not authorized again
        end = self.received_bytes + MAX_DRAINED_BYTES
        with suppress(IncompleteBody, TimeoutError):
            async with asyncio.timeout(MAX_DRAIN_SECONDS):
                async for _ in self.chunks():
                    if self.received_bytes > end:
                        return


# The route of a request that matches no endpoint, in what is counted.
UNMATCHED: Final = "unmatched"


class Request:
    """One request. Use `parsing` to read its headers and query.

    `headers` maps the name of each header, in lower case, to its first value.
    """

    # Defaults that most requests keep.
    fields: Mapping[str, tuple[str, ...]] | None = None  # of the query, once read
    params: Mapping[str, str] = MappingProxyType({})
    route = UNMATCHED  # or the template of its path, such as /v2/{repository}/tags/list
    has_outlived_its_token = False
    grant = Grant("")
    own_grant: Grant | None = None  # without the rights of everybody, if it was not enough
    access_token: Secret | None = None
    principal: Principal | None = None  # if a name and a secret were presented
    authentication_method = ""  # how the caller authenticated
    asked: tuple[AskedScope, ...] = ()  # the scopes requested for a token
    needed: tuple[AskedScope, ...] = ()  # those that were needed, and held
    exchange: Exchange  # tells `Connections` how far the request is

    def __init__(self, scope: Scope, receive: Receive, request_id: str, pace: Pace) -> None:
        self.id = request_id
        self.method: str = scope["method"]
        self.path: str = scope["path"]
        self.raw_path: bytes = scope.get("raw_path") or self.path.encode()
        self.query: bytes = scope.get("query_string", b"")
        self.scheme: str = scope.get("scheme", "http")
        self.sender: str = (scope.get("client") or ("", 0))[0]  # a proxy, or the client itself
        self.peer = self.sender  # the client's address, once `Origins` has looked past the proxies
        self.version: str = scope.get("http_version", "1.1")
        self._pairs: Headers = scope["headers"]
        self.headers = dict(reversed(self._pairs))
        self.repeats_headers = len(self.headers) != len(self._pairs)
        self.body = Body(receive, pace, _announced_length(self.headers))

    def values(self, name: bytes) -> Sequence[bytes]:
        """All values of a header, in the order received."""
        first = self.headers.get(name)
        if first is None:
            return ()
        if not self.repeats_headers:  # the usual case
            return (first,)
        return [value for other, value in self._pairs if other == name]

    def header_bytes(self) -> int:
        """The size of the names and values of its headers in bytes."""
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
    """The bytes of some content from `start` up to but not including `stop`.

    `sent` counts those sent so far. If sending stopped before the last one, `cut` says why.
    """

    content: Content
    start: int
    stop: int
    first: bytes | bytearray = b""
    sent: int = 0
    cut: str = ""

    async def begin(self, piece_bytes: int) -> None:
        """Read the first piece, while an error can still become the answer.

        It has at most `piece_bytes` bytes, unless the part is short enough to be read at once.
        Raises what reading raises, after closing `content`.
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
        """The first piece, which is released here."""
        first, self.first = self.first, b""
        return first

    def _read_at_once(self) -> bytes | bytearray | None:
        # Copying a short part that is ready is faster than handing it to a thread. Copying a long
        # one would delay other requests.
        if self.size > AT_ONCE_BYTES:
            return None
        return self.content.read_at_once(self.start, self.stop)

    @property
    def size(self) -> int:
        """The number of bytes."""
        return self.stop - self.start


class Response(Struct):
    """An answer: status, headers, and a body that is bytes in memory or a part of some content.

    `stated_length` is the length in bytes of a body that is announced but not sent.
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
        """Whether it is an error, perhaps sent before the whole request was read."""
        return self.status >= BAD_REQUEST

    @property
    def size(self) -> int:
        """The size of the body in bytes."""
        return len(self.body) if isinstance(self.body, bytes) else self.body.size

    @property
    def sent(self) -> int:
        """How many bytes of the body were sent so far; of a text in memory, all."""
        return len(self.body) if isinstance(self.body, bytes) else self.body.sent
