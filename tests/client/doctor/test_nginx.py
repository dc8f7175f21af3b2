"""acrux doctor on a registry behind an nginx with a mistake."""

import os
import signal
import subprocess
from collections.abc import Iterator
from contextlib import contextmanager
from dataclasses import dataclass, replace
from pathlib import Path

import httpx2
import pytest

from tests.client.doctor.certificates import certify
from tests.client.doctor.diagnosis import Diagnosis, as_user
from tests.running import STOP_SECONDS, RunningRegistry, free_port, running
from tests.tools import require_tool

RIGHT = """
    proxy_http_version 1.1;
    proxy_request_buffering off;
    proxy_set_header Host $http_host;
    proxy_set_header X-Forwarded-Host $http_host;
    proxy_set_header X-Forwarded-Proto $scheme;
"""

CONFIGURATION = """
daemon off; pid {folder}/pid; error_log stderr; events {{}}
http {{
  access_log off; {paths}
  server {{
    listen 127.0.0.1:{port} ssl; ssl_certificate {pem}; ssl_certificate_key {pem};
    {lines}
    location / {{ proxy_pass http://127.0.0.1:{registry}; {headers} }}
  }}
}}
"""


@dataclass(frozen=True)
class Proxied:
    """A registry, and the port at which its proxy will listen."""

    registry: RunningRegistry
    port: int


@pytest.fixture(scope="module")
def proxied(tmp_path_factory: pytest.TempPathFactory) -> Iterator[Proxied]:
    """A registry that knows the name of its proxy, and trusts it."""
    port = free_port()
    data = tmp_path_factory.mktemp("behind") / "data"
    options = ("--trusted-proxy", "127.0.0.1", "--login-server", f"localhost:{port}")
    with running(data, "--workers", "1", *options) as registry:
        yield Proxied(registry, port)


def behind(proxied: Proxied, folder: Path, lines: str, headers: str) -> Diagnosis:
    """The diagnosis of the registry, called through an nginx with these lines."""
    pem = certify(folder)
    file = folder / "nginx.conf"
    kinds = ("client_body", "proxy", "fastcgi", "uwsgi", "scgi")
    file.write_text(
        CONFIGURATION.format(
            folder=folder, port=proxied.port, pem=pem, lines=lines, headers=headers,
            registry=proxied.registry.port,
            paths="".join(f"{kind}_temp_path {folder}/{kind};" for kind in kinds),
        )
    )  # fmt: skip
    host = f"https://localhost:{proxied.port}"
    with nginx(file, host):
        return as_user("acrux", proxied.registry.password, host, "--cacert", str(pem))


@contextmanager
def nginx(file: Path, host: str) -> Iterator[None]:
    """nginx, from when it accepts connections until the block ends."""
    program = require_tool("nginx", package="nginx-light")
    with (file.parent / "log").open("wb") as log:
        process = subprocess.Popen(
            [program, "-c", str(file), "-e", "stderr"],
            stdout=log, stderr=log, env=dict(os.environ), start_new_session=True,
        )  # fmt: skip
    try:
        transport = httpx2.HTTPTransport(retries=7, verify=False)  # 0, 0.5, 1, 2, 4 ... s apart
        with httpx2.Client(transport=transport) as client:
            client.get(host)
        yield
    finally:
        os.killpg(process.pid, signal.SIGTERM)
        process.wait(STOP_SECONDS)


def test_a_proxy_without_a_mistake_passes(proxied: Proxied, tmp_path: Path) -> None:
    """Otherwise the findings below would say nothing."""
    found = behind(proxied, tmp_path, "client_max_body_size 0;", RIGHT)

    assert found.code == 0, found.printed
    assert not found.named("failed") | found.named("warning") | found.named("skipped")


def test_a_limit_on_bodies_is_explained(proxied: Proxied, tmp_path: Path) -> None:
    """nginx refuses bodies above 1 MiB by default, and so nearly every layer."""
    found = behind(proxied, tmp_path, "", RIGHT)

    assert found.named("failed") == {"chunks"}
    assert "a chunk of 1.1 MiB is not taken: 413" in found["chunks"]["detail"]
    assert "client_max_body_size 0;" in found["chunks"]["advice"]
    assert found["manifest"]["detail"] == "needs the check 'chunks'"


def test_a_proxy_that_does_not_tell_the_scheme_is_explained(
    proxied: Proxied, tmp_path: Path
) -> None:
    """The realm is then http, and no client sends a password there."""
    lines = RIGHT.replace("X-Forwarded-Proto", "X-Forwarded-Protocol")

    found = behind(proxied, tmp_path, "client_max_body_size 0;", lines)

    assert found.named("failed") == {"realm"}
    assert "without encryption" in found["realm"]["detail"]
    assert "X-Forwarded-Proto: https" in found["realm"]["advice"]


def test_a_registry_that_does_not_run_is_told_from_its_proxy(
    proxied: Proxied, tmp_path: Path
) -> None:
    """502 comes from the proxy, and its own log does not say so to the caller."""
    gone = Proxied(replace(proxied.registry, url=f"http://127.0.0.1:{free_port()}"), proxied.port)

    found = behind(gone, tmp_path, "", RIGHT)

    assert found["challenge"]["detail"] == "does not ask for a login: 502 Bad Gateway"
    assert "does not reach the registry" in found["challenge"]["advice"]
