"""acrux doctor on names, addresses and proxies."""

import socket
from collections.abc import Iterator
from contextlib import closing
from dataclasses import dataclass, field
from http.server import BaseHTTPRequestHandler
from pathlib import Path
from selectors import EVENT_READ, DefaultSelector

import httpx2
import pytest
from click.testing import CliRunner

from acrux.cli.doctor import proxies
from acrux.cli.main import cli
from tests import servers
from tests.client.doctor.certificates import certify, serving
from tests.client.doctor.diagnosis import examine
from tests.client.registry import FakeRegistry
from tests.running import free_port


@dataclass
class ForwardProxy:
    """A proxy for CONNECT, which leads to this machine whatever host is named."""

    url: str
    named: list[str] = field(default_factory=list)


@pytest.fixture
def forward_proxy() -> Iterator[ForwardProxy]:
    """A forward proxy on a socket."""

    class Handler(BaseHTTPRequestHandler):
        def do_CONNECT(self) -> None:
            """Connect to the named port, and pass bytes on."""
            proxy.named.append(self.path)
            port = int(self.path.rpartition(":")[2])
            with closing(socket.create_connection(("127.0.0.1", port))) as there:
                self.send_response(200)
                self.end_headers()
                _pass_on(self.connection, there)
            self.close_connection = True

        def log_message(self, format: str, *args: object) -> None:  # noqa: A002 -- its name there
            """Log nothing."""

    with servers.QuietServer(("127.0.0.1", 0), Handler) as server, servers.serving(server):
        proxy = ForwardProxy(f"http://127.0.0.1:{server.server_port}")
        yield proxy


def _pass_on(here: socket.socket, there: socket.socket) -> None:
    other = {here: there, there: here}
    with DefaultSelector() as selector:
        for one in other:
            selector.register(one, EVENT_READ)
        while True:
            for key, _ in selector.select():
                assert isinstance(key.fileobj, socket.socket)
                content = key.fileobj.recv(65536)
                if not content:
                    return
                other[key.fileobj].sendall(content)


@pytest.mark.parametrize("host", ["no-such-host.invalid", "a..b", "a" * 64 + ".example"])
def test_a_name_without_an_address_is_named_as_az_names_it(host: str) -> None:
    """A typo in the name is the most common reason of all; an invalid name crashed az once."""
    found = examine(host)

    assert found.code == 1
    assert found["dns"]["error"] == "CONNECTIVITY_DNS_ERROR"
    assert found["tcp"]["detail"] == "needs the check 'dns'"


def test_a_port_that_accepts_nothing_is_named_with_each_address() -> None:
    """Either the registry is down, or it listens elsewhere."""
    port = free_port()

    found = examine(f"127.0.0.1:{port}")

    assert found.code == 1
    assert found["dns"]["detail"] == "127.0.0.1 is an address"
    assert found["tcp"]["detail"] == (
        f"port {port} of 127.0.0.1 accepts no connection (127.0.0.1: Connection refused)"
    )
    assert found["tcp"]["error"] == "CONNECTIVITY_CHALLENGE_ERROR"


def test_a_proxy_that_is_used_is_named_and_examined_instead(
    forward_proxy: ForwardProxy, monkeypatch: pytest.MonkeyPatch, tmp_path: Path
) -> None:
    """Behind one, the registry's own name may have no address."""
    monkeypatch.setenv("HTTPS_PROXY", forward_proxy.url.replace("://", "://user:hidden@"))
    pem = certify(tmp_path, name="registry.invalid")

    with serving(pem) as port:
        found = examine(f"https://registry.invalid:{port}", "--cacert", str(pem))

    assert found["proxy"]["detail"].startswith(f"{forward_proxy.url} is used")
    assert found["dns"]["detail"] == "127.0.0.1 is an address"
    assert found["tls"]["status"] == "ok"
    assert found["http"]["detail"].startswith("GET /v2/ is answered with 401")
    assert set(forward_proxy.named) == {f"registry.invalid:{port}"}
    assert "hidden" not in found.printed


@pytest.mark.parametrize(
    "exempt",
    ["", "*", "example.com", ".example.com", "*.example.com", "registry.example.com",
     "registry.example.com:5000", "10.0.0.0/8", "10.1.2.3", "::1", "[::1]", "fd00::/8",
     "localhost", "example.co, 10.9.9.9 ,", "EXAMPLE.COM"],
)  # fmt: skip
@pytest.mark.parametrize(
    "host",
    ["registry.example.com", "registry.example.com:5000", "example.com", "wwwexample.com",
     "10.1.2.3", "[::1]:5000", "[fd00::5]", "localhost", "a.localhost"],
)  # fmt: skip
def test_a_proxy_is_chosen_as_the_client_chooses_it(
    exempt: str, host: str, monkeypatch: pytest.MonkeyPatch
) -> None:
    """Otherwise it would examine a way that no request takes."""
    monkeypatch.setenv("HTTPS_PROXY", "proxy.example.net:3128")
    monkeypatch.setenv("NO_PROXY", exempt)
    url = httpx2.URL(f"https://{host}/v2/")

    with httpx2.Client() as client:
        taken = client._transport_for_url(url)  # noqa: SLF001 -- it says nowhere else what it chose
        is_used = taken is not client._transport  # noqa: SLF001 -- as above
    found = proxies.find(url)

    assert (found is not None) == is_used
    assert found in (None, httpx2.URL("http://proxy.example.net:3128"))


def test_no_proxy_is_obeyed(registry: FakeRegistry, monkeypatch: pytest.MonkeyPatch) -> None:
    """The checks and the requests must take the same way."""
    monkeypatch.setenv("HTTP_PROXY", "http://127.0.0.1:9")
    monkeypatch.setenv("NO_PROXY", "example.com,127.0.0.1")

    found = examine(registry.url)

    assert found["proxy"]["detail"] == "none is used"
    assert found["http"]["status"] == "ok"


def test_a_proxy_for_this_machine_is_a_warning(
    registry: FakeRegistry, monkeypatch: pytest.MonkeyPatch
) -> None:
    """Nothing on the proxy's side leads back here."""
    monkeypatch.setenv("HTTP_PROXY", "http://127.0.0.1:9")

    found = examine(registry.url)

    assert found["proxy"]["status"] == "warning"
    assert found["proxy"]["advice"] == "add 127.0.0.1 to NO_PROXY"
    assert found["tcp"]["status"] == "failed"


@pytest.mark.parametrize("named", ["socks5://127.0.0.1:9", "ftp://x", "http://x:port"])
def test_a_proxy_that_cannot_be_used_is_wrong_usage(
    named: str, monkeypatch: pytest.MonkeyPatch
) -> None:
    """A traceback would not say which variable to look at."""
    monkeypatch.setenv("ALL_PROXY", named)

    result = CliRunner().invoke(cli, ["doctor", "registry.example.com"])

    assert result.exit_code == 2
    assert "ALL_PROXY" in result.stderr
    assert named not in result.output
