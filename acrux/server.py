"""Run the application in worker processes, and report when it answers."""

import http.client
import os
import signal
import socket
import sys
import threading
import time
from collections.abc import Callable
from contextlib import suppress
from datetime import UTC, datetime
from functools import partial
from multiprocessing.connection import wait
from multiprocessing.process import BaseProcess
from typing import Any, Final, TextIO, cast

from granian._loops import loops
from granian.constants import Interfaces, Loops, SSLProtocols
from granian.http import HTTP1Settings, HTTP2Settings
from granian.log import LogLevels
from granian.net import SocketHolder  # type: ignore[attr-defined]
from granian.server.mp import MPServer

from acrux import listening
from acrux.adapters.blobs.upload_recovery import recover
from acrux.adapters.data_dir import make_data_dir, open_to_all, open_to_group
from acrux.adapters.keys.certificates import CertificateFiles, read_pair, self_signed
from acrux.adapters.keys.served_certificate import ServedCertificate
from acrux.adapters.log import JsonFormatter, LineLog, Style, render, sentence
from acrux.adapters.sockets import allow_descriptors, connection_ceiling
from acrux.adapters.standard_error import StandardError
from acrux.http.heads import MAX_HEADER_BYTES
from acrux.settings import Settings
from acrux.supervision import CannotStart, Process, Supervisor
from acrux.worker import PID, STOPPING, load, make_loop

BACKLOG = 4096  # connections that the kernel queues until they are accepted
# With granian's default of 408 KiB each slow upload took 2.5 MB; the goal is 2 MB.
BUFFER_BYTES = 1 << 18  # of a body, waiting for the application
ANSWER_SECONDS = 30  # a server that does not answer by then has failed

LOOK_SECONDS = 2  # how often the certificate's files are checked for changes

THIS_MACHINE: Final = ("localhost", "127.0.0.1", "::1")  # in every certificate of ours

LOOP: Final = "acrux"  # the name of the workers' event loop

# The default accepts a header list of 16 MiB, which a client can produce from 4 KB (HPACK).
HTTP2: Final = HTTP2Settings(max_concurrent_streams=100, max_headers_size=MAX_HEADER_BYTES)


class Server(MPServer):
    """Granian's server, except that we supervise its workers.

    Calls `answering`, in a thread, when all workers have started. If a socket is `passed`, the
    workers share it; otherwise each listens on one of its own.
    """

    def __init__(
        self,
        *args: Any,
        log: LineLog,
        tell: Callable[[str, str], None],
        certificate: ServedCertificate | None,
        answering: Callable[[], None],
        passed: socket.socket | None,
        **kwargs: Any,
    ) -> None:
        super().__init__(*args, **kwargs)
        self._log = log
        self._tell = tell
        self._certificate = certificate
        self._answering = answering
        self._passed = passed
        self._woken, self._wake = _pipe()
        self._ready_reader, self._ready_writer = _pipe()

    def signal_handler_interrupt(self, *_: Any) -> None:
        """Stop."""
        self.interrupt_signal = True
        self._wake_up()

    def signal_handler_reload(self, *_: Any) -> None:
        """Check for a new certificate, and replace the workers."""
        self.reload_signal = True
        self._wake_up()

    def _wake_up(self) -> None:
        with suppress(BlockingIOError):  # a full pipe wakes too
            os.write(self._wake, b"!")

    def _init_shared_socket(self) -> None:
        if self._passed is None:
            super()._init_shared_socket()  # type: ignore[no-untyped-call]
        else:  # as granian does where it cannot bind a port twice
            self._ssp, self._sso = None, None
            is_unix = False
            self._shd: Any = SocketHolder(self._passed.fileno(), is_unix, BACKLOG)  # type: ignore[call-arg]

    # granian's own loop stops the registry if a replacement dies within 5.5 seconds. On a reload it
    # kills a worker that is still busy after `workers_kill_timeout`.
    def _spawn_workers(self, *_: Any) -> None:
        """Start no worker: the supervisor does that."""

    def _serve(self, spawn_target: Any, target_loader: Any) -> None:
        # granian's registry of event loops, for those that it does not ship.
        loops.register(LOOP)(partial(make_loop, self._ready_writer))
        self.loop: Any = LOOP
        self.startup(spawn_target, target_loader)  # type: ignore[no-untyped-call]
        supervisor = Supervisor(
            self.workers,
            partial(self._start, spawn_target, target_loader),
            self._log.info,
            time.monotonic,
            lambda: threading.Thread(target=self._answering, daemon=True).start(),
        )
        try:
            self._supervise(supervisor)
        except CannotStart as failed:
            self._tell("worker-cannot-start", f"a worker could not start ({failed})")
            raise SystemExit(1) from failed
        finally:
            supervisor.stop(self.workers_kill_timeout or 0)

    def _start(self, spawn_target: Any, target_loader: Any, number: int) -> Process:
        """Start one worker with the current certificate.

        Stop signals are blocked meanwhile. A forked worker has our handlers until it sets its own:
        a signal in between would be lost, and the stop would wait until it times out.
        """
        if self._certificate:
            served = self._certificate.served
            self.ssl_ctx: Any = (True, str(served.certificate), str(served.key), *self.ssl_ctx[3:])
        signal.pthread_sigmask(signal.SIG_BLOCK, STOPPING)
        try:
            process: BaseProcess = self._spawn_worker(number, spawn_target, target_loader).inner
            process.start()
        finally:
            signal.pthread_sigmask(signal.SIG_UNBLOCK, STOPPING)
        return process

    def _supervise(self, supervisor: Supervisor) -> None:
        looked = time.monotonic()
        while not self.interrupt_signal:
            if self.reload_signal:
                self.reload_signal = False
                self._reload_now(supervisor)
            elif self._certificate and time.monotonic() > looked + LOOK_SECONDS:
                looked = time.monotonic()
                if self._certificate.look():
                    supervisor.relieve_all()
            supervisor.step()
            readable = [self._woken, self._ready_reader, *supervisor.sentinels()]
            wait(readable, supervisor.next_due())
            _read(self._woken)
            for (pid,) in PID.iter_unpack(_read(self._ready_reader)):
                supervisor.ready(pid)

    def _reload_now(self, supervisor: Supervisor) -> None:
        if self._certificate:
            self._certificate.forget_problem()
            self._certificate.look()
        self._log.info("reload", workers=self.workers)
        supervisor.relieve_all()


def _pipe() -> tuple[int, int]:
    reading, writing = os.pipe()
    os.set_blocking(reading, False)
    os.set_blocking(writing, False)
    return reading, writing


def _read(descriptor: int) -> bytes:
    try:
        return os.read(descriptor, 4096)  # a multiple of the size of PID
    except BlockingIOError:
        return b""


def survive_signals() -> None:
    """Ignore signals that would end the process but mean something else.

    SIGHUP asks to reload certificates, which a start does anyway; SIGUSR1 and SIGUSR2 ask other
    servers to reopen their logs.
    """
    for ignored in (signal.SIGHUP, signal.SIGUSR1, signal.SIGUSR2):
        signal.signal(ignored, signal.SIG_IGN)


def certificate_files(settings: Settings) -> CertificateFiles | None:
    """The certificate to serve with, created if necessary; None for plain http.

    Raises InvalidSettings if the certificate and the key do not match.
    """
    make_data_dir(settings.data_dir)
    find = _finder(settings)
    files = find() if find else None
    if files:
        read_pair(files)
    return files


def _finder(settings: Settings) -> Callable[[], CertificateFiles] | None:
    if settings.tls_self_signed:
        return partial(_self_signed, settings)
    if settings.tls_cert and settings.tls_key:
        files = CertificateFiles(settings.tls_cert, settings.tls_cert, settings.tls_key)
        return lambda: files
    return None


def _self_signed(settings: Settings) -> CertificateFiles:
    hosts = dict.fromkeys(_host_of(server) for server in settings.known_login_servers)
    # Whoever looks after the registry calls it from its own machine, whatever its names outside.
    names = (*hosts, *(name for name in THIS_MACHINE if name not in hosts))
    return self_signed(settings.data_dir / "tls", names, datetime.now(UTC))


def _host_of(login_server: str) -> str:
    host, colon, port = login_server.rpartition(":")
    return (host if colon and port.isdigit() else login_server).strip("[]")


def run(settings: Settings, passed: socket.socket | None, answering: Callable[[], None]) -> None:
    """Serve until SIGTERM or SIGINT; then running requests have `stop_seconds` to finish.

    `passed` is the socket to accept connections from, if a service manager listens on it.

    Raises SystemExit(1) if a worker cannot start, and InvalidSettings if there is no usable
    certificate.
    """
    address, port = listening.address(settings)
    sys.stderr = _standard_error(settings)  # the workers inherit it by the fork
    allow_descriptors()
    log = LineLog(sys.stderr, settings.log_format)
    _warn_of_strangers(settings, log)
    find = _finder(settings)
    recover(settings.data_dir / "uploads")  # once, before a worker reports an offset
    server = Server(
        "acrux",
        address=address,
        port=port,
        # Not RSGI: there, a truncated body looks complete. ASGI sends http.disconnect.
        interface=Interfaces.ASGI,
        loop=Loops.uvloop,
        workers=settings.worker_processes,
        websockets=False,
        log_level=LogLevels.warning,
        log_dictconfig=_of_libraries(settings.log_format),
        workers_kill_timeout=settings.stop_seconds,
        backlog=BACKLOG,
        # A number of connections; any more wait to be accepted.
        backpressure=connection_ceiling(settings.connections),
        http1_settings=_http1(settings),
        http2_settings=HTTP2,
        ssl_protocol_min=SSLProtocols.tls12,
        log=log,
        tell=partial(_tell, settings),
        certificate=ServedCertificate(find, log.info) if find else None,
        answering=partial(_announce, settings, answering),
        passed=passed,
    )
    server.serve(target_loader=partial(load, settings, os.getpid()), wrap_loader=False)


def _warn_of_strangers(settings: Settings, log: LineLog) -> None:
    if mode := open_to_all(settings.data_dir):
        folder = settings.data_dir.absolute()
        log.warning("data-dir-open", path=folder, mode=mode, fix=f"chmod o-rwx {folder}")
    if secret := open_to_group(settings.data_dir):
        group = secret.stat().st_gid
        folder = settings.data_dir.absolute()
        log.warning(
            "secrets-open-to-group", path=secret.absolute(), group=group,
            fix=f"chmod g-rwx {folder}, or keep it so if the group has no other member (fsGroup)",
        )  # fmt: skip


def _standard_error(settings: Settings) -> TextIO:
    lost = partial(_lost_lines, settings)
    return cast("TextIO", StandardError(sys.stderr.fileno(), lost))


def _lost_lines(settings: Settings, lines: int) -> str:
    return render(settings.log_format, "log-lines-lost", lines=lines)


def _http1(settings: Settings) -> HTTP1Settings:
    # It counts from the end of the previous request; the first header has its own, shorter time.
    longest = max(settings.header_seconds, settings.keep_alive_seconds)
    return HTTP1Settings(header_read_timeout=longest * 1000, max_buffer_size=BUFFER_BYTES)


def _of_libraries(style: Style) -> dict[str, Any]:
    """How Python and its libraries log: to standard error, and as the registry does.

    granian would write its warnings to standard output, which must hold our one line only.
    """
    console = {
        "class": "logging.StreamHandler", "formatter": style, "stream": "ext://sys.stderr",
    }  # fmt: skip
    return {
        "formatters": {
            "console": {"format": "[%(levelname)s] %(message)s"},
            "json": {"()": JsonFormatter},
        },
        "handlers": {"console": console},
        "root": {"handlers": ["console"], "level": "WARNING"},
        "loggers": {"_granian": {"handlers": ["console"], "propagate": False}},
    }


def _tell(settings: Settings, event: str, text: str) -> None:
    sys.stderr.write(sentence(settings.log_format, event, text))


def _announce(settings: Settings, answering: Callable[[], None]) -> None:
    deadline = time.monotonic() + ANSWER_SECONDS
    while not _answers(settings):
        if time.monotonic() > deadline:
            told = f"the registry did not answer within {ANSWER_SECONDS} seconds"
            _tell(settings, "no-answer", told)
            return
        time.sleep(0.01)
    answering()


def _answers(settings: Settings) -> bool:
    with suppress(OSError, http.client.HTTPException):
        return listening.ask(settings, "/livez")[0] == http.client.OK
    return False
