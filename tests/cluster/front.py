"""HAProxy in front of the nodes, on http and on https."""

from collections.abc import Iterator, Sequence
from contextlib import contextmanager
from dataclasses import dataclass
from datetime import UTC, datetime
from pathlib import Path
from typing import Final

from acrux.adapters.keys.certificates import CertificateFiles, self_signed
from tests.clients.test_proxies import haproxy, proxy
from tests.running import free_port

# A node that is alive but not ready says why, and serves what it can. So if none is ready, requests
# go to those that are alive; and if none is, HAProxy itself answers as they would.
CONFIGURATION: Final = """
defaults
    mode http
    timeout connect 5s
    timeout http-request 15s
    timeout client 5m
    timeout server 5m
    timeout check 2s
    option redispatch
    retries 3
    default-server check inter 500ms fall 1 rise 1

frontend registry
    bind 127.0.0.1:{port}
    bind 127.0.0.1:{secure_port} ssl crt {bundle}
    option forwardfor
    http-request set-header X-Forwarded-Proto https if {{ ssl_fc }}
    http-request set-header X-Forwarded-Proto http if !{{ ssl_fc }}
    http-request set-header X-Forwarded-Host %[req.hdr(Host)]
    http-response set-header {served_by} %s
    use_backend ready if {{ nbsrv(ready) gt 0 }}
    default_backend alive

backend ready
    option httpchk GET /readyz
{servers}

backend alive
    option httpchk GET /livez
    http-error status 503 content-type application/json hdr Retry-After 1 string '{nobody}'
{servers}
"""
SERVED_BY: Final = "X-Served-By"  # which node answered
NOBODY: Final = (
    '{"errors":[{"code":"UNAVAILABLE","message":"no node answers: try again in a moment"}]}'
)


@dataclass(frozen=True)
class Front:
    """The addresses of the balancer; `ca` is what its certificate was issued by."""

    port: int
    secure_port: int
    ca: Path

    @property
    def hosts(self) -> tuple[str, str]:
        """What clients call it, on http and on https."""
        return f"127.0.0.1:{self.port}", f"localhost:{self.secure_port}"


class Balancer:
    """HAProxy, which is not yet running: the nodes have to know its addresses."""

    def __init__(self, folder: Path, nodes: Sequence[int]) -> None:
        folder.mkdir()
        self._folder = folder
        self._nodes = nodes
        self._files: CertificateFiles = self_signed(folder, ("localhost",), datetime.now(UTC))
        self.front = Front(free_port(), free_port(), self._files.ca)

    @contextmanager
    def running(self) -> Iterator[None]:
        """Balance between the nodes until the block ends."""
        bundle = self._folder / "bundle.pem"
        bundle.write_bytes(self._files.certificate.read_bytes() + self._files.key.read_bytes())
        servers = "\n".join(f"    server node-{port} 127.0.0.1:{port}" for port in self._nodes)
        front = self.front
        text = CONFIGURATION.format(
            port=front.port, secure_port=front.secure_port, bundle=bundle, servers=servers,
            nobody=NOBODY, served_by=SERVED_BY,
        )  # fmt: skip
        with proxy(haproxy(self._folder, text), self._folder, front.secure_port):
            yield
