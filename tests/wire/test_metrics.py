"""The metrics of a real registry: what they add up to, and who may see them."""

import base64
import json
import os
import signal
import socket
from collections.abc import Iterator
from contextlib import ExitStack, closing, contextmanager
from dataclasses import dataclass
from datetime import UTC, datetime
from functools import partial
from http.client import HTTPException
from pathlib import Path

import pytest
from cryptography import x509

from acrux.serving.scraping import CONNECTIONS, HEADER_BYTES
from tests.images import image
from tests.running import RunningRegistry, acrux, free_port, running, until
from tests.scrape import Page, scrape
from tests.wire.connection import Connection
from tests.wire.test_supervision import answers, children

REQUESTS = "acrux_http_requests_total"
MANIFEST = "/v2/{repository}/manifests/{reference}"


@dataclass(frozen=True)
class Scraper:
    """An account that may read the metrics of a registry."""

    registry: RunningRegistry
    password: str

    @classmethod
    def of(cls, registry: RunningRegistry) -> "Scraper":
        """A new account."""
        made = acrux(
            "token", "create", "-n", "scraper", "--scope-map", "_metrics_read",
            "--data-dir", str(registry.data_dir), "--output", "json",
        )  # fmt: skip
        assert made.returncode == 0, made.stderr
        (first, *_) = json.loads(made.stdout)["credentials"]["passwords"]
        return cls(registry, first["value"])

    def page(self) -> Page:
        """The page, from whichever worker answers."""
        return scrape(self.registry.port, "scraper", self.password)

    def page_with(self, least: float, name: str, **labels: str) -> Page:
        """The first page whose series of this name come to this sum, or to more."""
        pages: list[Page] = []

        def has_come() -> bool:
            pages.append(self.page())
            return pages[-1].sum(name, **labels) >= least

        until(has_come)
        return pages[-1]


@contextmanager
def calls(registry: RunningRegistry, count: int) -> Iterator[list[Connection]]:
    """Some connections, which the workers share, each with a token for everything."""
    with ExitStack() as opened:
        connections = []
        for _ in range(count):
            connection = opened.enter_context(closing(Connection(registry.port)))
            connection.login("acrux", registry.password)
            connections.append(connection)
        yield connections


def test_requests_to_two_workers_add_up_to_what_the_clients_counted(
    registry: RunningRegistry,
) -> None:
    """A worker knows only its own requests, and any of them may answer the scraper."""
    scraper, app = Scraper.of(registry), image(b"a layer")
    before = scraper.page()
    with calls(registry, 12) as connections:
        connections[0].push_image(app, "v1", "team/app")
        for connection in connections:
            for _ in range(10):
                assert connection.call("GET", "/v2/team/app/manifests/v1").status == 200
            assert connection.call("HEAD", "/v2/team/app/manifests/v1").status == 200
            assert connection.call("GET", "/v2/team/app/manifests/v2").status == 404

    def added(page: Page, **labels: str) -> float:
        return page.sum(REQUESTS, **labels) - before.sum(REQUESTS, **labels)

    page = scraper.page_with(before.sum(REQUESTS, route=MANIFEST) + 145, REQUESTS, route=MANIFEST)
    assert added(page, route=MANIFEST, method="GET", status="200") == 12 * 10
    assert added(page, route=MANIFEST, method="HEAD", status="200") == 12
    assert added(page, route=MANIFEST, method="GET", status="404") == 12
    assert added(page, route=MANIFEST, method="PUT", status="201") == 1
    assert added(page, route="/oauth2/token", status="200") == 12
    issued = "acrux_tokens_issued_total"
    assert page.sum(issued, grant_type="login") - before.sum(issued, grant_type="login") == 12
    sent = page.sum("acrux_http_sent_bytes_total", route=MANIFEST, method="GET")
    assert sent >= 120 * len(app.manifest)
    assert page.sum("acrux_http_sent_bytes_total", route=MANIFEST, method="HEAD") == 0
    received = page.sum("acrux_http_received_bytes_total", route=MANIFEST, method="PUT")
    assert received == len(app.manifest)
    durations = "acrux_http_request_duration_seconds_count"
    assert page.sum(durations, route=MANIFEST) == page.sum(REQUESTS, route=MANIFEST)
    assert page.sum("acrux_workers") == 2


def test_no_counter_falls_when_a_worker_is_killed_or_replaced(tmp_path: Path) -> None:
    """Prometheus takes a counter that falls for a restart, and adds all of it again."""
    with running(tmp_path / "data", "--workers", "2") as registry:
        scraper = Scraper.of(registry)
        with calls(registry, 12) as connections:
            for connection in connections:
                connection.call("GET", "/v2/")
        before = scraper.page_with(12, REQUESTS, route="/v2/")

        for victim in children(registry):
            os.kill(victim, signal.SIGKILL)
            until(lambda victim=victim: victim not in children(registry))  # type: ignore[misc]
        until(lambda: len(children(registry)) == 2 and answers(registry))
        registry.process.send_signal(signal.SIGHUP)

        after = scraper.page_with(6, "acrux_worker_starts_total")
        fallen = [
            sample
            for sample in before.samples
            if sample.name.endswith(("_total", "_count", "_sum", "_bucket"))
            and after.sum(sample.name, **sample.labels) < sample.value
        ]
        assert fallen == []
        assert after.sum(REQUESTS, route="/v2/") == 12


def test_only_who_may_read_metrics_gets_them(registry: RunningRegistry) -> None:
    """Routes and reasons tell an attacker how well an attack goes."""
    connection = Connection(registry.port)
    refused = connection.call("GET", "/metrics")
    pair = base64.b64encode(f"acrux:{registry.password}".encode()).decode()
    connection.authorization = {"Authorization": f"Basic {pair}"}
    token_for = f"/oauth2/token?service=127.0.0.1:{registry.port}&scope=registry:metrics:read"
    token = json.loads(connection.call("GET", token_for).body)["access_token"]
    connection.authorization = {"Authorization": f"Bearer {token}"}

    assert refused.status == 401
    assert 'scope="registry:metrics:read"' in refused.header("WWW-Authenticate")
    assert connection.call("GET", "/metrics").status == 200
    assert connection.call("GET", "/v2/_catalog").status == 401
    connection.close()


def test_callers_cannot_choose_what_is_counted(registry: RunningRegistry) -> None:
    """A label for each name that somebody tries would fill the memory of Prometheus."""
    connection = Connection(registry.port)
    for number in range(30):
        connection.call("GET", f"/no/such/path/{number}")
        connection.call(f"METHOD{number}", "/v2/")
        connection.call("GET", f"/v2/repository{number}/manifests/latest")
    connection.close()

    scraper = partial(scrape, registry.port, "acrux", registry.password)
    until(lambda: scraper().sum(REQUESTS, method="other") >= 30)
    page = scraper()
    assert page.sum(REQUESTS, route="unmatched", method="other") >= 30
    assert page.values(REQUESTS, "method") <= {
        "GET", "HEAD", "POST", "PUT", "PATCH", "DELETE", "OPTIONS", "other",
    }  # fmt: skip
    assert not any("repository2" in value for value in page.values(REQUESTS, "route"))


def test_what_the_registry_holds_is_looked_up_for_each_page(registry: RunningRegistry) -> None:
    """An upload that a worker of yesterday began is open today."""
    scraper = partial(scrape, registry.port, "acrux", registry.password)
    before = scraper().sum("acrux_uploads_open")
    with calls(registry, 1) as (connection,):
        connection.start_upload()

    until(lambda: scraper().sum("acrux_uploads_open") == before + 1)
    page = scraper()
    assert page.sum("acrux_storage_free_bytes") > 0
    assert page.sum("acrux_storage_writes_refused") == 0
    assert page.values("acrux_collection_queue_entries", "entry") >= {"review", "copy"}
    assert page.sum("acrux_task_run_seconds_count", task="revocations") > 0
    assert page.sum("process_resident_memory_bytes") > 10_000_000


# On a port of its own ----------------------------------------------------------------------------


@pytest.fixture(scope="module")
def apart(tmp_path_factory: pytest.TempPathFactory) -> Iterator[tuple[RunningRegistry, int]]:
    """A registry of one worker that serves its metrics elsewhere, and the port."""
    data_dir, port = tmp_path_factory.mktemp("apart") / "data", free_port()
    with running(data_dir, "--workers", "1", "--metrics-listen", f"127.0.0.1:{port}") as registry:
        yield registry, port


def exchange(port: int, sent: bytes) -> bytes:
    """What the port answers to these bytes, until it closes."""
    with socket.create_connection(("127.0.0.1", port), timeout=30) as connection:
        connection.sendall(sent)
        answer = b""
        while received := connection.recv(65536):
            answer += received
    return answer


def test_a_port_of_its_own_serves_metrics_to_everybody_and_nothing_else(
    apart: tuple[RunningRegistry, int],
) -> None:
    """A scraper inside the cluster needs no password, and can do nothing."""
    registry, port = apart
    page = scrape(port)

    assert page.sum("acrux_workers") == 1
    assert page.sum("acrux_storage_free_bytes") > 0
    connection = Connection(port)
    head = connection.call("HEAD", "/metrics")
    connection.close()
    assert (head.status, head.body) == (200, b"")
    assert int(head.header("Content-Length")) > 1000
    assert exchange(port, b"GET /v2/ HTTP/1.1\r\nHost: a\r\n\r\n").startswith(b"HTTP/1.1 404")
    assert exchange(port, b"POST /metrics HTTP/1.1\r\nHost: a\r\n\r\n").startswith(b"HTTP/1.1 405")
    assert registry.process.poll() is None


def test_the_expiry_of_the_served_certificate_is_told(tmp_path: Path) -> None:
    """A certificate that nobody renewed stops every pull at once."""
    data_dir, port = tmp_path / "data", free_port()
    with (
        running(
            data_dir, "--workers", "1", "--tls-self-signed", "--metrics-listen", f"[::1]:{port}"
        ),
        socket.create_connection(("::1", port), timeout=30) as connection,
    ):
        connection.sendall(b"GET /metrics HTTP/1.1\r\nHost: a\r\n\r\n")
        answer = b"".join(iter(lambda: connection.recv(65536), b""))
    page = Page.read(answer.partition(b"\r\n\r\n")[2])
    told = page.sum("acrux_certificate_expiry_timestamp_seconds")

    certificate = x509.load_pem_x509_certificate((data_dir / "tls" / "server.pem").read_bytes())
    assert datetime.fromtimestamp(told, UTC) == certificate.not_valid_after_utc


@pytest.mark.parametrize(
    "sent",
    [
        b"\x16\x03\x01\x00\xa5\x01\x00\x00",
        b"GET /metrics HTTP/1.1\r\n\r\n",
        b"GET /metrics\r\n\r\n",
        b"GET /metrics HTTP/1.1\r\nHost: a\r\nX: " + b"x" * 2 * HEADER_BYTES,
        b"\0" * 1000,
    ],
    ids=["TLS", "no host", "no version", "a long header", "zeros"],
)
def test_what_is_no_request_is_not_answered_and_harms_nobody(
    apart: tuple[RunningRegistry, int], sent: bytes
) -> None:
    """A port scanner must not end the process that serves the metrics."""
    _, port = apart

    try:
        answer = exchange(port, sent)
    except ConnectionResetError:
        answer = b""

    assert b" 200" not in answer.partition(b"\r\n")[0]
    assert scrape(port).sum("acrux_workers") == 1


def is_scraped(port: int) -> bool:
    """Whether a scraper gets a page there."""
    try:
        return scrape(port).sum("acrux_workers") == 1
    except (OSError, HTTPException):
        return False


def test_scrapers_that_hang_keep_no_request_waiting_and_other_scrapers_for_seconds_only(
    apart: tuple[RunningRegistry, int],
) -> None:
    """A scraper's bug must never be an outage of the registry."""
    registry, port = apart
    with ExitStack() as held:
        for _ in range(CONNECTIONS):
            silent = held.enter_context(socket.create_connection(("127.0.0.1", port), timeout=30))
            silent.sendall(b"GET /metr")
        until(lambda: not is_scraped(port))  # all places are taken

        assert answers(registry)
        until(lambda: is_scraped(port))


def test_a_killed_process_of_the_metrics_is_replaced(apart: tuple[RunningRegistry, int]) -> None:
    """Otherwise metrics would be missing from the first night on that memory is short."""
    registry, port = apart
    before = children(registry)
    os.kill(max(before), signal.SIGKILL)

    until(lambda: children(registry) != before and is_scraped(port))
    assert registry.process.poll() is None


def test_the_registrys_own_port_then_has_no_metrics(apart: tuple[RunningRegistry, int]) -> None:
    """Who closes the other port to the world must not have to think of this one."""
    registry, _ = apart
    connection = Connection(registry.port)
    connection.login("acrux", registry.password)

    assert connection.call("GET", "/metrics").status == 404
    connection.close()


def test_a_port_that_is_taken_ends_the_start_with_a_reason(tmp_path: Path) -> None:
    """Metrics that are silently missing are noticed when they are needed."""
    with socket.create_server(("127.0.0.1", 0)) as taken:
        address = f"127.0.0.1:{taken.getsockname()[1]}"

        done = acrux(
            "serve", "--port", "0", "--data-dir", str(tmp_path / "data"),
            "--metrics-listen", address,
        )  # fmt: skip

    assert done.returncode == 2
    assert f"metrics_listen: cannot listen on {address} (Address already in use)" in done.stderr
