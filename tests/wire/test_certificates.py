"""Certificates renewed while the registry answers, on real connections."""

import http.client
import os
import resource
import signal
import socket
import ssl
import time
from contextlib import suppress
from dataclasses import dataclass
from datetime import UTC, datetime
from pathlib import Path

import pytest

from acrux.adapters.keys.certificates import self_signed
from acrux.domain.content.digest import Digest
from tests.running import RunningRegistry, running, until
from tests.wire.connection import Connection


def trusting_all() -> ssl.SSLContext:
    """These tests check which certificate is shown, not whether it is trusted."""
    context = ssl.create_default_context()
    context.check_hostname = False
    context.verify_mode = ssl.CERT_NONE
    return context


class SecureConnection(Connection):
    """A connection over TLS."""

    def __post_init__(self) -> None:
        """Wrap it."""
        self._http = http.client.HTTPSConnection(
            "127.0.0.1", self.port, timeout=60, context=trusting_all()
        )

    def raw(self) -> socket.socket:
        """A second connection, for raw bytes."""
        return trusting_all().wrap_socket(super().raw())


def shown(registry: RunningRegistry) -> str:
    """The certificate shown to a new connection, as PEM."""
    with (
        socket.create_connection(("127.0.0.1", registry.port), timeout=10) as plain,
        trusting_all().wrap_socket(plain) as connection,
    ):
        return ssl.DER_cert_to_PEM_cert(connection.getpeercert(binary_form=True) or b"")


def all_show(registry: RunningRegistry, certificate: Path, connections: int = 8) -> bool:
    """Whether this many new connections are all shown this certificate."""
    with suppress(OSError):
        wanted = certificate.read_text()
        return all(shown(registry) == wanted for _ in range(connections))
    return False


def told(registry: RunningRegistry, event: str) -> list[str]:
    """The log lines of the event."""
    lines = registry.log.read_text().splitlines()
    return [line for line in lines if f"event={event} " in f"{line} "]


@dataclass
class Mounted:
    """A folder as Kubernetes mounts a secret: files are links through `..data`, itself a link."""

    folder: Path

    def version(self, name: str) -> Path:
        """A folder with its own certificate."""
        made = self_signed(self.folder / f"made-{name}", ("localhost", name), datetime.now(UTC))
        version = self.folder / f"..{name}"
        version.mkdir()
        (version / "tls.crt").write_bytes(made.certificate.read_bytes())
        (version / "tls.key").write_bytes(made.key.read_bytes())
        return version

    def swap(self, version: Path) -> None:
        """Switch all files to this version, at once."""
        aside = self.folder / "..data_tmp"
        aside.symlink_to(version.name)
        aside.replace(self.folder / "..data")

    def link(self) -> tuple[str, ...]:
        """The options that name the links."""
        for name in ("tls.crt", "tls.key"):
            (self.folder / name).symlink_to(f"..data/{name}")
        return ("--tls-cert", str(self.folder / "tls.crt"),
                "--tls-key", str(self.folder / "tls.key"))  # fmt: skip


@pytest.fixture
def mounted(tmp_path: Path) -> Mounted:
    """A folder for links."""
    (tmp_path / "mounted").mkdir()
    return Mounted(tmp_path / "mounted")


def test_links_that_are_swapped_are_followed_without_a_signal(
    tmp_path: Path, mounted: Mounted
) -> None:
    """Kubernetes and certbot change what links lead to, and signal nobody."""
    first, second = mounted.version("one"), mounted.version("two")
    mounted.swap(first)
    with running(tmp_path / "data", "--workers", "2", *mounted.link()) as registry:
        assert all_show(registry, first / "tls.crt")

        mounted.swap(second)

        until(lambda: all_show(registry, second / "tls.crt"))
        assert len(told(registry, "certificate-changed")) == 1
        assert told(registry, "worker-died") == []


@pytest.mark.parametrize("asked", [False, True])
def test_a_pair_that_does_not_match_for_a_moment_changes_nothing(
    tmp_path: Path, mounted: Mounted, *, asked: bool
) -> None:
    """Writing the certificate before its key must not stop the registry."""
    first, second = mounted.version("one"), mounted.version("two")
    kept = mounted.version("kept")
    (kept / "tls.crt").write_bytes((first / "tls.crt").read_bytes())
    (kept / "tls.key").write_bytes((first / "tls.key").read_bytes())
    mounted.swap(kept)
    with running(tmp_path / "data", "--workers", "1", *mounted.link()) as registry:
        (kept / "tls.crt").write_bytes((second / "tls.crt").read_bytes())
        if asked:
            registry.process.send_signal(signal.SIGHUP)
            until(lambda: len(told(registry, "reload")) == 1)
        until(lambda: len(told(registry, "certificate-kept")) == 1)
        old = registry.worker_pids()[1:]
        for pid in old:  # the replacement worker has a valid pair, too
            with suppress(ProcessLookupError):  # one was relieved, and has exited by now
                os.kill(pid, signal.SIGKILL)
        until(lambda: set(registry.worker_pids()[1:]).isdisjoint(old))
        until(lambda: all_show(registry, first / "tls.crt"))

        (kept / "tls.key").write_bytes((second / "tls.key").read_bytes())

        until(lambda: all_show(registry, second / "tls.crt"))
        assert len(told(registry, "certificate-kept")) == 1
        assert "does not belong to the certificate" in told(registry, "certificate-kept")[0]


@pytest.mark.parametrize("asked", [False, True])
def test_a_push_goes_on_beyond_stop_seconds_when_the_certificate_changes(
    tmp_path: Path, mounted: Mounted, *, asked: bool
) -> None:
    """A renewal at night must not cut off a push that takes all night."""
    first, second = mounted.version("one"), mounted.version("two")
    mounted.swap(first)
    with running(
        tmp_path / "data", "--workers", "1", "--stop-seconds", "1", *mounted.link()
    ) as registry:
        connection = SecureConnection(registry.port)
        connection.login("acrux", registry.password)
        digest = Digest.of(b"0123456789")
        location = f"{connection.start_upload()}&digest={digest}"
        raw = connection.raw()
        raw.sendall(connection.head("PUT", location, Content_Length="10") + b"01234")
        assert connection.call("GET", "/livez").status == 200
        connection.close()

        mounted.swap(second)
        if asked:
            registry.process.send_signal(signal.SIGHUP)
        until(lambda: all_show(registry, second / "tls.crt"))
        relieved = time.monotonic()
        until(lambda: all_show(registry, second / "tls.crt", 1) and time.monotonic() > relieved + 3)
        raw.sendall(b"56789")

        assert raw.recv(4096).startswith(b"HTTP/1.1 201")
        raw.close()
        until(lambda: len(registry.worker_pids()) == 2)
        assert told(registry, "worker-killed") == []


def test_a_recreated_self_signed_certificate_is_served(tmp_path: Path) -> None:
    """It would expire after a year although the registry still runs."""
    with running(tmp_path / "data", "--workers", "1", "--tls-self-signed") as registry:
        served = registry.data_dir / "tls" / "server.pem"
        before = served.read_text()

        served.unlink()

        until(lambda: all_show(registry, served))
        assert served.read_text() != before


def test_a_registry_without_descriptors_goes_on_and_catches_up(
    tmp_path: Path, mounted: Mounted
) -> None:
    """What the parent process cannot do now must not end it: it is done later."""
    first, second = mounted.version("one"), mounted.version("two")
    mounted.swap(first)
    with running(tmp_path / "data", "--workers", "2", *mounted.link()) as registry:
        parent, (_, dying) = registry.process.pid, registry.worker_pids()[1:]
        limits = resource.prlimit(parent, resource.RLIMIT_NOFILE)
        highest = max(int(entry.name) for entry in Path(f"/proc/{parent}/fd").iterdir())
        resource.prlimit(parent, resource.RLIMIT_NOFILE, (highest - 3, limits[1]))
        mounted.swap(second)
        os.kill(dying, signal.SIGKILL)
        until(lambda: len(told(registry, "worker-not-started")) > 1)
        until(lambda: len(told(registry, "certificate-kept")) > 0)
        assert shown(registry) == (first / "tls.crt").read_text()

        resource.prlimit(parent, resource.RLIMIT_NOFILE, limits)

        until(lambda: all_show(registry, second / "tls.crt"))
        until(lambda: len(registry.worker_pids()) == 3)


def test_a_key_is_nowhere_but_where_it_was(tmp_path: Path, mounted: Mounted) -> None:
    """Whatever is copied to a disk ends up in its backups."""
    version = mounted.version("one")
    mounted.swap(version)
    with running(tmp_path / "data", "--workers", "1", *mounted.link()) as registry:
        key = (version / "tls.key").read_bytes()
        holding = [
            file
            for file in registry.data_dir.rglob("*")
            if file.is_file() and key in file.read_bytes()
        ]

        assert holding == []


@pytest.mark.parametrize("workers", ["1", "2"])
def test_no_connection_is_lost_while_workers_are_relieved(tmp_path: Path, workers: str) -> None:
    """At no moment does nobody listen, and what waits for a worker is left to its replacement."""
    with running(tmp_path / "data", "--workers", workers) as registry:
        before = registry.worker_pids()[1:]
        registry.process.send_signal(signal.SIGHUP)
        statuses = []
        deadline = time.monotonic() + 30
        while set(before) & set(registry.worker_pids()):
            assert time.monotonic() < deadline
            connection = Connection(registry.port)
            statuses.append(connection.call("GET", "/livez").status)
            connection.close()

        assert set(statuses) == {200}


def test_a_client_that_keeps_its_connection_busy_loses_no_request(
    tmp_path: Path, mounted: Mounted
) -> None:
    """Its worker was relieved, and closed the connection just when the next request came."""
    first, second = mounted.version("one"), mounted.version("two")
    mounted.swap(first)
    with running(tmp_path / "data", "--workers", "1", *mounted.link()) as registry:
        before = registry.worker_pids()[1:]
        connection = SecureConnection(registry.port)
        assert connection.call("GET", "/livez").header("Connection") == ""
        mounted.swap(second)

        closings = 0
        while not set(registry.worker_pids()).isdisjoint(before):
            reply = connection.call("GET", "/livez")
            assert reply.status == 200
            closings += reply.header("Connection") == "close"

        assert closings > 0
        connection.close()
