"""Run the application in worker processes, and say when it answers."""

import ctypes
import http.client
import os
import signal
import socket
import ssl
import sys
import threading
import time
from collections.abc import Callable
from contextlib import suppress
from datetime import UTC, datetime
from functools import partial
from typing import Any, Final

from granian.constants import Interfaces, Loops, SSLProtocols
from granian.http import HTTP1Settings
from granian.log import LogLevels
from granian.server.mp import MPServer

from acrux.adapters.certificates import CertificateFiles, check_pair, self_signed
from acrux.adapters.data_dir import make_data_dir
from acrux.bootstrap import build
from acrux.errors import InvalidSettings
from acrux.http.app import Application
from acrux.settings import Settings

HEADER_SECONDS = 15  # a connection that sends no whole header by then is closed
BUFFER_BYTES = 1 << 18  # of a body, that wait for the application
ANSWER_SECONDS = 30  # a server that does not answer by then has failed

PARENT_SECONDS = 1  # how often a worker looks whether it is alone

PR_SET_PDEATHSIG: Final = 1  # linux/prctl.h

STOPPING: Final = (signal.SIGTERM, signal.SIGINT)

# granian would write its warnings to standard output, which holds one line and no other.
WARNINGS: Final = {
    "handlers": {
        "console": {
            "class": "logging.StreamHandler",
            "formatter": "generic",
            "stream": "ext://sys.stderr",
        }
    },
    "loggers": {"_granian": {"handlers": ["console"], "propagate": False}},
}


class Server(MPServer):
    """Granian, calling `answering` once the first request is answered."""

    def __init__(self, *args: Any, answering: Callable[[], None], **kwargs: Any) -> None:
        super().__init__(*args, **kwargs)
        self._answering = answering

    def startup(self, *args: Any, **kwargs: Any) -> None:
        """Start the workers; only then a thread, because they are forked.

        A forked worker has our handlers until it has its own: a signal to stop that came in
        between would be lost on it, and the stop would wait for nothing. So signals wait.
        """
        signal.pthread_sigmask(signal.SIG_BLOCK, STOPPING)
        super().startup(*args, **kwargs)  # type: ignore[no-untyped-call]  # granian annotates it not
        signal.pthread_sigmask(signal.SIG_UNBLOCK, STOPPING)
        threading.Thread(target=self._answering, daemon=True).start()


def resolve(settings: Settings) -> tuple[Settings, socket.socket]:
    """The settings with the port that will be used, and a socket that keeps it ours.

    Raises InvalidSettings where the address cannot be had.
    """
    family, address = _address(settings)
    try:
        with socket.socket(family) as probe:  # fails where anything listens there already
            probe.setsockopt(socket.SOL_SOCKET, socket.SO_REUSEADDR, 1)
            probe.bind(address)
            address = (address[0], probe.getsockname()[1])
        kept = socket.socket(family)
        # Without SO_REUSEADDR, so that the probe of another registry fails on it; with
        # SO_REUSEPORT, so that our workers' sockets do not.
        kept.setsockopt(socket.SOL_SOCKET, socket.SO_REUSEPORT, 1)
        kept.bind(address)
    except OSError as error:
        raise InvalidSettings(
            f"port: cannot listen on {settings.host}:{settings.port} ({error.strerror}): "
            "stop the program that does, or choose another with --port"
        ) from error
    return settings.replace(port=address[1]), kept


def _address(settings: Settings) -> tuple[socket.AddressFamily, tuple[str, int]]:
    try:
        found = socket.getaddrinfo(settings.host, settings.port, type=socket.SOCK_STREAM)
    except (OSError, UnicodeError) as error:
        raise InvalidSettings(f"host: {settings.host!r} is no address of this machine") from error
    family, *_, address = found[0]
    return family, (str(address[0]), int(address[1]))


def certificate_files(settings: Settings) -> CertificateFiles | None:
    """The certificate to serve with, made where it must be; None for plain http.

    Raises InvalidSettings where certificate and key do not fit.
    """
    if settings.tls_self_signed:
        hosts = tuple(_host_of(server) for server in settings.known_login_servers)
        folder = make_data_dir(settings.data_dir) / "tls"
        return self_signed(folder, hosts, datetime.now(UTC))
    if settings.tls_cert and settings.tls_key:
        check_pair(settings.tls_cert, settings.tls_key)
        return CertificateFiles(settings.tls_cert, settings.tls_cert, settings.tls_key)
    return None


def _host_of(login_server: str) -> str:
    host, colon, port = login_server.rpartition(":")
    return (host if colon and port.isdigit() else login_server).strip("[]")


def run(
    settings: Settings,
    certificate: CertificateFiles | None,
    answering: Callable[[], None],
) -> None:
    """Serve until SIGTERM or SIGINT; running requests end within `stop_seconds`.

    Raises SystemExit with 1 where a worker could not start or died.
    """
    _, (address, port) = _address(settings)
    server = Server(
        "acrux",
        address=address,
        port=port,
        interface=Interfaces.ASGI,
        loop=Loops.uvloop,
        workers=settings.worker_processes,
        websockets=False,
        log_level=LogLevels.warning,
        log_dictconfig=WARNINGS,
        workers_kill_timeout=settings.stop_seconds,
        respawn_failed_workers=True,
        http1_settings=HTTP1Settings(
            header_read_timeout=HEADER_SECONDS * 1000, max_buffer_size=BUFFER_BYTES
        ),
        ssl_cert=certificate.certificate.resolve() if certificate else None,
        ssl_key=certificate.key.resolve() if certificate else None,
        ssl_protocol_min=SSLProtocols.tls12,
        answering=partial(_announce, settings, answering),
    )
    server.serve(target_loader=partial(load, settings, os.getpid()), wrap_loader=False)


def load(settings: Settings, parent: int) -> Application:
    """The application of one worker process; `parent` is the process that started it."""
    _stop_with_the_parent()
    threading.Thread(target=_stop_without_the_parent, args=(parent,), daemon=True).start()
    for stopping in STOPPING:
        signal.signal(stopping, signal.SIG_DFL)  # until granian sets the worker's own
    signal.pthread_sigmask(signal.SIG_UNBLOCK, STOPPING)
    return build(settings).app


def _stop_with_the_parent() -> None:
    # A worker whose parent was killed would serve on, and hold the port against the next start.
    with suppress(AttributeError, OSError):
        ctypes.CDLL(None).prctl(PR_SET_PDEATHSIG, signal.SIGTERM)


def _stop_without_the_parent(parent: int) -> None:
    # That signal is lost on a worker that is just starting: it would serve on alone.
    while os.getppid() == parent:
        time.sleep(PARENT_SECONDS)
    while True:
        os.kill(os.getpid(), signal.SIGTERM)
        time.sleep(PARENT_SECONDS)


def _announce(settings: Settings, answering: Callable[[], None]) -> None:
    deadline = time.monotonic() + ANSWER_SECONDS
    while not _answers(settings):
        if time.monotonic() > deadline:
            sys.stderr.write(f"acrux: no answer within {ANSWER_SECONDS} seconds\n")
            return
        time.sleep(0.01)
    answering()


def _answers(settings: Settings) -> bool:
    connection = _connect(settings)
    with suppress(OSError, http.client.HTTPException):
        connection.request("GET", "/livez")
        return connection.getresponse().status == http.client.OK
    return False


def _connect(settings: Settings) -> http.client.HTTPConnection:
    host = {"0.0.0.0": "127.0.0.1", "::": "::1"}.get(settings.host, settings.host)  # noqa: S104 -- compared
    if settings.scheme == "http":
        return http.client.HTTPConnection(host, settings.port, timeout=1)
    # Only asks ourselves whether we answer, and sends nothing that is secret.
    context = ssl.create_default_context()
    context.check_hostname = False
    context.verify_mode = ssl.CERT_NONE
    return http.client.HTTPSConnection(host, settings.port, timeout=1, context=context)
