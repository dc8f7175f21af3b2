"""nginx, HAProxy and Caddy in front of a registry, set up as the page on proxies shows."""

import os
import re
import shutil
import signal
import ssl
import subprocess
from collections.abc import Iterator
from contextlib import contextmanager
from dataclasses import dataclass
from datetime import UTC, datetime
from pathlib import Path
from typing import Final

import httpx2
import pytest

from acrux.adapters.keys.certificates import CertificateFiles, self_signed
from acrux.domain.content.digest import Digest
from tests.images import image
from tests.running import (
    ROOT,
    STOP_SECONDS,
    RunningRegistry,
    free_port,
    running,
    until,
    write_layout,
)
from tests.tools import require_tool

PAGE: Final = ROOT / "docs" / "how-to" / "behind-a-proxy.md"
PIECE: Final = b"x" * 1_000_000
WAIT_SECONDS: Final = 20


def sample(language: str) -> str:
    """The sample of the page in this language."""
    [found] = re.findall(rf"```{language}\n(.*?)```", PAGE.read_text(), re.DOTALL)
    return str(found)


def nginx(folder: Path, config: str) -> list[str]:
    """The command that runs nginx with this server block."""
    program = require_tool("nginx", package="nginx-light")
    paths = "".join(
        f"{kind}_temp_path {folder}/{kind};" for kind in
        ("client_body", "proxy", "fastcgi", "uwsgi", "scgi")
    )  # fmt: skip
    file = folder / "nginx.conf"
    file.write_text(
        f"daemon off; pid {folder}/pid; error_log stderr; events {{}}\n"
        f"http {{ access_log off; {paths}\n{config} }}"
    )
    return [program, "-c", str(file), "-e", "stderr"]


def haproxy(folder: Path, config: str) -> list[str]:
    """The command that runs HAProxy with these sections."""
    program = require_tool("haproxy", package="haproxy")
    file = folder / "haproxy.cfg"
    file.write_text(config)
    return [program, "-db", "-f", str(file)]


def caddy(folder: Path, config: str) -> list[str]:
    """The command that runs Caddy with this site."""
    program = require_tool("caddy", package="caddy")
    file = folder / "Caddyfile"
    file.write_text(f"{{\n    admin off\n    auto_https disable_redirects\n}}\n{config}")
    return [program, "run", "--config", str(file), "--adapter", "caddyfile"]


PROXIES: Final = {"nginx": nginx, "haproxy": haproxy, "caddy": caddy}


@dataclass(frozen=True)
class Behind:
    """A registry and the address at which its proxy takes https."""

    registry: RunningRegistry
    host: str
    ca: Path

    def client(self) -> httpx2.Client:
        """A client that trusts the proxy's certificate."""
        return httpx2.Client(
            base_url=f"https://{self.host}", verify=ssl.create_default_context(cafile=self.ca)
        )


@pytest.fixture(scope="module", params=PROXIES)
def behind(
    request: pytest.FixtureRequest, tmp_path_factory: pytest.TempPathFactory
) -> Iterator[Behind]:
    """A registry behind each of the proxies."""
    folder = tmp_path_factory.mktemp(request.param)
    files = self_signed(folder / "tls", ("localhost",), datetime.now(UTC))
    port = free_port()
    host = f"localhost:{port}"
    arguments = ("--workers", "1", "--login-server", host, "--trusted-proxy", "127.0.0.1")
    with running(folder / "data", *arguments) as registry:
        config = adapted(sample(request.param), folder, files, port, registry.port)
        command = PROXIES[request.param](folder, config)
        with proxy(command, folder, port):
            yield Behind(registry, host, files.ca)


def adapted(config: str, folder: Path, files: CertificateFiles, port: int, registry: int) -> str:
    """The sample with the addresses and files that apply here."""
    pem = folder / "registry.pem"
    pem.write_bytes(files.certificate.read_bytes() + files.key.read_bytes())
    for shown, value in (
        ("127.0.0.1:5000", f"127.0.0.1:{registry}"),
        ("listen 443", f"listen {port}"),
        ("bind :443", f"bind 127.0.0.1:{port}"),
        ("registry.example.com {", f"localhost:{port} {{"),
        ("server_name registry.example.com", "server_name localhost"),
        ("/etc/ssl/registry.crt", str(files.certificate)),
        ("/etc/ssl/registry.key", str(files.key)),
        ("/etc/ssl/registry.pem", str(pem)),
    ):
        config = config.replace(shown, value)
    return config


@contextmanager
def proxy(command: list[str], folder: Path, port: int) -> Iterator[None]:
    """The proxy, from when it accepts connections until the block ends."""
    environ = {**os.environ, "HOME": str(folder), "XDG_DATA_HOME": str(folder),
               "XDG_CONFIG_HOME": str(folder)}  # fmt: skip
    log = folder / "proxy.log"
    with log.open("w") as output:
        process = subprocess.Popen(
            command, cwd=folder, env=environ, stdout=output, stderr=output, start_new_session=True
        )
    try:
        until(lambda: _accepts(port) or process.poll() is not None, WAIT_SECONDS)
        assert process.poll() is None, log.read_text()
        yield
    finally:
        if process.poll() is None:
            os.killpg(process.pid, signal.SIGTERM)
        process.wait(STOP_SECONDS)


def _accepts(port: int) -> bool:
    try:
        httpx2.get(f"https://localhost:{port}/", verify=False)
    except httpx2.TransportError:
        return False
    return True


def test_the_challenge_names_the_proxy_with_its_port(behind: Behind) -> None:
    """A realm without the port, or with http, leads nowhere."""
    with behind.client() as client:
        answer = client.get("/v2/app/manifests/v1")

    realm = f'Bearer realm="https://{behind.host}/oauth2/token",service="{behind.host}"'
    assert answer.status_code == 401
    assert answer.headers["WWW-Authenticate"].startswith(realm)


def test_a_chunked_push_reaches_the_registry_as_it_is_sent(behind: Behind) -> None:
    """A proxy that waits for the last byte needs a disk of its own, and lets clients time out."""
    uploads = behind.registry.data_dir / "uploads"

    def pieces() -> Iterator[bytes]:
        yield PIECE
        until(lambda: any(path.stat().st_size for path in uploads.rglob("*.*")), WAIT_SECONDS)
        yield PIECE

    with behind.client() as client:
        client.auth = ("acrux", behind.registry.password)
        begun = client.post("/v2/app/blobs/uploads/")
        appended = client.patch(begun.headers["Location"], content=pieces())
        put = client.put(
            appended.headers["Location"], params={"digest": str(Digest.of(PIECE + PIECE))}
        )

    assert (begun.status_code, appended.status_code, put.status_code) == (202, 202, 201)


def test_skopeo_pushes_and_pulls_through_it(behind: Behind, tmp_path: Path) -> None:
    """All that a client does: challenge, token, uploads, manifests."""
    skopeo = require_tool("skopeo", package="skopeo")
    shutil.copy(behind.ca, tmp_path / "ca.crt")
    source = write_layout(tmp_path / "layout", image(b"a layer of it"), "v1")
    credential = f"acrux:{behind.registry.password}"
    name = f"docker://{behind.host}/team/app:v1"

    for options, start, end in (
        (("--dest-creds", credential, "--dest-cert-dir", str(tmp_path)), f"oci:{source}:v1", name),
        (("--src-creds", credential, "--src-cert-dir", str(tmp_path)), name,
         f"oci:{tmp_path}/pulled:v1"),
    ):  # fmt: skip
        subprocess.run([skopeo, "--insecure-policy", "copy", *options, start, end], check=True)
