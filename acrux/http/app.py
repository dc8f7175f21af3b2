"""The ASGI application: lifespan, routing, authorization, errors, logs."""

import time
from collections.abc import Awaitable, Callable, Sequence
from dataclasses import dataclass
from functools import partial
from typing import Final

from acrux.errors import AccessRefused, RegistryError, StorageUnavailable, TooManyRequests
from acrux.http import heads, parsing, problems, request_log, responses
from acrux.http.access import challenge
from acrux.http.access.audit import AuditRecorder
from acrux.http.access.guard import Guard
from acrux.http.access.origin import Origins
from acrux.http.messages import Pace, Part, Receive, Request, Response, Scope, Send
from acrux.http.request_log import RequestLog
from acrux.http.room import Room
from acrux.http.routes import Challenge, Endpoint, Router
from acrux.http.sending import Sender
from acrux.http.traffic import Traffic
from acrux.services.connections import Connections

NOBODY: Final = ("", "")

# Methods that change nothing (RFC 9110 §9.2.1). Any other request is authorized again once its body
# has arrived, because a client may send its body slowly.
SAFE: Final = frozenset({"GET", "HEAD"})

# Bytes counted for every body: three batches on their way to a file. What is read into memory is
# counted in addition.
BODY_BYTES: Final = 48 * 1024
SHORT_HEADER: Final = 1 << 12  # bytes; longer headers are counted as memory in use


@dataclass(frozen=True, slots=True)
class Lifespan:
    """What to open before the first request and close after the last one."""

    open: Callable[[], Awaitable[None]]
    close: Callable[[], Awaitable[None]]


class Application:
    """The registry as an ASGI application. Handlers return or raise; only this class sends."""

    def __init__(  # noqa: PLR0913, PLR0917 -- one of each
        self,
        router: Router,
        guard: Guard,
        origins: Origins,
        log: RequestLog,
        audit: AuditRecorder,
        lifespan: Lifespan,
        pace: Pace,
        connections: Connections,
        incoming: Room,
        sender: Sender,
        traffic: Traffic,
        completions: Sequence[Callable[[Request, Response], None]] = (),
    ) -> None:
        self._router = router
        self._guard = guard
        self._origins = origins
        self._log = log
        self._ids = request_log.request_ids()
        self._audit = audit
        self._lifespan = lifespan
        self._pace = pace
        self._connections = connections
        self.incoming = incoming
        self._sender = sender
        self._traffic = traffic
        self._completions = completions

    def drain(self) -> None:
        """From now on, close each connection after its answer.

        A client that is closed while it is idle may be sending just then, and would lose a request
        (RFC 9112 §9.6). HTTP/2 needs no header for this, and allows none (RFC 9113 §8.2.2).
        """
        self._completions = (*self._completions, _close)

    async def __call__(self, scope: Scope, receive: Receive, send: Send) -> None:
        """Answer one request, or open and close with the server's lifespan (ASGI 3.0)."""
        if scope["type"] == "lifespan":
            await self._live(receive, send)
        elif scope["type"] == "http":
            await self._serve(scope, receive, send)
        else:
            await send({"type": "websocket.close"})

    async def _live(self, receive: Receive, send: Send) -> None:
        await receive()
        try:
            await self._lifespan.open()
        except Exception as failed:  # noqa: BLE001 -- a worker that failed to open must not serve
            reason = getattr(failed, "message", "") or repr(failed)
            await send({"type": "lifespan.startup.failed", "message": reason})
            return
        await send({"type": "lifespan.startup.complete"})
        await receive()
        await self._lifespan.close()
        await send({"type": "lifespan.shutdown.complete"})

    async def _serve(self, scope: Scope, receive: Receive, send: Send) -> None:
        started = time.perf_counter()
        request = Request(scope, receive, next(self._ids), self._pace)
        exchange = self._connections.begin(scope.get("client") or NOBODY, request.version)
        request.exchange = exchange
        try:
            request.peer = self._origins.client(request)
            response = await self.answer(request)
            responses.complete(request, response)
            for complete in self._completions:
                complete(request, response)
            try:
                await self._sender.send(response, request, send)
                if response.is_refusal:
                    await _read_rest(request)
            finally:
                seconds = time.perf_counter() - started
                self._log.write(request, response, seconds)
                self._traffic.count(request, response, seconds)
        finally:
            exchange.open -= 1
            self._traffic.ended += 1

    async def answer(self, request: Request) -> Response:
        """Authorize the request, carry it out, and turn every failure into an answer."""
        challenges: Challenge = challenge.bearer
        try:
            size = heads.check(request)
            endpoint = self._router.match(request)
            challenges = endpoint.challenge
            is_safe = request.method in SAFE
            if size > SHORT_HEADER or not (is_safe or request.body.is_complete):
                with self.incoming.place(request.peer) as request.body.place:
                    request.body.place.hold(BODY_BYTES + size)
                    response = await self._carry_out(endpoint, request)
            elif is_safe:  # the usual case, written out because that is faster
                request.grant = await self._guard.check(endpoint.requires, request)
                response = await endpoint.handler(request)
            else:
                response = await self._carry_out(endpoint, request)
            if isinstance(response.body, Part):
                await response.body.begin(self._sender.piece_bytes())
        except RegistryError as refused:
            response = self._refuse(request, refused, challenges)
        except Exception:  # noqa: BLE001 -- the caller always gets an answer
            self._log.write_failure(request)
            response = problems.envelope(problems.UNEXPECTED, problems.UNEXPECTED.message)
        else:
            if endpoint.records(request.method, response.status):
                self._audit.granted(request, response)
        return response

    async def _carry_out(self, endpoint: Endpoint, request: Request) -> Response:
        is_safe = request.method in SAFE
        if not is_safe:
            self._origins.check_sender(request)
        request.grant = await self._guard.check(endpoint.requires, request)
        if not is_safe:
            request.body.at_end = partial(self._guard.check_again, endpoint.requires, request)
        return await endpoint.handler(request)

    def _refuse(self, request: Request, refused: RegistryError, challenges: Challenge) -> Response:
        if problems.find(refused) is problems.UNEXPECTED:
            self._log.write_failure(request)
        self._log.write_damage(request, refused)
        if isinstance(refused, StorageUnavailable):
            self._log.write_trouble(request, refused)
        case = ""
        if isinstance(refused, (AccessRefused, TooManyRequests)):
            case = self._audit.refused(request, refused, problems.find(refused).status)
        response = problems.render(refused, case)
        if isinstance(refused, AccessRefused) and response.status == 401:
            origin = self._origins.of(request)
            response.add("WWW-Authenticate", challenges(origin, refused))
        return response


def _close(request: Request, response: Response) -> None:
    if request.version != "2":
        response.add("Connection", "close")


async def _read_rest(request: Request) -> None:
    # Read the rest of a refused body, so that its client sees our answer and no reset connection.
    # A client that waits for 100 Continue has sent nothing, and reading would make it send.
    if request.body.is_complete or not parsing.may_have_body(request):
        return
    if not parsing.expects_continue(request) or request.body.received_bytes:
        await request.body.drain()
