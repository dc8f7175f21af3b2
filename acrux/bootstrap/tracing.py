"""Spans of OpenTelemetry, if it is installed and an endpoint is named."""

import asyncio
from collections.abc import Awaitable, Callable, Iterator, Mapping
from contextlib import contextmanager
from functools import wraps
from importlib.util import find_spec
from inspect import iscoroutinefunction
from threading import Thread
from typing import TYPE_CHECKING, Any, Final, TypeAlias, TypeVar

from acrux import __version__
from acrux.http import parsing
from acrux.http.messages import UNMATCHED, Receive, Request, Response, Scope, Send
from acrux.http.request_log import PROBES

if TYPE_CHECKING:
    from opentelemetry.sdk.trace import TracerProvider

Asgi: TypeAlias = Callable[[Scope, Receive, Send], Awaitable[None]]
Watched = TypeVar("Watched")

# OpenTelemetry, "OTLP Exporter Configuration": where to, in the order in which they count.
ENDPOINTS: Final = ("OTEL_EXPORTER_OTLP_TRACES_ENDPOINT", "OTEL_EXPORTER_OTLP_ENDPOINT")
PROTOCOLS: Final = ("OTEL_EXPORTER_OTLP_TRACES_PROTOCOL", "OTEL_EXPORTER_OTLP_PROTOCOL")
SPOKEN: Final = "http/protobuf"

EXPORTER: Final = "opentelemetry.exporter.otlp.proto.http.trace_exporter"
SEMANTIC_CONVENTIONS: Final = "https://opentelemetry.io/schemas/1.37.0"

# Clients choose some of the values, and spans wait for a collector that may be slow.
MAX_VALUE: Final = 1024  # characters
MAX_STATE: Final = 512  # bytes of a tracestate: as many as W3C Trace Context §3.3.1.5 asks for

# Others are written as _OTHER (OpenTelemetry, semantic conventions for HTTP spans).
METHODS: Final = frozenset({"GET", "HEAD", "POST", "PUT", "PATCH", "DELETE", "OPTIONS"})

SERVER_ERROR: Final = 500
STOP_SECONDS: Final = 2.0  # for the spans that wait when the registry stops


def is_wanted(environ: Mapping[str, str]) -> bool:
    """Whether an endpoint is named, and tracing is not turned off."""
    if environ.get("OTEL_SDK_DISABLED", "").strip().lower() == "true":
        return False
    if environ.get("OTEL_TRACES_EXPORTER", "otlp").strip() == "none":
        return False
    return any(environ.get(name) for name in ENDPOINTS)


def obstacle(environ: Mapping[str, str]) -> str:
    """Why spans cannot be sent although somebody wants them; empty if they can."""
    if not is_wanted(environ):
        return ""
    if not _is_installed():
        return (
            "OpenTelemetry is not installed: in the checkout that this was installed from, "
            "pip install '.[otel]'; for an image, --build-arg EXTRAS=otel"
        )
    protocol = next((environ[name] for name in PROTOCOLS if environ.get(name)), SPOKEN)
    if protocol != SPOKEN:
        return f"the protocol {protocol!r} is not spoken here: set {PROTOCOLS[1]}={SPOKEN}"
    return ""


def _is_installed() -> bool:
    try:
        return find_spec(EXPORTER) is not None
    except ModuleNotFoundError:  # not even the packages around it
        return False


class Tracing:
    """A span for each request, and child spans for what takes its time.

    The spans of each process wait in a queue of OpenTelemetry's, which a thread of its own empties.
    A collector that is slow or missing loses spans, and delays nothing.
    """

    def __init__(self, provider: "TracerProvider") -> None:
        from opentelemetry import trace  # noqa: PLC0415 -- an extra that is rarely installed
        from opentelemetry.trace.propagation.tracecontext import (  # noqa: PLC0415 -- as above
            TraceContextTextMapPropagator,
        )

        self._provider = provider
        self._tracer = provider.get_tracer("acrux", __version__, schema_url=SEMANTIC_CONVENTIONS)
        self._propagator = TraceContextTextMapPropagator()
        self._current = trace.get_current_span
        self._server, self._error = trace.SpanKind.SERVER, trace.StatusCode.ERROR

    def serve(self, application: Asgi) -> Asgi:
        """The application, with a span around each request that is not a probe's."""

        async def traced(scope: Scope, receive: Receive, send: Send) -> None:
            if scope["type"] != "http" or scope["path"] in PROBES:
                await application(scope, receive, send)
                return
            with self._tracer.start_as_current_span(
                _known(scope["method"]),
                self._propagator.extract(_sent_along(scope)),
                self._server,
                record_exception=False,  # its message may be a client's
                set_status_on_exception=False,
            ):
                await application(scope, receive, send)

        return traced

    def complete(self, request: Request, response: Response) -> None:
        """Describe the request in its span, by the semantic conventions for HTTP spans.

        The query is left out, and so are all headers but one: they may hold credentials.
        """
        span, method = self._current(), _known(request.method)
        if not span.is_recording():
            return
        if request.route != UNMATCHED:
            span.update_name(f"{method} {request.route}")
            span.set_attribute("http.route", request.route)
        span.set_attributes(
            {
                "http.request.method": method,
                "http.response.status_code": response.status,
                "url.scheme": request.scheme,
                "url.path": _path(request),
                "network.protocol.version": request.version,
                "client.address": request.peer,
                "user_agent.original": _agent(request),
                "acrux.request.id": request.id,
            }
        )
        if response.status >= SERVER_ERROR:
            span.set_attribute("error.type", str(response.status))
            span.set_status(self._error)

    def trace_id(self, _: Request) -> str:
        """The trace of the request that is carried out now."""
        trace = self._current().get_span_context().trace_id
        return f"{trace:032x}" if trace else ""

    def outgoing(self) -> dict[str, str]:
        """The headers that let another service continue the trace (W3C Trace Context)."""
        headers: dict[str, str] = {}
        self._propagator.inject(headers)
        return headers

    def watch(self, watched: Watched, **spans: str) -> Watched:
        """Let each call of these methods, within a request, be a span of that name."""
        for method, name in spans.items():
            setattr(watched, method, self._spanned(getattr(watched, method), name))
        return watched

    def _spanned(self, call: Callable[..., Any], name: str) -> Callable[..., Any]:
        if iscoroutinefunction(call):

            @wraps(call)
            async def awaited(*values: Any, **named: Any) -> Any:
                with self._child(name):
                    return await call(*values, **named)

            return awaited

        @wraps(call)
        def called(*values: Any, **named: Any) -> Any:
            with self._child(name):
                return call(*values, **named)

        return called

    @contextmanager
    def _child(self, name: str) -> Iterator[None]:
        if not self._current().is_recording():  # background work, or a trace that is not sampled
            yield
            return
        with self._tracer.start_as_current_span(
            name, record_exception=False, set_status_on_exception=False
        ) as span:
            try:
                yield
            except Exception as failed:
                span.set_attribute("error.type", type(failed).__name__)
                raise

    async def stop(self) -> None:
        """Send the spans that wait, as far as that takes no longer than STOP_SECONDS."""
        # A daemon, since the collector may never answer.
        stopping = Thread(target=self._provider.shutdown, name="acrux-tracing", daemon=True)
        stopping.start()
        await asyncio.to_thread(stopping.join, STOP_SECONDS)


def start(environ: Mapping[str, str]) -> Tracing | None:
    """Start to trace, as OpenTelemetry's variables say; None if they ask for nothing.

    Call it in the process that is traced. Raises what OpenTelemetry does if a variable is wrong.
    """
    if not is_wanted(environ) or obstacle(environ):
        return None
    from opentelemetry.exporter.otlp.proto.http.trace_exporter import (  # noqa: PLC0415 -- an extra
        OTLPSpanExporter,
    )
    from opentelemetry.sdk.resources import OTELResourceDetector, Resource  # noqa: PLC0415
    from opentelemetry.sdk.trace import TracerProvider  # noqa: PLC0415
    from opentelemetry.sdk.trace.export import BatchSpanProcessor  # noqa: PLC0415

    ours = Resource({"service.name": "acrux", "service.version": __version__})
    resource = Resource.create().merge(ours).merge(OTELResourceDetector().detect())
    provider = TracerProvider(resource=resource, shutdown_on_exit=False)
    provider.add_span_processor(BatchSpanProcessor(OTLPSpanExporter()))
    return Tracing(provider)


def _sent_along(scope: Scope) -> dict[str, str]:
    carried: dict[str, str] = {}
    for name in ("traceparent", "tracestate"):
        values = [value for key, value in scope["headers"] if key == name.encode()]
        # Of two, nobody knows which is right (W3C Trace Context §3.2.1).
        if len(values) == 1 and len(values[0]) <= MAX_STATE:
            carried[name] = values[0].decode("latin-1")
    return carried


def _known(method: str) -> str:
    return method if method in METHODS else "_OTHER"


def _path(request: Request) -> str:
    # As it was sent, but without the query, which a request for a whole URL has here too.
    path = request.raw_path.partition(b"?")[0]
    return path.decode("ascii", "backslashreplace")[:MAX_VALUE]


def _agent(request: Request) -> str:
    return (parsing.header(request, b"user-agent") or "")[:MAX_VALUE]
