"""Traces: what a collector gets, and that it can neither stop nor slow anything."""

import re
import socket
import time
from collections.abc import Callable, Iterable, Iterator
from contextlib import AbstractContextManager, closing, contextmanager
from http.server import BaseHTTPRequestHandler
from pathlib import Path

import pytest
from opentelemetry.proto.collector.trace.v1.trace_service_pb2 import ExportTraceServiceRequest
from opentelemetry.proto.common.v1.common_pb2 import KeyValue
from opentelemetry.proto.trace.v1.trace_pb2 import Span

from tests.images import image
from tests.openid_provider import provider
from tests.running import RunningRegistry, free_port, running, until
from tests.servers import QuietServer, serving
from tests.wire.connection import Connection
from tests.wire.test_trusts import trusted

TRACE, PARENT = "4bf92f3577b34da6a3ce929d0e0e4736", "00f067aa0ba902b7"


class Collector:
    """A receiver of OTLP over HTTP that keeps all spans, and the resources they came with."""

    def __init__(self) -> None:
        self.url = ""
        self.spans: list[Span] = []
        self.resources: list[dict[str, object]] = []

    def receive(self, body: bytes) -> None:
        """Keep what an exporter sent."""
        for sent in ExportTraceServiceRequest.FromString(body).resource_spans:
            self.resources.append(values(sent.resource.attributes))
            for scope in sent.scope_spans:
                self.spans += scope.spans

    def of(self, path: str) -> Span:
        """The span of a request for this path, once it is there."""
        until(lambda: any(values(span.attributes).get("url.path") == path for span in self.spans))
        return next(span for span in self.spans if values(span.attributes).get("url.path") == path)


def values(attributes: Iterable[KeyValue]) -> dict[str, object]:
    """Attributes as plain values."""
    return {
        one.key: one.value.int_value if one.value.HasField("int_value") else one.value.string_value
        for one in attributes
    }


@contextmanager
def collecting() -> Iterator[Collector]:
    """A collector on a port of this machine."""
    collector = Collector()

    class Handler(BaseHTTPRequestHandler):
        protocol_version = "HTTP/1.1"

        def do_POST(self) -> None:
            assert self.path == "/v1/traces"
            collector.receive(self.rfile.read(int(self.headers["Content-Length"])))
            self.send_response(200)
            self.send_header("Content-Length", "0")
            self.end_headers()

        def log_message(self, *_: object) -> None:
            """Say nothing."""

    with QuietServer(("127.0.0.1", 0), Handler) as server, serving(server):
        collector.url = f"http://127.0.0.1:{server.server_port}"
        yield collector


def sending(
    data_dir: Path, url: str, workers: str = "1"
) -> AbstractContextManager[RunningRegistry]:
    """A registry that soon sends its spans there, and keeps few of them."""
    return running(
        data_dir, "--workers", workers,
        OTEL_EXPORTER_OTLP_ENDPOINT=url,
        OTEL_RESOURCE_ATTRIBUTES="deployment.environment.name=test",
        OTEL_BSP_SCHEDULE_DELAY="50",
        OTEL_BSP_MAX_QUEUE_SIZE="64",
        OTEL_BSP_MAX_EXPORT_BATCH_SIZE="32",
    )  # fmt: skip


@pytest.fixture(scope="module")
def collector() -> Iterator[Collector]:
    """One for the tests of this file."""
    with collecting() as collector:
        yield collector


@pytest.fixture(scope="module")
def traced(
    collector: Collector, tmp_path_factory: pytest.TempPathFactory
) -> Iterator[RunningRegistry]:
    """A registry of two workers that sends its spans to it."""
    data_dir: Path = tmp_path_factory.mktemp("tracing") / "data"
    with sending(data_dir, collector.url, "2") as registry:
        yield registry


@pytest.fixture
def caller(traced: RunningRegistry) -> Iterator[Connection]:
    """A connection with a token for everything."""
    with closing(Connection(traced.port)) as connection:
        connection.login("acrux", traced.password)
        yield connection


def test_a_request_is_a_span_of_its_route(collector: Collector, caller: Connection) -> None:
    """A backend groups by the name: with the path in it, every repository would be a group."""
    caller.call("GET", "/v2/team/app/tags/list?n=7&last=secret", User_Agent="test/1")
    span = collector.of("/v2/team/app/tags/list")

    assert span.name == "GET /v2/{repository}/tags/list"
    assert span.kind == Span.SPAN_KIND_SERVER
    assert values(span.attributes) == {
        "http.request.method": "GET",
        "http.route": "/v2/{repository}/tags/list",
        "http.response.status_code": 404,
        "url.scheme": "http",
        "url.path": "/v2/team/app/tags/list",
        "network.protocol.version": "1.1",
        "client.address": "127.0.0.1",
        "user_agent.original": "test/1",
        "acrux.request.id": values(span.attributes)["acrux.request.id"],
    }
    resource = collector.resources[-1]
    assert (resource["service.name"], resource["deployment.environment.name"]) == ("acrux", "test")


def test_the_trace_of_the_caller_goes_on(
    collector: Collector, caller: Connection, traced: RunningRegistry
) -> None:
    """A pipeline sees how long its push waited for the registry."""
    caller.call("GET", "/v2/", traceparent=f"00-{TRACE}-{PARENT}-01")
    until(lambda: any(span.trace_id.hex() == TRACE for span in collector.spans))
    (span,) = (span for span in collector.spans if span.trace_id.hex() == TRACE)

    assert span.parent_span_id.hex() == PARENT
    until(lambda: f"trace={TRACE}" in traced.log.read_text())


def test_a_trace_that_the_caller_does_not_record_is_not_recorded(
    collector: Collector, caller: Connection
) -> None:
    """The caller has decided which traces are kept, and a part of one helps nobody."""
    caller.call("GET", "/v2/", traceparent=f"00-{TRACE[::-1]}-{PARENT}-00")
    caller.call("GET", "/v2/after-that/tags/list")

    collector.of("/v2/after-that/tags/list")
    assert TRACE[::-1] not in [span.trace_id.hex() for span in collector.spans]


def test_what_takes_time_is_a_span_within_the_request(
    collector: Collector, caller: Connection
) -> None:
    """Whoever looks for a slow push sees whether it was the disk, the database or the signer."""
    caller.push_image(image(b"layer"), "v1", "traced")
    put = collector.of("/v2/traced/manifests/v1")
    names = {
        span.name for span in collector.spans if span.parent_span_id and span.name[0].islower()
    }

    assert {"blob append", "blob commit", "sqlite transaction", "token sign"} <= names
    writes = [span for span in collector.spans if span.parent_span_id == put.span_id]
    assert "sqlite transaction" in [span.name for span in writes]


def test_no_span_holds_a_secret(
    collector: Collector, caller: Connection, traced: RunningRegistry
) -> None:
    """A collector is read by more people than may push."""
    caller.call("GET", "/oauth2/token?password=hidden-one", Authorization="Basic aGlkZGVuOnR3bw==")
    caller.call("GET", "/v2/marker/tags/list")
    collector.of("/v2/marker/tags/list")
    told = "".join(map(str, collector.spans))

    token = caller.authorization["Authorization"].removeprefix("Bearer ")
    for secret in ("hidden", "aGlkZGVu", token[-40:], traced.password):
        assert secret not in told


def test_probes_are_not_traced(collector: Collector, caller: Connection) -> None:
    """They would be most of the traces, and tell nothing."""
    for path in ("/livez", "/readyz", "/v2/after-probes/tags/list"):
        caller.call("GET", path)

    collector.of("/v2/after-probes/tags/list")
    assert not [span for span in collector.spans if "livez" in str(span) or "readyz" in str(span)]


def test_long_values_of_a_client_are_cut(collector: Collector, caller: Connection) -> None:
    """Thousands of spans wait in memory while a collector is slow."""
    path = "/v2/" + "long/" * 2000 + "tags/list"
    caller.call("GET", path, User_Agent="x" * 20_000)

    assert collector.of(path[:1024]).ByteSize() < 4096


def test_requests_to_an_issuer_carry_the_trace(tmp_path: Path) -> None:
    """A login that is slow because of its issuer is seen in one trace."""
    with collecting() as collector, provider() as issuer:
        with sending(tmp_path / "data", collector.url) as registry:
            form = f"grant_type=access_token&access_token={trusted(registry, issuer, 'traced')}"
            with closing(Connection(registry.port)) as connection:
                answer = connection.call(
                    "POST",
                    "/oauth2/exchange",
                    form.encode(),
                    traceparent=f"00-{TRACE}-{PARENT}-01",
                    Content_Type="application/x-www-form-urlencoded",
                )

        assert answer.status == 200
        assert len(issuer.traces) == 2  # discovery, and the keys
        assert {text.split("-")[1] for text in issuer.traces} == {TRACE}


@contextmanager
def hanging() -> Iterator[str]:
    """A collector that accepts connections, and never answers."""
    with socket.create_server(("127.0.0.1", 0)) as server:
        yield f"http://127.0.0.1:{server.getsockname()[1]}"


@contextmanager
def missing() -> Iterator[str]:
    """A collector that is not there."""
    with socket.create_server(("127.0.0.1", 0)) as server:
        port = server.getsockname()[1]
    yield f"http://127.0.0.1:{port}"


@contextmanager
def nonsense() -> Iterator[str]:
    """No address at all."""
    yield "not an address"


@pytest.mark.parametrize("collector_of", [hanging, missing, nonsense])
def test_a_collector_that_fails_touches_no_request_and_no_stop(
    tmp_path: Path, collector_of: Callable[[], AbstractContextManager[str]]
) -> None:
    """Nobody's pull may fail because the traces cannot be stored."""
    with collector_of() as url, sending(tmp_path / "data", url) as registry:
        with closing(Connection(registry.port)) as connection:
            connection.login("acrux", registry.password)
            began = time.monotonic()
            found = {connection.call("GET", "/v2/").status for _ in range(300)}
            took = time.monotonic() - began
        asked = time.monotonic()
        assert registry.stop() == 0
        stopped = time.monotonic() - asked

    assert found == {200}
    assert took < 10
    assert stopped < 10


def test_what_prevents_tracing_is_told_once_and_prevents_nothing_else(tmp_path: Path) -> None:
    """An operator who named a collector must learn why it gets nothing."""
    with running(
        tmp_path / "data", "--workers", "2",
        OTEL_EXPORTER_OTLP_ENDPOINT="http://127.0.0.1:9", OTEL_EXPORTER_OTLP_PROTOCOL="grpc",
    ) as registry:  # fmt: skip
        with closing(Connection(registry.port)) as connection:
            assert connection.call("GET", "/livez").status == 200
        told = registry.log.read_text()

    assert told.count("event=tracing-off") == 1
    assert "OTEL_EXPORTER_OTLP_PROTOCOL=http/protobuf" in told


def test_a_collector_that_is_down_is_told_once_a_minute_in_a_line_like_all_others(
    tmp_path: Path,
) -> None:
    """A line for each attempt would bury the requests, and what reads the log knows one format."""
    with (
        sending(tmp_path / "data", f"http://127.0.0.1:{free_port()}") as registry,
        closing(Connection(registry.port)) as connection,
    ):
        until(lambda: _is_told(registry, connection))
        assert registry.stop() == 0  # which makes another attempt
        lines = registry.log.read_text().splitlines()

    [told] = [line for line in lines if "HTTPConnectionPool" in line or "export" in line]
    assert re.fullmatch(
        r'timestamp=\S+Z level=warning event=tracing-failing problem="Transient .*" times=1', told
    )


def _is_told(registry: RunningRegistry, connection: Connection) -> bool:
    assert connection.call("GET", "/v2/").status == 401
    return "event=tracing-failing" in registry.log.read_text()
