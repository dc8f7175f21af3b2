"""A registry on https, and nginx and HAProxy in front of it, all with certificates of one CA."""

from collections.abc import Iterator
from contextlib import ExitStack, contextmanager
from dataclasses import dataclass
from datetime import UTC, datetime
from itertools import chain
from pathlib import Path
from typing import Final

from acrux.adapters.keys.certificates import CertificateFiles, self_signed
from tests.clients.test_proxies import haproxy, nginx, proxy
from tests.running import RunningRegistry, free_port, running
from tests.soak.clients import Entrance

NGINX: Final = """
upstream acrux {{ server 127.0.0.1:{registry}; keepalive 16; }}
server {{
    listen {port} ssl;
    server_name localhost;
    ssl_certificate {files.certificate};
    ssl_certificate_key {files.key};
    client_max_body_size 0;
    location / {{
        proxy_pass https://acrux;
        proxy_ssl_verify on;
        proxy_ssl_trusted_certificate {files.ca};
        proxy_ssl_name localhost;
        proxy_http_version 1.1;
        proxy_request_buffering off;
        proxy_buffering off;
        proxy_set_header Connection "";
        proxy_set_header Host $http_host;
        proxy_set_header X-Forwarded-Host $http_host;
        proxy_set_header X-Forwarded-Proto $scheme;
        proxy_set_header X-Forwarded-For $proxy_add_x_forwarded_for;
    }}
}}
"""

HAPROXY: Final = """
defaults
    mode http
    timeout connect 5s
    timeout http-request 15s
    timeout client 5m
    timeout server 5m

frontend registry
    bind 127.0.0.1:{port} ssl crt {bundle}
    option forwardfor
    http-request set-header X-Forwarded-Proto https
    http-request set-header X-Forwarded-Host %[req.hdr(Host)]
    default_backend acrux

backend acrux
    server acrux 127.0.0.1:{registry} ssl verify required verifyhost localhost ca-file {files.ca}
"""


@dataclass(frozen=True)
class Place:
    """A registry with its entrances."""

    registry: RunningRegistry
    entrances: tuple[Entrance, ...]
    certificates: Path

    def renew_certificate(self, number: int) -> None:
        """Give the registry another certificate of the same CA."""
        _issue(self.certificates, "localhost", f"renewed-{number}")


@contextmanager
def place(folder: Path, *arguments: str) -> Iterator[Place]:
    """A registry behind both proxies until the block ends."""
    files = _issue(folder / "tls", "localhost")
    own, ports = free_port(), {"nginx": free_port(), "haproxy": free_port()}
    servers = [("--login-server", f"localhost:{port}") for port in (own, *ports.values())]
    with ExitStack() as stack:
        registry = stack.enter_context(
            running(
                folder / "data", "--port", str(own), *chain(*servers), *arguments,
                "--trusted-proxy", "127.0.0.1",
                "--tls-cert", str(files.certificate), "--tls-key", str(files.key),
            )
        )  # fmt: skip
        for name, command in _proxies(folder, registry.port, ports).items():
            stack.enter_context(proxy(command, folder / name, ports[name]))
        entrances = [Entrance("direct", registry.port, files.ca)]
        entrances += [Entrance(name, port, files.ca) for name, port in ports.items()]
        yield Place(registry, tuple(entrances), folder / "tls")


def _proxies(folder: Path, registry: int, ports: dict[str, int]) -> dict[str, list[str]]:
    # The proxies keep a copy of the first certificate: only the registry's own changes.
    files = _issue(folder / "tls", "localhost")
    for name in ports:
        (folder / name).mkdir()
    kept = CertificateFiles(files.ca, folder / "nginx" / "server.pem", files.key)
    kept.certificate.write_bytes(files.certificate.read_bytes())
    bundle = folder / "haproxy" / "bundle.pem"
    bundle.write_bytes(files.certificate.read_bytes() + files.key.read_bytes())
    return {
        "nginx": nginx(
            folder / "nginx",
            NGINX.format(registry=registry, port=ports["nginx"], files=kept),
        ),
        "haproxy": haproxy(
            folder / "haproxy",
            HAPROXY.format(registry=registry, port=ports["haproxy"], files=files, bundle=bundle),
        ),
    }


def _issue(folder: Path, *names: str) -> CertificateFiles:
    return self_signed(folder, names, datetime.now(UTC))
